"""docs/emulator.md: its scripts play to their end, and it names everything that a script may hold."""

import re
from pathlib import Path

import httpx2
import msgspec
import pytest
from emulator_requests import Client, request

from antiphon.emulator import Emulator, Reply, When, parse_script
from antiphon.emulator.script import AnyBlock, AnyFault

PAGE = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text()
SCRIPTS = re.findall(r"^```yaml script\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
STRUCTS: list[type[msgspec.Struct]] = [Reply, When, *AnyBlock.__args__, *AnyFault.__args__]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_plays_to_its_end(script: str, client: Client) -> None:
    replies = sum(getattr(reply, "when", None) is None for reply in parse_script(script).replies)
    texts: list[str] = []
    with Emulator(script) as emulator:
        ask = client(emulator)
        for _ in range(replies + 1):
            try:
                ask.post("/v1/messages", json=request("go", stream=True))
            except httpx2.TransportError:
                assert emulator.requests[-1].outcome == "cut"
            texts.append(str(emulator.requests[-1].message))
    over = [f"this conversation has had all {replies} of its replies" in text for text in texts]
    assert over == [False] * replies + [True]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_everything_that_a_script_may_hold_is_named(struct: type[msgspec.Struct]) -> None:
    config = struct.__struct_config__
    names = {*struct.__struct_fields__, *([config.tag] if config.tag else [])}
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", PAGE))))
    assert names - named == set()
