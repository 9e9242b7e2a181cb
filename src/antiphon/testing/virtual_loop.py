"""An asyncio event loop with a clock that leaps and an order that is drawn from a seed.

Knows timers, ready steps and worker threads. Does not know the world outside: whatever needs a socket, a signal or a
child process is refused. `virtual_time.run` is the usual way to use it.
"""

import asyncio
import contextvars
import heapq
import itertools
import math
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import Executor, Future
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, TypeVarTuple, cast

from antiphon.testing.virtual_steps import Choose, Priorities, Step, VirtualTask, evenly, first_come, lagging

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_PATIENCE = 10.0
"""Real seconds the loop waits for a worker thread. Under virtual time threads compute, they do not wait for tasks."""

_LONGEST_LAG = 5.0
"""Virtual seconds by which the clock runs ahead of the work, at most: a machine is busy, not asleep."""


class Deadlock(AssertionError):
    """Every task waits and no timer is set: nothing can ever happen. The message says who waits where."""


class Endless(AssertionError):
    """The run took more steps than it may: a task spins, and the clock never gets a chance to leap."""


class NotVirtual(NotImplementedError):
    """The code asked for something that has no virtual time: a socket, a signal, a child process, a stuck thread."""


class VirtualTimeLoop(asyncio.AbstractEventLoop):
    """See the module.

    Attributes:
        is_punctual: the clock never leaps while something is ready.
        problems: what asyncio reported to the exception handler, such as an error of a task that nobody awaited.
    """

    def __init__(
        self, *, seed: int | None = None, depth: int | None = None, lag: float = 0.0, max_steps: int = 1_000_000
    ) -> None:
        """Make a loop whose clock shows 0.

        Args:
            seed: decides which ready step runs next; None for asyncio's own order, first come, first served.
            depth: with a seed, choose by priorities (see `Priorities`) instead of evenly.
            lag: with a seed, how likely the clock leaps before a step although steps are ready, as on a busy machine.
            max_steps: the loop raises `Endless` after so many.
        """
        self._choose: Choose = first_come
        if seed is not None:
            self._choose = evenly(seed) if depth is None else Priorities(seed, depth)
        self._lags = lagging(seed, lag) if seed is not None and lag else None
        self.is_punctual = self._lags is None
        self._max_steps: int = max_steps
        self._steps: int = 0
        # The number of the step before which something has to be done: an interruption, or giving up.
        self._pause: int = max_steps
        self._interruptions: list[tuple[int, Callable[[], object]]] = []
        self._now = 0.0
        self._ready: list[Step] = []
        self._timers: list[tuple[float, int, Step]] = []
        self._timer_numbers = itertools.count()
        self._task_numbers = itertools.count()
        self._running = self._stopping = self._closed = False
        self._generators: weakref.WeakSet[AsyncGenerator[Any, Any]] = weakref.WeakSet()
        self.problems: list[dict[str, Any]] = []
        # Steps that other threads asked for.
        self._from_threads: deque[Step] = deque()
        self._called = threading.Event()
        self._threads = 0

    # What is to be done, and when

    def time(self) -> float:
        """Return the virtual time: seconds since the loop was made."""
        return self._now

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> Step:
        """Make a step ready."""
        if self._closed:
            raise RuntimeError("Event loop is closed")
        step = Step(self._now, callback, args, context)
        self._ready.append(step)
        return step

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> Step:
        """Make a step ready after `delay` virtual seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> Step:
        """Make a step ready at a virtual time; steps of one time become ready together."""
        step = Step(when, callback, args, context)
        if when <= self._now:
            self._ready.append(step)
        else:
            heapq.heappush(self._timers, (when, next(self._timer_numbers), step))
        return step

    def create_future(self) -> asyncio.Future[Any]:
        """Return a new future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Generator[Any, None, T] | Coroutine[Any, Any, T], **options: Any) -> asyncio.Task[T]:
        """Start a task; `options` are those of `asyncio.Task`: name, context."""
        return VirtualTask(coro, loop=self, number=next(self._task_numbers), **options)

    # Running

    def run_forever(self) -> None:
        """Run steps until `stop` is called."""
        if self._closed:
            raise RuntimeError("Event loop is closed")
        refuse_inside_a_loop()
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=self._generators.add, finalizer=self._close_generator)
        _set_running_loop(self)
        self._running = True
        self._threads = threading.active_count()
        try:
            self._run_steps()
        finally:
            self._running = self._stopping = False
            _set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)

    def _run_steps(self) -> None:
        ready, choose, lags, count_threads = self._ready, self._choose, self._lags, threading.active_count
        while not self._stopping:
            if self._from_threads or count_threads() != self._threads:
                self._attend_to_threads()
            if not ready:
                self._leap()
                continue
            if lags is not None and lags():
                self._leap(most=_LONGEST_LAG)
            if self._steps == self._pause:
                self._interrupt()
            step = ready.pop(choose(ready) if len(ready) > 1 else 0)
            if step.dropped:
                continue
            self._steps += 1
            before = len(ready)
            step.context.run(step.callback, *step.args)
            if len(ready) > before + 1:
                # Who walks a set of objects (cancel scopes hold such sets) wakes tasks in the order of addresses.
                ready[before:] = sorted(ready[before:], key=_number)
        # As asyncio does, run what was ready when the loop was stopped: others may wait for the same task's end.
        for step in [ready.pop(0) for _ in range(len(ready))]:
            if not step.dropped:
                step.context.run(step.callback, *step.args)

    def at_step(self, number: int, callback: Callable[[], object]) -> None:
        """Call something between two steps: after `number` more steps have run, counted from here.

        Whatever runs can be interrupted by it wherever it awaits. Nothing is called if the loop ends before.
        """
        self._interruptions.append((self._steps + number, callback))
        self._pause = min(self._pause, self._steps + number)

    def _interrupt(self) -> None:
        if self._steps >= self._max_steps:
            raise Endless(f"the main task has not ended after {self._max_steps} steps:\n{describe_tasks(self)}")
        # What is called may ask for the next interruption.
        due = [callback for number, callback in self._interruptions if number <= self._steps]
        self._interruptions = [later for later in self._interruptions if later[0] > self._steps]
        self._pause = min([self._max_steps, *(number for number, _ in self._interruptions)])
        for callback in due:
            callback()

    def _leap(self, most: float = math.inf) -> None:
        """Move the clock to the next timer, if that is less than `most` away, and make ready what is due."""
        timers = self._timers
        while timers and timers[0][2].dropped:
            heapq.heappop(timers)
        if not timers or timers[0][0] - self._now >= most:
            if self._ready:
                return
            raise Deadlock(f"at {self._now:g} s every task waits and no timer is set:\n{describe_tasks(self)}")
        self._now = timers[0][0]
        while timers and timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(timers)[2])

    def run_until_complete(self, future: Any) -> Any:
        """Run until the future is done (a coroutine is made a task); return its result or raise its error."""
        main: asyncio.Future[Any] = asyncio.ensure_future(future, loop=self)
        main.add_done_callback(self._stop)
        try:
            self.run_forever()
        finally:
            main.remove_done_callback(self._stop)
        if not main.done():
            raise RuntimeError("Event loop stopped before Future completed.")
        return main.result()

    def _stop(self, _future: object) -> None:
        self._stopping = True

    def stop(self) -> None:
        """Stop running after the present step."""
        self._stopping = True

    def is_running(self) -> bool:
        """Tell whether the loop is running."""
        return self._running

    def is_closed(self) -> bool:
        """Tell whether the loop was closed."""
        return self._closed

    def cancel_all(self) -> None:
        """Cancel every task and run until all have ended."""
        self._interruptions.clear()
        self._max_steps += self._steps
        self._pause = self._max_steps
        left = asyncio.all_tasks(self)
        for task in left:
            task.cancel()
        self.run_until_complete(asyncio.wait(left))

    def close(self) -> None:
        """Forget everything; the loop holds nothing of the operating system."""
        if self._running:
            raise RuntimeError("Cannot close a running event loop")
        self._closed = True
        self._ready.clear()
        self._timers.clear()

    # Threads

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Run the function in a step of its own, in this thread whatever the executor; no virtual time passes."""
        del executor
        future: asyncio.Future[T] = self.create_future()
        self.call_soon(_run_into, future, func, args)
        return future

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> Step:
        """Make a step ready, from any thread."""
        if self._closed:
            raise RuntimeError("Event loop is closed")
        step = Step(self._now, callback, args, context)
        self._from_threads.append(step)
        self._called.set()
        return step

    def _attend_to_threads(self) -> None:
        """Wait until no worker thread works, so that it makes no difference how fast threads are."""
        deadline = time.monotonic() + _PATIENCE
        while self._has_busy_worker():
            if time.monotonic() > deadline:
                raise NotVirtual(
                    f"a worker thread has not come back for {_PATIENCE:g} real seconds; under virtual time "
                    "a thread may compute, but not wait for a task"
                )
            # A worker that has called is busy for some microseconds more; nothing is missed by looking again.
            self._called.wait(0.0005)
            self._called.clear()
        while self._from_threads:
            self._ready.append(self._from_threads.popleft())

    def _has_busy_worker(self) -> bool:
        workers = self.workers()
        if not workers:
            self._threads = threading.active_count()
        return any(
            cast("Any", worker).queue.unfinished_tasks and not _awaits_an_answer(worker.ident) for worker in workers
        )

    def workers(self) -> list[threading.Thread]:
        """Return the worker threads that anyio started for this loop and that have not ended."""
        return [thread for thread in threading.enumerate() if getattr(thread, "loop", None) is self]

    # Asynchronous generators, errors that nobody sees, and settings that are not for virtual time

    def _close_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        self._generators.discard(generator)
        if not self._closed:
            self.call_soon(self.create_task, generator.aclose())

    async def shutdown_asyncgens(self) -> None:
        """Close the asynchronous generators that were left open."""
        for generator in list(self._generators):
            await generator.aclose()

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  (asyncio's name)
        """Do nothing: there is no executor."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what asyncio reports in `problems`; `virtual_time.run` fails on it."""
        self.problems.append(context)

    def get_exception_handler(self) -> None:
        """Return None: errors are kept in `problems`."""

    def set_exception_handler(self, handler: object) -> None:
        """Ignore the handler: what it would hide, a test should see."""

    def get_task_factory(self) -> None:
        """Return None: only tasks made by the loop run in the same order every time."""

    def get_debug(self) -> bool:
        """Return False: asyncio's debug mode measures real time."""
        return False

    def set_debug(self, enabled: bool) -> None:  # noqa: FBT001  (asyncio's signature)
        """Ignore it."""


_number = attrgetter("number")
_RESULT = cast("Any", Future).result.__code__


def _run_into(future: asyncio.Future[T], func: Callable[..., T], args: tuple[Any, ...]) -> None:
    if future.cancelled():
        return
    try:
        future.set_result(func(*args))
    except Exception as error:  # noqa: BLE001  (whatever it is, the one who awaits gets it)
        future.set_exception(error)


def _awaits_an_answer(thread: int | None) -> bool:
    """Tell whether a thread waits for something it asked the loop to do (`anyio.from_thread.run`)."""
    frame = sys._current_frames().get(thread or 0)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (documented)
    while frame is not None:
        if frame.f_code is _RESULT:
            return not frame.f_locals["self"].done()
        frame = frame.f_back
    return False


def refuse_inside_a_loop() -> None:
    """Raise a `RuntimeError` when an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError("an event loop is already running in this thread; run virtual time from a plain function")


def _set_running_loop(loop: asyncio.AbstractEventLoop | None) -> None:
    asyncio._set_running_loop(loop)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (asyncio's door for loops)


def describe_tasks(loop: VirtualTimeLoop) -> str:
    """Tell which tasks of a loop have not ended and where each one waits, one per line."""
    return "\n".join(
        f"  {task.get_name()} at {_place(task.get_coro())}" for task in sorted(asyncio.all_tasks(loop), key=hash)
    )


def _place(waiting: Any) -> str:
    """Say where a suspended coroutine waits: its innermost line outside asyncio and anyio."""
    place = "its start"
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "ag_frame", None)
        if frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] not in {"anyio", "asyncio"}:
            place = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "ag_await", None)
    return place


def _refuse(what: str) -> Callable[..., NoReturn]:
    def refuse(*_args: Any, **_kwargs: Any) -> NoReturn:
        raise NotVirtual(
            f"{what} has no virtual time. Test what talks to the outside on a real event loop, "
            "or put a scripted provider or a memory stream in its place."
        )

    return refuse


for _name in (
    *("add_reader", "remove_reader", "add_writer", "remove_writer", "add_signal_handler", "remove_signal_handler"),
    *("create_connection", "create_server", "create_unix_connection", "create_unix_server", "create_datagram_endpoint"),
    *("connect_accepted_socket", "sock_accept", "sock_connect", "sock_recv", "sock_recv_into", "sock_sendall"),
    *("sock_recvfrom", "sock_recvfrom_into", "sock_sendto", "sock_sendfile", "sendfile", "start_tls"),
    *("getaddrinfo", "getnameinfo", "connect_read_pipe", "connect_write_pipe", "subprocess_exec", "subprocess_shell"),
    *("set_task_factory", "set_default_executor"),
):
    setattr(VirtualTimeLoop, _name, _refuse(_name))
