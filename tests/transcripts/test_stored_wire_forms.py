"""Requests of other APIs, and rollouts of Codex: found, repaired, written, and clean when they are read again."""

import json
from pathlib import Path
from typing import Any

import pytest
from stored_samples import FIXTURES

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects.forms import FORMS
from antiphon.protocol.messages import Json
from antiphon.transcripts.detecting import read

DAMAGED: dict[str, tuple[str, str]] = {
    "openai-chat": ("chat.json", "messages"),
    "openai-responses": ("responses.json", "input"),
    "bedrock-converse": ("converse.json", "messages"),
    "gemini": ("contents.json", "contents"),
}
"""Healthy requests whose last message, the result of a call, is taken away; and where their messages are."""


def _without_result(name: str, field: str) -> bytes:
    body: Any = json.loads((FIXTURES / "requests" / name).read_bytes())
    body[field].pop()
    body["unknown"] = {"n": 1.5}
    return json.dumps(body, indent=2).replace("1.5", "1.50").encode()


@pytest.mark.parametrize("dialect", DAMAGED)
def test_a_request_without_a_result_gets_one_and_keeps_the_rest(dialect: str) -> None:
    name, field = DAMAGED[dialect]
    data = _without_result(name, field)
    document = read(Path(name), data)
    (stored,) = document.conversations
    assert stored.dialect == dialect
    assert check(stored.request, FORMS[dialect]) != []
    written = document.rendered([repair(stored.request, FORMS[dialect]).request])
    (again,) = read(Path(name), written).conversations
    assert check(again.request, FORMS[dialect]) == []
    assert again.request[field][:-1] == stored.request[field]
    # All that was there stands as it stood, before what was put in and behind it.
    assert written.startswith(data[: data.index(b"\n  ]")])
    assert written.endswith(data[data.index(b"\n  ]") :])


@pytest.mark.parametrize("name", ["chat.json", "responses.json", "converse.json", "contents.json"])
def test_a_healthy_request_is_clean(name: str) -> None:
    path = FIXTURES / "requests" / name
    (stored,) = read(path, path.read_bytes()).conversations
    assert check(stored.request, FORMS[stored.dialect]) == []
    assert repair(stored.request, FORMS[stored.dialect]).request is stored.request


def test_a_rollout_that_was_interrupted_is_clean_after_its_repair() -> None:
    path = next((FIXTURES / "codex").glob("*bb.jsonl"))
    dialect = FORMS["openai-responses"]
    document = read(path, path.read_bytes())
    (stored,) = document.conversations
    assert [found.rule for found in check(stored.request, dialect)] == ["TU001", "TU004"]
    repaired = repair(stored.request, dialect)
    written = document.rendered([repaired.request])
    (again,) = read(path, written).conversations
    assert repaired.remaining == ()
    assert again.request == repaired.request
    assert check(again.request, dialect) == []
    before: list[Json] = [json.loads(line) for line in path.read_bytes().splitlines()]
    after: list[Json] = [json.loads(line) for line in written.splitlines()]
    assert [line for line in before if line["type"] != "response_item"] == [
        line for line in after if line["type"] != "response_item"
    ]
    # The call has its output, the output its text; nothing else was touched.
    assert len([line for line in before if line not in after]) == 1
    assert len([line for line in after if line not in before]) == 2
