"""The engine's words: what a call touches, what happened (events), what to do (commands)."""

from dataclasses import dataclass
from typing import Literal

from antiphon.protocol.messages import Json

Resource = tuple[str, ...]
"""A path of parts such as `("file", "src", "a.py")`. A prefix covers everything below it; `()` is everything."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a call reads and writes, and whether it may start before its message has ended.

    Two calls conflict when a resource of one is a prefix of a resource of the other and at least one side writes it.
    Conflicting calls run in request order; all others run side by side.

    Attributes:
        reads: resources whose state the call's result depends on.
        writes: resources the call may change.
        early: running the call and throwing its result away changes nothing, so it may start while the reply
            still streams. Never true of a call that writes.
    """

    reads: tuple[Resource, ...] = ()
    writes: tuple[Resource, ...] = ()
    early: bool = False

    def __post_init__(self) -> None:
        if self.early and self.writes:
            raise ValueError("a call that writes cannot start early: its message may still be thrown away")


READS_NOTHING_LOCAL = Access(early=True)
"""Looks at nothing that calls can change, such as a web page: conflicts with nobody, may start early."""
INDEPENDENT = Access()
"""Conflicts with nobody, has effects elsewhere: starts when the message has ended. The default of a user's `@tool`."""
EXCLUSIVE = Access(writes=((),))
"""May touch anything, like an unknown command: runs alone, in its turn."""


def reading(*resources: Resource) -> Access:
    """Return the access of a call that only reads these resources."""
    return Access(reads=resources, early=True)


def writing(*resources: Resource) -> Access:
    """Return the access of a call that changes these resources."""
    return Access(writes=resources)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One tool call as the model asked for it.

    Attributes:
        id: unique in the conversation and valid on the wire (what the model sent, unless that was neither).
        name: the tool's name.
        input: its arguments, as JSON.
    """

    id: str
    name: str
    input: Json


@dataclass(frozen=True, slots=True)
class Result:
    """What a call came to; a failure is a result too.

    Attributes:
        content: text, or content blocks (text and image).
        is_error: the call did not do what was asked; then the content is text only.
    """

    content: str | tuple[Json, ...]
    is_error: bool = False


def failure(text: str) -> Result:
    """Return the result of a call that did not succeed; `text` tells the model why and what it can do."""
    return Result(text, is_error=True)


# Events: what happened. The session log stores these; replaying them rebuilds the turn.


@dataclass(frozen=True, slots=True)
class Requested:
    """A tool call's block closed.

    Attributes:
        call: the call; its place in line is now.
        access: what it touches.
        ask: somebody must allow it before it may start.
        answer: its result, where it can never run (unknown tool, unusable arguments, denied by a rule).
        denied: the answer is that it may not.
    """

    call: ToolCall
    access: Access = INDEPENDENT
    ask: bool = False
    answer: Result | None = None
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Allowed:
    """A call that waited for approval may run."""

    id: str


@dataclass(frozen=True, slots=True)
class Denied:
    """A call that waited for approval will not run; `result` tells the model so."""

    id: str
    result: Result


@dataclass(frozen=True, slots=True)
class MessageEnded:
    """The assistant message is complete and has been logged: calls that write may start.

    Attributes:
        cut: the reply stopped before the model was done (`max_tokens`, context window full), so its last call
            is not to be trusted and does not run.
    """

    cut: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """A started call came to an end of its own: done, failed or timed out."""

    id: str
    result: Result


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The user stopped the turn. Finished results stay, everything else is answered as stopped."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """The reply broke off or was refused: nothing of it happened, there is nothing to answer."""

    reason: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The process that ran the turn died, and another one goes on with it.

    Calls that only read start again. What may have changed something is not run a second time: it is answered, as
    unknown where it had started, as not done where it had not.
    """


Event = Requested | Allowed | Denied | MessageEnded | Finished | Cancelled | Discarded | Resumed


# Commands: what to do now.


@dataclass(frozen=True, slots=True)
class Ask:
    """Find out whether this call may run; answer with `Allowed` or `Denied`."""

    id: str


@dataclass(frozen=True, slots=True)
class Start:
    """Run this call now; answer with `Finished`."""

    id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop this running call, or withdraw its question. Whatever it still answers is refused."""

    id: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Every call is answered: these are the results, in request order. The turn is over."""

    results: tuple[tuple[ToolCall, Result], ...]


Command = Ask | Start | Stop | Reply


# Where a call stands, for surfaces.

CallState = Literal["asking", "waiting", "running", "done", "failed", "denied", "cancelled"]
"""asking: waits for approval. waiting: for an earlier call, the message's end, or a free place."""
