"""What became of a conversation that was to be taken over."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["imported", "would-import", "known", "left-out", "failed"]
"""`known`: it was imported before, and has not changed since. `left-out`: it is the work of a subagent."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a conversation, or of a file that could not be read.

    Attributes:
        source: the file, as it was named.
        status: what became of it.
        conversation: which one of the file, where it holds several.
        program: what the program is called that it is of.
        format: the file's format.
        session: id of the session it is now, or was already.
        title: what it is called, or how it begins.
        workspace: the directory of the session.
        messages: how many messages the session has.
        began: when it began, in seconds since 1970; None where nobody knows.
        ended: when its last message was said.
        damage: what was wrong with the file, as sentences.
        repaired: which rules the conversation broke, and what was done.
        notes: what else is not as it was.
        error: why it failed.
    """

    source: str
    status: Status
    conversation: str = ""
    program: str = ""
    format: str = ""
    session: str = ""
    title: str = ""
    workspace: str = ""
    messages: int = 0
    began: float | None = None
    ended: float | None = None
    damage: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
