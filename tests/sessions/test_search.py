import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from antiphon.errors import SessionError
from antiphon.protocol.messages import Json
from antiphon.sessions import Sessions
from antiphon.sessions.records import Answered, Compacted, Prompted, Replied
from antiphon.sessions.searching.matching import Excerpt, Query
from antiphon.sessions.searching.search import Found


def said(text: str) -> tuple[Json, ...]:
    return ({"type": "text", "text": text},)


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path / "sessions")


def begin(sessions: Sessions, *records: Prompted | Replied | Answered | Compacted, at: float = 100) -> str:
    with sessions.create("/work") as session:
        for record in records:
            session.record(record, at=at)
        return session.id


def shown(found: list[Found] | tuple[Found, ...]) -> list[tuple[str, str]]:
    return [(hit.role, marked(hit.excerpt)) for session in found for hit in session.hits]


def marked(excerpt: Excerpt) -> str:
    text = excerpt.text
    for start, end in reversed(excerpt.spans):
        text = f"{text[:start]}[{text[start:end]}]{text[end:]}"
    return text


CALL: Json = {
    "type": "tool_use",
    "id": "a",
    "name": "run_command",
    "input": {"command": "make deadlock", "n": [{"x": "deep"}]},
}
RESULT: Json = {
    "type": "tool_result",
    "tool_use_id": "a",
    "content": [{"type": "text", "text": "no rule for deadlock"}],
}


@pytest.mark.parametrize("state", ["fresh", "used", "garbage", "read-only", "locked", "without full text"])
def test_everything_that_was_said_is_found_whatever_state_the_index_is_in(sessions: Sessions, state: str) -> None:
    begin(
        sessions,
        Prompted(said("Find the deadlock, please")),
        Replied((*said("A deadlock it is."), {"type": "thinking", "thinking": "deadlock?"}, CALL)),
        Answered((RESULT, {"type": "text", "text": "note on deadlocks"})),
        Compacted(({"role": "user", "content": "They looked for a deadlock."},)),
    )
    newer = begin(sessions, Prompted(said("Nothing of the kind")), at=200)
    index = sessions.directory / "search.db"
    holder = None
    if state != "fresh":
        sessions.search("anything")
    match state:
        case "garbage":
            index.write_bytes(b"garbage" * 1000)
        case "read-only":
            index.unlink()
            index.mkdir()
        case "locked":
            holder = sqlite3.connect(index)
            holder.execute("PRAGMA journal_mode = DELETE")
            holder.execute("BEGIN EXCLUSIVE")
        case "without full text":
            index.unlink()
            with sqlite3.connect(index) as connection:
                connection.executescript("CREATE TABLE words (text); CREATE TABLE texts (id); PRAGMA user_version = 1")
            connection.close()
        case _:
            pass
    found = sessions.search("deadlock", hits=10)
    if holder is not None:
        holder.close()
    assert shown(list(found)) == [
        ("prompt", "Find the [deadlock], please"),
        ("reply", "A [deadlock] it is."),
        ("call", "run_command make [deadlock] deep"),
        ("result", "no rule for [deadlock]"),
        ("note", "note on [deadlock]s"),
        ("summary", "They looked for a [deadlock]."),
    ]
    assert [session.count for session in found] == [6]
    assert [session.summary.id for session in sessions.search("kind")] == [newer]


def test_what_was_said_is_shown_before_what_tools_gave(sessions: Sessions) -> None:
    begin(sessions, Answered((RESULT, RESULT)), Prompted(said("what deadlock?")), Replied(said("this deadlock")))
    (found,) = sessions.search("deadlock", hits=2)
    assert [hit.role for hit in found.hits] == ["prompt", "reply"]
    assert found.count == 4


def test_the_newest_session_comes_first(sessions: Sessions) -> None:
    ids = [begin(sessions, Prompted(said(f"song {number}")), at=number) for number in (2, 3, 1)]
    assert [found.summary.id for found in sessions.search("song")] == [ids[1], ids[0], ids[2]]
    assert [found.summary.id for found in sessions.search("song", sessions=1)] == [ids[1]]


def test_only_sessions_of_the_workspace_are_searched(sessions: Sessions) -> None:
    here = begin(sessions, Prompted(said("song")))
    with sessions.create("/elsewhere") as session:
        session.record(Prompted(said("song")))
    assert [found.summary.id for found in sessions.search("song", "/work")] == [here]


def test_what_is_new_is_found_and_nothing_is_found_twice(sessions: Sessions) -> None:
    session_id = begin(sessions, Prompted(said("song one")))
    assert [found.count for found in sessions.search("song")] == [1]
    with sessions.open(session_id) as session:
        session.record(Replied(said("song two")))
        assert [found.count for found in sessions.search("song")] == [2]
        assert [found.count for found in sessions.search("song")] == [2]


def test_many_processes_can_search_at_once_and_index_nothing_twice(sessions: Sessions) -> None:
    for number in range(30):
        begin(sessions, *[Prompted(said(f"song {number}"))] * 20, at=number)
    program = (
        "import sys; from antiphon.sessions import Sessions\n"
        "print([found.count for found in Sessions(sys.argv[1]).search('song', sessions=30)] == [20] * 30)"
    )
    command = [sys.executable, "-c", program, str(sessions.directory)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate() for process in running] == [("True\n", "")] * 4
    assert [found.count for found in sessions.search("song", sessions=30)] == [20] * 30


def test_words_of_a_deleted_session_are_kept_nowhere(sessions: Sessions) -> None:
    session_id = begin(sessions, Prompted(said("swordfish")))
    begin(sessions, Prompted(said("other")))
    assert sessions.search("swordfish")
    assert b"swordfish" in b"".join(file.read_bytes() for file in sessions.directory.glob("*.db*"))
    sessions.delete(session_id)
    assert b"swordfish" not in b"".join(file.read_bytes() for file in sessions.directory.glob("*.db*"))
    assert not sessions.search("swordfish")
    assert sessions.search("other")


@pytest.mark.parametrize("query", ["", "  ", '"', '"" ...', "*", "()"])
def test_a_query_without_words_is_refused(sessions: Sessions, query: str) -> None:
    with pytest.raises(SessionError, match="has no word"):
        sessions.search(query)


TEXT = "The quick brown fox: read_entries() jumps over CAFÉ tables; 東京都に住む, 한국어로 말한다."


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("quick", "[quick]"),
        ("QUI fo", "[qui] [fo]"),
        ("fox quick", "[quick] [fox]"),
        ("uick", None),
        ('"brown fox"', "[brown fox]"),
        ('"fox brown"', None),
        ('"brown fo', "[brown fo]"),
        ("read_entries", "[read_entries]"),
        ("entries", "[entries]"),
        ("fox:read", "[fox: read]"),
        ("cafe", "[CAFÉ]"),
        ("cafe\u0301", "[CAFÉ]"),
        ("quick slow", None),
        ("京都", "[京都]"),
        ("住む", "[住む]"),
        ("国東", None),
        ("국어", "[국어]"),
        ("구어", None),
        ("NEAR OR", None),
        ("over AND", None),
    ],
)
def test_words_are_found_as_people_remember_them(sessions: Sessions, query: str, result: str | None) -> None:
    begin(sessions, Prompted(said(TEXT)))
    found = sessions.search(query)
    assert bool(found) == Query(query).matches(TEXT) == (result is not None)
    if result is not None:
        (hit,) = found[0].hits
        spans = [hit.excerpt.text[start:end] for start, end in hit.excerpt.spans]
        assert [span.casefold() for span in spans] == [part[1:-1].casefold() for part in _parts(result)]


def _parts(result: str) -> list[str]:
    return [part + "]" for part in result.replace("] [", "]|[").rstrip("]").split("]|")]


def test_an_excerpt_is_the_place_where_it_stands() -> None:
    text = "word " * 500 + "needle in " + "hay " * 500
    assert marked(Query("needle").excerpt(text, 60)) == "…word word word word word word word [needle] in hay hay…"
    assert marked(Query("word").excerpt("word\n\n  word", 60)) == "[word] [word]"
    assert marked(Query("x" * 100).excerpt("x" * 1000, 10)) == "[" + "x" * 10 + "]…"
    assert marked(Query("nothing").excerpt("here", 60)) == "here"
