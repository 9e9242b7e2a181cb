"""JSON that knows where in its text everything stands, so that an edit changes what was edited and nothing else.

Numbers, white space, escapes, the order of keys and whatever nobody understands keep their very characters. Containers
down to a certain depth are walked here, to note where their members stand; what lies deeper is decoded at once.

Knows nothing of conversations. Raises `Unreadable` with a position, and nothing else.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.transcripts.aligning import align
from antiphon.transcripts.document import Unreadable

DEPTH = 7
"""How deep containers are walked: a block of a message of a request within two wrappers, and what it holds."""
_BLANK = re.compile(r"[ \t\n\r]*")
_INDENT = re.compile(r"\s*[\[{](\r?\n)([ \t]+)")
_ESCAPED = re.compile(r"\\u(?!00[01])", re.IGNORECASE)
"""An escape that was a choice: control characters have to be written so."""


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of a container: where its key (empty in arrays) and its value stand."""

    key_start: int
    key_end: int
    start: int
    end: int


@dataclass(slots=True)
class _Layout:
    """Where a container stands, and its members: by key, or by index."""

    value: Any
    start: int
    end: int = 0
    members: dict[Any, _Member] = field(default_factory=dict[Any, _Member])


class Located:
    """One JSON value and its text.

    Attributes:
        value: what the text says.
        text: the text as it is, with whatever white space stands around the value.
        cut_at: where the text of an unclosed array was cut off, None where all is there. See `salvage`.
    """

    def __init__(self, text: str, *, depth: int = DEPTH, salvage: bool = False) -> None:
        """Read a text.

        Args:
            text: one JSON value, white space around it.
            depth: how deep containers are walked.
            salvage: take an array that ends in the middle for what was whole in it.

        Raises:
            Unreadable: it is not JSON; the text says where and why.
        """
        self.text = text
        self.cut_at: int | None = None
        self._layouts: dict[int, _Layout] = {}
        self._salvage = salvage
        try:
            start = self._skip(0)
            self.value, end = self._read(start, depth)
            end = self._skip(end)
        except RecursionError:
            raise Unreadable("nested too deeply to be read") from None
        if end != len(text) and self.cut_at is None:
            raise Unreadable(f"something follows the JSON value, at {self.position(end)}")
        self._style = _Style(text)

    def position(self, at: int) -> str:
        """Return a place in the text in words, counted from 1 as editors do."""
        line = self.text.count("\n", 0, at) + 1
        return f"line {line} column {at - self.text.rfind(chr(10), 0, at)}"

    def line_of(self, value: object) -> int:
        """Return the line, from 1, on which a container that was read begins; 0 where it is none of this text."""
        layout = self._layout(value)
        return self.text.count("\n", 0, layout.start) + 1 if layout else 0

    def lines_of(self, values: Sequence[object]) -> list[int]:
        """Return the lines at which containers begin that follow one another; linear."""
        lines: list[int] = []
        line, at = 1, 0
        for value in values:
            layout = self._layout(value)
            if layout and layout.start >= at:
                line += self.text.count("\n", at, layout.start)
                at = layout.start
            lines.append(line)
        return lines

    def rendered(self, value: Any) -> str:
        """Return the text with another value in place of the one that was read.

        Everything that is the very same object keeps its characters; what was edited keeps those of its members
        that were not.

        Raises:
            Unreadable: the value cannot be written as JSON.
        """
        if value is self.value and self.cut_at is None:
            return self.text
        start = self._skip(0)
        layout = self._layout(self.value)
        end = layout.end if layout else len(self.text.rstrip(" \t\r\n"))
        try:
            return self.text[:start] + self._render(value, self.value, "") + self.text[end:]
        except (RecursionError, ValueError, TypeError) as error:
            raise Unreadable(f"cannot be written as JSON: {error}") from None

    # Reading.

    def _skip(self, at: int) -> int:
        found = _BLANK.match(self.text, at)
        return found.end() if found else at

    def _read(self, at: int, depth: int) -> tuple[Any, int]:
        opening = self.text[at : at + 1]
        if depth and opening == "{":
            return self._read_object(at, depth)
        if depth and opening == "[":
            return self._read_array(at, depth)
        return self._decode(at)

    def _decode(self, at: int) -> tuple[Any, int]:
        try:
            return _DECODER.raw_decode(self.text, at)
        except json.JSONDecodeError as error:
            raise Unreadable(f"not JSON: {error.msg}, at {self.position(error.pos)}") from None
        except ValueError as error:
            raise Unreadable(f"not JSON: {error}, at {self.position(at)}") from None

    def _read_array(self, start: int, depth: int) -> tuple[list[Any], int]:
        values: list[Any] = []
        layout = _Layout(values, start)
        self._layouts[id(values)] = layout
        whole = depth == DEPTH and self._salvage
        at = self._skip(start + 1)
        if self.text[at : at + 1] != "]":
            while True:
                try:
                    value, end = self._read(at, depth - 1)
                    after = self._skip(end)
                    last = self._delimiter(after, "]")
                except Unreadable:
                    if not whole:
                        raise
                    return self._cut(layout, values)
                layout.members[len(values)] = _Member(at, at, at, end)
                values.append(value)
                at = after
                if last:
                    break
                at = self._skip(at + 1)
        layout.end = at + 1
        return values, layout.end

    def _cut(self, layout: _Layout, values: list[Any]) -> tuple[list[Any], int]:
        """End the outermost array behind the last value in it that is whole."""
        self.cut_at = layout.members[len(values) - 1].end if values else layout.start + 1
        layout.end = len(self.text)
        return values, layout.end

    def _read_object(self, start: int, depth: int) -> tuple[Json, int]:
        value: Json = {}
        layout = _Layout(value, start)
        self._layouts[id(value)] = layout
        twice = False
        at = self._skip(start + 1)
        if self.text[at : at + 1] != "}":
            while True:
                if self.text[at : at + 1] != '"':
                    raise Unreadable(f"not JSON: a key in double quotes is wanted, at {self.position(at)}")
                key, key_end = self._decode(at)
                colon = self._skip(key_end)
                if self.text[colon : colon + 1] != ":":
                    raise Unreadable(f"not JSON: a colon is wanted, at {self.position(colon)}")
                begin = self._skip(colon + 1)
                twice = twice or key in value
                value[key], end = self._read(begin, depth - 1)
                layout.members[key] = _Member(at, key_end, begin, end)
                at = self._skip(end)
                if self._delimiter(at, "}"):
                    break
                at = self._skip(at + 1)
        layout.end = at + 1
        if twice:
            # The last of equal keys counts. Edited, such an object is written anew, with each key once.
            layout.members.clear()
        return value, layout.end

    def _delimiter(self, at: int, closing: str) -> bool:
        """Say whether a container ends here; else it goes on."""
        found = self.text[at : at + 1]
        if found not in {closing, ","} or not found:
            raise Unreadable(f"not JSON: a comma or {closing} is wanted, at {self.position(at)}")
        return found == closing

    # Writing.

    def _layout(self, value: object) -> _Layout | None:
        layout = self._layouts.get(id(value))
        return layout if layout and layout.value is value else None

    def _render(self, new: Any, old: Any, pad: str) -> str:
        own = self._layout(new)
        if own and self.cut_at is None:
            return self.text[own.start : own.end]
        if own and new is not self.value:
            return self.text[own.start : own.end]
        layout = self._layout(old)
        if layout and layout.members and is_object(new) and is_object(old):
            return self._render_object(new, old, layout, pad)
        if layout and layout.members and is_array(new) and is_array(old):
            return self._render_array(new, old, layout, pad)
        return self._fresh(new, pad)

    def _render_array(self, new: list[Any], old: list[Any], layout: _Layout, pad: str) -> str:
        if not new:
            return "[]"
        spans = list(layout.members.values())
        opening = self.text[layout.start + 1 : spans[0].start]
        comma = self.text[spans[0].end : spans[1].start] if len(spans) > 1 else "," + (opening or self._style.space)
        # Of an array that was cut off nothing tells how it would have ended.
        closing = self.text[spans[-1].end : layout.end - 1] if self.cut_at is None or old is not self.value else None
        if closing is None:
            closing = f"{self._style.newline}{pad}" if "\n" in opening else ""
        inner = opening.rpartition("\n")[2] if "\n" in opening else pad
        items: list[str] = []
        for value, origin in zip(new, align(old, new), strict=True):
            if origin is not None and value is old[origin]:
                items.append(self.text[spans[origin].start : spans[origin].end])
            else:
                items.append(self._render(value, None if origin is None else old[origin], inner))
        return f"[{opening}{comma.join(items)}{closing}]"

    def _render_object(self, new: Json, old: Json, layout: _Layout, pad: str) -> str:
        if not new:
            return "{}"
        spans = list(layout.members.values())
        opening = self.text[layout.start + 1 : spans[0].key_start]
        comma = self.text[spans[0].end : spans[1].key_start] if len(spans) > 1 else "," + (opening or self._style.space)
        colon = self.text[spans[0].key_end : spans[0].start]
        closing = self.text[spans[-1].end : layout.end - 1]
        inner = opening.rpartition("\n")[2] if "\n" in opening else pad
        items: list[str] = []
        for key, value in new.items():
            span = layout.members.get(key)
            if span and value is old[key]:
                items.append(self.text[span.key_start : span.end])
            else:
                head = self.text[span.key_start : span.start] if span else self._style.dumps(key) + colon
                items.append(head + self._render(value, old[key] if span else None, inner))
        return f"{{{opening}{comma.join(items)}{closing}}}"

    def _fresh(self, value: Any, pad: str, depth: int = 4) -> str:
        """Write what has no text yet; parts of it may have."""
        own = self._layout(value)
        if own:
            return self.text[own.start : own.end]
        if not depth or not value or not (is_object(value) or is_array(value)):
            return self._style.dumps(value, pad)
        style = self._style
        inner = pad + style.indent
        opening, closing = (style.newline + inner, style.newline + pad) if style.indent else ("", "")
        comma = "," + (opening or style.space)
        if is_object(value):
            items = [f"{style.dumps(key)}{style.colon}{self._fresh(v, inner, depth - 1)}" for key, v in value.items()]
            return f"{{{opening}{comma.join(items)}{closing}}}"
        items = [self._fresh(item, inner, depth - 1) for item in value]
        return f"[{opening}{comma.join(items)}{closing}]"


class _Style:
    """How a text is laid out, as its first lines tell."""

    def __init__(self, text: str) -> None:
        head = text[:4096]
        found = _INDENT.match(head)
        self.newline, self.indent = found.groups() if found else ("\n", "")
        self.colon = ": " if '": ' in head or self.indent else ":"
        self.space = " " if not self.indent and '", "' in head else ""
        self.ascii = text.isascii() and _ESCAPED.search(text) is not None

    def dumps(self, value: Any, pad: str = "") -> str:
        """Return a value as text in this style; `pad` stands before the line it begins on."""
        text = self._dumps(value, ascii_only=self.ascii)
        # Half of a surrogate pair is no text for UTF-8.
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            text = self._dumps(value, ascii_only=True)
        return text.replace("\n", self.newline + pad) if self.indent else text

    def _dumps(self, value: Any, *, ascii_only: bool) -> str:
        comma = "," if self.indent else "," + self.space
        return json.dumps(
            value,
            ensure_ascii=ascii_only,
            allow_nan=False,
            indent=self.indent or None,
            separators=(comma, self.colon),
        )
