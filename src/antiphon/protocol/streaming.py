"""Server-sent events of a streamed reply, told as finished content blocks the moment each one closes.

Knows the event grammar of the Messages API. Does not know where bytes come from, or what is done with a block.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from antiphon.protocol.decoding import decode, decode_object
from antiphon.protocol.encoding import without_lone_surrogates
from antiphon.protocol.messages import Json
from antiphon.protocol.sse import EventSplitter


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

    Never raises for what the stream holds: a broken stream ends in one `ReplyFailed`. A reader reads one reply, given
    either as bytes (`feed`) or as decoded events (`feed_event`), in time linear in its size.
    """

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._message: Json | None = None
        self._blocks: list[_Block] = []
        self._open: dict[int, _Block] = {}
        self._highest_index = -1
        self._over = False

    def feed(self, data: bytes) -> list[ReplyEvent]:
        """Take the next bytes and return what they complete, in order."""
        events: list[ReplyEvent] = []
        if not self._over:
            for name, content in self._splitter.feed(data):
                self._decode(name, content, events)
                if self._over:
                    break
        return events

    def feed_event(self, event: Json) -> list[ReplyEvent]:
        """Take one decoded event (for those whose SDK reads the stream) and return what it completes."""
        events: list[ReplyEvent] = []
        if not self._over:
            self._take(event, events)
        return events

    def close(self) -> list[ReplyEvent]:
        """Say that the bytes ended; returns a `ReplyFailed` when `message_stop` has not been seen."""
        events: list[ReplyEvent] = []
        if self._over:
            return events
        # Some servers forget the blank line after the last event. An event that is whole is not doubted for that.
        _, content = self._splitter.rest()
        with contextlib.suppress(ValueError):
            self._take(decode(content), events)
        if not self._over:
            where = "before it began" if self._message is None else f"after {len(self._blocks)} content blocks"
            self._fail(events, "incomplete", f"The reply broke off {where}, without message_stop.")
        return events

    def partial(self) -> list[Json]:
        """Return the closed blocks so far, and the text of an open text block: what a cancelled turn may keep."""
        kept = (block.closed or block.text_so_far() for block in self._blocks)
        return [block for block in kept if block is not None]

    def _decode(self, name: bytes, data: bytes, events: list[ReplyEvent]) -> None:
        try:
            event: Any = decode(data)
        except ValueError as error:
            if name == b"error":
                self._fail(events, "api_error", data.decode(errors="replace"))
            else:
                self._malformed(events, f"an event is not JSON: {error}")
            return
        if isinstance(event, dict) and "type" not in event and name:
            event = {"type": name.decode(errors="replace"), **cast("Json", event)}
        self._take(event, events)

    def _take(self, event: Any, events: list[ReplyEvent]) -> None:
        try:
            kind = event.get("type")
            if kind == "content_block_delta":
                self._open[event["index"]].add(event, events)
            elif kind == "content_block_start":
                self._start_block(event["index"], event["content_block"], events)
            elif kind == "content_block_stop":
                events.append(self._open.pop(event["index"]).close())
            elif kind == "message_delta":
                self._change_message(event)
            elif kind == "message_start":
                self._start_message(event["message"], events)
            elif kind == "message_stop":
                self._end(events)
            elif kind == "error" or (kind is None and "error" in event):
                self._report(event.get("error"), events)
            else:
                events.append(OtherEvent(event))
        except _Malformed as error:
            self._malformed(events, str(error))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # Shapes are not checked one by one: what is missing, is of another type, or names a block that is
            # not open shows here.
            self._malformed(events, f"{type(error).__name__} {error} in {_excerpt(event)}")

    def _start_message(self, message: Json, events: list[ReplyEvent]) -> None:
        if self._message is not None:
            raise _Malformed("message_start came twice")
        if message.get("content"):
            raise _Malformed("message_start holds content already")
        self._message = {**message, "usage": dict(message.get("usage") or {})}
        events.append(ReplyStarted(message))

    def _start_block(self, index: Any, first: Json, events: list[ReplyEvent]) -> None:
        if self._message is None:
            raise _Malformed("content_block_start came before message_start")
        if type(index) is not int or index <= self._highest_index:
            raise _Malformed(f"content_block_start has the index {index!r} after {self._highest_index}")
        self._highest_index = index
        block = self._open[index] = _Block(len(self._blocks), first)
        self._blocks.append(block)
        events.append(BlockStarted(block.index, first))
        block.tell_first_text(events)
        if first["type"] == "fallback":
            # Another model took over: from here on it is the one that answers.
            model = first.get("to", {}).get("model")
            self._message["model"] = model or self._message.get("model")

    def _change_message(self, event: Json) -> None:
        if self._message is None:
            raise _Malformed("message_delta came before message_start")
        usage: Json = self._message["usage"]
        # Counts are cumulative, so they replace; null means that there is nothing new to say.
        _update(usage, event.get("usage") or {})
        _update(self._message, event["delta"])
        _update(self._message, {key: event[key] for key in event if key not in _DELTA_ENVELOPE})

    def _end(self, events: list[ReplyEvent]) -> None:
        if self._message is None:
            raise _Malformed("message_stop came before message_start")
        if self._open:
            raise _Malformed(f"message_stop came before content_block_stop of {sorted(self._open)}")
        if self._message.get("stop_reason") is None:
            raise _Malformed("message_stop came without a stop reason")
        self._message["content"] = [block.closed for block in self._blocks]
        self._over = True
        events.append(ReplyEnded(self._message))

    def _report(self, error: Any, events: list[ReplyEvent]) -> None:
        told = cast("Json", error) if isinstance(error, dict) else {"message": str(error)}
        kind = str(told.get("type") or "api_error")
        self._fail(events, kind, str(told.get("message") or kind), told)

    def _malformed(self, events: list[ReplyEvent], what: str) -> None:
        self._fail(events, "malformed", f"The reply does not keep to the protocol: {what}.")

    def _fail(self, events: list[ReplyEvent], error_type: str, text: str, error: Json | None = None) -> None:
        self._over = True
        events.append(ReplyFailed(error_type, text, error or {}))


def message_events(message: Any) -> list[ReplyEvent]:
    """Return the events of a reply that came whole, from a server that does not stream.

    What is no message of the API ends in `ReplyFailed`, as in a stream.
    """
    reader = ReplyReader()
    if isinstance(message, dict):
        answer = cast("Json", message)
        if isinstance(answer.get("content"), list):
            return [event for told in _as_stream(answer) for event in reader.feed_event(told)]
        if "error" in answer:
            return reader.feed_event({"type": "error", "error": answer["error"]})
    return [ReplyFailed("malformed", f"The answer is not a message: {_excerpt(message)}.")]


def _as_stream(message: Json) -> Iterator[Json]:
    end = {key: message.get(key) for key in ("stop_reason", "stop_sequence")}
    yield {"type": "message_start", "message": {**message, "content": [], **dict.fromkeys(end)}}
    for index, block in enumerate(message["content"]):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": end}
    yield {"type": "message_stop"}


class _Malformed(Exception):
    """The events break the grammar."""


class _Block:
    """A content block while it is told."""

    __slots__ = ("_changes", "_field", "_first", "_half", "_pieces", "closed", "index")

    def __init__(self, index: int, first: Json) -> None:
        self.index = index
        self.closed: Json | None = None
        self._first = first
        self._pieces: list[str] = []
        self._changes: Json = {}
        self._half = ""
        kind: str = first["type"]
        # The field that deltas add to. Of a block nobody has heard of, the first delta says it.
        self._field = "input" if kind.endswith("tool_use") else kind if kind in _TEXT_BLOCKS else None

    def tell_first_text(self, events: list[ReplyEvent]) -> None:
        """Tell the text that the block began with: the API sends none, others send all of it."""
        if self._field in _TEXT_BLOCKS and (text := self._first.get(self._field)):
            self.add({"delta": {"type": f"{self._field}_delta", self._field: text}}, events)

    def add(self, event: Json, events: list[ReplyEvent]) -> None:
        """Take a `content_block_delta`."""
        delta = event["delta"]
        kind = delta["type"]
        appending = _APPENDING.get(kind)
        if appending is not None:
            field, key, told = appending
            if field != self._field:
                if self._field is not None:
                    raise _Malformed(f"a {kind} came for a block of the type {self._first['type']}")
                self._field = field
            piece: str = delta[key]
            if self._half or not piece.isascii():
                piece = self._whole(piece)
            if piece:
                self._pieces.append(piece)
                events.append(told(self.index, piece))
        elif kind == "signature_delta":
            self._changes["signature"] = delta["signature"]
        elif kind == "citations_delta":
            self._changes.setdefault("citations", list(self._first.get("citations") or ())).append(delta["citation"])
        elif kind == "compaction_delta":
            self._changes.update({key: delta[key] for key in delta if key != "type"})
        else:
            events.append(OtherEvent(event))

    def close(self) -> BlockClosed:
        """Take the `content_block_stop`."""
        if self._half:
            self._pieces.append(_REPLACEMENT)
        block, problem = {**self._first, **self._changes}, None
        if self._field == "input":
            block["input"], problem = self._arguments()
        elif self._field is not None:
            block[self._field] = "".join(self._pieces)
        self._pieces = []
        self.closed = block
        return BlockClosed(self.index, block, problem)

    def text_so_far(self) -> Json | None:
        """Return an open text block as it stands, None when it holds nothing or is no text."""
        if self._first["type"] != "text" or not self._pieces:
            return None
        return {**self._first, **self._changes, "text": "".join(self._pieces)}

    def _arguments(self) -> tuple[Json, str | None]:
        raw = "".join(self._pieces)
        if not raw or raw.isspace():
            given: Any = self._first.get("input") or {}
            if isinstance(given, dict):
                return cast("Json", given), None
            raw = json.dumps(given)
        try:
            return decode_object(raw), None
        except ValueError as error:
            return {"INVALID_JSON": raw}, f"the arguments cannot be used: {error}"

    def _whole(self, piece: str) -> str:
        # Servers that count in UTF-16 may cut between the halves of a surrogate pair: the first waits for the other.
        piece = self._half + piece
        self._half = ""
        if "\ud800" <= piece[-1] <= "\udbff":
            self._half, piece = piece[-1], piece[:-1]
        try:
            piece.encode()
        except UnicodeEncodeError:
            return without_lone_surrogates(piece)
        return piece


def _update(target: Json, changes: Json) -> None:
    for key, value in changes.items():
        if value is not None or key not in target:
            target[key] = value


def _excerpt(event: Any) -> str:
    text = repr(event)
    return text if len(text) <= _EXCERPT_CHARS else f"{text[:_EXCERPT_CHARS]}..."


_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_EXCERPT_CHARS = 200
_TEXT_BLOCKS = frozenset({"text", "thinking"})
_DELTA_ENVELOPE = frozenset({"type", "delta", "usage"})
_APPENDING = {
    "text_delta": ("text", "text", TextDelta),
    "thinking_delta": ("thinking", "thinking", ThinkingDelta),
    "input_json_delta": ("input", "partial_json", InputDelta),
}
