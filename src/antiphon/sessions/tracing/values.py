"""A session in time, as values: runs, their requests, the calls of each, and what each of them waited for.

`replaying.py` works them out from the records; figures that follow from the times are properties here. All times are
seconds on the session's own clock: it begins with the first record, never goes back, and stands still while no process
was there to go on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from antiphon.engine.events import CallState, Result
from antiphon.protocol.messages import Json
from antiphon.sessions.tokens import NO_TOKENS, Tokens

PhaseKind = Literal["approval", "calls", "reply", "place", "running"]
"""What a call is doing. approval: somebody is asked. calls: earlier calls come first. reply: it may only start when the
reply is complete. place: as many calls run as may."""

CallOutcome = CallState | Literal["unknown", "not run"]
"""Where a call stands. unknown: it was running when the process died. not run: the process died before it began."""

RequestOutcome = Literal["replied", "interrupted", "discarded", "open"]
"""What became of a request. interrupted: stopped by the user. discarded: refused or broken off, nothing of it counts.
open: the records end before the reply was complete."""

MarkKind = Literal[
    "checkpoint", "compaction", "resumed", "model", "replaced", "truncated", "repaired", "mended", "forked"
]
"""What happened. model: another one is asked from here on. replaced, truncated, repaired: the conversation was edited.
mended: the file was damaged."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a call's time in which it did one thing.

    Attributes:
        kind: what.
        begin: since when.
        end: until when.
        calls: numbers of the earlier calls it waited for.
    """

    kind: PhaseKind
    begin: float
    end: float
    calls: tuple[int, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Call:
    """One call in time.

    Attributes:
        number: its place in the request, from 1.
        id: the call's id.
        name: the tool's name.
        input: its arguments.
        asked: when its block closed.
        ended: when it was over; None while it is not.
        state: what became of it.
        phases: what it did from `asked` on, without gaps; empty where it could never run.
        result: what it came to, if it is over.
    """

    number: int
    id: str
    name: str
    input: Json
    asked: float
    ended: float | None
    state: CallOutcome
    phases: tuple[Phase, ...] = ()
    result: Result | None = None

    @property
    def runs(self) -> list[Phase]:
        """When it ran: more than once where it only read and a process died."""
        return [phase for phase in self.phases if phase.kind == "running"]

    @property
    def waits(self) -> list[Phase]:
        """When it waited, and what for."""
        return [phase for phase in self.phases if phase.kind != "running"]

    @property
    def took(self) -> float:
        """How long it ran: the last time, where it ran again."""
        return self.runs[-1].seconds if self.runs else 0.0


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at one moment.

    Attributes:
        entry: number of its record.
        at: when.
        kind: what.
        text: more about it, as it was recorded.
        seconds: for `resumed`, how long no process was there.
        tokens: for `compaction`, what the summary used.
        cost: for `compaction`, what that cost in US dollars; None where no price is known.
    """

    entry: int
    at: float
    kind: MarkKind
    text: str = ""
    seconds: float = 0.0
    tokens: Tokens = NO_TOKENS
    cost: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its reply and the calls of that.

    Attributes:
        number: of the attempt in the session, from 1.
        entry: number of its record.
        turn: which turn of its run, from 1; a request that is made again is of the same turn.
        attempt: which attempt at the turn, from 1.
        model: who was asked.
        sent: when it went out.
        replied: when the reply was complete (or stopped by the user); None before.
        answered: when all results were there; None where nothing was asked for, or before.
        followed: when the next request took the results to the model; None where none did.
        ended: when it was over, or the last that is known of it.
        outcome: what became of it.
        reason: why it was discarded.
        stop_reason: the API's.
        cut: the reply ended before the model was done.
        context: tokens it was expected to hold; 0 where nobody reckoned.
        limit: how many calls may run at once.
        tokens: what it used, as the API told; zero for one that was discarded.
        cost: US dollars, or None where no price is known.
        calls: the calls, in request order.
        marks: what else happened meanwhile.
    """

    number: int
    entry: int
    turn: int
    attempt: int
    model: str
    sent: float
    replied: float | None
    answered: float | None
    followed: float | None
    ended: float
    outcome: RequestOutcome
    reason: str = ""
    stop_reason: str = ""
    cut: bool = False
    context: int = 0
    limit: int = 0
    tokens: Tokens = NO_TOKENS
    cost: float | None = 0.0
    calls: tuple[Call, ...] = ()
    marks: tuple[Mark, ...] = ()

    @property
    def seconds(self) -> float:
        """From sending it until it was over."""
        return self.ended - self.sent

    @property
    def calls_took(self) -> float:
        """How long its calls ran, one after the other."""
        return sum(call.took for call in self.calls)

    @property
    def saved(self) -> float:
        """Seconds saved against running the calls one after the other behind the reply.

        Overlap with other calls counts, and so does running while the reply was still coming in.
        """
        if self.replied is None or self.outcome == "discarded":
            return 0.0
        late = [(max(phase.begin, self.replied), phase.end) for call in self.calls for phase in call.runs[-1:]]
        return max(0.0, self.calls_took - _covered(late))

    @property
    def waited_for_person(self) -> float:
        """Seconds in which at least one call waited for approval."""
        asked = [phase for call in self.calls for phase in call.phases if phase.kind == "approval"]
        return _covered([(phase.begin, phase.end) for phase in asked])


@dataclass(frozen=True, slots=True)
class Run:
    """One run: from a prompt until the agent stopped.

    Attributes:
        number: of the run in the session, from 1.
        entry: number of its first record.
        prompt: what was said.
        at: when it was said, in seconds since 1970.
        began: the same on the session's clock.
        ended: when it was over, or the last that is known of it.
        stop_reason: why it ended; empty where no end was recorded.
        error: a sentence, where it did not end well.
        inherited: it happened in the session this one was forked from.
        untimed: how many replies came with an import, without times.
        requests: its requests, in order.
        marks: what happened between them.
    """

    number: int
    entry: int
    prompt: str
    at: float
    began: float
    ended: float
    stop_reason: str = ""
    error: str = ""
    inherited: bool = False
    untimed: int = 0
    requests: tuple[Request, ...] = ()
    marks: tuple[Mark, ...] = ()

    @property
    def all_marks(self) -> list[Mark]:
        """Everything that is marked, in order."""
        marks = [*self.marks, *(mark for request in self.requests for mark in request.marks)]
        return sorted(marks, key=lambda mark: mark.entry)


@dataclass(frozen=True, slots=True)
class Trace:
    """A session in time.

    Attributes:
        session: its id.
        title: what to call it.
        workspace: the directory it works in.
        at: when it began, in seconds since 1970; moment 0 of its clock.
        live: a process was at work on it when this was read, so what is open goes on.
        runs: its runs, in order.
        marks: what happened outside of any run.
        problems: records that do not fit together, as sentences; the rest is as it was recorded.
    """

    session: str
    title: str
    workspace: str
    at: float
    live: bool = False
    runs: tuple[Run, ...] = ()
    marks: tuple[Mark, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def own_runs(self) -> list[Run]:
        """The runs that happened in this session, and not in the one it was forked from."""
        return [run for run in self.runs if not run.inherited]


def _covered(stretches: Iterable[tuple[float, float]]) -> float:
    """Return how many seconds at least one of the stretches covers."""
    covered, until = 0.0, float("-inf")
    for begin, end in sorted(stretches):
        covered += max(0.0, end - max(begin, until))
        until = max(until, end)
    return covered
