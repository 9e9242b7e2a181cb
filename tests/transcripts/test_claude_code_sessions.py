"""Sessions of Claude Code are read as they are sent, and only lines that change are written anew."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from claude_trees import as_bytes, call, damaged, line, random_session, result, text
from stored_samples import FIXTURES

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import DIALECTS
from antiphon.protocol.messages import Json
from antiphon.transcripts.detecting import read
from antiphon.transcripts.document import Document, Unreadable

ANTHROPIC = DIALECTS["anthropic"]
PATH = Path("session.jsonl")


def _read(lines: Sequence[Json]) -> Document:
    return read(PATH, as_bytes(lines), format="claude-code")


def _messages(lines: Sequence[Json]) -> list[tuple[str, list[str]]]:
    (stored,) = _read(lines).conversations
    return [(message["role"], _names(message["content"])) for message in stored.request["messages"]]


def _names(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [str(block.get("id") or block.get("tool_use_id") or block.get("text")) for block in content]


def _repaired(document: Document) -> bytes:
    return document.rendered([repair(stored.request, ANTHROPIC).request for stored in document.conversations])


def _lines(data: bytes) -> list[Json]:
    return [json.loads(each) for each in data.splitlines()]


PARALLEL = [
    line("1", None, "user", "go"),
    line("2", "1", "assistant", text("Both."), id="m1"),
    line("3", "2", "assistant", call("a"), id="m1"),
    line("4", "3", "assistant", call("b"), id="m1"),
    line("5", "3", "user", result("a")),
    line("6", "4", "user", result("b")),
    line("7", "6", "assistant", text("Done."), id="m2"),
]


def test_results_of_parallel_calls_are_found_beside_the_chain() -> None:
    assert _messages(PARALLEL) == [
        ("user", ["go"]),
        ("assistant", ["Both.", "a", "b"]),
        ("user", ["a", "b"]),
        ("assistant", ["Done."]),
    ]
    assert list(_read(PARALLEL).findings) == []


def test_calls_are_found_beside_the_chain_too() -> None:
    lines = [*PARALLEL[:-1], line("7", "5", "assistant", text("Done."), id="m2")]
    assert _messages(lines) == _messages(PARALLEL)


def test_what_was_left_on_a_branch_is_not_sent() -> None:
    again = [line("8", "1", "user", "or rather"), line("9", "8", "assistant", text("Yes."), id="m3")]
    assert _messages([*PARALLEL, *again]) == [("user", ["go", "or rather"]), ("assistant", ["Yes."])]


def test_notes_errors_and_empty_replies_are_not_sent() -> None:
    lines = [
        line("1", None, "user", "go"),
        line("2", "1", "user", "a caveat", isMeta=True),
        line("3", "2", "assistant", text("API Error: 400"), id="m1", isApiErrorMessage=True),
        line("4", "3", "assistant", text("No response requested."), id="m2", model="<synthetic>"),
        line("5", "4", "user", "again"),
    ]
    assert _messages(lines) == [("user", ["go", "again"])]


def test_what_stands_before_a_compaction_is_not_sent() -> None:
    lines = [
        *PARALLEL,
        line("8", None, "system", subtype="compact_boundary", logicalParentUuid="7"),
        line("9", "8", "user", "This session is continued.", isCompactSummary=True),
    ]
    assert _messages(lines) == [("user", ["This session is continued."])]


def test_each_subagent_is_a_conversation_of_its_own() -> None:
    path = FIXTURES / "claude-code-subagent.jsonl"
    main, agent = read(path, path.read_bytes()).conversations
    assert (main.label, agent.label) == ("", "subagent a1b2c3d")
    assert [check(stored.request, ANTHROPIC) == [] for stored in (main, agent)] == [True, False]


def test_a_side_chain_without_a_name_is_told_by_its_first_line() -> None:
    side = [
        line("20", None, "user", "count", isSidechain=True),
        line("21", "20", "assistant", text("3"), id="m9", isSidechain=True),
    ]
    document = _read([*PARALLEL[:4], *side, *PARALLEL[4:]])
    assert [stored.label for stored in document.conversations] == ["", "subagent 20"]


def test_a_new_line_takes_its_place_in_the_tree_and_is_the_same_each_time() -> None:
    lines = [each for each in PARALLEL if each["uuid"] != "6"]
    lines[-1] = {**lines[-1], "parentUuid": "5"}
    written = _repaired(_read(lines))
    assert written == _repaired(_read(lines))
    new = next(each for each in _lines(written) if each not in lines and each["uuid"] != "7")
    (reply,) = [each for each in _lines(written) if each["uuid"] == "7"]
    assert new["message"]["content"][0]["tool_use_id"] == "b"
    assert (new["parentUuid"], reply["parentUuid"]) == ("5", new["uuid"])
    assert {key: new[key] for key in ("sessionId", "version", "isSidechain", "timestamp", "type")} == {
        "sessionId": "s",
        "version": "2.1.90",
        "isSidechain": False,
        "timestamp": "at 5",
        "type": "user",
    }
    # All else is as it was, to the byte.
    assert [each for each in _lines(written) if each["uuid"] in "1235"] == [e for e in lines if e["uuid"] in "1235"]


def test_a_line_between_is_let_follow_on_the_new_one_when_it_hung_on_the_last_message() -> None:
    lines = [*PARALLEL[:3], line("8", "3", "system", subtype="turn_duration")]
    written = _lines(_repaired(_read(lines)))
    assert [each["uuid"] for each in written[:4]] == ["1", "2", "3", "8"]
    assert written[4]["parentUuid"] == "8"


def test_what_followed_on_a_line_that_goes_follows_on_what_that_followed_on() -> None:
    lines = [*PARALLEL[:2], line("3", "2", "user", text("")), line("4", "3", "assistant", text("Hm."), id="m2")]
    lines += [line("5", "4", "user", "Yes")]
    written = _lines(_repaired(_read(lines)))
    assert "3" not in {each["uuid"] for each in written}
    assert "3" not in {each["parentUuid"] for each in written}


def test_lines_of_unknown_types_and_lines_that_are_no_json_keep_their_bytes() -> None:
    strange = b'{"type":"tomorrow", "n": 1.50 }\r\n\x00\x00\nnot json\n'
    data = as_bytes(PARALLEL[:4]) + strange + as_bytes(PARALLEL[4:5])
    document = read(PATH, data, format="claude-code")
    assert [(found.rule, found.line) for found in document.findings] == [("FI002", 6), ("FI002", 7)]
    assert strange in _repaired(document)


def test_a_torn_last_line_is_found_and_dropped() -> None:
    data = as_bytes(PARALLEL) + b'{"parentUuid":"7","type":"us'
    document = read(PATH, data, format="claude-code")
    assert [(found.rule, found.line, found.mended) for found in document.findings] == [("FI001", 8, True)]
    assert _repaired(document) == as_bytes(PARALLEL)


def test_the_same_line_twice_is_dropped_once() -> None:
    document = _read([*PARALLEL, PARALLEL[-1]])
    assert [(found.rule, found.line, found.mended) for found in document.findings] == [("FI003", 8, True)]
    assert _repaired(document) == as_bytes(PARALLEL)


def test_another_line_of_the_same_uuid_gets_one_of_its_own() -> None:
    other = line("2", "1", "system", subtype="saved_hook_context")
    document = _read([*PARALLEL[:2], other, *PARALLEL[2:]])
    assert [(found.rule, found.line) for found in document.findings] == [("FI003", 3)]
    written = _lines(_repaired(document))
    assert [*written[:2], *written[3:]] == PARALLEL
    assert {**written[2], "uuid": "2"} == other
    assert list(_read(written).findings) == []


def test_a_parent_that_is_not_there_is_replaced_by_the_message_before() -> None:
    lines = [{**each, "parentUuid": "lost"} if each["uuid"] == "7" else each for each in PARALLEL]
    document = _read(lines)
    assert [(found.rule, found.line) for found in document.findings] == [("FI004", 7)]
    assert _messages(lines) == _messages(PARALLEL)
    assert _repaired(document) == as_bytes(PARALLEL)


def test_the_first_line_may_follow_on_another_file() -> None:
    lines = [{**PARALLEL[0], "parentUuid": "elsewhere"}, *PARALLEL[1:]]
    assert list(_read(lines).findings) == []


def test_a_cycle_is_opened_at_the_line_that_closes_it() -> None:
    lines = [{**PARALLEL[0], "parentUuid": "7"}, *PARALLEL[1:]]
    document = _read(lines)
    assert [(found.rule, found.line) for found in document.findings] == [("FI005", 1)]
    assert _repaired(document) == as_bytes(PARALLEL)


def test_a_reply_to_a_result_that_is_on_another_branch_is_told() -> None:
    fork = [line("8", "5", "assistant", text("Lost."), id="m3"), line("9", "8", "user", "Hello?")]
    document = _read([*PARALLEL[:6], *fork, PARALLEL[6]])
    assert [(found.rule, found.line, found.mended) for found in document.findings] == [("FI006", 7, False)]


def test_a_file_without_a_message_is_no_session() -> None:
    with pytest.raises(Unreadable, match="no line of this file is a message"):
        read(PATH, b'{"type":"summary","summary":"x","leafUuid":"1"}\n', format="claude-code")


@pytest.mark.parametrize("seed", range(120))
def test_however_a_session_is_damaged_what_is_written_is_read_as_what_was_repaired(seed: int) -> None:
    chance = random.Random(seed)
    document = _read(damaged(random_session(chance), chance))
    repaired = [repair(stored.request, ANTHROPIC).request for stored in document.conversations]
    written = document.rendered(repaired)
    again = read(PATH, written, format="claude-code")
    assert [_said(stored.request) for stored in again.conversations] == [_said(request) for request in repaired]
    assert [found.rule for found in again.findings if found.mended] == []
    assert _repaired(again) == written


def _said(request: Json) -> list[tuple[str, Json]]:
    said: list[tuple[str, Json]] = []
    for message in request["messages"]:
        content = text(message["content"]) if isinstance(message["content"], str) else message["content"]
        # Neighbouring messages of the user's are sent as one; those of the model are told apart by an empty mark.
        said += [("assistant", {})] if message["role"] == "assistant" else []
        said += [(message["role"], block) for block in content]
    return said


def test_a_healthy_session_is_clean_and_written_as_it_was() -> None:
    for seed in range(40):
        lines = random_session(random.Random(seed))
        document = _read(lines)
        assert list(document.findings) == []
        assert [check(stored.request, ANTHROPIC) for stored in document.conversations] == [[]]
        assert _repaired(document) == as_bytes(lines)
