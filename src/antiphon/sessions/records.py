"""What a session's log holds: a record for everything that happened, in the order in which it happened.

The records are the only truth about a session: conversation, open turn, name and figures are worked out from them
(`replay.py`, and whoever else reads them). Records are added to the end and never changed. The engine's events are
records as they are; they belong to the last `TurnBegan` before them.
"""

from dataclasses import dataclass, field

from antiphon.engine.events import (
    Allowed,
    Cancelled,
    Denied,
    Discarded,
    Event,
    Finished,
    MessageEnded,
    Requested,
    Resumed,
)
from antiphon.protocol.messages import Json


@dataclass(frozen=True, slots=True)
class Begun:
    """A session began; always the first record.

    Attributes:
        session: its id.
        workspace: the directory it works in, absolute.
        version: of Antiphon.
        parent: id of the session it was forked from; what stands up to the next `Forked` is that session's.
        source: the file it was imported from, and `format` of that file.
    """

    session: str
    workspace: str
    version: str = ""
    parent: str = ""
    source: str = ""
    format: str = ""


@dataclass(frozen=True, slots=True)
class Forked:
    """What stands before this record was copied from the parent; what stands behind it happened in this session."""


@dataclass(frozen=True, slots=True)
class Named:
    """The user gave the session a name."""

    name: str


@dataclass(frozen=True, slots=True)
class Configured:
    """From here on requests have these parameters: model, system prompt, tools and whatever else, without messages."""

    params: Json


@dataclass(frozen=True, slots=True)
class Prompted:
    """The user said something: these blocks join the conversation on the user's side."""

    content: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class TurnBegan:
    """A request goes out.

    Attributes:
        turn: counts the attempts of the session, from 1.
        limit: how many calls run at once.
        context: tokens the request is expected to hold, where somebody reckoned.
    """

    turn: int
    limit: int
    context: int = 0


@dataclass(frozen=True, slots=True)
class Replied:
    """The model replied: these blocks join the conversation on the assistant's side. Its calls may write from here on.

    Attributes:
        content: blocks as they go back in history.
        reply: the API's message object without its content: id, model, stop_reason, usage; empty where the reply was
            stopped midway.
        cut: the reply ended before the model was done, with a call as its end.
        interrupted: the user stopped the reply; this is what it had said.
    """

    content: tuple[Json, ...]
    reply: Json = field(default_factory=dict[str, object])
    cut: bool = False
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The calls are answered: results in request order, then notes; they join the conversation on the user's side."""

    content: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Replaced:
    """The message at this index is now this one."""

    index: int
    message: Json
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Truncated:
    """Only the first `count` messages are left of the conversation: a prompt was taken back, or the user went back."""

    count: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Repaired:
    """The conversation broke rules of the API, or held what could not be sent any more, and is now these messages.

    Attributes:
        messages: the whole conversation from here on.
        found: what was wrong, as sentences.
    """

    messages: tuple[Json, ...]
    found: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compacted:
    """A new stretch begins: the conversation is now these messages, the first of which sums up what was before.

    Attributes:
        messages: the whole conversation from here on.
        reason: why: asked, or the context was nearly full.
        before: tokens of the context before.
        reply: the API's message object of the summary, without its content, for its usage.
    """

    messages: tuple[Json, ...]
    reason: str = ""
    before: int = 0
    reply: Json = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """The files of the workspace were kept before they changed.

    Attributes:
        checkpoint: its id in the workspace's checkpoints.
        label: the tool that was about to be used.
    """

    checkpoint: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run came to its end.

    Attributes:
        stop_reason: why, as `antiphon.agent.events.StopReason` has it.
        error: a sentence, where it did not end well.
    """

    stop_reason: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Mended:
    """The log was damaged and was rebuilt from what could be read.

    Attributes:
        found: what was wrong, and what was lost, as sentences.
        kept: where the damaged file is.
    """

    found: tuple[str, ...]
    kept: str = ""


Record = (
    Begun
    | Forked
    | Named
    | Configured
    | Prompted
    | TurnBegan
    | Event
    | Replied
    | Answered
    | Replaced
    | Truncated
    | Repaired
    | Compacted
    | Checkpointed
    | RunEnded
    | Mended
)

KINDS: dict[str, type[Record]] = {
    "begun": Begun,
    "forked": Forked,
    "named": Named,
    "configured": Configured,
    "prompted": Prompted,
    "turn_began": TurnBegan,
    "requested": Requested,
    "allowed": Allowed,
    "denied": Denied,
    "message_ended": MessageEnded,
    "finished": Finished,
    "cancelled": Cancelled,
    "discarded": Discarded,
    "resumed": Resumed,
    "replied": Replied,
    "answered": Answered,
    "replaced": Replaced,
    "truncated": Truncated,
    "repaired": Repaired,
    "compacted": Compacted,
    "checkpointed": Checkpointed,
    "run_ended": RunEnded,
    "mended": Mended,
}
"""Every kind of record by its name in the file. A name keeps its meaning; unknown ones are passed over."""

NAMES: dict[type[Record], str] = {kind: name for name, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Entry:
    """A record in its place.

    Attributes:
        number: from 1, without gaps.
        at: when it was appended, in seconds since 1970.
        record: what happened.
    """

    number: int
    at: float
    record: Record
