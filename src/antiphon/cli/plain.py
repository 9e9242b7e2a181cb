"""The plain screen, which only adds lines: for pipes, files, and terminals that cannot redraw."""

import time
from collections.abc import Callable, Sequence

from antiphon.agent.events import AgentEvent, CallChanged
from antiphon.cli.layout import LINE_STYLES, Prose, line_pieces, row_pieces
from antiphon.cli.screen import Piece
from antiphon.cli.terminal import Terminal
from antiphon.cli.view import RunView


class PlainScreen:
    """Adds lines and never goes back.

    A call gets a line when it begins to run or to wait, and one when it is over.
    """

    def __init__(
        self, terminal: Terminal, view: RunView, *, kinds: frozenset[str], clock: Callable[[], float] = time.monotonic
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
