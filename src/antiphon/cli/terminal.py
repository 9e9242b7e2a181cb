"""What a stream can show, and how text gets there.

Knows terminals and their escape sequences. Does not know what is shown.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from antiphon.cli.layout import ASCII, UNICODE, Marks
from antiphon.cli.paint import Paint
from antiphon.cli.screen import Piece


@dataclass(frozen=True, slots=True)
class Terminal:
    """What a stream can show.

    Attributes:
        stream: where text goes.
        redraws: the cursor can move, so rows can change in place.
        colours: styles may be used.
        marks: the characters it can show.
    """

    stream: TextIO
    redraws: bool = False
    colours: bool = False
    marks: Marks = UNICODE

    @classmethod
    def of(cls, stream: TextIO, environment: Mapping[str, str]) -> "Terminal":
        """Find out about a stream; honours `TERM=dumb` and `NO_COLOR`."""
        unicode = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "") == "utf8"
        capable = stream.isatty() and environment.get("TERM", "dumb") not in {"dumb", ""}
        return cls(
            stream,
            redraws=capable,
            colours=Paint.of(stream, environment).colours,
            marks=UNICODE if unicode and (capable or not stream.isatty()) else ASCII,
        )

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, now; 80 by 24 where nobody knows."""
        try:
            size = os.get_terminal_size(self.stream.fileno())
        except (OSError, ValueError):
            return 80, 24
        return size.columns or 80, size.lines or 24

    def styled(self, pieces: Sequence[Piece]) -> str:
        """Return pieces as text, with escape sequences for their styles where the terminal has colours."""
        paint = Paint(self.colours)
        return "".join(paint(text, style) for text, style in pieces)

    def write(self, text: str) -> None:
        """Write text now."""
        self.stream.write(text)
        self.stream.flush()
