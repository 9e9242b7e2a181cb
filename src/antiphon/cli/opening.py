"""Opens the session that the command line asks for, and says what is to be known about it.

A new session that cannot be recorded is no reason not to work: it goes on unrecorded, and says so. One that is to be
gone on with must be there, readable, and free.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from antiphon import __version__
from antiphon.agent import Agent
from antiphon.agent.resuming import Settled
from antiphon.cli.invocation import Which
from antiphon.errors import SessionError
from antiphon.protocol.messages import Json, text_of
from antiphon.sessions.listing.summary import Summary
from antiphon.sessions.records import Begun
from antiphon.sessions.session import Session
from antiphon.sessions.store import Sessions

Choose = Callable[[Sequence[Summary]], Summary | None]
"""Lets a person choose one of the sessions of this workspace; None for a new one."""

_LAST_WORDS = 200
SHORT_ID = 8
"""As much of an id as is shown; any part that is unique finds the session."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session to work in.

    Attributes:
        session: the session, or None where nothing is recorded.
        resumed: it has a conversation that goes on.
        notes: what there is to say about it, one sentence each.
        warnings: what the person must know, one sentence each.
    """

    session: Session | None
    resumed: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def open_session(which: Which, sessions: Sessions, workspace: Path, choose: Choose | None = None) -> Opened:
    """Open the session that is asked for.

    Raises:
        SessionError: the one to go on with does not exist, cannot be read, or is open elsewhere; or nobody can choose.
    """
    found = _found(which, sessions, workspace, choose)
    if found is None:
        return begin_session(sessions, workspace, session_id=which.id) if which.recorded else Opened(None)
    session = sessions.fork(found.id) if which.fork else sessions.open(found.id)
    notes = [f"Session {session.id[:SHORT_ID]}: {session.found.title}"]
    if which.fork:
        notes.append(f"It is a copy of {found.id[:SHORT_ID]}, which stays as it is.")
    if Path(session.workspace) != workspace:
        notes.append(f"It began in {session.workspace}; this is {workspace}.")
    damage = [f"Its file was damaged: {sentence}" for mended in session.found.mended[-1:] for sentence in mended.found]
    return Opened(session, resumed=True, notes=tuple(notes), warnings=tuple(damage))


def begin_session(sessions: Sessions, workspace: Path, *, session_id: str = "") -> Opened:
    """Begin a session; where it cannot be recorded, say so and do without.

    Raises:
        SessionError: there is a session of this id already.
    """
    if session_id and session_id in set(sessions.ids()):
        raise SessionError(f"there is a session {session_id} already; --resume {session_id} goes on with it.")
    try:
        return Opened(sessions.create(workspace, id=session_id or None, begun=Begun("", "", __version__)))
    except SessionError as problem:
        return Opened(None, warnings=(f"This session is not recorded: {problem}",))


def close_session(session: Session | None, sessions: Sessions) -> str:
    """Close a session, and return how to go on with it; one in which nothing was said is not kept."""
    if session is None:
        return ""
    session.close()
    if session.used:
        return f"antiphon --resume {session.id[:SHORT_ID]}"
    sessions.delete(session.id)
    return ""


def last_words(messages: Sequence[Json]) -> list[str]:
    """Return how the last prompt and the last answer of a conversation begin, for somebody who comes back to it."""
    told: list[str] = []
    for role, who in (("user", "You"), ("assistant", "It")):
        said = (text_of(message) for message in reversed(messages) if message.get("role") == role)
        text = " ".join(next((text for text in said if text.strip()), "").split())
        if text:
            told.append(f"{who} said: {text if len(text) <= _LAST_WORDS else text[: _LAST_WORDS - 1] + '…'}")
    return told


def what_was_left(agent: Agent, settled: Settled) -> list[str]:
    """Return what is to be told about a conversation that was taken up again: repairs, and calls left open."""
    notes: list[str] = []
    if agent.repaired:
        rules = ", ".join(dict.fromkeys(found.rule for found in agent.repaired))
        notes.append(f"The conversation was damaged and has been repaired ({rules}; see antiphon rule).")
    parts = [
        _counted(len(settled.finished), "had finished", "had finished"),
        _counted(len(settled.repeated), "only read and ran again", "only read and ran again"),
        _counted(len(settled.not_started), "had not started and was dropped", "had not started and were dropped"),
        _counted(len(settled.unknown), "was running, outcome unknown", "were running, outcome unknown"),
    ]
    told = [part for part in parts if part]
    if told:
        notes.append(f"The last turn was interrupted. Its calls: {'; '.join(told)}.")
    return notes


def _counted(count: int, one: str, more: str) -> str:
    return "" if not count else f"1 {one}" if count == 1 else f"{count} {more}"


def _found(which: Which, sessions: Sessions, workspace: Path, choose: Choose | None) -> Summary | None:
    match which.kind:
        case "new":
            return None
        case "latest":
            latest = sessions.latest(workspace)
            if latest is None:
                raise SessionError(f"there is no session of {workspace} yet; begin one without --continue.")
            return latest
        case "named":
            return sessions.find(which.text, workspace)
        case "choose":
            of_workspace = sessions.list(workspace)
            if not of_workspace:
                raise SessionError(f"there is no session of {workspace} yet; antiphon sessions --all lists others.")
            if choose is None:
                raise SessionError("--resume needs the id of a session here; antiphon sessions lists them.")
            return choose(of_workspace)
