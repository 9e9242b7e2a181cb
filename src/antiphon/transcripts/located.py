"""JSON that knows where in its text everything stands, so that an edit changes what was edited and nothing else.

Numbers, white space, escapes, the order of keys and whatever nobody understands keep their very characters, down to a
certain depth: what lies deeper is kept or written anew as a whole.

Knows nothing of conversations. Raises `Unreadable` with a position, and nothing else.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.transcripts.aligning import align
from antiphon.transcripts.document import Unreadable
from antiphon.transcripts.json_style import Style

DEPTH = 7
"""How deep edits keep characters: a block of a message of a request within two wrappers, and what it holds."""
_LONGEST_TOKEN = 6
"""How far before the end a cut token may begin that is reported as a whole: a word, or an escape."""
_BLANK = re.compile(r"[ \t\n\r]*")
_UNKNOWN: Any = object()


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

    def __init__(self, text: str, *, depth: int = DEPTH, salvage: bool = False, known: Any = _UNKNOWN) -> None:
        """Read a text.

        Args:
            text: one JSON value, white space around it.
            depth: how deep edits keep the characters of what they leave.
            salvage: take an array that ends in the middle for what was whole in it.
            known: what the text says, where that is known already.

        Raises:
            Unreadable: it is not JSON; the text says where and why.
        """
        self.text = text
        self.cut_at: int | None = None
        self._depth = depth
        if known is not _UNKNOWN:
            self.value = known
            return
        start = self._skip(0)
        try:
            self.value, end = self._decode(start)
        except Unreadable as error:
            if not salvage or text[start : start + 1] != "[" or not self._ends_early(error):
                raise
            self.value, self.cut_at = self._whole_elements(start)
            return
        end = self._skip(end)
        if end != len(text):
            raise Unreadable(f"something follows the JSON value, at {self.position(end)}")

    @cached_property
    def _style(self) -> Style:
        return Style(self.text)

    def position(self, at: int) -> str:
        """Return a place in the text in words, counted from 1 as editors do."""
        line = self.text.count("\n", 0, at) + 1
        return f"line {line} column {at - self.text.rfind(chr(10), 0, at)}"

    def lines_of(self, array: list[Any], depth: int) -> list[int]:
        """Return the lines, from 1, at which the elements of an array begin; linear.

        Args:
            array: one that was read.
            depth: how deep it stands, 0 for the outermost.
        """
        if "\n" not in self.text:
            return [1] * len(array)
        layouts: dict[int, _Layout] = {}
        self._walk(self._skip(0), self.value, depth + 1, layouts)
        found = layouts.get(id(array))
        lines: list[int] = []
        line, at = 1, 0
        for member in found.members.values() if found else ():
            line += self.text.count("\n", at, member.start)
            at = member.start
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
        if self.text[at : at + 1] > " ":
            return at
        found = _BLANK.match(self.text, at)
        return found.end() if found else at

    def _decode(self, at: int) -> tuple[Any, int]:
        try:
            return _DECODER.raw_decode(self.text, at)
        except json.JSONDecodeError as error:
            raise Unreadable(f"not JSON: {error.msg}, at {self.position(error.pos)}") from error
        except ValueError as error:
            raise Unreadable(f"not JSON: {error}, at {self.position(at)}") from None
        except RecursionError:
            raise Unreadable(f"nested too deeply to be read, at {self.position(at)}") from None

    def _ends_early(self, error: Unreadable) -> bool:
        """Say whether JSON is not wrong but cut off: the fault lies at its end, or in a string that has none."""
        cause = error.__cause__
        if not isinstance(cause, json.JSONDecodeError):
            return False
        return cause.msg.startswith("Unterminated") or cause.pos >= len(self.text.rstrip()) - _LONGEST_TOKEN

    def _whole_elements(self, start: int) -> tuple[list[Any], int]:
        """Return the elements of an array that are whole, and where the last of them ends."""
        values: list[Any] = []
        end = at = start + 1
        while True:
            try:
                value, after = self._decode(self._skip(at))
            except Unreadable:
                return values, end
            values.append(value)
            end = after
            at = self._skip(after)
            if self.text[at : at + 1] != ",":
                return values, end
            at += 1

    # Where containers stand is looked up when an edit needs it: most files are only read.

    @cached_property
    def _layouts(self) -> dict[int, _Layout]:
        layouts: dict[int, _Layout] = {}
        self._walk(self._skip(0), self.value, self._depth, layouts)
        return layouts

    def _walk(self, at: int, value: Any, depth: int, layouts: dict[int, _Layout]) -> int:
        """Note where a value stands that begins here; return where it ends."""
        if depth and is_object(value) and self.text[at] == "{":
            return self._walk_object(at, value, depth, layouts)
        if depth and is_array(value) and self.text[at] == "[":
            return self._walk_array(at, value, depth, layouts)
        return self._decode(at)[1]

    def _walk_array(self, start: int, value: list[Any], depth: int, layouts: dict[int, _Layout]) -> int:
        layout = layouts[id(value)] = _Layout(value, start)
        cut = value is self.value and self.cut_at is not None
        at = self._skip(start + 1)
        while len(layout.members) < len(value) if cut else self.text[at] != "]":
            place = len(layout.members)
            end = self._walk(at, value[place] if place < len(value) else None, depth - 1, layouts)
            layout.members[place] = _Member(at, at, at, end)
            at = self._skip(end)
            at = self._skip(at + 1) if self.text[at : at + 1] == "," else at
        layout.end = len(self.text) if cut else at + 1
        return layout.end

    def _walk_object(self, start: int, value: Json, depth: int, layouts: dict[int, _Layout]) -> int:
        layout = layouts[id(value)] = _Layout(value, start)
        twice = False
        at = self._skip(start + 1)
        while self.text[at] != "}":
            key, key_end = self._decode(at)
            begin = self._skip(self._skip(key_end) + 1)
            twice = twice or key in layout.members
            end = self._walk(begin, value.get(key), depth - 1, layouts)
            layout.members[key] = _Member(at, key_end, begin, end)
            at = self._skip(end)
            at = self._skip(at + 1) if self.text[at] == "," else at
        if twice:
            # The last of equal keys counts. Edited, such an object is written anew, with each key once.
            layout.members.clear()
        layout.end = at + 1
        return layout.end

    # Writing.

    def _layout(self, value: object) -> _Layout | None:
        layout = self._layouts.get(id(value))
        return layout if layout and layout.value is value else None

    def _source(self, value: object) -> str | None:
        """Return the text of a value that was read; None where there is none, or it was cut off."""
        layout = self._layout(value)
        if layout is None or (value is self.value and self.cut_at is not None):
            return None
        return self.text[layout.start : layout.end]

    def _render(self, new: Any, old: Any, pad: str) -> str:
        source = self._source(new)
        if source is not None:
            return source
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
        source = self._source(value)
        if source is not None:
            return source
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
