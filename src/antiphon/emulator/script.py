"""What the model says, turn by turn: the script of an emulator.

Knows what a script may hold. Does not know where it comes from, requests, streams or time. A script in YAML and one in
Python are the same structures; docs/emulator.md is their reference.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Annotated, Any

import msgspec

from antiphon.protocol.messages import Json

Seconds = Annotated[float, msgspec.Meta(ge=0)]


class After(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A point in a stream: after so many closed blocks, events or bytes. Exactly one is given.

    A point that the stream never reaches is its end.
    """

    blocks: int | None = None
    events: int | None = None
    bytes: int | None = None

    def __post_init__(self) -> None:
        if sum(count is not None for count in (self.blocks, self.events, self.bytes)) != 1:
            raise ValueError("exactly one of blocks, events and bytes is wanted")


_AT_FIRST = After(events=1)


class Fault(msgspec.Struct, tag_field="kind", forbid_unknown_fields=True, frozen=True):
    """Something that goes wrong while a reply is sent. The subclasses say what."""


class Refuse(Fault, tag="status", frozen=True):
    """An HTTP error instead of the reply. `type` and `message` are the API's for that status unless given.

    Attributes:
        status: 429, 500, 529 or any other.
        retry_after: seconds for the `retry-after` header.
        should_retry: the `x-should-retry` header, left out when None.
    """

    status: int
    retry_after: Seconds | None = None
    type: str | None = None
    message: str | None = None
    details: Json | None = None
    should_retry: bool | None = None


class ErrorEvent(Fault, tag="error", frozen=True):
    """An `error` event in the stream, after which nothing follows."""

    after: After = _AT_FIRST
    type: str = "overloaded_error"
    message: str = "Overloaded"


class Drop(Fault, tag="drop", frozen=True):
    """The connection goes: reset (RST), or only closed without the end of the HTTP body."""

    after: After = _AT_FIRST
    reset: bool = True


class End(Fault, tag="end", frozen=True):
    """The HTTP body ends properly, but the stream has no `message_stop` (nor the rest after the point)."""

    after: After = _AT_FIRST


class Stall(Fault, tag="stall", frozen=True):
    """Silence for some seconds, then the stream goes on."""

    seconds: Seconds
    after: After = _AT_FIRST


class Insert(Fault, tag="insert", frozen=True):
    """Something that does not belong there: an `event` of any type, or raw `data` that may be no event at all."""

    after: After = _AT_FIRST
    event: Json | None = None
    data: str | None = None

    def __post_init__(self) -> None:
        if (self.event is None) == (self.data is None):
            raise ValueError("exactly one of event and data is wanted")


class Pings(Fault, tag="pings", frozen=True):
    """`count` ping events, `every` so many seconds."""

    count: int
    every: Seconds = 0.0
    after: After = _AT_FIRST


class Block(msgspec.Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A content block of a reply. The subclasses are its types; these settings all of them have.

    Attributes:
        delay: seconds before the block begins.
        pace: seconds before each of its deltas; the reply's unless given.
        chunk: characters in one delta; the reply's unless given.
        omit: keys left out of the block, such as `id`.
        closes: whether `content_block_stop` is sent.
    """

    delay: Seconds = 0.0
    pace: Seconds | None = None
    chunk: int | None = None
    omit: list[str] = []
    closes: bool = True


class Text(Block, tag="text"):
    """Text."""

    text: str


class Thinking(Block, tag="thinking"):
    """Thinking. It is signed by the emulator unless a signature is given."""

    thinking: str
    signature: str | None = None


class RedactedThinking(Block, tag="redacted_thinking"):
    """Thinking that only the API can read; `data` is made by the emulator unless given."""

    data: str | None = None


class ToolUse(Block, tag="tool_use"):
    """The model asks for a tool.

    Attributes:
        name: the tool. One that the request did not offer is a fault worth playing.
        input: the arguments.
        id: the call's id, made by the emulator unless given. May repeat another, or hold forbidden characters.
        input_json: the arguments as text, sent as it stands: broken JSON goes here.
        cut_after: the reply is cut at `max_tokens` after so many characters of the arguments.
    """

    name: str
    input: Any = msgspec.field(default_factory=dict[str, Any])
    id: str | None = None
    input_json: str | None = None
    cut_after: int | None = None


class ServerToolUse(Block, tag="server_tool_use"):
    """A tool that the API runs itself, and its result, which follows as a block of its own.

    Attributes:
        name: `web_search`, `web_fetch`, ...
        input: the arguments.
        id: made by the emulator unless given.
        result: the `content` of the result block; without one the call stays open (as when a turn is paused).
    """

    name: str
    input: Json = {}
    id: str | None = None
    result: Any = None


class Raw(Block, tag="raw"):
    """A block of any form: `start` as it begins, its `deltas`, and `block` as it is in a reply that is not streamed."""

    start: Json
    deltas: list[Json] = []
    block: Json | None = None


AnyBlock = Text | Thinking | RedactedThinking | ToolUse | ServerToolUse | Raw
AnyFault = Refuse | ErrorEvent | Drop | End | Stall | Insert | Pings


class When(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a request must hold for a reply to be its answer: regular expressions, all of which must be found.

    Attributes:
        text: in the text of the last user message.
        result: in the text of one tool result of the last user message.
        model: in the name of the model.
    """

    text: str | None = None
    result: str | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        patterns = [pattern for pattern in (self.text, self.result, self.model) if pattern is not None]
        if not patterns:
            raise ValueError("one of text, result and model is wanted")
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None


class Reply(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One reply of the model.

    Attributes:
        content: blocks; a string is a text block.
        stop_reason: by default `max_tokens` if a call is cut, `tool_use` if there is a call, else `end_turn`.
        stop_sequence: with stop reason `stop_sequence`.
        stop_details: with stop reason `refusal`.
        when: the requests this reply is for; without it the reply has its place in the sequence.
        times: how often it is given: once in the sequence, always with `when`, unless said otherwise.
        delay: seconds before the first byte.
        pace: seconds before each delta.
        chunk: characters in one delta.
        pings: `ping` events after `message_start`.
        usage: fields that replace those of the accounted `usage`.
        faults: what goes wrong.
    """

    content: list[AnyBlock | str] = []
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Json | None = None
    when: When | None = None
    times: int | None = None
    delay: Seconds = 0.0
    pace: Seconds = 0.0
    chunk: int = 24
    pings: int = 1
    usage: Json = {}
    faults: list[AnyFault] = []

    def __post_init__(self) -> None:
        if self.chunk < 1:
            raise ValueError("chunk must be at least 1")
        if self.times is not None and self.times < 1:
            raise ValueError("times must be at least 1")

    @property
    def calls_tools(self) -> bool:
        """Whether the reply asks for client tools."""
        return any(isinstance(block, ToolUse) for block in self.content)


Answer = Reply | str | list[AnyBlock | str]
"""What a script's function may return: a reply, its text, or its blocks."""

Answering = Callable[[Json], Answer]
"""A function of the request that says what the model replies."""


@dataclass(frozen=True, slots=True)
class Script:
    """What a model replies, turn by turn.

    Attributes:
        replies: in sequence, each conversation with a place of its own; replies with `when` come first where they
            match. From Python, a function of the request may stand for a reply.
        loop: start again when the sequence is over, instead of saying so.
        side: what requests without tools are told in a script that calls tools (titles and the like).
        shared: all conversations share one place in the sequence.
    """

    replies: Sequence[Reply | str | Answering] = ()
    loop: bool = False
    side: str = "ok"
    shared: bool = False


ScriptSource = Script | Sequence[Reply | str | Answering] | Answering | str | PathLike[str] | None
"""Where a script comes from: itself, its replies, one function for all of them, YAML text, or a file."""


def reply(*content: AnyBlock | str, **settings: Any) -> Reply:
    """Make a reply from its blocks: `reply("I look.", ToolUse("read_file", {"path": "a"}), delay=0.1)`."""
    return Reply(content=list(content), **settings)
