"""Carries out what a turn commands: the only part of the engine that awaits.

Starts calls in worker tasks, asks about approvals, enforces timeouts, and feeds what happened back into the turn.
Knows how to run a job; does not know tools, models or the wire.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import anyio
from anyio import CancelScope

from antiphon.engine.events import (
    INDEPENDENT,
    Access,
    Allowed,
    Ask,
    CallState,
    Cancelled,
    Command,
    Denied,
    Discarded,
    Event,
    Finished,
    MessageEnded,
    Reply,
    Requested,
    Result,
    Resumed,
    Start,
    Stop,
    ToolCall,
    failure,
)
from antiphon.engine.turn import DEFAULT_LIMIT, Turn
from antiphon.engine.workers import Workers

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """How one call is carried out.

    Attributes:
        access: what it touches.
        run: carries the call out. May be cancelled at any await.
        ask: asks whether it may run, and returns None for yes or the result that says no. None when nobody has to be
            asked.
        timeout: seconds it may run, or None.
        before: has to be done before it runs, and does not count as its running.
    """

    access: Access
    run: Callable[[], Awaitable[Result]]
    ask: Callable[[], Awaitable[Result | None]] | None = None
    timeout: float | None = None
    before: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Denial:
    """A call that may not run; `result` tells the model so."""

    result: Result


class Prepare(Protocol):
    """Finds out what a call is: a job, or the result of a call that can never run. Fast, and never raises."""

    def __call__(self, call: ToolCall, /) -> Job | Result | Denial:
        """Return how to carry out a call, or what it came to without."""
        ...


@dataclass(frozen=True, slots=True)
class CallUpdate:
    """A call entered a state. `index` counts the calls of the turn from 0 in request order."""

    index: int
    call: ToolCall
    state: CallState
    waits_for: tuple[str, ...]
    result: Result | None


class Driver:
    """Runs the calls of one assistant message.

    The caller tells it each call as its block closes, and how the message ended; `reply` waits for the results. All
    methods but `reply` return at once. A driver serves one turn: what arrives late from an abandoned turn meets its
    own, finished driver and is refused.
    """

    def __init__(
        self,
        workers: Workers,
        prepare: Prepare,
        *,
        limit: int = DEFAULT_LIMIT,
        on_update: Callable[[CallUpdate], None] | None = None,
        record: Callable[[Event], None] | None = None,
    ) -> None:
        """Run calls in `workers`.

        Args:
            workers: where calls run; their task group outlives the turn.
            prepare: says how to carry out a call.
            limit: how many calls run at once.
            on_update: told of every change of a call, as it happens (completion order).
            record: told of every event before it takes effect: the log.
        """
        self._workers = workers
        self._prepare = prepare
        self._turn = Turn(limit)
        self._on_update = on_update
        self._record = record
        self._jobs: dict[str, Job] = {}
        self._index: dict[str, int] = {}
        self._scopes: dict[str, CancelScope] = {}
        self._reply: Reply | None = None
        self._over = anyio.Event()

    def request(self, call: ToolCall) -> None:
        """Take the next call; its block has closed with arguments that are a strictly valid JSON object.

        Raises:
            ValueError: for a second call of one id; the first one keeps its job and its result.
        """
        self._refuse_twice(call)
        prepared = self._prepare(call)
        if isinstance(prepared, Denial):
            self.answer(call, prepared.result, denied=True)
            return
        if isinstance(prepared, Result):
            self.answer(call, prepared)
            return
        self._jobs[call.id] = prepared
        self._index[call.id] = len(self._index)
        self._receive(Requested(call, prepared.access, ask=prepared.ask is not None))

    def answer(self, call: ToolCall, result: Result, *, denied: bool = False) -> None:
        """Take the next call together with its result: it can never run, or may not.

        Raises:
            ValueError: for a second call of one id.
        """
        self._refuse_twice(call)
        self._index[call.id] = len(self._index)
        self._receive(Requested(call, answer=result, denied=denied))

    def resume(self, events: Iterable[Event], *, cut: bool = False) -> None:
        """Go on with a turn that a process began which is no more. Its message must be complete and in the history.

        Finished results stay, calls that only read run again, everything else is answered without being run; see
        `antiphon.engine.events.Resumed`.

        Args:
            events: what was recorded of the turn, in order.
            cut: as for `message_ended`; counts where the message's end was not recorded any more.
        """
        for event in events:
            if isinstance(event, Requested):
                self._index[event.call.id] = len(self._index)
            for command in self._turn.receive(event):
                # What else was commanded died with the process.
                if isinstance(command, Reply):
                    self._carry_out(command)
        if self._turn.is_over:
            self._over.set()
            return
        for call in self._turn.open_reads():
            prepared = self._prepare(call)
            self._jobs[call.id] = prepared if isinstance(prepared, Job) else _answered_at_once(prepared)
        self._receive(Resumed())
        if not self._turn.has_ended:
            self.message_ended(cut=cut)

    def _refuse_twice(self, call: ToolCall) -> None:
        if call.id in self._index:
            raise ValueError(f"call {call.id!r} was requested already; one of the two results would be lost")

    def message_ended(self, *, cut: bool = False) -> None:
        """Say that the message is complete and logged. `cut`: it stopped early, with its last call as its end."""
        self._receive(MessageEnded(cut=cut))

    def cancel(self) -> None:
        """Stop the turn: the reply is there at once, finished results stay, running calls are being stopped."""
        self._receive(Cancelled())

    def discard(self, reason: str) -> None:
        """Throw the turn away: its message broke off or was refused. There will be no reply."""
        self._receive(Discarded(reason))

    async def reply(self) -> Reply:
        """Wait until every call is answered and return the results, in request order."""
        await self._over.wait()
        if self._reply is None:
            raise RuntimeError("a discarded turn has no reply")
        return self._reply

    @property
    def finished_reply(self) -> Reply | None:
        """The reply, if it is there already."""
        return self._reply

    def _receive(self, event: Event) -> None:
        turn = self._turn
        if turn.is_over:
            return
        if self._record is not None:
            self._record(event)
        commands = turn.receive(event)
        changed = turn.changed
        for command in commands:
            self._carry_out(command)
        # Told last: whoever listens may stop the turn from here.
        if self._on_update is not None:
            for key in changed:
                self._on_update(
                    CallUpdate(
                        self._index[key], turn.calls[key], turn.states[key], turn.waits_for(key), turn.result(key)
                    )
                )
        if turn.is_over:
            self._over.set()

    def _carry_out(self, command: Command) -> None:
        match command:
            case Start(id=key):
                job = self._jobs.pop(key)
                scope = self._scopes[key] = CancelScope(deadline=math.inf if job.before is not None else _deadline(job))
                self._workers.submit(lambda: self._run(key, job, scope))
            case Ask(id=key):
                scope = self._scopes[key] = CancelScope()
                self._workers.submit(lambda: self._ask(key, self._jobs[key], scope))
            case Stop(id=key):
                self._scopes.pop(key).cancel()
            case Reply():
                self._reply = command

    async def _run(self, key: str, job: Job, scope: CancelScope) -> None:
        began = False
        with scope:
            # Stopped, or late, before its task began, which on a busy machine takes its time.
            if not scope.cancel_called:
                began = True
                before = job.before
                result = await _outcome(job.run if before is None else lambda: _run_after(before, job, scope))
                self._end_scope(key, scope)
                self._receive(Finished(key, result))
        if self._scopes.get(key) is scope:
            # Neither done nor stopped by the turn: its time is up.
            del self._scopes[key]
            text = f"Timed out after {job.timeout:g} s"
            text += " and was stopped." if began else ", before it began. Nothing was done."
            self._receive(Finished(key, failure(text)))

    async def _ask(self, key: str, job: Job, scope: CancelScope) -> None:
        with scope:
            if scope.cancel_called:
                return
            # A resumed call may need no approval any more.
            refusal = None if job.ask is None else await _outcome(job.ask)
            self._end_scope(key, scope)
            if refusal is None:
                self._receive(Allowed(key))
            else:
                del self._jobs[key]
                self._receive(Denied(key, refusal))

    def _end_scope(self, key: str, scope: CancelScope) -> None:
        """Forget a scope, so that nothing cancels work that is done."""
        if self._scopes.get(key) is scope:
            del self._scopes[key]


def _deadline(job: Job) -> float:
    return math.inf if job.timeout is None else anyio.current_time() + job.timeout


async def _run_after(before: Callable[[], Awaitable[None]], job: Job, scope: CancelScope) -> Result:
    """Do what has to be done before a job runs, and let its time begin then."""
    await before()
    scope.deadline = _deadline(job)
    return await job.run()


def _answered_at_once(prepared: Result | Denial) -> Job:
    """Return a job for a call that could be carried out when it was asked for, and can or may not be any more."""
    result = prepared.result if isinstance(prepared, Denial) else prepared

    async def answer() -> Result:
        return result

    return Job(INDEPENDENT, answer)


async def _outcome(work: Callable[[], Awaitable[T]]) -> T | Result:
    """Await some work; whatever it raises of its own is a failure, for a call never takes others down."""
    try:
        return await work()
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except asyncio.CancelledError:
        if anyio.current_effective_deadline() == -math.inf:
            raise
        # Nobody stopped this call: the tool raised it, cancelled its own task, or awaited something cancelled.
        task = asyncio.current_task()
        while task is not None and task.cancelling():
            task.uncancel()  # the worker's next call must not inherit it
        return failure("The tool cancelled itself.")
    except BaseException as error:  # noqa: BLE001  (each call stands alone, also one that calls `sys.exit`)
        return failure(f"{type(error).__name__}: {error}")
