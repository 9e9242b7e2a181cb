"""Which runs and requests of a session are shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from antiphon.errors import SettingsError
from antiphon.sessions.tracing.values import Mark, Request, Run, Trace


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a run.

    Attributes:
        run: the whole run, for its figures.
        requests: those that are shown, in order.
        left_out: how many earlier ones are not.
    """

    run: Run
    requests: Sequence[Request]
    left_out: int = 0

    @property
    def steps(self) -> list[Request | Mark]:
        """Requests and what happened between them, in order."""
        first = self.requests[0].entry if self.left_out and self.requests else 0
        marks = [mark for mark in self.run.marks if mark.entry >= first]
        return sorted([*self.requests, *marks], key=lambda step: step.entry)


def choose(
    trace: Trace, *, every: bool = False, run: int | None = None, turn: int | None = None, latest: int | None = None
) -> list[Shown]:
    """Return what is asked for; the last run unless told otherwise.

    Args:
        trace: the session.
        every: all runs.
        run: only the run of this number.
        turn: only the turn of this number, with all attempts at it.
        latest: at most so many requests of the run, the latest ones, where no run or turn was asked for.

    Raises:
        SettingsError: there is no such run or turn; it says which there are.
    """
    if run is not None and not any(each.number == run for each in trace.runs):
        raise SettingsError(f"there is no run {run}; {_there('run', [each.number for each in trace.runs])}.")
    last = trace.runs[-1].number if trace.runs else 0
    runs = [each for each in trace.runs if every or each.number == (last if run is None else run)]
    if turn is not None:
        found = [Shown(each, [request for request in each.requests if request.turn == turn]) for each in runs]
        found = [shown for shown in found if shown.requests]
        if not found:
            turns = [request.turn for each in runs for request in each.requests]
            raise SettingsError(f"there is no turn {turn} in {_named(runs)}; {_there('turn', turns)}.")
        return found
    if every or run is not None or latest is None:
        return [Shown(each, each.requests) for each in runs]
    return [Shown(each, each.requests[-latest:], max(0, len(each.requests) - latest)) for each in runs]


def _there(what: str, numbers: Sequence[int]) -> str:
    if not numbers:
        return f"there are no {what}s"
    return f"there are {what}s {min(numbers)} to {max(numbers)}" if len(set(numbers)) > 1 else f"there is {what} 1"


def _named(runs: Sequence[Run]) -> str:
    return f"run {runs[0].number}" if len(runs) == 1 else "these runs"
