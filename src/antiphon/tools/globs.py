"""Glob patterns as people write them for paths: `*.py`, `src/**/*.{ts,tsx}`, `[a-c]?.txt`.

`*` and `?` do not cross a `/`; `**` stands for any number of directories. A pattern without a `/` means names at any
depth. Matching takes time in proportion to the lengths, whatever the pattern: the patterns come from a model.
"""

import fnmatch
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

_MOST = 64
"""Alternatives that braces may multiply to."""


@lru_cache(maxsize=64)
def glob_matcher(pattern: str) -> Callable[[str], bool]:
    """Return the function that tells whether a relative path (parts joined by `/`) matches.

    Raises:
        ValueError: the pattern is empty or its braces stand for too many.
    """
    alternatives = [_segments(one) for one in _expanded(pattern.removeprefix("./").strip())]
    return lambda path: any(_matches(segments, path.split("/")) for segments in alternatives)


def _expanded(pattern: str) -> list[str]:
    patterns = [pattern]
    while any(_braces(one) for one in patterns):
        patterns = [expanded for one in patterns for expanded in _expand_once(one)]
        if len(patterns) > _MOST:
            raise ValueError(f"the braces in {pattern!r} stand for more than {_MOST} patterns")
    if not pattern:
        raise ValueError("the pattern is empty")
    return patterns


def _braces(pattern: str) -> re.Match[str] | None:
    """Return the first innermost pair of braces with a comma in it."""
    return re.search(r"\{([^{}]*,[^{}]*)\}", pattern)


def _expand_once(pattern: str) -> Iterator[str]:
    braces = _braces(pattern)
    if braces is None:
        yield pattern
        return
    for choice in braces.group(1).split(","):
        yield pattern[: braces.start()] + choice + pattern[braces.end() :]


Segment = Callable[[str], object] | None
"""What one part of a path must match; None for `**`."""


def _segments(pattern: str) -> Sequence[Segment]:
    parts = [part for part in pattern.split("/") if part]
    if "/" not in pattern.rstrip("/"):
        parts.insert(0, "**")
    if pattern.endswith("/"):
        parts.append("**")
    return [None if part == "**" else re.compile(fnmatch.translate(part)).match for part in parts]


def _matches(segments: Sequence[Segment], parts: Sequence[str]) -> bool:
    """Match part by part, keeping every place in the pattern that is possible so far."""
    possible = _beyond_stars(segments, {0})
    for part in parts:
        following: set[int] = set()
        for at in possible:
            if at == len(segments):
                continue
            segment = segments[at]
            if segment is None:
                following.add(at)
            elif segment(part):
                following.add(at + 1)
        possible = _beyond_stars(segments, following)
        if not possible:
            return False
    return len(segments) in possible


def _beyond_stars(segments: Sequence[Segment], places: set[int]) -> set[int]:
    """Add the places that are reached because `**` may stand for nothing."""
    reached = set(places)
    for place in sorted(places):
        at = place
        while at < len(segments) and segments[at] is None:
            at += 1
            reached.add(at)
    return reached
