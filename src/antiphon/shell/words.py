"""One word of a command: what the program gets of it, quotes taken off.

The words that a grammar found are read here a second time, character by character, so that a word counts only when both
readings agree that it is one.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from antiphon.shell.script import Word

UNQUOTED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-^~*?[]{}!#")
_STARTS_EXPANSION = re.compile(r"[A-Za-z0-9_@*#?$!({\[\-'\"`\\]")
"""What makes an expansion of a `$` before it; before other characters, or at the end, it is plain."""
_STARTS_QUOTED_EXPANSION = re.compile(r"[A-Za-z0-9_@*#?$!({\[\-`\\]")
_ANSI_QUOTED = re.compile(r"\$'(?:[^'\\]|\\.)*'", re.DOTALL)
_OPENS_SUBSCRIPT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\[")
"""Where it may be the beginning of an assignment, bash reads on to the `]`, over blanks and operators."""
_HAS_SUBSCRIPT = re.compile(r"[A-Za-z0-9_]*\[[A-Za-z0-9_.,@*?!^:-]*\]")
_NO_WORDS = frozenset({"{", "}"})

Hole = tuple[int, int]
"""Where in a word an expansion or substitution stands, which is read elsewhere: its start and its end."""


class Unclear(Exception):
    """It may mean something else to the shell than what was understood."""


def read_word(raw: str, holes: Sequence[Hole] = ()) -> Word:
    """Return a word.

    Args:
        raw: its text.
        holes: the expansions and substitutions in it, in order, not overlapping.

    Raises:
        Unclear: it is not exactly one word.
    """
    if not raw or raw in _NO_WORDS or raw[0] == "#" or any(end > start for (_, end), (start, _) in pairwise(holes)):
        raise Unclear
    if _OPENS_SUBSCRIPT.match(raw) and not _HAS_SUBSCRIPT.match(raw):
        raise Unclear
    reader = _Reader(raw, dict(holes))
    reader.read()
    known = not holes and not reader.expands and not _expands_braces(reader.unquoted)
    return Word(raw, "".join(reader.parts) if known else None, _looks_up_files(reader.unquoted))


def check_text(text: str, holes: Sequence[Hole]) -> None:
    """Make sure that a text which the shell expands, as that of a here document, has no expansions but those known.

    Raises:
        Unclear: it may have others.
    """
    _Reader(text, dict(holes)).read_text()


def _looks_up_files(unquoted: str) -> bool:
    return "*" in unquoted or "?" in unquoted or ("[" in unquoted and "]" in unquoted)


def _expands_braces(unquoted: str) -> bool:
    return "{" in unquoted and ("," in unquoted or ".." in unquoted)


class _Reader:
    """Goes through a word once. All holes have to be met, outside of single quotes."""

    def __init__(self, raw: str, holes: dict[int, int]) -> None:
        self._raw = raw
        self._holes = holes
        self._at = 0
        self.parts: list[str] = []
        self.unquoted = ""
        self.expands = False

    def read(self) -> None:
        """Read a word to its end."""
        met = 0
        quoted = False
        while self._at < len(self._raw):
            if self._at in self._holes:
                if quoted and self._raw[self._at] in "<>":
                    raise Unclear
                self._at = self._holes[self._at]
                met += 1
            elif self._raw[self._at] == '"':
                quoted = not quoted
                self._at += 1
            elif quoted:
                self._read_double_quoted()
            else:
                self._read_unquoted()
        if quoted or met != len(self._holes) or self._at != len(self._raw):
            raise Unclear

    def read_text(self) -> None:
        """Read text in which double quotes are plain."""
        met = 0
        while self._at < len(self._raw):
            if self._at in self._holes:
                self._at = self._holes[self._at]
                met += 1
            else:
                self._read_double_quoted()
        if met != len(self._holes) or self._at != len(self._raw):
            raise Unclear

    def _take(self, text: str, length: int = 1) -> None:
        self.parts.append(text)
        self._at += length

    def _next(self) -> str:
        return self._raw[self._at + 1 : self._at + 2]

    def _read_unquoted(self) -> None:
        character = self._raw[self._at]
        if character == "'":
            end = self._raw.find("'", self._at + 1)
            if end < 0:
                raise Unclear
            self._take(self._raw[self._at + 1 : end], end + 1 - self._at)
        elif character == "\\":
            if self._next() in {"", "\n"}:
                raise Unclear
            self._take(self._next(), 2)
        elif character == "$" and (quoted := _ANSI_QUOTED.match(self._raw, self._at)):
            self.expands = True
            self._at = quoted.end()
        elif character == "$" and not _STARTS_EXPANSION.match(self._raw, self._at + 1):
            self._take(character)
        elif character in UNQUOTED or character > "\x7f":
            # What a locale makes of other letters outside of quotes is not for us to know.
            self.expands |= character > "\x7f" or (character == "~" and not self._is_no_home())
            self.unquoted += character
            self._take(character)
        else:
            raise Unclear

    def _read_double_quoted(self) -> None:
        character = self._raw[self._at]
        following = self._next()
        if character == "\\":
            if following in {"", "\n"}:
                raise Unclear
            self._take(following if following in '$`"\\' else f"\\{following}", 2)
        elif character == "`" or (character == "$" and _STARTS_QUOTED_EXPANSION.match(following)):
            raise Unclear
        else:
            self._take(character)

    def _is_no_home(self) -> bool:
        """Tell whether `~` here is a plain character, as in `HEAD~1`."""
        before = self._raw[self._at - 1 : self._at] if self._at else ""
        return before.isalnum() or before in {"^", "~"}
