"""What an edit changed, as a short diff."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from antiphon.tools.text import quantity

_AROUND = 2
"""Lines shown before and after a change."""
_MOST = 80
"""Lines of diff shown in all."""
_WIDEST = 400
"""Characters shown of one line."""


@dataclass(frozen=True, slots=True)
class _Hunk:
    """Lines that were replaced by others, and the unchanged ones around them; `line` is in the new file."""

    line: int
    before: Sequence[str]
    old: Sequence[str]
    new: Sequence[str]
    after: Sequence[str]

    def lines(self) -> Iterator[str]:
        yield f"@@ line {self.line} @@"
        for sign, texts in ((" ", self.before), ("-", self.old), ("+", self.new), (" ", self.after)):
            yield from (_line(sign, text) for text in texts)


def _line(sign: str, text: str) -> str:
    if len(text) > _WIDEST:
        return f"{sign}{text[:_WIDEST]}..."
    return f"{sign}{text}" if text else sign.strip()


def changes(text: str, starts: Sequence[int], old: str, new: str) -> str:
    """Return a diff of the replacement of `old` by `new` at these places of `text`, cut when it is long."""
    shown: list[str] = []
    spans = _spans(text, starts, old, new)
    grown = 0
    for number, (first, last, replaced) in enumerate(spans):
        hunk = _hunk(text, first, last, replaced, grown)
        grown += len(hunk.new) - len(hunk.old)
        lines = list(hunk.lines())
        if len(shown) + len(lines) <= _MOST:
            shown += lines
            continue
        more = sum(1 for _ in spans)
        if number == 0:
            shown = [*lines[:_MOST], f"... {len(lines) - _MOST:,} more lines of this change"]
        else:
            more += 1
        shown += [f"... {quantity(more, 'more change')}"] if more else []
        break
    return "\n".join(shown)


def _spans(text: str, starts: Sequence[int], old: str, new: str) -> Iterator[tuple[int, int, str]]:
    """Yield each run of lines with replacements in it: where it begins and ends, and what it becomes."""
    at = 0
    while at < len(starts):
        first = text.rfind("\n", 0, starts[at]) + 1
        parts: list[str] = []
        done = first
        last = first
        while at < len(starts) and (not parts or starts[at] <= last):
            parts += [text[done : starts[at]], new]
            done = starts[at] + len(old)
            last = _line_end(text, done)
            at += 1
        parts.append(text[done:last])
        yield first, last, "".join(parts)


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _hunk(text: str, first: int, last: int, replaced: str, grown: int) -> _Hunk:
    old = text[first:last].split("\n")
    new = replaced.split("\n")
    if last == len(text):  # behind the end of the last line there is no other line
        old, new = (lines[:-1] if lines[-1] == "" else lines for lines in (old, new))
    same_before = _common(old, new)
    same_after = min(_common(old[::-1], new[::-1]), len(old) - same_before, len(new) - same_before)
    head = [*_lines_above(text, first), *old[:same_before]]
    tail = [*old[len(old) - same_after :], *_lines_below(text, last + 1)]
    line = text.count("\n", 0, first) + 1 + same_before + grown
    return _Hunk(
        line,
        head[-_AROUND:],
        old[same_before : len(old) - same_after],
        new[same_before : len(new) - same_after],
        tail[:_AROUND],
    )


def _lines_above(text: str, at: int) -> list[str]:
    """Return the lines before a line's start: few, however long the text is."""
    lines: list[str] = []
    while at > 0 and len(lines) < _AROUND:
        start = text.rfind("\n", 0, at - 1) + 1
        lines.insert(0, text[start : at - 1])
        at = start
    return lines


def _lines_below(text: str, at: int) -> list[str]:
    lines: list[str] = []
    while at < len(text) and len(lines) < _AROUND:
        end = _line_end(text, at)
        lines.append(text[at:end])
        at = end + 1
    return lines


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
