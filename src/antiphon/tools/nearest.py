"""What a text that was not found may have meant: the lines of the file that resemble it most.

The time is bounded: a model that misquotes a large file must not stall the others.
"""

import difflib
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence

_SECONDS = 0.25
_LINES = 20_000
"""Of a longer file this many lines are looked at."""
_CANDIDATES = 8
_WIDEST = 300
_SHOWN = 25
_COMPARED = 1200
_ENOUGH = 0.5
"""Likeness below which nothing is shown: it would only mislead."""
_NUMBERED = re.compile(r"^ *\d+\t", re.MULTILINE)


def nearest(text: str, wanted: str) -> str:
    """Return sentences about the part of `text` that is most like `wanted`, with its line numbers."""
    plain = _NUMBERED.sub("", wanted)
    if plain != wanted and plain in text.replace("\r\n", "\n"):
        return "It is there without the line numbers, which are not part of the file: leave them out."
    lines = text.replace("\r\n", "\n").split("\n")[:_LINES]
    sought = wanted.replace("\r\n", "\n").strip("\n").split("\n")
    start, likeness = _best(lines, sought)
    if likeness < _ENOUGH:
        return "Nothing in it resembles that text. Read the file again."
    found = lines[start : start + len(sought)]
    return f"{_difference(found, sought, start)} The nearest text is:\n{_shown(found, start)}"


def _best(lines: Sequence[str], sought: Sequence[str]) -> tuple[int, float]:
    """Return where the most similar run of lines begins, and how alike it is, from 0 to 1."""
    deadline = time.monotonic() + _SECONDS
    best = (0, 0.0)
    matcher = difflib.SequenceMatcher(None, autojunk=False)
    matcher.set_seq2(_compared(sought))
    for start in _candidates(lines, sought):
        matcher.set_seq1(_compared(lines[start : start + len(sought)]))
        if matcher.real_quick_ratio() > best[1] and matcher.quick_ratio() > best[1]:
            best = max(best, (start, matcher.ratio()), key=lambda found: found[1])
        if best[1] == 1.0 or time.monotonic() > deadline:
            break
    return best


def _compared(lines: Sequence[str]) -> str:
    """Return the text that likeness is measured on: without indentation, and short, since the time is squared."""
    return "\n".join(line.strip()[:_WIDEST] for line in lines[:_SHOWN])[:_COMPARED]


def _candidates(lines: Sequence[str], sought: Sequence[str]) -> Iterable[int]:
    """Yield starts worth a look: where equal lines agree on one first, then every line."""
    places: dict[str, list[int]] = {}
    for offset, line in enumerate(sought):
        if line.strip():
            places.setdefault(line.strip(), []).append(offset)
    votes: Counter[int] = Counter()
    for number, line in enumerate(lines):
        for offset in places.get(line.strip(), ())[:_CANDIDATES]:
            votes[max(0, number - offset)] += 1
    yield from (start for start, _ in votes.most_common(_CANDIDATES))
    yield from range(len(lines))


def _difference(found: Sequence[str], sought: Sequence[str], start: int) -> str:
    """Say where the two first differ."""
    if [line.strip() for line in found] == [line.strip() for line in sought]:
        return "Only the white space differs."
    for number, (there, asked) in enumerate(zip(found, sought, strict=False), start + 1):
        if there.strip() != asked.strip():
            return f"Line {number} is {_quoted(there)}, not {_quoted(asked)}."
    return "The file ends before that text does."


def _quoted(line: str) -> str:
    return repr(line.strip() if len(line.strip()) <= 160 else f"{line.strip()[:160]}...")


def _shown(found: Sequence[str], start: int) -> str:
    lines = [f"{number:>6}\t{line[:_WIDEST]}" for number, line in enumerate(found[:_SHOWN], start + 1)]
    return "\n".join([*lines, *(["   ..."] if len(found) > _SHOWN else [])])
