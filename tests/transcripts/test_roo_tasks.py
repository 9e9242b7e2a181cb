"""Tasks of Roo Code and its heirs: what is sent of them, what is kept of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from stored_samples import FIXTURES, compact

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import DIALECTS
from antiphon.protocol.messages import Json
from antiphon.transcripts.detecting import read
from antiphon.transcripts.document import Document, Unreadable

ANTHROPIC = DIALECTS["anthropic"]
HISTORY = Path("api_conversation_history.json")


def _fixture(name: str) -> tuple[Path, bytes]:
    path = next((FIXTURES / "roo" / name).iterdir())
    return path, path.read_bytes()


def _read(*messages: Json) -> Document:
    return read(HISTORY, compact(messages).encode())


def _repaired(document: Document) -> Any:
    return json.loads(
        document.rendered([repair(stored.request, ANTHROPIC).request for stored in document.conversations])
    )


def _text(words: str) -> list[Json]:
    return [{"type": "text", "text": words}]


def test_what_the_program_notes_is_not_sent_and_not_reported() -> None:
    (stored,) = read(*_fixture("task-native")).conversations
    assert [list(message) for message in stored.request["messages"]] == [["role", "content"]] * 4
    assert {found.rule for found in check(stored.request, ANTHROPIC)} == {"TU001"}


def test_a_task_that_ends_in_an_unanswered_completion_is_finished() -> None:
    (stored,) = read(*_fixture("task-native")).conversations
    assert stored.finished
    (stored,) = read(*_fixture("task-broken")).conversations
    assert not stored.finished


def test_messages_that_a_summary_replaced_are_not_sent() -> None:
    (stored,) = read(*_fixture("task-condensed")).conversations
    assert stored.request["messages"][0]["content"][0]["text"].startswith("## Summary")
    # The result whose call went into the summary is left out by the program itself.
    assert stored.request["messages"][1]["content"] == [
        {"type": "text", "text": stored.request["messages"][1]["content"][0]["text"]}
    ]


def test_messages_that_a_truncation_replaced_are_not_sent_unless_its_marker_is_gone() -> None:
    (stored,) = read(*_fixture("task-truncated")).conversations
    roles = [message["role"] for message in stored.request["messages"]]
    assert roles == ["user", "user", "assistant", "user"]


def test_a_parent_that_is_not_there_hides_nothing() -> None:
    first: Json = {"role": "user", "content": _text("go"), "condenseParent": "gone"}
    (stored,) = _read(first).conversations
    assert stored.request == {"messages": [{"role": "user", "content": _text("go")}]}


@pytest.mark.parametrize("name", ["task-broken", "task-condensed", "task-v2"])
def test_what_is_not_sent_is_there_after_a_repair(name: str) -> None:
    path, data = _fixture(name)
    before: Any = json.loads(data)
    after = _repaired(read(path, data))
    before, after = (value if isinstance(value, list) else value["messages"] for value in (before, after))
    hidden = [message for message in before if "condenseParent" in message]
    assert [message for message in after if "condenseParent" in message] == hidden
    times = [message["ts"] for message in before]
    assert [message["ts"] for message in after if message.get("ts") in times][: len(times)] == times


def test_blocks_that_are_not_sent_stay_where_they_were() -> None:
    reasoning: Json = {"type": "reasoning", "text": "Hm."}
    call: Json = {"type": "tool_use", "id": "a b", "name": "x", "input": {}}
    result: Json = {"type": "tool_result", "tool_use_id": "a b", "content": "ok"}
    document = _read(
        {"role": "user", "content": _text("go"), "ts": 1},
        {"role": "assistant", "content": [reasoning, call, {"type": "thoughtSignature", "s": 1}], "ts": 2},
        {"type": "reasoning", "encrypted_content": "x", "ts": 3},
        {"role": "user", "content": [result], "ts": 4},
    )
    kinds = [[block["type"] for block in message.get("content", [])] for message in _repaired(document)]
    assert kinds == [["text"], ["reasoning", "tool_use", "thoughtSignature"], [], ["tool_result"]]


def test_old_tasks_with_calls_in_xml_have_nothing_wrong_with_them() -> None:
    (stored,) = read(*_fixture("task-xml")).conversations
    assert check(stored.request, ANTHROPIC) == []


def test_parts_of_another_sdk_are_read_as_blocks_and_written_as_parts() -> None:
    path, data = _fixture("task-v2")
    document = read(path, data)
    (stored,) = document.conversations
    assert [found.rule for found in check(stored.request, ANTHROPIC)] == ["TU001"]
    after = _repaired(document)
    assert after["version"] == 2
    results = [part for message in after["messages"] if message["role"] == "tool" for part in message["content"]]
    assert [(part["type"], part["toolCallId"], part["toolName"]) for part in results] == [
        ("tool-result", "toolu_01a", "read_file"),
        ("tool-result", "toolu_01b", "read_file"),
    ]
    assert after["messages"][1] == json.loads(data)["messages"][1]
    (again,) = read(path, compact(after).encode()).conversations
    assert check(again.request, ANTHROPIC) == []


def test_an_array_that_was_cut_off_is_closed_behind_its_last_whole_message() -> None:
    path, data = _fixture("task-unclosed")
    document = read(path, data)
    assert [found.rule for found in document.findings] == ["FI007"]
    written = document.rendered([stored.request for stored in document.conversations])
    assert json.loads(written) == json.loads(written[:-1] + b"]")
    assert data.startswith(written[:-1])


def test_what_a_kill_while_writing_left_behind_is_named() -> None:
    path, data = _fixture("task-killed")
    (found,) = read(path, data).findings
    assert found.rule == "FI010"
    assert "renamed to api_conversation_history.json it will be found again" in found.text


def test_a_left_over_beside_the_real_file_is_nothing_to_speak_of(tmp_path: Path) -> None:
    (tmp_path / "api_conversation_history.json").write_text("[]")
    _, data = _fixture("task-killed")
    assert list(read(tmp_path / ".api_conversation_history.json.bak_1_x.tmp", data).findings) == []


def test_bytes_that_are_no_text_are_told_and_replaced() -> None:
    data = b'[{"role": "user", "content": "caf\xe9", "ts": 1}]'
    document = read(HISTORY, data)
    assert [(found.rule, found.line, found.mended) for found in document.findings] == [("FI008", 1, True)]
    written = document.rendered([stored.request for stored in document.conversations])
    assert written == data.replace(b"\xe9", "\ufffd".encode())


def test_a_byte_order_mark_is_kept() -> None:
    data = b'\xef\xbb\xbf[{"role": "user", "content": "go", "ts": 1}]'
    document = read(HISTORY, data)
    assert document.rendered([stored.request for stored in document.conversations]) == data


def test_something_else_under_the_name_of_a_history_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="a list of messages is wanted"):
        read(HISTORY, b'{"version": 3}')
