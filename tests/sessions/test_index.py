import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from antiphon.errors import SessionError
from antiphon.protocol.messages import Json
from antiphon.sessions import Session, Sessions
from antiphon.sessions.listing.summary import Digest
from antiphon.sessions.records import (
    Answered,
    Begun,
    Compacted,
    Configured,
    Forked,
    Named,
    Prompted,
    Replied,
    RunEnded,
    Truncated,
    TurnBegan,
)
from antiphon.sessions.storage.encoding import encode_record
from antiphon.sessions.tokens import Tokens

WORKSPACE = "/work/project"


def said(text: str) -> tuple[Json, ...]:
    return ({"type": "text", "text": text},)


def talk(session: Session, prompt: str, *, at: float, reply: str = "Done.") -> None:
    session.record(Prompted(said(prompt)), at=at)
    session.record(Configured({"model": "claude-sonnet-5-5"}), at=at)
    session.record(TurnBegan(1, 8), at=at)
    usage = {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 100}
    session.record(Replied(said(reply), {"model": "claude-sonnet-5-5", "usage": usage}), at=at + 1)
    session.record(RunEnded("end_turn"), at=at + 2)


def begin(sessions: Sessions, prompt: str, *, at: float, workspace: str = WORKSPACE, name: str = "") -> str:
    with sessions.create(workspace) as session:
        talk(session, prompt, at=at)
        if name:
            session.rename(name)
        return session.id


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path / "sessions")


def titles(sessions: Sessions, workspace: str | None = None) -> list[str]:
    return [summary.title for summary in sessions.list(workspace)]


def test_sessions_are_listed_newest_first(sessions: Sessions) -> None:
    assert sessions.list() == []
    begin(sessions, "second", at=200)
    begin(sessions, "third", at=300)
    begin(sessions, "first", at=100)
    assert titles(sessions) == ["third", "second", "first"]
    assert titles(sessions) == ["third", "second", "first"], "and so they are from the index"


def test_a_summary_says_what_a_list_shows(sessions: Sessions) -> None:
    session_id = begin(sessions, "Find   the\nbug", at=100)
    (summary,) = sessions.list()
    assert (summary.id, summary.workspace, summary.title, summary.name) == (session_id, WORKSPACE, "Find the bug", "")
    assert (summary.created, summary.updated) == (100, 102)
    assert (summary.turns, summary.prompts, summary.model) == (1, 1, "claude-sonnet-5-5")
    assert summary.tokens == Tokens(input=10, output=5, cache_read=100)
    assert (summary.live, summary.damaged) == (False, "")


def test_a_name_is_the_title_and_makes_nothing_newer(sessions: Sessions) -> None:
    session_id = begin(sessions, "old", at=100)
    begin(sessions, "new", at=200)
    with sessions.open(session_id) as session:
        session.rename("The bug of the year")
    assert titles(sessions) == ["new", "The bug of the year"]


def test_what_is_new_in_a_session_is_seen_at_once(sessions: Sessions) -> None:
    session_id = begin(sessions, "one", at=100)
    begin(sessions, "two", at=200)
    assert titles(sessions) == ["two", "one"]
    with sessions.open(session_id) as session:
        assert [summary.live for summary in sessions.list()] == [False, True]
        talk(session, "more", at=300)
        assert titles(sessions) == ["one", "two"]
        talk(session, "and more", at=400)
        assert [summary.prompts for summary in sessions.list()] == [3, 1]
    assert [summary.live for summary in sessions.list()] == [False, False]


def test_a_session_of_another_process_is_open_until_that_dies(sessions: Sessions) -> None:
    program = (
        "import sys; from antiphon.sessions import Sessions; from antiphon.sessions.records import Prompted\n"
        "session = Sessions(sys.argv[1]).create('/work')\n"
        "session.record(Prompted(({'type': 'text', 'text': 'there'},)))\n"
        "print('recorded', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(sessions.directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"recorded\n"
        assert [(summary.title, summary.live) for summary in sessions.list()] == [("there", True)]
        other.kill()
    assert [(summary.title, summary.live) for summary in sessions.list()] == [("there", False)]


def test_a_directory_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("a file")
    with pytest.raises(SessionError, match="cannot be listed: Not a directory"):
        Sessions(tmp_path / "sessions").list()


def test_a_deleted_session_is_gone_from_the_list(sessions: Sessions) -> None:
    session_id = begin(sessions, "one", at=100)
    begin(sessions, "two", at=200)
    assert titles(sessions) == ["two", "one"]
    sessions.delete(session_id)
    assert titles(sessions) == ["two"]


def test_what_is_left_of_a_deletion_that_was_killed_is_no_session_and_goes_with_the_next(sessions: Sessions) -> None:
    one, two = begin(sessions, "one", at=100), begin(sessions, "two", at=200)
    left = sessions.directory / ".deleted-0"
    (sessions.directory / one).rename(left)
    assert titles(sessions) == ["two"]
    assert list(sessions.ids()) == [two]
    with pytest.raises(SessionError, match="there is no session"):
        sessions.delete(left.name)
    sessions.delete(two)
    assert not left.exists()


def test_a_session_in_which_nothing_was_said_is_left_out(sessions: Sessions) -> None:
    with sessions.create(WORKSPACE) as session:
        assert titles(sessions) == []
        session.record(Prompted(said("never mind")), at=100)
        assert titles(sessions) == ["never mind"]
        session.record(Truncated(0), at=101)
        assert titles(sessions) == []
    assert sessions.find(session.id).empty


def test_a_workspace_has_its_own_sessions_however_its_path_is_written(sessions: Sessions, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.symlink_to(here)
    begin(sessions, "one", at=100, workspace=str(here))
    begin(sessions, "two", at=200, workspace=str(there))
    begin(sessions, "other", at=300)
    assert titles(sessions, str(here)) == titles(sessions, str(there)) == ["two", "one"]
    latest = sessions.latest(here)
    assert latest is not None
    assert latest.title == "two"
    assert sessions.latest(tmp_path) is None


def test_tokens_and_turns_taken_over_from_a_parent_are_told_once(sessions: Sessions) -> None:
    parent = begin(sessions, "one", at=100)
    with sessions.fork(parent) as fork:
        talk(fork, "two", at=300)
    summary = sessions.find(fork.id)
    assert (summary.parent, summary.prompts) == (parent, 2)
    assert summary.tokens == Tokens(input=10, output=5, cache_read=100)


@pytest.mark.parametrize("text", ["Sing a SONG", "song", "id", "part of the id", "the Name"])
def test_a_session_is_found_by_what_one_remembers_of_it(sessions: Sessions, text: str) -> None:
    begin(sessions, "Write a poem", at=200)
    session_id = begin(sessions, "Sing a song", at=100)
    if text == "the Name":
        with sessions.open(session_id) as session:
            session.rename("The name")
        begin(sessions, "the name of the rose", at=300)
    texts = {"id": session_id, "part of the id": session_id[:9]}
    assert sessions.find(texts.get(text, text)).id == session_id


def test_a_text_that_names_several_sessions_names_the_candidates(sessions: Sessions) -> None:
    one, two = begin(sessions, "Sing a song", at=100), begin(sessions, "Sing again", at=200)
    with pytest.raises(SessionError) as raised:
        sessions.find("sing")
    said_then = f"'sing' could be {two[:8]} (Sing again) or {one[:8]} (Sing a song). Say more of its title, or its id."
    assert str(raised.value) == said_then


def test_a_text_that_names_no_session_tells_what_there_is(sessions: Sessions) -> None:
    with pytest.raises(SessionError, match=r"^there is no session 'x': there are no sessions yet\.$"):
        sessions.find("x")
    one = begin(sessions, "Sing a song", at=100)
    with pytest.raises(SessionError, match=rf"^there is no session 'x'; the latest are {one[:8]} \(Sing a song\)\.$"):
        sessions.find("x")


def test_a_word_that_could_be_the_beginning_of_an_id_is_not_guessed_about(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, new_id=iter(["dead0000-1", "beef0000-1", "dead1111-1"]).__next__)
    one, two = begin(sessions, "Sing", at=100), begin(sessions, "A deadlock", at=200)
    with pytest.raises(SessionError, match="could be"):
        sessions.find("dead")
    assert sessions.find("deadl").id == two
    assert sessions.find("dead0").id == one
    begin(sessions, "dead1111", at=300)
    assert sessions.find("DEAD0000").id == one


@pytest.mark.parametrize("text", ["..", ".", "../sessions", "/", "a/b", ""])
def test_a_path_names_no_session(sessions: Sessions, text: str) -> None:
    begin(sessions, "one", at=100)
    with pytest.raises(SessionError, match="there is no session"):
        sessions.find(text)


def test_a_session_of_this_workspace_is_meant_before_one_of_another(sessions: Sessions) -> None:
    here = begin(sessions, "Sing", at=100)
    there = begin(sessions, "Sing along", at=200, workspace="/elsewhere")
    assert sessions.find("sing", WORKSPACE).id == here
    assert sessions.find("along", WORKSPACE).id == there
    with pytest.raises(SessionError, match="could be"):
        sessions.find("sing")


def test_a_damaged_session_is_listed_as_one_and_breaks_no_list(sessions: Sessions) -> None:
    begin(sessions, "whole", at=100)
    damaged = begin(sessions, "torn", at=200)
    (sessions.directory / damaged / "session.db").write_bytes(b"garbage" * 1000)
    summaries = {summary.id: summary for summary in sessions.list()}
    assert len(summaries) == 2
    assert summaries[damaged].damaged
    assert summaries[damaged].updated > 200, "when its file was written"
    assert titles(sessions, WORKSPACE) == ["whole"]


def test_a_session_that_is_damaged_later_keeps_what_was_known_of_it(sessions: Sessions) -> None:
    damaged = begin(sessions, "torn", at=200)
    assert titles(sessions) == ["torn"]
    file = sessions.directory / damaged / "session.db"
    with file.open("r+b") as opened:
        opened.write(b"garbage" * 100)
    (summary,) = sessions.list(WORKSPACE)
    assert (summary.title, bool(summary.damaged)) == ("torn", True)


def test_a_session_with_a_damaged_record_is_listed_with_what_can_be_read(sessions: Sessions) -> None:
    damaged = begin(sessions, "torn", at=200)
    with closing(sqlite3.connect(sessions.directory / damaged / "session.db")) as database:
        database.executescript("DROP TRIGGER records_stay; UPDATE records SET body = '{' WHERE number = 3;")
    (summary,) = sessions.list(WORKSPACE)
    assert (summary.title, summary.turns, summary.prompts) == ("torn", 1, 1)
    assert summary.damaged
    with sessions.open(damaged) as session:
        assert session.found.mended


def test_files_that_are_no_sessions_are_passed_over(sessions: Sessions) -> None:
    begin(sessions, "one", at=100)
    (sessions.directory / "note.txt").write_text("mine")
    (sessions.directory / "empty").mkdir()
    killed = sessions.directory / "killed"
    killed.mkdir()
    (killed / "session.db").touch()
    assert titles(sessions) == ["one"]


@pytest.mark.parametrize("damage", ["garbage", "cut", "older", "foreign", "a directory", "read-only", "locked"])
def test_the_index_can_be_in_any_state(sessions: Sessions, damage: str) -> None:
    begin(sessions, "one", at=100)
    assert titles(sessions) == ["one"]
    index = sessions.directory / "index.db"
    holder = None
    match damage:
        case "garbage":
            index.write_bytes(b"garbage" * 1000)
        case "cut":
            os.truncate(index, 5000)
        case "older":
            with sqlite3.connect(index) as connection:
                connection.execute("PRAGMA user_version = 77")
            connection.close()
        case "foreign":
            with sqlite3.connect(index) as connection:
                connection.execute("DROP TABLE sessions")
            connection.close()
        case "a directory":
            index.unlink()
            index.mkdir()
        case "read-only":
            index.chmod(0o400)
        case _:
            holder = sqlite3.connect(index)
            holder.execute("BEGIN EXCLUSIVE")
    begin(sessions, "two", at=200)
    assert titles(sessions) == ["two", "one"]
    if holder is not None:
        holder.close()
    assert titles(sessions) == ["two", "one"]


def test_only_the_owner_may_read_the_index(sessions: Sessions) -> None:
    begin(sessions, "one", at=100)
    sessions.list()
    assert (sessions.directory / "index.db").stat().st_mode & 0o777 == 0o600


def test_a_session_that_did_not_change_is_not_read_again(sessions: Sessions) -> None:
    session_id = begin(sessions, "one", at=100)
    file = sessions.directory / session_id / "session.db"
    # As it is when some seconds have gone by: who wrote in the same moment could not be told from who did not.
    os.utime(file, (1000, 1000))
    assert titles(sessions) == ["one"]
    file.write_bytes(b"x" * file.stat().st_size)
    os.utime(file, (1000, 1000))
    assert [(summary.title, summary.damaged) for summary in sessions.list()] == [("one", "")]
    os.utime(file, (2000, 2000))
    assert [bool(summary.damaged) for summary in sessions.list()] == [True]


def test_a_digest_goes_on_where_it_was() -> None:
    records = [Begun("id", WORKSPACE), Prompted(said("one")), Truncated(0), Prompted(said("two")), Named("three")]
    rows = [(number, float(number), *encode_record(record)) for number, record in enumerate(records, 1)]
    whole = Digest()
    whole.take(rows)
    for place in range(len(rows) + 1):
        first = Digest()
        first.take(rows[:place])
        kept = msgspec.json.decode(msgspec.json.encode(first), type=Digest)
        kept.take(rows[place:])
        assert kept == whole


def test_what_a_list_says_is_what_replay_says(sessions: Sessions) -> None:
    with sessions.create(WORKSPACE) as session:
        session.record(Prompted(said("one")))
        session.record(Truncated(0))
        talk(session, "  two  " * 60, at=100)
        session.record(Answered(said("result")))
        session.record(Compacted(({"role": "user", "content": "all of it"},)))
        talk(session, "three", at=200)
        session.record(Truncated(2))
        session.record(Forked())
        sessions.list()
        talk(session, "four", at=300)
    summary, state = sessions.find(session.id), sessions.state(session.id)
    assert summary.title == state.title
    assert summary.prompts == len(state.prompts)
    assert summary.turns == state.turns


def test_many_processes_can_list_at_once(sessions: Sessions) -> None:
    for number in range(20):
        begin(sessions, f"session {number}", at=number)
    program = f"from antiphon.sessions import Sessions; print(len(Sessions({str(sessions.directory)!r}).list()))"
    running = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate() for process in running] == [("20\n", "")] * 4
    assert len(sessions.list()) == 20
