"""Server-sent events of a streamed reply, told as finished content blocks the moment each one closes.

Knows the event grammar of the Messages API. Does not know where bytes come from, or what is done with a block.
"""

from dataclasses import dataclass, field

from antiphon.protocol.messages import Json


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """The reply began. `message` is the API's message object: id, model, first usage, no content yet."""

    message: Json


@dataclass(frozen=True, slots=True)
class BlockStarted:
    """A content block began; `block` is its first form (a tool call's name and id are known from here on)."""

    index: int
    block: Json


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of a text block."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More text of a thinking block."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class InputDelta:
    """More of a tool call's arguments, as unparsed JSON text."""

    index: int
    partial_json: str


@dataclass(frozen=True, slots=True)
class BlockClosed:
    """A content block is complete.

    Attributes:
        index: its position in the reply's content.
        block: the block as it goes back in history, verbatim, unknown fields included. A tool call whose arguments
            are not a strictly valid JSON object has the input `{"INVALID_JSON": raw}`, the form the docs use.
        problem: why a tool call's arguments cannot be used (then it must not run), else None.
    """

    index: int
    block: Json
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    """The reply ended with `message_stop`.

    Attributes:
        message: the complete message object: content, stop_reason, stop_sequence, usage and unknown fields.
    """

    message: Json


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """An event this module has no use for, such as `ping` or one invented later."""

    event: Json


@dataclass(frozen=True, slots=True)
class ReplyFailed:
    """The stream said `error`, broke the event grammar, or ended without `message_stop`. Nothing follows.

    Attributes:
        error_type: the API's `error.type` (`overloaded_error`), or `malformed` / `incomplete` for the two others.
        text: what happened, for the user.
        error: the API's whole `error` object where there was one.
    """

    error_type: str
    text: str
    error: Json = field(default_factory=dict)


ReplyEvent = (
    ReplyStarted
    | BlockStarted
    | TextDelta
    | ThinkingDelta
    | InputDelta
    | BlockClosed
    | ReplyEnded
    | ReplyFailed
    | OtherEvent
)


class ReplyReader:
    """Turns the bytes of a streamed reply into events, whatever the chunk boundaries.

    Never raises for what the stream holds: a broken stream ends in one `ReplyFailed`. A reader reads one reply.
    """

    def feed(self, data: bytes) -> list[ReplyEvent]:
        """Take the next bytes and return what they complete, in order."""
        raise NotImplementedError

    def feed_event(self, event: Json) -> list[ReplyEvent]:
        """Take one decoded event (for those whose SDK reads the stream) and return what it completes."""
        raise NotImplementedError

    def close(self) -> list[ReplyEvent]:
        """Say that the bytes ended; returns a `ReplyFailed` when `message_stop` has not been seen."""
        raise NotImplementedError

    def partial(self) -> list[Json]:
        """Return the closed blocks so far, and the text of an open text block: what a cancelled turn may keep."""
        raise NotImplementedError
