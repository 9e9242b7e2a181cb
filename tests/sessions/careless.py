"""Agents that break what sessions promise, each in one way: what the loops of crashes must find."""

import os
from multiprocessing.connection import Connection
from pathlib import Path

from antiphon.engine.events import Requested
from antiphon.sessions.records import Answered, Record
from antiphon.sessions.storage.log import SessionLog
from antiphon.testing import crashing_agent


def works_before_it_writes(connection: Connection, place: Path, url: str, *, watched: bool) -> None:
    """Write records only when a turn is over: what happened before is not known to anybody."""
    append, kept = SessionLog.append, list[Record]()

    def later(log: SessionLog, record: Record, *, at: float | None = None) -> int:
        kept.append(record)
        if isinstance(record, Answered):
            for one in kept:
                append(log, one, at=at)
            kept.clear()
        return len(kept)

    SessionLog.append = later  # type: ignore[method-assign]  # that is what is careless about it
    crashing_agent.work(connection, place, url, watched=watched)


def goes_on_by_doing_it_again(connection: Connection, place: Path, url: str) -> None:
    """Do again what may have been done already."""
    with (place / "workspace" / "ran.txt").open("a") as file:
        file.write("command-1\n")
    crashing_agent.go_on(connection, place, url)


def forgets_what_was_asked_for(connection: Connection, place: Path, url: str) -> None:
    """Lose the calls of a turn, and with them what became of them."""
    session = crashing_agent.sessions_at(place).open(crashing_agent.SESSION)
    turn = session.found.turn
    if turn is not None:
        turn.events[:] = [event for event in turn.events if not isinstance(event, Requested)]
    session.close()
    connection.send(crashing_agent.Outcome(session.found.messages, "", ""))


def leaves_a_program_behind(connection: Connection, place: Path, url: str, *, watched: bool) -> None:
    """Start something that goes on when the agent is gone."""
    if os.fork() == 0:
        os.closerange(0, 256)
        os.chdir(place)
        os.execvp("sleep", ["sleep", "60"])
    crashing_agent.work(connection, place, url, watched=watched)
