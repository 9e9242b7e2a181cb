"""Rollouts of Codex and printed runs: an item or a message a line."""

import json
from pathlib import Path
from typing import Any

import pytest
from stored_samples import FIXTURES, compact

from antiphon.protocol.messages import Json
from antiphon.transcripts.detecting import read
from antiphon.transcripts.document import Document, Unreadable

GOOD = FIXTURES / "codex/rollout-2026-09-01T10-00-00-0199-aa.jsonl"
BROKEN = FIXTURES / "codex/rollout-2026-09-01T11-00-00-0199-bb.jsonl"


def _items(document: Document) -> list[Json]:
    (stored,) = document.conversations
    assert stored.dialect == "openai-responses"
    return stored.request["input"]


def _names(items: list[Json]) -> list[str]:
    return [str(item.get("call_id") or item["type"]) for item in items]


def _lines(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.splitlines()]


def test_turns_that_were_rolled_back_are_not_sent() -> None:
    items = _items(read(GOOD, GOOD.read_bytes()))
    assert "call_z" not in _names(items)
    assert [item["content"][0]["text"] for item in items[-2:]] == ["Thanks.", "Welcome."]


def test_a_compaction_replaces_what_stands_before_it() -> None:
    assert _names(_items(read(BROKEN, BROKEN.read_bytes()))) == [
        *["message"] * 3,
        *["call_a", "call_b", "call_b", "call_x", "message"],
    ]


def test_a_compaction_in_words_is_what_the_user_says_first() -> None:
    lines: list[Json] = [{"type": "compacted", "payload": {"message": "We did much."}}]
    lines += [{"type": "response_item", "payload": {"type": "message", "role": "user", "content": []}}]
    items = _items(read(GOOD, "\n".join(map(compact, lines)).encode()))
    assert items[0]["content"] == [{"type": "input_text", "text": "We did much."}]


def test_an_output_that_was_put_in_is_a_line_of_its_own_behind_its_call() -> None:
    data = BROKEN.read_bytes()
    document = read(BROKEN, data)
    items = _items(document)
    output: Json = {"type": "function_call_output", "call_id": "call_a", "output": "aborted"}
    written = document.rendered([{"input": [*items[:5], output, *items[5:6], *items[7:]]}])
    before, after = data.splitlines(), written.splitlines()
    assert json.loads(after[7]) == {
        "timestamp": json.loads(before[6])["timestamp"],
        "type": "response_item",
        "payload": output,
    }
    # The output nobody asked for has gone; all else is as it was.
    assert [*after[:7], *after[8:]] == [line for line in before if b"call_x" not in line]
    assert _items(read(BROKEN, written)) == [*items[:5], output, *items[5:6], *items[7:]]


def test_an_edit_of_what_a_compaction_left_stays_in_its_line() -> None:
    data = BROKEN.read_bytes()
    document = read(BROKEN, data)
    items = _items(document)
    changed = {**items[0], "content": [{"type": "input_text", "text": "Older"}]}
    written = document.rendered([{"input": [changed, *items[1:]]}])
    assert [n for n, (a, b) in enumerate(zip(_lines(data), _lines(written), strict=True)) if a != b] == [3]
    assert _items(read(BROKEN, written)) == [changed, *items[1:]]


def test_lines_of_the_first_versions_are_items_themselves() -> None:
    lines = [{"id": "x", "timestamp": "t", "instructions": None}, {"record_type": "state"}]
    call: Json = {"type": "function_call", "call_id": "call_a", "name": "x", "arguments": "{}"}
    data = "\n".join(map(compact, [*lines, call])).encode()
    document = read(Path("rollout-2025-05-01-x.jsonl"), data)
    assert _items(document) == [call]
    output: Json = {"type": "function_call_output", "call_id": "call_a", "output": "aborted"}
    assert _lines(document.rendered([{"input": [call, output]}])) == [*lines, call, output]


def test_a_compressed_rollout_says_so() -> None:
    with pytest.raises(Unreadable, match="decompress it first"):
        read(Path("rollout-x.jsonl.zst"), b"\x28\xb5\x2f\xfd\x00")


def test_a_printed_run_begins_with_a_text_in_place_of_the_prompt_and_is_written_without_it() -> None:
    path = FIXTURES / "stream.jsonl"
    document = read(path, path.read_bytes())
    (stored,) = document.conversations
    messages = stored.request["messages"]
    assert messages[0] == {"role": "user", "content": "(The prompt is not part of this record.)"}
    changed = [*messages[:2], {"role": "user", "content": [{**messages[2]["content"][0], "content": "other"}]}]
    written = document.rendered([{"messages": changed}])
    assert [line["type"] for line in _lines(written)] == ["system", "assistant", "system", "user", "result"]
    assert read(path, written).conversations[0].request == {"messages": changed}


def test_each_run_in_a_file_is_a_conversation() -> None:
    data = (FIXTURES / "stream.jsonl").read_bytes() * 2
    document = read(Path("runs.jsonl"), data)
    first, second = document.conversations
    assert [first.label, second.label] == ["run 1", "run 2"]
    shorter = {"messages": second.request["messages"][:3]}
    written = document.rendered([first.request, shorter])
    assert written.startswith(data[: len(data) // 2])
    assert read(Path("runs.jsonl"), written).conversations[1].request == shorter
