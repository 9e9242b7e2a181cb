"""Requests of other APIs, from the command line: judged in their own words, at places in their own form."""

import json
from pathlib import Path
from typing import Any

import pytest
from damaged import VALID, Checker, written


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Checker:
    return Checker(capsys)


CHAT: dict[str, Any] = {
    "model": "gpt-5",
    "messages": [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": name, "type": "function", "function": {"name": "x", "arguments": "{}"}} for name in ("a", "b")
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "user", "content": "so"},
    ],
}
RESPONSES: dict[str, Any] = {
    "model": "gpt-5",
    "input": [
        {"type": "message", "role": "user", "content": "hi"},
        {"type": "function_call", "call_id": "a", "name": "x", "arguments": "{}"},
        {"type": "message", "role": "user", "content": "so"},
    ],
}
GEMINI: dict[str, Any] = {
    "contents": [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "x", "args": {}}}]},
        {"role": "user", "parts": [{"text": "so"}]},
    ]
}
CONVERSE: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": [{"text": "hi"}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "x", "input": {}}}]},
        {"role": "user", "content": [{"text": "so"}]},
    ],
    "toolConfig": {"tools": [{"toolSpec": {"name": "x", "inputSchema": {"json": {"type": "object"}}}}]},
}


@pytest.mark.parametrize(
    ("request_body", "place"),
    [(CHAT, "messages[1]"), (RESPONSES, "input[1]"), (GEMINI, "contents[1]"), (CONVERSE, "messages[1]")],
    ids=["chat", "responses", "gemini", "converse"],
)
def test_a_request_of_another_api_is_judged_and_repaired_in_its_own_form(
    check: Checker, tmp_path: Path, request_body: dict[str, Any], place: str
) -> None:
    path = written(tmp_path / "a.json", request_body)
    ended = check(path)
    assert ended.code == 1
    assert ended.rules == ["TU001"]
    assert f"{path}:{place}" in ended.lines[0]
    assert check(path, "--diff", "--lossy-fixes").out != ""
    assert check(path, "--fix", "--lossy-fixes").code == 0
    assert check(path).code == 0
    assert json.loads(path.read_text()).keys() == request_body.keys()


def test_a_dialect_of_the_same_form_is_taken(check: Checker, tmp_path: Path) -> None:
    assert check(written(tmp_path / "a.json", CHAT), "--dialect", "openai-chat").rules == ["TU001"]


def test_a_dialect_of_another_wire_form_is_an_error_of_that_file(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", VALID)
    ended = check(path, "--dialect", "openai-chat")
    assert ended.code == 2
    assert "this is a conversation in the form of anthropic, which openai-chat does not speak" in ended.err
