import json
from pathlib import Path
from typing import Any

import pytest
from damaged import Checker, assistant, call, request, user, written

from antiphon.protocol.characters import made_whole

TEXT = "cut emoji \ud83d end"
RESULT: dict[str, Any] = {"type": "tool_result", "tool_use_id": "a", "content": TEXT}
HALF = request(user("go"), assistant(call("a")), user(RESULT, {"type": "text", "text": "whole \U0001f600"}))


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Checker:
    return Checker(capsys)


def test_half_a_character_is_reported_where_it_stands(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", HALF)
    ended = check(path, "--output-format", "json")
    (found,) = json.loads(ended.out)
    assert ended.code == 1
    assert (found["code"], found["location"]["path"]) == ("RQ005", "messages[2].content[0]")
    assert found["message"].startswith("The request body is not valid JSON: no low surrogate in string")
    assert found["fix"]["applicability"] == "safe"


def test_half_a_character_is_replaced_and_the_rest_is_as_it_was(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", HALF)
    before = path.read_text()
    assert check(path, "--fix").code == 0
    assert json.loads(path.read_text()) == json.loads(before.replace("\\ud83d end", "\ufffd end"))
    assert check(path).code == 0


def test_other_damage_is_repaired_beside_it(check: Checker, tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.json",
        {**HALF, "messages": [*HALF["messages"][:2], user({"type": "text", "text": "late"}, RESULT)]},
    )
    assert check(path, "--fix").code == 0
    repaired = json.loads(path.read_text())["messages"][2]["content"]
    assert [block["type"] for block in repaired] == ["tool_result", "text"]
    assert repaired[0]["content"] == "cut emoji \ufffd end"


def test_who_ignores_the_rule_keeps_the_character(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", HALF)
    before = path.read_bytes()
    assert check(path, "--fix", "--ignore", "RQ005").code == 0
    assert path.read_bytes() == before


def test_what_is_whole_is_the_same_object() -> None:
    message = HALF["messages"][0]
    whole = made_whole(HALF)
    assert whole["messages"][0] is message
    assert made_whole(whole) is whole
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert made_whole(deep) is deep
