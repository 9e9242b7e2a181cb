"""The live screen: finished lines above, and below them a region that is drawn again while calls run.

Knows how to draw on a terminal that can move its cursor. What is drawn comes from `view` and `layout`.
"""

import time
from collections.abc import Callable, Sequence

from antiphon.agent.events import AgentEvent, CallOutput, TextAdded, ThinkingAdded
from antiphon.cli.layout import LINE_STYLES, Prose, line_pieces, row_pieces, window, wrapped
from antiphon.cli.safe_text import columns
from antiphon.cli.screen import Piece
from antiphon.cli.terminal import Terminal
from antiphon.cli.view import Line, RunView

_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
# Terminals that know this mode show a drawing at once; the others ignore it.
_BEGIN_DRAWING, _END_DRAWING = "\x1b[?2026h", "\x1b[?2026l"
_ERASE_BELOW = "\x1b[J"


class LiveScreen:
    """Shows a run on a terminal. Only the region below the finished lines is ever drawn again."""

    def __init__(
        self, terminal: Terminal, view: RunView, *, kinds: frozenset[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Show lines of these kinds (see `view.LineKind`) and the rows of running calls."""
        self._terminal = terminal
        self._view = view
        self._kinds = kinds
        self._clock = clock
        self._frame = 0
        self._region: list[str] = []
        self._widths: list[int] = []
        self._paused = False
        self._held: list[list[Piece]] = []
        self._prose = Prose()

    def receive(self, event: AgentEvent) -> None:
        """Show an event: at once, but for text and output, which come in pieces and wait for the next line or tick."""
        width, _ = self._terminal.size
        lines = [line for line in self._view.receive(event, self._clock()) if line.kind in self._kinds]
        self._held += [pieces for line in lines for pieces in self._laid_out(line, width)]
        if lines or not isinstance(event, TextAdded | ThinkingAdded | CallOutput):
            self._draw()

    def tick(self) -> None:
        """Draw the region again while something in it changes."""
        if self._view.running or self._region:
            self._frame += 1
            self._draw()

    def say(self, pieces: Sequence[Piece]) -> None:
        """Show a line of ours above the region."""
        self._held.append(list(pieces))
        self._draw()

    def pause(self) -> None:
        """Take the region away and stand still."""
        self._draw(region=False)
        self._paused = True

    def resume(self) -> None:
        """Draw again, first what happened meanwhile."""
        self._paused = False
        self._draw()

    def close(self) -> None:
        """Take the region away; finished lines stay, and the cursor is back."""
        self._paused = False
        self._draw(region=False)

    def _draw(self, *, region: bool = True) -> None:
        """Write what is certain above the region, and the region below it, in one go."""
        if self._paused:
            return
        width, height = self._terminal.size
        new = self._rows(width, height) if region else []
        drawn = [self._terminal.styled(pieces) for pieces in new]
        if not self._held and drawn == self._region:
            return
        parts = [_BEGIN_DRAWING, self._back(width)]
        parts += [self._terminal.styled(pieces) + "\n" for pieces in self._held]
        parts += [line + "\n" for line in drawn]
        if drawn and not self._region:
            parts.append(_HIDE_CURSOR)
        if self._region and not drawn:
            parts.append(_SHOW_CURSOR)
        self._held.clear()
        self._region = drawn
        self._widths = [sum(columns(text) for text, _ in pieces) for pieces in new]
        self._terminal.write("".join([*parts, _END_DRAWING]))

    def _back(self, width: int) -> str:
        """Move to the region's first line and erase from there. A terminal made narrower has wrapped its lines."""
        lines = sum(max(1, -(-columns_ // width)) for columns_ in self._widths)
        return f"\x1b[{lines}A\r{_ERASE_BELOW}" if lines else ""

    def _rows(self, width: int, height: int) -> list[list[Piece]]:
        now = self._clock()
        # One column stays free: a line that fills the last one makes some terminals wrap early.
        room, width = max(4, height - 2), width - 1
        status = self._view.status(now) if "call" in self._kinds else ""
        tail: list[list[Piece]] = [[(f"  {status}", "quiet")]] if status else []
        rows: list[list[Piece]] = []
        if "call" in self._kinds:
            above, shown, below = window(self._view.rows(now), room - len(tail))
            rows = [row_pieces(row, width, self._terminal.marks, frame=self._frame) for row in shown]
            rows = [*_counted(above), *rows, *_counted(below)]
        partial = self._view.partial if self._view.partial_kind in self._kinds else ""
        # Tabs reach to the next multiple of eight, and the region has to know how long its lines are.
        text = wrapped(partial.expandtabs(8), width) if partial else []
        left = room - len(rows) - len(tail)
        style = LINE_STYLES[self._view.partial_kind]
        return [*([(line, style)] for line in (text[-left:] if left > 0 else [])), *rows, *tail]

    def _laid_out(self, line: Line, width: int) -> list[list[Piece]]:
        if line.kind != "text":
            return [line_pieces(line, width - 1, self._terminal.marks)]
        return [[(part, LINE_STYLES["text"])] for part in self._prose.lines(line.text, width - 1)]


def _counted(text: str) -> list[list[Piece]]:
    return [[(f"  {text}", "quiet")]] if text else []
