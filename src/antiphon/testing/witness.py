"""Watches one driver and checks what it does, as it happens and afterwards.

What must hold is said here once more, as simply as it can be and without the engine's data structures: that calls
which conflict exclude each other and keep their order, that nothing runs that must not, that nothing waits for
longer than it has to, that no result is lost or given to another call, and that the events replayed give the same
reply.
"""

import math
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import coroutine

import anyio
from anyio import CancelScope, get_cancelled_exc_class

from antiphon.engine.driver import CallUpdate, Denial, Driver, Job
from antiphon.engine.events import (
    Access,
    Allowed,
    CallState,
    Cancelled,
    Denied,
    Discarded,
    Event,
    Finished,
    MessageEnded,
    Reply,
    Requested,
    Result,
    Resumed,
    ToolCall,
    failure,
)
from antiphon.engine.turn import CUT, NOT_STARTED, STOPPED, Turn
from antiphon.engine.workers import Workers
from antiphon.testing.plans import PlannedCall
from antiphon.testing.virtual_time import running_loop

_LEADS_TO: dict[CallState | None, frozenset[CallState]] = {
    None: frozenset({"asking", "waiting", "done", "failed", "denied", "running"}),
    "asking": frozenset({"waiting", "running", "denied", "cancelled", "failed"}),
    "waiting": frozenset({"waiting", "running", "cancelled", "failed"}),
    "running": frozenset({"done", "failed", "cancelled"}),
    "done": frozenset({"failed"}),
    "failed": frozenset(),
    "denied": frozenset(),
    "cancelled": frozenset(),
}
"""What a surface may see of a call. A call that is done fails after all when its reply turns out to be cut."""

_mark: ContextVar[str] = ContextVar("_mark", default="")


class PromiseBroken(AssertionError):
    """The engine did what it promises not to do. The message says which call and what."""


@dataclass(slots=True)
class _Seen:
    """What was seen of one call. `earlier` are the calls it has to wait for."""

    index: int
    call: ToolCall
    planned: PlannedCall | None
    access: Access
    earlier: "list[_Seen]"
    ready_at: float | None = None
    began_at: float | None = None
    ended_at: float | None = None
    returned: Result | None = None
    over_at: float | None = None
    result: Result | None = None
    states: list[CallState | None] = field(default_factory=lambda: [None])


class Witness:
    """Prepares the calls of one driver so that they are watched, and listens to its events.

    Attributes:
        driver: what is watched.
        is_over: the driver was told to stop, or has replied.
        is_cut: the reply stopped before the model was done, with a call as its end.
    """

    def __init__(
        self,
        workers: Workers,
        limit: int,
        planned: Callable[[ToolCall], PlannedCall],
        lock: anyio.Lock,
    ) -> None:
        """Make a driver and watch it.

        Args:
            workers: where it runs its calls.
            limit: how many may run at once.
            planned: finds the plan of a call.
            lock: what tools that lock something lock.
        """
        # The loop's own clock: anyio's is for tasks only, and a turn may be stopped by a signal.
        loop = running_loop()
        self._now = loop.time
        # No time passes while something is ready, so that each call must start at the earliest moment there is.
        self._punctual = loop.is_punctual
        self.driver = Driver(workers, self._prepare, limit=limit, on_update=self._updated, record=self._recorded)
        self.is_over = self.is_cut = False
        self._limit = limit
        self._planned = planned
        self._lock = lock
        self._events: list[Event] = []
        self._seen: dict[str, _Seen] = {}
        self._ended_at: float | None = None
        self._cut: str | None = None
        self._stopped_at: float | None = None
        self._problem: PromiseBroken | None = None

    # What the driver is given

    def _prepare(self, call: ToolCall, /) -> Job | Result | Denial:
        if call.name != "work":
            return failure(f"There is no tool named {call.name!r}.")
        planned = self._planned(call)
        if planned.denied:
            return Denial(failure("A rule denies it."))
        seen = self._see(call, planned, planned.access)
        question = None if planned.ask is None else self._question(seen, planned)
        return Job(planned.access, self._work(seen, planned), question, planned.timeout)

    def _see(self, call: ToolCall, planned: PlannedCall | None, access: Access) -> _Seen:
        in_the_way = [seen for seen in self._seen.values() if seen.over_at is None and conflict(seen.access, access)]
        seen = self._seen[call.id] = _Seen(len(self._seen), call, planned, access, in_the_way)
        return seen

    def _question(self, seen: _Seen, planned: PlannedCall) -> Callable[[], Awaitable[Result | None]]:
        async def ask() -> Result | None:
            self._require(not self.is_over, seen, "is asked about when the turn is over")
            await pause(planned.thinking)
            if planned.ask == "raise":
                raise RuntimeError(f"nobody answers about {seen.call.id}")
            if planned.ask == "deny":
                return failure(f"{seen.call.id} was denied")
            return None

        return ask

    def _work(self, seen: _Seen, planned: PlannedCall) -> Callable[[], Awaitable[Result]]:
        text = f"{seen.call.id} was carried out"

        async def work() -> Result:
            self._begins(seen, planned)
            try:
                async with self._lock if planned.locks else nullcontext():
                    await pause(planned.working)
                    if planned.ending == "hang":
                        await anyio.sleep_forever()
            except get_cancelled_exc_class():
                if planned.on_stop == "go on":
                    seen.returned = Result(text)
                    return seen.returned
                if planned.on_stop == "clean up":
                    with CancelScope(shield=True):
                        await anyio.sleep(1)
                raise
            finally:
                seen.ended_at = self._now()
            if planned.ending == "raise":
                seen.returned = failure(f"ValueError: {text} in vain")
                raise ValueError(f"{text} in vain")
            if planned.ending == "cancel itself":
                seen.returned = failure("The tool cancelled itself.")
                raise get_cancelled_exc_class()
            seen.returned = Result(text, is_error=planned.ending == "report failure")
            return seen.returned

        return work

    # What is checked while it runs

    def _begins(self, seen: _Seen, planned: PlannedCall) -> None:
        self._require(seen.began_at is None, seen, "runs a second time")
        self._require(not self.is_over, seen, "starts after the turn was over")
        self._require(anyio.current_effective_deadline() > -math.inf, seen, "starts although it is cancelled already")
        self._require(seen.call.id != self._cut, seen, "starts although the reply was cut right after it")
        self._require(planned.ask in (None, "allow"), seen, "starts without having been allowed")
        self._require(seen.ready_at is not None, seen, "starts before it was allowed")
        self._require(
            self._ended_at is not None or (planned.access.early and not planned.access.writes),
            seen,
            "starts before its message has ended, and does not only read",
        )
        for other in seen.earlier:
            self._require(other.over_at is not None, seen, "starts before what it conflicts with:", other.call.id)
        running = [other for other in self._seen.values() if other.began_at is not None and other.ended_at is None]
        for other in running:
            self._require(
                other.call.id == self._cut or not conflict(other.access, seen.access),
                seen,
                "runs beside what it conflicts with:",
                other.call.id,
            )
        self._require(
            sum(other.over_at is None for other in running) < self._limit, seen, "runs beside more than the limit"
        )
        seen.began_at = self._now()
        self._require(_mark.get() == "", seen, "runs in the context of another call")
        _mark.set(seen.call.id)
        if self._punctual and len(self._seen) <= self._limit:
            earliest = [seen.ready_at, *(other.over_at for other in seen.earlier)]
            earliest += [] if planned.access.early else [self._ended_at]
            self._require(
                seen.began_at == max(time for time in earliest if time is not None),
                seen,
                "waits longer than it must",
            )

    def _recorded(self, event: Event) -> None:
        self._events.append(event)
        now = self._now()
        match event:
            case Requested(call, _, ask, answer):
                if answer is not None:
                    seen = self._see(call, None, Access())
                    seen.earlier, seen.over_at, seen.result = [], now, answer
                else:
                    self._seen[call.id].ready_at = None if ask else now
            case Allowed(key):
                self._seen[key].ready_at = now
            case Finished(key, result) | Denied(key, result):
                self._is_over(self._seen[key], result, now)
            case MessageEnded(cut):
                self._ended_at = now
                if cut != self.is_cut:
                    raise PromiseBroken(f"the turn is told that its reply was {'cut' if cut else 'complete'}")
                if cut and self._seen:
                    self._cut_off(next(reversed(self._seen.values())), now)
            case Cancelled() | Discarded():
                self._stopped_at, self.is_over = now, True
            case Resumed():
                raise PromiseBroken("a turn goes on that nobody left")

    def _is_over(self, seen: _Seen, result: Result, now: float) -> None:
        if seen.over_at is not None:
            return  # the turn refuses it; the end compares results
        seen.over_at, seen.result = now, result
        planned, began = seen.planned, seen.began_at
        late = str(result.content).startswith("Timed out") and planned is not None and planned.timeout is not None
        if planned is None or began is None:
            wanted = f"{seen.call.id} was denied", f"RuntimeError: nobody answers about {seen.call.id}"
            late = late and seen.ready_at is not None and not self._punctual
            self._require(
                result.is_error and (result.content in wanted or late), seen, "never ran, and came to", result
            )
            return
        self._require(seen.ended_at is not None, seen, "is answered while it still runs")
        if seen.returned is not None:
            self._require(result == seen.returned, seen, "does not come to", seen.returned, "but to", result)
            return
        took = now - began
        self._require(late and result.is_error, seen, "did not return, and came to", result)
        # Cleaning up takes a second.
        wanted_time = planned.timeout is not None and planned.timeout <= took <= planned.timeout + 1
        self._require(wanted_time or not self._punctual, seen, "timed out after", took)

    def _cut_off(self, seen: _Seen, now: float) -> None:
        if seen.result is None or not seen.result.is_error:
            self._cut = seen.call.id
            seen.over_at, seen.result = now, CUT

    def _updated(self, update: CallUpdate) -> None:
        seen = self._seen[update.call.id]
        self._require(
            update.state in _LEADS_TO[seen.states[-1]], seen, "goes from", seen.states[-1], "to", update.state
        )
        self._require(seen.index == update.index, seen, "is told with another index")
        seen.states.append(update.state)
        if update.state in ("done", "failed", "denied"):
            self._require(update.result is not None, seen, "is over, and nobody is told its result")

    # What is checked at the end

    def check_reply(self, reply: Reply | None, ids: Iterable[str]) -> None:
        """Check what was answered: every call of the message, in request order, each with what it came to."""
        self.is_over = True
        if reply is None:
            raise PromiseBroken("there is no reply")
        answered = [call.id for call, _ in reply.results]
        if answered != list(ids):
            raise PromiseBroken(f"the calls are {', '.join(ids)}; the results are those of {', '.join(answered)}")
        for call, result in reply.results:
            seen = self._seen[call.id]
            if seen.result is not None:
                self._require(result == seen.result, seen, "came to", seen.result, "but is answered", result)
            elif seen.began_at is not None:
                self._require(
                    self._stopped_at is not None and result == STOPPED, seen, "was stopped, but is answered", result
                )
            else:
                self._require(
                    self._stopped_at is not None and result in (NOT_STARTED, STOPPED),
                    seen,
                    "never ran, but is answered",
                    result,
                )
        if len(self._events) % 4 == 0:  # a replay costs as much as the turn did, so not always
            self._check_replay(reply)

    def _check_replay(self, reply: Reply) -> None:
        turn = Turn(self._limit)
        for event in self._events:
            commands = turn.receive(event)
            if commands and isinstance(commands[-1], Reply):
                if commands[-1] != reply:
                    raise PromiseBroken(f"replayed, the events give {commands[-1]} instead of {reply}")
                return
        raise PromiseBroken("replayed, the events give no reply")

    def check_nothing_runs(self) -> None:
        """Check that every call that began has ended, and that nothing was found wrong before."""
        if self._problem is not None:
            raise self._problem
        for seen in self._seen.values():
            if seen.began_at is None:
                continue
            self._require(seen.ended_at is not None, seen, "still runs")
            if self._stopped_at is not None and self._punctual:
                self._require((seen.ended_at or 0.0) <= self._stopped_at + 1, seen, "ran on after it was stopped")

    def check_nothing_written(self) -> None:
        """Check that a reply which is thrown away left nothing behind."""
        self.is_over = True
        for seen in self._seen.values():
            self._require(
                seen.began_at is None or not seen.access.writes, seen, "has run, and its reply is thrown away"
            )

    def _require(self, condition: object, seen: _Seen, *what: object) -> None:
        if condition:
            return
        problem = PromiseBroken(f"call {seen.call.id} at {self._now():g} s {' '.join(str(part) for part in what)}")
        # Kept, for where a tool raises it, it becomes the result of the call.
        self._problem = self._problem or problem
        raise problem


def conflict(one: Access, other: Access) -> bool:
    """Say whether two accesses conflict, straight from the definition."""
    return any(
        mine[: len(theirs)] == theirs[: len(mine)]
        for mine, theirs in (
            *((mine, theirs) for mine in one.writes for theirs in (*other.reads, *other.writes)),
            *((mine, theirs) for mine in one.reads for theirs in other.writes),
        )
    )


async def pause(seconds: Iterable[float]) -> None:
    """Await once for each of these times; 0 lets others go first."""
    for wait in seconds:
        if wait:
            await anyio.sleep(wait)
        else:
            await _let_others_go()


@coroutine
def _let_others_go() -> Generator[None, None, None]:
    yield
