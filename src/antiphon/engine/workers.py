"""Tasks that run calls, reused from call to call.

Starting a task costs more than a quick tool does, and a reply may ask for hundreds of calls at once. So a worker that
is done takes the next call in the same step, and a new worker is only started when all others are busy. Each call
runs in a context (`contextvars`) and a cancel scope of its own, so that it cannot tell the difference.
"""

from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from types import coroutine
from typing import Any, TypeVar

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint_if_cancelled

T = TypeVar("T")
Job = Callable[[], Coroutine[Any, Any, None]]


class Workers:
    """Runs jobs side by side in one task group, in the order they are submitted.

    Jobs must not raise. The workers end with `close`; the task group then waits for jobs that still run.
    """

    def __init__(self, tasks: TaskGroup) -> None:
        """Run in `tasks`; nothing is started before the first job."""
        self._tasks = tasks
        # A worker may be started from within a job; its calls are nobody's children but the caller's.
        self._context = copy_context()
        self._queue: deque[Job] = deque()
        self._idle: list[anyio.Event] = []
        self._starting = 0
        self._closed = False

    def submit(self, job: Job) -> None:
        """Run a job soon: never in this step, and without waiting for any other job."""
        self._queue.append(job)
        self._ensure_worker()

    def close(self) -> None:
        """Let idle workers end; busy ones end with their job. Jobs not yet begun still run."""
        self._closed = True
        for wake in self._idle:
            self._starting += 1
            wake.set()
        self._idle.clear()

    def _ensure_worker(self) -> None:
        """See that somebody will look at the queue soon."""
        if self._starting:
            return
        self._starting += 1
        if self._idle:
            self._idle.pop().set()
        else:
            self._tasks.start_soon(self._work, name="antiphon worker")

    async def _work(self) -> None:
        while True:
            self._starting -= 1
            while self._queue:
                job = self._queue.popleft()
                if self._queue:
                    # This job may take its time; somebody else has to see to the next one.
                    self._ensure_worker()
                # Where all is being cancelled, no job begins: it could do harm before its first await.
                await checkpoint_if_cancelled()
                await _in_context(self._context.copy(), job())
            if self._closed:
                return
            wake = anyio.Event()
            self._idle.append(wake)
            await wake.wait()


@coroutine
def _in_context(context: Context, job: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """Run a coroutine in this context, whosever task it is."""
    run = context.run
    step: Callable[[Any], Any] = job.send
    value: Any = None
    while True:
        try:
            awaited = run(step, value)
        except StopIteration as stop:
            return stop.value
        try:
            value = yield awaited
            step = job.send
        except BaseException as error:  # noqa: BLE001  (it belongs to the job, which decides)
            step, value = job.throw, error
