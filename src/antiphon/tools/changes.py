"""What an edit changed, as a short diff."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

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
    hunks = _hunks(text, starts, old, new)
    for number, hunk in enumerate(hunks):
        lines = list(hunk.lines())
        if len(shown) + len(lines) > _MOST:
            if number == 0:
                shown = [*lines[:_MOST], f"... {len(lines) - _MOST:,} more lines of this change"]
            more = sum(1 for _ in hunks)
            shown += [f"... {more + (number > 0):,} more changes"] if more + (number > 0) else []
            break
        shown += lines
    return "\n".join(shown)


def _hunks(text: str, starts: Sequence[int], old: str, new: str) -> Iterator[_Hunk]:
    """Yield one hunk for each run of lines with replacements in it."""
    grown = 0
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
        hunk = _hunk(text, first, last, "".join(parts), grown)
        grown += len(hunk.new) - len(hunk.old)
        yield hunk


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
    above = text[:first].split("\n")[-1 - _AROUND : -1] if first else []
    below = text[last + 1 :].split("\n", _AROUND)[:_AROUND] if last + 1 < len(text) else []
    if text.endswith("\n") and below and below[-1] == "" and text.count("\n", last + 1) < _AROUND:
        below.pop()
    head = [*above, *old[:same_before]]
    tail = [*old[len(old) - same_after :], *below]
    line = text.count("\n", 0, first) + 1 + same_before + grown
    return _Hunk(
        line,
        head[-_AROUND:] if head else [],
        old[same_before : len(old) - same_after],
        new[same_before : len(new) - same_after],
        tail[:_AROUND],
    )


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
