"""Draws stretches of time as bars of characters. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from antiphon.cli.screen import Piece

Shape = Literal["opened", "reply", "waits", "approval", "runs"]

UNICODE: Mapping[Shape, str] = {"opened": "·", "reply": "━", "waits": "░", "approval": "▒", "runs": "█"}
ASCII: Mapping[Shape, str] = {"opened": ".", "reply": "=", "waits": "-", "approval": "?", "runs": "#"}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time in which one thing went on; `style` is that of a piece of text."""

    begin: float
    end: float
    shape: Shape
    style: str = "quiet"


@dataclass(frozen=True, slots=True)
class Scale:
    """Turns moments into columns of a bar that is so wide.

    Attributes:
        begin: the moment at its left end.
        per_second: columns of a second.
        width: columns of the bar.
    """

    begin: float
    per_second: float
    width: int

    @classmethod
    def of(cls, begin: float, end: float, width: int) -> "Scale":
        """Return the scale on which this time fills the bar."""
        return cls(begin, width / max(end - begin, 1e-9), width)

    def column(self, moment: float) -> int:
        """Return the column that a moment falls on, within the bar."""
        return min(self.width, max(0, round((moment - self.begin) * self.per_second)))


def bar(stretches: Iterable[Stretch], scale: Scale, marks: Mapping[Shape, str]) -> list[Piece]:
    """Return stretches as a bar that fills its width; where they overlap, the later one is seen."""
    cells: list[Piece] = [(" ", "")] * scale.width
    for stretch in stretches:
        begin, end = scale.column(stretch.begin), scale.column(stretch.end)
        if stretch.shape in ("runs", "reply"):
            begin = min(begin, scale.width - 1)
            end = max(end, begin + 1)  # even the quickest is seen
        cells[begin:end] = [(marks[stretch.shape], stretch.style)] * (end - begin)
    return [("".join(text for text, _ in same), style) for style, same in groupby(cells, key=lambda cell: cell[1])]
