"""A session as a person reads it: what was said, and each call with what it came to, from beginning to end.

Unlike the conversation of `replay.py`, which is what the model is sent next, this goes on over compactions, and keeps
results that were cleared since. What was taken back is left out. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from antiphon.engine.events import Finished
from antiphon.protocol.messages import (
    SERVER_TOOL_USE_TYPES,
    Json,
    blocks_of,
    is_array,
    is_object,
    is_server_tool_result,
    kind_of,
    text_of,
)
from antiphon.sessions.records import (
    Answered,
    Begun,
    Compacted,
    Entry,
    Forked,
    Mended,
    Prompted,
    Record,
    Repaired,
    Replied,
    RunEnded,
    Truncated,
)
from antiphon.sessions.replay import State
from antiphon.sessions.tokens import NO_TOKENS, Tokens, tokens_of


@dataclass(slots=True)
class Call:
    """A call.

    Attributes:
        id: of the call.
        name: the tool's name.
        input: its arguments.
        result: the text of what it came to; None where the session has no result of it.
        media: images and documents of the result, as blocks.
        is_error: it did not do what was asked.
    """

    id: str
    name: str
    input: Json
    result: str | None = None
    media: tuple[Json, ...] = ()
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Thought:
    """What the model thought, where the API tells."""

    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the user said.

    Attributes:
        entry: number of its record.
        at: when it was said, in seconds since 1970.
        text: what was said.
        media: images and documents that came with it, as blocks.
    """

    entry: int
    at: float
    text: str
    media: tuple[Json, ...] = ()


@dataclass(slots=True)
class Reply:
    """What the model said.

    Attributes:
        entry: number of its record.
        at: when it was complete, in seconds since 1970.
        parts: text, thoughts and calls, in order.
        model: which model.
        tokens: what it used.
        interrupted: the user stopped it.
    """

    entry: int
    at: float
    parts: list[str | Thought | Call] = field(default_factory=list[str | Thought | Call])
    model: str = ""
    tokens: Tokens = NO_TOKENS
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened, or that was told to the model beside results.

    Attributes:
        entry: number of its record.
        at: when, in seconds since 1970.
        what: happened, as a sentence or two words.
        text: all of it, where there is more.
    """

    entry: int
    at: float
    what: str
    text: str = ""


Item = Prompt | Reply | Note


class _Story:
    """Follows the records. An item is known by how many messages stood before it, so that it can be taken back."""

    def __init__(self) -> None:
        self.items: list[tuple[int, Item]] = []
        self._state = State(Begun("", ""))
        self._calls: dict[str, Call] = {}

    def take(self, entry: Entry) -> None:
        before = len(self._state.messages)
        self._state.take(entry)
        match entry.record:
            case Truncated(count=count):
                self.items = [(place, item) for place, item in self.items if place < count]
            case Compacted() | Repaired():
                # From here on places count in another conversation.
                self.items = [(-1, item) for _, item in self.items]
            case Finished(id=call_id, result=result) if call_id in self._calls:
                content = result.content if isinstance(result.content, str) else list(result.content)
                self._finish(call_id, {"content": content, "is_error": result.is_error})
            case Answered(content=content):
                for block in content:
                    if kind_of(block) == "tool_result":
                        self._finish(str(block.get("tool_use_id")), block)
            case _:
                pass
        item = self._item(entry.number, entry.at, entry.record)
        if item is not None:
            about_session = isinstance(entry.record, Compacted | Repaired | Mended | Forked)
            self.items.append((-1 if about_session else before, item))

    def _item(self, number: int, at: float, record: Record) -> Item | None:  # noqa: PLR0911  (one line per kind)
        match record:
            case Prompted(content=content):
                return Prompt(number, at, _text(content), _media(content))
            case Replied():
                return self._reply(number, at, record)
            case Answered(content=content) if text := _text(content):
                return Note(number, at, "told with the results", text)
            case Compacted(messages=messages):
                return Note(number, at, "the conversation was summed up", text_of(messages[0]) if messages else "")
            case Repaired(found=found):
                return Note(number, at, "the conversation was repaired", "\n".join(found))
            case Mended(found=found):
                return Note(number, at, "the session's file was mended", "\n".join(found))
            case Forked():
                return Note(number, at, "forked here")
            case RunEnded(stop_reason=reason, error=error) if reason != "end_turn":
                return Note(number, at, f"the run ended: {reason.replace('_', ' ')}", error)
            case _:
                return None

    def _reply(self, number: int, at: float, record: Replied) -> Reply:
        model = record.reply.get("model")
        reply = Reply(
            number,
            at,
            model=model if isinstance(model, str) else "",
            tokens=tokens_of(record.reply),
            interrupted=record.interrupted,
        )
        for block in record.content:
            kind = kind_of(block)
            if kind == "text":
                reply.parts.append(str(block.get("text", "")))
            elif kind == "thinking" and block.get("thinking"):
                reply.parts.append(Thought(str(block["thinking"])))
            elif kind == "tool_use" or kind in SERVER_TOOL_USE_TYPES:
                arguments = block.get("input")
                call = Call(str(block.get("id")), str(block.get("name")), arguments if is_object(arguments) else {})
                self._calls[call.id] = call
                reply.parts.append(call)
            elif is_server_tool_result(block):
                self._finish(str(block.get("tool_use_id")), block)
        return reply

    def _finish(self, call_id: str, result: Json) -> None:
        call = self._calls.get(call_id)
        if call is None:
            return
        content = result.get("content")
        blocks = blocks_of(result)
        if not is_object(content) and all(kind_of(block) in {"text", "image", "document"} for block in blocks):
            call.result, call.media = _text(blocks), _media(blocks)
        else:
            call.result = "\n".join(_server_result(content))
        call.is_error = result.get("is_error") is True


def told(entries: Iterable[Entry]) -> list[Item]:
    """Return what these records tell a person, in order."""
    story = _Story()
    for entry in entries:
        story.take(entry)
    return [item for _, item in story.items]


def _text(content: Iterable[Json]) -> str:
    return "\n".join(text_of({"content": [block]}) for block in content if kind_of(block) == "text")


def _media(content: Iterable[Json]) -> tuple[Json, ...]:
    return tuple(block for block in content if kind_of(block) in {"image", "document"})


def _server_result(content: Any) -> Iterable[str]:
    """Yield lines for the result of a tool that the API ran: what a person can read of it."""
    for block in content if is_array(content) else [content]:
        if isinstance(block, Mapping):
            names = ("title", "url", "text", "stdout", "stderr", "error_code", "content")
            found = (cast("Json", block).get(name) for name in names)
            yield " ".join(text for text in found if isinstance(text, str) and text) or "(nothing to read)"
