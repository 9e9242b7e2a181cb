"""What is looked for, and where it stands in a text. Pure.

A query is words and "phrases in quotes"; a text matches when all of them stand in it, in any order, at the beginning
of words, whatever their case and accents. Scripts that write no spaces are matched anywhere.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

_PART = re.compile(r'"([^"]*)"?|(\S+)')
_WORD = re.compile(r"[^\W_]+")
# Thai to Burmese, Khmer, and the scripts of China, Japan and Korea: no spaces between words, or endings glued to them.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
_BEGINNING = rf"(?:(?<![^\W_])|(?<={_UNSPACED.pattern}))"
"""Where a word can begin."""
_BEFORE = 40
"""Characters of an excerpt before what was found."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A piece of a text on one line, and where in it stands what was looked for, as pairs of positions."""

    text: str
    spans: tuple[tuple[int, int], ...] = ()


class Query:
    """What is looked for.

    Attributes:
        phrases: the words of each phrase; empty where there is nothing that can be looked for.
    """

    def __init__(self, text: str) -> None:
        """Understand what a user typed."""
        parts = [found[1] or found[2] or "" for found in _PART.finditer(text)]
        self.phrases = [words for part in parts if (words := spaced(part).split())]
        self._patterns = [re.compile(_pattern(words)) for words in self.phrases]

    @property
    def fts(self) -> str:
        """The same for SQLite's FTS5, over texts that went through `spaced`."""
        return " AND ".join(f'"{" ".join(words)}" *' for words in self.phrases)

    def matches(self, text: str) -> bool:
        """Say whether all of it stands in a text."""
        folded = _folded(text)
        return bool(self._patterns) and all(pattern.search(folded) for pattern in self._patterns)

    def excerpt(self, text: str, length: int = 160) -> Excerpt:
        """Return the place of a text that shows best what was found in it."""
        line = unicodedata.normalize("NFC", " ".join(text.split()))
        found = [found.span() for pattern in self._patterns for found in pattern.finditer(_folded(line))]
        start = max(0, min(found, default=(0, 0))[0] - _BEFORE)
        end = min(len(line), start + length)
        start = max(0, min(start, end - length))
        piece = line[start:end]
        # Words are cut only where nothing else can be done.
        if start and " " in piece[:_BEFORE]:
            shift = piece.index(" ") + 1
            start, piece = start + shift, piece[shift:]
        if end < len(line) and " " in piece[-_BEFORE:]:
            piece = piece[: piece.rindex(" ")]
        before, after = "…" if start else "", "…" if start + len(piece) < len(line) else ""
        offset = len(before) - start
        end = start + len(piece)
        within = [(max(first, start), min(last, end)) for first, last in found if first < end and last > start]
        return Excerpt(
            before + piece + after, _merged(sorted((first + offset, last + offset) for first, last in within))
        )


def spaced(text: str) -> str:
    """Return the words of a text, folded, with a space between any two; one character is a word where none are told."""
    return _UNSPACED.sub(lambda found: f" {found[0]} ", " ".join(_WORD.findall(_folded(text))))


def _pattern(words: list[str]) -> str:
    pattern = re.escape(words[0]) if _UNSPACED.match(words[0]) else f"{_BEGINNING}{re.escape(words[0])}"
    for before, word in pairwise(words):
        glued = _UNSPACED.match(before) or _UNSPACED.match(word)
        pattern += (r"[\W_]*" if glued else r"[\W_]+") + re.escape(word)
    return pattern


def _merged(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return tuple(merged)


def _folded(text: str) -> str:
    """Return a text, composed, in which case and accents make no difference; as long as the composed one."""
    return text.lower() if text.isascii() else "".join(map(_folded_character, unicodedata.normalize("NFC", text)))


@lru_cache(maxsize=4096)
def _folded_character(character: str) -> str:
    if _UNSPACED.match(character):
        return character  # What decomposes here is no accent.
    base = unicodedata.normalize("NFKD", character)[:1].lower()
    return base if len(base) == 1 else character
