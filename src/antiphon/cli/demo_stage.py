"""Where the demo is shown: runs of the agent, pictures of their turns, and what is said about them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from antiphon.agent import Agent
from antiphon.agent.events import AgentEvent, RunResult
from antiphon.cli.layout import ASCII, fitted, wrapped
from antiphon.cli.running import Stopping, follow
from antiphon.cli.screen import Piece, Screen
from antiphon.cli.showing import screen_for
from antiphon.cli.terminal import Terminal
from antiphon.cli.timeline import Timeline, legend, picture, timelines

_LONGEST_LINE = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """One run as it was seen: how it ended, and its turns in time."""

    result: RunResult
    turns: Sequence[Timeline]


@dataclass(slots=True)
class _Watching:
    """Passes events on to the screen and keeps them."""

    screen: Screen
    also: Callable[[AgentEvent], None]
    events: list[AgentEvent] = field(default_factory=list[AgentEvent])

    def receive(self, event: AgentEvent) -> None:
        self.events.append(event)
        self.also(event)
        self.screen.receive(event)

    def tick(self) -> None:
        self.screen.tick()


class Stage:
    """A terminal, or a pipe, on which the demo is shown."""

    def __init__(self, terminal: Terminal, clock: Callable[[], float] = time.monotonic) -> None:
        """Show the demo there."""
        self._terminal = terminal
        self._clock = clock
        self._explained = False

    @property
    def width(self) -> int:
        """Columns that lines may take."""
        return min(self._terminal.size[0], _LONGEST_LINE) - 1

    def say(self, text: str, style: str = "") -> None:
        """Say something in whole words; an empty text is an empty line."""
        for line in wrapped(text, self.width):
            self.show([(line, style)])

    def show(self, pieces: Sequence[Piece]) -> None:
        """Show one line."""
        self._terminal.write(self._terminal.styled(pieces) + "\n")

    async def play(self, agent: Agent, prompt: str, also: Callable[[AgentEvent], None] = lambda _event: None) -> Seen:
        """Run a prompt, live, and return what was seen. `also` is told of every event first."""
        self.show([])
        for line in wrapped(f"> {prompt}", self.width):
            self.show([(line, "strong")])
        screen = screen_for(self._terminal, clock=self._clock)
        watching = _Watching(screen, also)
        try:
            result = await follow(agent, prompt, watching, Stopping(agent))
        finally:
            screen.close()
        return Seen(result, timelines(watching.events))

    def draw(self, turns: Sequence[Timeline]) -> None:
        """Draw the pictures of turns; the first one is explained."""
        ascii_only = self._terminal.marks is ASCII
        for turn in turns:
            self.show([])
            for pieces in picture(turn, self.width, ascii_only=ascii_only):
                self.show(pieces)
            if not self._explained:
                self._explained = True
                self.show(fitted([(legend(ascii_only=ascii_only), "quiet")], self.width))
