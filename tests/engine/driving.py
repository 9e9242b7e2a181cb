"""Ways to run one turn with the real driver."""

from collections.abc import Awaitable, Callable, Mapping

import anyio

from antiphon.engine.driver import CallUpdate, Driver, Job
from antiphon.engine.events import INDEPENDENT, Access, Event, Reply, Result, ToolCall
from antiphon.engine.turn import DEFAULT_LIMIT
from antiphon.engine.workers import Workers

Run = Callable[[], Awaitable[Result]]


def call(key: str) -> ToolCall:
    """Return a call whose job is found by its id."""
    return ToolCall(key, "tool", {})


def takes(seconds: float, text: str = "ok", access: Access = INDEPENDENT, timeout: float | None = None) -> Job:
    """Return a job that sleeps and then returns a text."""

    async def run() -> Result:
        await anyio.sleep(seconds)
        return Result(text)

    return Job(access, run, timeout=timeout)


def does(run: Run, access: Access = INDEPENDENT, timeout: float | None = None) -> Job:
    """Return a job without a question."""
    return Job(access, run, timeout=timeout)


class Journal:
    """Notes when each call begins and ends."""

    def __init__(self) -> None:
        self.entries: list[tuple[float, str]] = []

    def job(
        self,
        name: str,
        seconds: float,
        access: Access = INDEPENDENT,
        *,
        ask: Callable[[], Awaitable[Result | None]] | None = None,
        cleanup: float = 0,
    ) -> Job:
        async def work() -> Result:
            self.entries.append((anyio.current_time(), f"{name} begins"))
            try:
                await anyio.sleep(seconds)
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(cleanup)
                self.entries.append((anyio.current_time(), f"{name} ends"))
            return Result(name)

        return Job(access, work, ask)


def texts(reply: Reply) -> list[tuple[str, object]]:
    """Return ids and contents of a reply."""
    return [(answered.id, result.content) for answered, result in reply.results]


async def reply_to(
    jobs: Mapping[str, Job | Result],
    *,
    limit: int = DEFAULT_LIMIT,
    record: list[Event] | None = None,
    on_update: Callable[[CallUpdate], None] | None = None,
) -> Reply:
    """Request all calls, end the message at once, and wait for the reply."""

    async def wait(driver: Driver) -> Reply:
        for key in jobs:
            driver.request(call(key))
        driver.message_ended()
        return await driver.reply()

    return await driven(jobs, wait, limit=limit, record=record, on_update=on_update)


async def driven(
    jobs: Mapping[str, Job | Result],
    steer: Callable[[Driver], Awaitable[Reply]],
    *,
    limit: int = DEFAULT_LIMIT,
    record: list[Event] | None = None,
    on_update: Callable[[CallUpdate], None] | None = None,
) -> Reply:
    """Give a driver for these jobs to `steer`, and wait until nothing of the turn runs any more."""
    answered: list[Reply] = []
    async with anyio.create_task_group() as tasks:
        workers = Workers(tasks)
        driver = Driver(
            workers,
            lambda wanted: jobs[wanted.id],
            limit=limit,
            on_update=on_update,
            record=None if record is None else record.append,
        )
        answered.append(await steer(driver))
        workers.close()
    return answered[0]
