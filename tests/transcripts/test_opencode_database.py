"""The database of opencode: calls beside their results, and changes made to a copy in one go."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from stored_samples import FIXTURES, compact, parts_of

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import DIALECTS
from antiphon.protocol.messages import Json
from antiphon.transcripts.detecting import read
from antiphon.transcripts.document import Unreadable

ANTHROPIC = DIALECTS["anthropic"]
PATH = FIXTURES / "opencode.db"
DATA = PATH.read_bytes()
GOOD, BROKEN, COMPACTED = "ses_01good", "ses_02broken", "ses_03compacted"


def _requests(data: bytes) -> dict[str, Json]:
    return {stored.label: stored.request for stored in read(PATH, data).conversations}


def _repaired(data: bytes) -> bytes:
    document = read(PATH, data)
    return document.rendered([repair(stored.request, ANTHROPIC).request for stored in document.conversations])


def _with_part(name: str, part: Json) -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(DATA[:18] + b"\x01\x01" + DATA[20:])
        connection.execute("UPDATE part SET data = ? WHERE id = ?", (compact(part), name))
        connection.commit()
        written = connection.serialize()
    return written[:18] + DATA[18:20] + written[20:]


def test_a_tool_part_is_sent_as_a_call_and_its_result() -> None:
    messages = _requests(DATA)[GOOD]["messages"]
    assert [(message["role"], [block["type"] for block in message["content"]]) for message in messages] == [
        ("user", ["text"]),
        ("assistant", ["tool_use", "tool_use"]),
        ("user", ["tool_result", "tool_result"]),
        ("assistant", ["text"]),
        ("user", ["text"]),
    ]
    assert check(_requests(DATA)[GOOD], ANTHROPIC) == []


def test_what_stands_before_a_finished_compaction_is_not_sent() -> None:
    messages = _requests(DATA)[COMPACTED]["messages"]
    assert messages[0]["content"][0]["text"] == "What did we do so far?"
    assert messages[-1]["content"][1]["type"] == "image"


def test_a_reply_that_failed_is_not_sent_and_one_that_was_stopped_is() -> None:
    said = [block.get("text") for message in _requests(DATA)[BROKEN]["messages"] for block in message["content"]]
    assert "never sent" not in said
    assert [message["role"] for message in _requests(DATA)[BROKEN]["messages"]] == ["user", "assistant", "user", "user"]


def test_calls_that_were_left_open_have_failed_when_the_file_is_written() -> None:
    document = read(PATH, DATA)
    assert [(found.rule, found.mended) for found in document.findings] == [("FI009", True)] * 2
    parts = parts_of(document.rendered([stored.request for stored in document.conversations]), BROKEN)
    state: Any = parts["prt_123"]["state"]
    assert state == {
        "status": "error",
        "input": {"command": "make"},
        "error": "[Tool execution was interrupted]",
        "time": {"start": 1756720000000, "end": 1756720000000},
    }


def test_a_repaired_database_is_clean_when_it_is_read_again() -> None:
    written = _repaired(DATA)
    document = read(PATH, written)
    assert list(document.findings) == []
    assert [check(stored.request, ANTHROPIC) for stored in document.conversations] == [[], [], []]
    assert _repaired(written) == written


def test_sessions_that_nothing_was_wrong_with_keep_their_rows() -> None:
    written = _repaired(DATA)
    for session in (GOOD, COMPACTED):
        assert parts_of(written, session) == parts_of(DATA, session)
    before, after = parts_of(DATA, BROKEN), parts_of(written, BROKEN)
    assert set(before) - set(after) == {"prt_122"}  # the empty text
    assert after["prt_124"]["callID"].startswith("toolu_02b_")
    assert {name: part for name, part in after.items() if name not in {"prt_123", "prt_124"}} == {
        name: part for name, part in before.items() if name not in {"prt_122", "prt_123", "prt_124"}
    }


def test_the_way_the_database_is_written_is_kept() -> None:
    assert DATA[18:20] == b"\x02\x02"
    assert _repaired(DATA)[18:20] == b"\x02\x02"


def test_an_image_beyond_all_bounds_goes_and_its_output_stays() -> None:
    state: Json = {"status": "completed", "input": {}, "output": "a picture", "title": "t", "metadata": {}, "time": {}}
    url = "data:image/png;base64," + "A" * (11 << 20)
    attachments = [{"type": "file", "mime": "image/png", "url": url}, {"type": "file", "mime": "a/b", "url": "file:x"}]
    tool: Json = {"type": "tool", "callID": "toolu_01a", "tool": "read", "state": {**state, "attachments": attachments}}
    data = _with_part("prt_023", tool)
    assert "CO011" in {found.rule for found in check(_requests(data)[GOOD], ANTHROPIC)}
    written = _repaired(data)
    assert check(_requests(written)[GOOD], ANTHROPIC) == []
    changed: Any = parts_of(written, GOOD)["prt_023"]["state"]
    assert changed["attachments"] == attachments[1:]
    assert changed["output"].startswith("a picture")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (DATA[:-3000], "the database"),
        (DATA[:4096] + bytes(4096) + DATA[8192:], "the database"),
        (b"SQLite format 3\x00" + bytes(200), "the database cannot be read"),
        (b"{}", "a database of SQLite is wanted"),
    ],
)
def test_a_database_that_is_damaged_is_unreadable(data: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        read(PATH, data, format="opencode")


def test_another_database_is_no_database_of_opencode(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE session (id TEXT)")
    with pytest.raises(Unreadable, match="the database has no table message"):
        read(PATH, (tmp_path / "other.db").read_bytes(), format="opencode")
