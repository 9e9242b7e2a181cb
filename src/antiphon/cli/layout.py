"""Lays rows and lines out in columns: pure functions from values to pieces of text with the name of a style.

Knows how wide the terminal is and whether it can show more than ASCII. Does not know colours or how to draw.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from antiphon.cli.safe_text import columns, cut
from antiphon.cli.screen import Piece
from antiphon.cli.view import OVER, Line, Row, RowState, seconds_text

STATE_STYLES: Mapping[RowState, str] = {
    "streaming": "quiet",
    "asking": "wait",
    "waiting": "wait",
    "running": "active",
    "done": "ok",
    "failed": "bad",
    "denied": "bad",
    "cancelled": "quiet",
}
LINE_STYLES = {"text": "", "thinking": "quiet", "call": "", "summary": "quiet", "note": "wait"}
_STATE_WIDTH = max(len(state) for state in STATE_STYLES)
_NAME_WIDTH = 12
_NARROW = 64
_TOKENS = re.compile(r"\S+|\s+")


@dataclass(frozen=True, slots=True)
class Marks:
    """The characters that stand before a row, by state; the state's name always stands beside it."""

    states: Mapping[RowState, str]
    running: str = ""
    """Shown in turn while a call runs, where the terminal is redrawn."""

    def of(self, state: RowState, frame: int) -> str:
        """Return the mark of a state; `frame` counts the drawings."""
        if state == "running" and self.running and frame >= 0:
            return self.running[frame % len(self.running)]
        return self.states[state]


UNICODE = Marks(
    {
        "streaming": "·",
        "asking": "?",
        "waiting": "○",
        "running": "●",
        "done": "✓",
        "failed": "✗",
        "denied": "⊘",
        "cancelled": "■",
    },
    "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
)
ASCII = Marks(
    {
        "streaming": ".",
        "asking": "?",
        "waiting": "o",
        "running": "*",
        "done": "+",
        "failed": "x",
        "denied": "-",
        "cancelled": "#",
    },
    "|/-\\",
)


def row_pieces(row: Row, width: int, marks: Marks, *, frame: int = -1) -> list[Piece]:
    """Lay a row out on one line of at most `width` columns.

    The note (why a call waits, what went wrong) is kept before the arguments, which are cut first.
    """
    style = STATE_STYLES[row.state]
    narrow = width < _NARROW
    seconds = "" if row.seconds is None else seconds_text(row.seconds)
    head: list[Piece] = [
        ("  ", ""),
        (marks.of(row.state, frame), style),
        (f" #{row.number} ", "quiet"),
        (f"{row.state:<{_STATE_WIDTH}} ", style),
        (f"{seconds:>6} " if not narrow or seconds else "", "quiet"),
        (cut(row.name, 30) + " " * max(1, (0 if narrow else _NAME_WIDTH) - columns(row.name) + 1), "strong"),
    ]
    left = width - sum(columns(text) for text, _ in head)
    # The reason for waiting is what a person looks for, so it may take all of it; other notes take half.
    share = left if row.state in {"waiting", "asking"} else left // 2
    note = cut(row.note, max(share, left - columns(row.summary) - 2)) if row.note else ""
    summary = cut(row.summary, left - columns(note) - 2 if note else left)
    gap = "  " if note and summary else ""
    note_style = "bad" if row.state == "failed" else "quiet" if row.state in OVER or row.state == "running" else "wait"
    return fitted([*head, (summary + gap, ""), (note, note_style)], width)


def line_pieces(line: Line, width: int, marks: Marks) -> list[Piece]:
    """Lay a line that stays out; text is not cut, for the terminal wraps it."""
    if line.row is not None:
        return row_pieces(line.row, width, marks)
    indent = "  " if line.kind in {"summary", "note"} else ""
    return [(indent + line.text, LINE_STYLES[line.kind])]


def window(rows: Sequence[Row], height: int) -> tuple[str, Sequence[Row], str]:
    """Choose which rows fit in `height` lines: those not over, in their order; the others are counted.

    Returns:
        A line that stands above (or an empty text), the rows, and a line that stands below (or an empty text).
    """
    if len(rows) <= height:
        return "", rows, ""
    first = next((index for index, row in enumerate(rows) if row.state not in OVER), len(rows))
    room = max(1, height - 2)
    first = max(0, min(first, len(rows) - room))
    shown = rows[first : first + room]
    above = f"{first} calls above, {_over(rows[:first])}" if first else ""
    below = rows[first + room :]
    return above, shown, f"{len(below)} calls below, {_over(below)}" if below else ""


def _over(rows: Sequence[Row]) -> str:
    return f"{sum(row.state in OVER for row in rows)} of them over"


class Prose:
    """Lays the model's text out line by line: prose is wrapped at words, code stays as it is, for it may be copied."""

    def __init__(self) -> None:
        """Begin outside of any code."""
        self._in_fence = False

    def lines(self, text: str, width: int) -> list[str]:
        """Return the lines that one line of text becomes."""
        fence = text.lstrip().startswith("```")
        code = self._in_fence or fence
        self._in_fence = self._in_fence != fence
        return [text] if code else wrapped(text, width)


def wrapped(text: str, width: int) -> list[str]:
    """Break a line at spaces so that every part fits in `width` columns; words that are too long are cut in pieces."""
    parts: list[str] = []
    current = ""
    for token in _TOKENS.findall(text):
        if columns(current) + columns(token) <= width:
            current += token
            continue
        if current.strip():
            parts.append(current.rstrip())
        current = ""
        if not token.isspace():
            *whole, current = _pieces_of(token, width)
            parts += whole
    return [*parts, current.rstrip()] if current.strip() or not parts else parts


def _pieces_of(word: str, width: int) -> list[str]:
    """Cut a word in pieces of at most `width` columns."""
    pieces = [""]
    for character in word:
        if columns(pieces[-1]) + columns(character) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def fitted(pieces: Sequence[Piece], width: int) -> list[Piece]:
    """Cut pieces that are wider together than the terminal."""
    kept: list[Piece] = []
    left = width
    for text, style in pieces:
        shown = cut(text, left)
        left -= columns(text)
        if shown:
            kept.append((shown, style))
        if left <= 0:
            break
    return kept
