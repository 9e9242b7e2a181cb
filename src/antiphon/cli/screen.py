"""Where a run is shown: what a stream can do, and the plain screen that only adds lines.

Knows streams and their terminals; what is shown comes from `view`.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TextIO

from antiphon.agent.events import AgentEvent, CallChanged
from antiphon.cli.layout import ASCII, LINE_STYLES, UNICODE, Marks, Piece, Prose, line_pieces, row_pieces
from antiphon.cli.view import RunView

Clock = Callable[[], float]

_COLOURS = {"ok": "32", "active": "36", "wait": "33", "bad": "31", "quiet": "2", "strong": "1"}


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
            colours=capable and not environment.get("NO_COLOR"),
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
        if not self.colours:
            return "".join(text for text, _ in pieces)
        return "".join(
            f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if style in _COLOURS and text.strip() else text
            for text, style in pieces
        )

    def write(self, text: str) -> None:
        """Write text now. What the stream's encoding cannot hold becomes a question mark."""
        try:
            self.stream.write(text)
        except UnicodeEncodeError:
            encoding = self.stream.encoding or "ascii"
            self.stream.write(text.encode(encoding, "replace").decode(encoding))
        self.stream.flush()


class Screen(Protocol):
    """Shows a run while it goes on."""

    def receive(self, event: AgentEvent) -> None:
        """Show what an event changes."""
        ...

    def tick(self) -> None:
        """Show what time has changed; called some ten times a second."""
        ...

    def say(self, pieces: Sequence[Piece]) -> None:
        """Show a line of ours, which stays."""
        ...

    def pause(self) -> None:
        """Leave the screen to somebody who asks a question; what happens meanwhile is shown after `resume`."""
        ...

    def resume(self) -> None:
        """Take the screen back."""
        ...

    def close(self) -> None:
        """Leave the screen as it was found. Further events are not shown."""
        ...


class NoScreen:
    """Shows nothing."""

    def receive(self, event: AgentEvent) -> None:
        """Show nothing."""

    def tick(self) -> None:
        """Show nothing."""

    def say(self, pieces: Sequence[Piece]) -> None:
        """Show nothing."""

    def pause(self) -> None:
        """Do nothing."""

    def resume(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class PlainScreen:
    """Adds lines and never goes back: for pipes, files and terminals that cannot redraw.

    A call gets a line when it begins to run or to wait, and one when it is over.
    """

    def __init__(
        self, terminal: Terminal, view: RunView, *, kinds: frozenset[str], clock: Clock = time.monotonic
    ) -> None:
        """Show lines of these kinds (see `view.LineKind`)."""
        self._terminal = terminal
        self._view = view
        self._kinds = kinds
        self._clock = clock
        self._held: list[str] | None = None
        self._prose = Prose()

    def receive(self, event: AgentEvent) -> None:
        """Write the lines an event brings."""
        now = self._clock()
        for line in self._view.receive(event, now):
            # Rows have been written when their calls were over.
            if line.kind not in self._kinds or line.kind == "call":
                continue
            if line.kind == "text" and self._terminal.stream.isatty():
                for part in self._prose.lines(line.text, self._terminal.size[0] - 1):
                    self.say([(part, LINE_STYLES["text"])])
            else:
                self.say(line_pieces(line, self._terminal.size[0], self._terminal.marks))
        # Nearly every call waits for the end of the reply, for a moment; only longer waits are worth a line.
        told = isinstance(event, CallChanged) and (event.state != "waiting" or event.waits_for)
        if isinstance(event, CallChanged) and told and "call" in self._kinds:
            row = next(row for row in self._view.rows(now) if row.number == event.index + 1)
            self.say(row_pieces(row, max(self._terminal.size[0], 100), self._terminal.marks))

    def tick(self) -> None:
        """Nothing changes in place here."""

    def say(self, pieces: Sequence[Piece]) -> None:
        """Write a line, or keep it while paused."""
        text = self._terminal.styled(pieces) + "\n"
        if self._held is None:
            self._terminal.write(text)
        else:
            self._held.append(text)

    def pause(self) -> None:
        """Keep lines back."""
        self._held = self._held or []

    def resume(self) -> None:
        """Write what was kept back."""
        held, self._held = self._held or [], None
        if held:
            self._terminal.write("".join(held))

    def close(self) -> None:
        """Write what was kept back."""
        self.resume()
