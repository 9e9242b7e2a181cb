"""What it costs to list, find and search many sessions.

A thousand sessions of twenty turns each, in a directory of their own. "first" has nothing to go by and reads every
session; "unchanged" is what a user meets nearly always; "one changed" follows a session that goes on.

    python dev.py bench listing
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from antiphon.sessions import Sessions
from antiphon.sessions.records import Answered, Prompted, Replied, RunEnded, TurnBegan
from measuring import Table

SESSIONS = 1000
TURNS = 20
ROUNDS = 9
RESULT = "def line(number):\n    return number  # some words of a program that was read\n" * 20


def fill(sessions: Sessions) -> str:
    """Make the sessions, and return the id of one."""
    session_id = ""
    for number in range(SESSIONS):
        with sessions.create(f"/work/project-{number % 10}") as session:
            session_id = session.id
            began = 1_700_000_000.0 + number * 1000
            session.record(Prompted(({"type": "text", "text": f"Task {number}: find the bug and mend it"},)), at=began)
            for turn in range(TURNS):
                call = {"type": "tool_use", "id": f"c{turn}", "name": "read_file", "input": {"path": f"src/{turn}.py"}}
                usage = {"input_tokens": 10, "output_tokens": 50, "cache_read_input_tokens": 9000}
                session.record(TurnBegan(turn + 1, 8), at=began + turn)
                session.record(Replied((call,), {"model": "claude-sonnet-5-5", "usage": usage}), at=began + turn)
                result = {"type": "tool_result", "tool_use_id": f"c{turn}", "content": RESULT}
                session.record(Answered((result,)), at=began + turn)
            session.record(RunEnded("end_turn"), at=began + TURNS)
    return session_id


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Measure."""
    table = Table("what", "ms")
    with tempfile.TemporaryDirectory() as directory:
        sessions = Sessions(Path(directory) / "sessions")
        session_id = fill(sessions)

        def median(work: Callable[[], object], before: Callable[[], object] = lambda: None) -> str:
            times: list[float] = []
            for _ in range(ROUNDS):
                before()
                times.append(seconds(work))
            return f"{statistics.median(times) * 1000:.1f}"

        def go_on() -> None:
            with sessions.open(session_id) as session:
                session.record(RunEnded("end_turn"))

        time.sleep(3)  # Files that were written a moment ago are not trusted to be unchanged.
        table.row(f"list {SESSIONS} sessions: first", f"{seconds(sessions.list) * 1000:.1f}")
        table.row("list: unchanged", median(sessions.list))
        table.row("list: unchanged, one workspace", median(lambda: sessions.list("/work/project-3")))
        table.row("list: one changed", median(sessions.list, go_on))
        table.row("find by the beginning of an id", median(lambda: sessions.find(session_id[:12])))
        table.row("find by the whole id", median(lambda: sessions.find(session_id)))
        table.row("search: first", f"{seconds(lambda: sessions.search('999')) * 1000:.1f}")
        time.sleep(3)
        sessions.search("999")
        table.row("search: rare words, unchanged", median(lambda: sessions.search("task 998")))
        table.row("search: words that are everywhere", median(lambda: sessions.search("program")))
        size = sum(file.stat().st_size for file in sessions.directory.glob("*/session.db"))
        for name in "index.db", "search.db":
            share = (sessions.directory / name).stat().st_size / size
            table.row(f"{name}, share of the sessions' {size / 1e6:.0f} MB", f"{share:.1%}")
    table.print()


if __name__ == "__main__":
    main()
