"""Where a run is shown. Light, for whoever shows nothing; `showing` chooses among those that do."""

from collections.abc import Sequence
from typing import Protocol

from antiphon.agent.events import AgentEvent

Piece = tuple[str, str]
"""A text and the name of its style: `ok`, `active`, `wait`, `bad`, `quiet`, `strong` or an empty name."""


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
