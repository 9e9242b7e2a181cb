"""Styles of text on a terminal, in the few colours that every theme has.

Knows escape sequences. Does not know what is shown, and does not make it safe.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

COLOURS = {"ok": "32", "active": "36", "hunk": "36", "wait": "33", "bad": "31", "quiet": "2", "strong": "1"}


@dataclass(frozen=True, slots=True)
class Paint:
    """Styles for text on a terminal, or none."""

    colours: bool

    @classmethod
    def of(cls, stream: TextIO, environment: Mapping[str, str]) -> "Paint":
        """Find out about a stream; honours `TERM=dumb` and `NO_COLOR`."""
        capable = stream.isatty() and environment.get("TERM", "dumb") not in {"dumb", ""}
        return cls(capable and not environment.get("NO_COLOR"))

    def __call__(self, text: str, style: str) -> str:
        """Return text in a style; as it is where the style has no colour or there is nothing to see."""
        return f"\x1b[{COLOURS[style]}m{text}\x1b[0m" if self.colours and style in COLOURS and text.strip() else text
