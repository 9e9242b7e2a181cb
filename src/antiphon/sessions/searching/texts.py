"""What is said in a record: texts that a person may look for. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from antiphon.protocol.messages import Json, blocks_of, kind_of, text_of, tool_results, tool_uses
from antiphon.sessions.records import Answered, Compacted, Named, Prompted, Record, Replied

Role = Literal["name", "prompt", "reply", "summary", "note", "call", "result"]
KINDS = frozenset({"named", "prompted", "replied", "answered", "compacted"})
"""Kinds of records that say something. What a call came to stands in `answered` once more."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text, and whose it is."""

    role: Role
    text: str


def texts_of(record: Record) -> list[Text]:
    """Return what a record says, in order; without thinking, which is nobody's to read, and without empty texts."""
    return [text for text in _texts(record) if text.text and not text.text.isspace()]


def _texts(record: Record) -> Iterator[Text]:
    match record:
        case Named(name=name):
            yield Text("name", name)
        case Prompted(content=content):
            yield Text("prompt", _text(content))
        case Replied(content=content):
            yield Text("reply", _text(content))
            for call in tool_uses({"content": list(content)}):
                yield Text("call", call_text(call))
        case Answered(content=content):
            for result in tool_results({"content": list(content)}):
                yield Text("result", text_of(result))
            yield Text("note", _text(content))
        case Compacted(messages=messages) if messages:
            yield Text("summary", _text(blocks_of(messages[0])))
        case _:
            return


def call_text(call: Json) -> str:
    """Return what a call says: the name of its tool, and every text in its arguments, a line each."""
    return "\n".join([str(call.get("name", "")), *strings_in(call.get("input"))])


def _text(content: "tuple[Json, ...] | list[Json]") -> str:
    return "\n".join(text_of({"content": [block]}) for block in content if kind_of(block) == "text")


def strings_in(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, in order, but for the names of fields."""
    waiting: list[Any] = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, str):
            yield current
        elif isinstance(current, dict):
            waiting += reversed(list(cast("Json", current).values()))
        elif isinstance(current, list):
            waiting += reversed(cast("list[Any]", current))
