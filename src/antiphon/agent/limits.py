"""What a run may use: requests, tool calls, money. And who is asked when that is used up.

Counts, and says when it is enough. Time is no part of it: whoever follows the run watches the clock.
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from antiphon.agent.events import StopReason, Usage

GoOn = Callable[[str], Awaitable[bool]]
"""Asks a person whether the run is to go on. The text says what happened and ends with the question."""

PRICE_UNKNOWN = "The price of this model is not known, so what it costs does not count for the limit max_budget_usd."


@dataclass(frozen=True, slots=True)
class RunBounds:
    """The limits of one run; None for no limit.

    Attributes:
        turns: requests that get a reply.
        calls: tool calls.
        dollars: what it may cost, summaries of the conversation included.
    """

    turns: int | None = None
    calls: int | None = None
    dollars: float | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that ends the run; `text` is a sentence for the user."""

    reason: StopReason
    text: str


@dataclass(slots=True)
class _Limit:
    """One limit, and how much of it is used."""

    reason: StopReason
    setting: str
    says: str
    step: float | None
    most: float = 0.0
    used: float = 0.0
    may_be_full: bool = False

    def begin(self) -> None:
        self.used, self.most = 0.0, self.step or 0.0

    @property
    def is_reached(self) -> bool:
        if self.step is None:
            return False
        return self.used > self.most if self.may_be_full else self.used >= self.most

    def raise_it(self) -> None:
        if self.step is not None:
            beyond = (self.used - self.most) / self.step
            self.most += self.step * (math.ceil(beyond) if self.may_be_full else math.floor(beyond) + 1)

    @property
    def text(self) -> str:
        return self.says.format(used=self.used, most=self.most)


class RunLimits:
    """How much of its limits a run has used. Serves one run after the other."""

    def __init__(self, bounds: RunBounds, go_on: GoOn | None = None) -> None:
        """Watch these bounds; `go_on` is asked whether a run may go on beyond them, and without it the run stops."""
        self._go_on = go_on
        self._turns = _Limit("max_turns", "max_turns", "The run has taken {used:.0f} of {most:.0f} turns", bounds.turns)
        self._calls = _Limit(
            "max_calls",
            "max_tool_calls",
            "The run has asked for {used:.0f} tool calls and may make {most:.0f}",
            bounds.calls,
            # Whoever made the last call may still say what came of it.
            may_be_full=True,
        )
        self._dollars = _Limit(
            "max_budget", "max_budget_usd", "The run has cost ${used:.2f} of ${most:.2f}", bounds.dollars
        )
        self._told = False
        self.begin()

    def begin(self) -> None:
        """Begin a run: nothing is used, and no limit is raised."""
        for limit in self._all:
            limit.begin()

    @property
    def calls_left(self) -> int | None:
        """How many calls the next reply may make; None for any number, also where a person is asked afterwards."""
        if self._calls.step is None or self._go_on is not None:
            return None
        return max(0, round(self._calls.most - self._calls.used))

    def replied(self, calls: int) -> None:
        """Count a reply and its calls."""
        self._turns.used += 1
        self._calls.used += calls

    def spent(self, usage: Usage) -> str:
        """Count what a request cost; return a sentence for the user, once, where that is not known."""
        if usage.cost is not None:
            self._dollars.used += usage.cost
            return ""
        if self._dollars.step is None or self._told:
            return ""
        self._told = True
        return PRICE_UNKNOWN

    async def reached(self, *, before_request: bool = False) -> Reached | None:
        """Return the limit that ends the run, or None where there is none or a person lets it go on.

        Args:
            before_request: only money can have been used since the last time this was asked.
        """
        for limit in (self._dollars,) if before_request else self._all:
            if not limit.is_reached:
                continue
            if self._go_on is None or not await self._go_on(f"{limit.text}. Go on?"):
                why = f"Stopped at the limit set by {limit.setting}: {_lower(limit.text)}."
                return Reached(limit.reason, f"{why} The next prompt goes on from here.")
            limit.raise_it()
        return None

    @property
    def _all(self) -> tuple[_Limit, ...]:
        return self._turns, self._calls, self._dollars


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
