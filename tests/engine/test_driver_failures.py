"""Whatever a tool does, its call is answered, and no other call notices."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import anyio
import pytest
from driving import call, does, driven, reply_to, takes, texts

from antiphon.engine.driver import CallUpdate, Driver
from antiphon.engine.events import Reply, Result, failure
from antiphon.engine.workers import Workers
from antiphon.testing.virtual_time import on_virtual_time, run


async def raises_an_error() -> Result:
    raise ValueError("no such text")


async def raises_a_group() -> Result:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(raises_an_error)
    return Result("never")


async def exits() -> Result:
    sys.exit("usage: tool [-h]")


async def raises_a_cancellation() -> Result:
    raise asyncio.CancelledError


async def cancels_its_own_task() -> Result:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await anyio.sleep(1)
    return Result("never")


async def awaits_something_cancelled() -> Result:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    return Result(str(await future))


async def fails_in_an_asyncio_task_group() -> Result:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(raises_an_error())
    return Result("never")


FAILURES: dict[Callable[[], Awaitable[Result]], str] = {
    raises_an_error: "ValueError: no such text",
    raises_a_group: "ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)",
    exits: "SystemExit: usage: tool [-h]",
    raises_a_cancellation: "The tool cancelled itself.",
    cancels_its_own_task: "The tool cancelled itself.",
    awaits_something_cancelled: "The tool cancelled itself.",
    fails_in_an_asyncio_task_group: "ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)",
}


@pytest.mark.parametrize("tool", FAILURES, ids=lambda tool: tool.__name__)
def test_a_tool_that_fails_is_answered_and_cancels_nobody(tool: Callable[[], Awaitable[Result]]) -> None:
    async def main() -> Reply:
        # The last one may run in the worker that the failing one left.
        return await reply_to({"a": takes(10, "1"), "b": does(tool), "c": takes(20, "3"), "d": takes(0, "4")}, limit=2)

    reply = run(main)
    assert texts(reply) == [("a", "1"), ("b", FAILURES[tool]), ("c", "3"), ("d", "4")]
    assert [result.is_error for _, result in reply.results] == [False, True, False, False]


@pytest.mark.parametrize("tool", FAILURES, ids=lambda tool: tool.__name__)
def test_the_next_call_of_a_worker_does_not_notice_how_the_last_one_failed(
    tool: Callable[[], Awaitable[Result]],
) -> None:
    async def uses_asyncio() -> Result:
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            tasks.create_task(anyio.sleep(1))
        return Result("fine")

    async def main() -> Reply:
        jobs = {"a": does(tool), "b": does(uses_asyncio), "c": does(cancels_its_own_task), "d": does(uses_asyncio)}
        return await reply_to(jobs, limit=1)

    assert texts(run(main))[1:] == [("b", "fine"), ("c", "The tool cancelled itself."), ("d", "fine")]


@on_virtual_time
async def test_a_call_that_takes_too_long_is_stopped_and_answered() -> None:
    reply = await reply_to({"a": takes(3600, timeout=60), "b": takes(61, "b")})
    assert texts(reply) == [("a", "Timed out after 60 s and was stopped."), ("b", "b")]
    assert anyio.current_time() == 61


@on_virtual_time
async def test_a_timeout_that_strikes_before_its_call_began_is_answered_and_nothing_was_done() -> None:
    began: list[str] = []

    async def run() -> Result:
        began.append("a")
        return Result("a")

    reply = await reply_to({"a": does(run, timeout=0), "b": takes(1, "b")})
    assert texts(reply) == [("a", "Timed out after 0 s, before it began. Nothing was done."), ("b", "b")]
    assert reply.results[0][1].is_error
    assert began == []


@on_virtual_time(seeds=range(20))
async def test_a_result_that_comes_with_the_timeout_is_either_and_never_both() -> None:
    (answer,) = texts(await reply_to({"a": takes(5, "done", timeout=5)}))
    assert answer in [("a", "done"), ("a", "Timed out after 5 s and was stopped.")]


@on_virtual_time
async def test_a_second_call_of_one_id_is_refused_and_takes_nothing_from_the_first() -> None:
    jobs = {"a": takes(1, "first")}

    async def steer(driver: Driver) -> Reply:
        driver.request(call("a"))
        jobs["a"] = takes(1, "second")
        with pytest.raises(ValueError, match="'a'"):
            driver.request(call("a"))
        with pytest.raises(ValueError, match="'a'"):
            driver.answer(call("a"), failure("third"))
        driver.message_ended()
        return await driver.reply()

    assert texts(await driven(jobs, steer)) == [("a", "first")]


@on_virtual_time
async def test_whoever_is_told_of_a_call_may_stop_the_turn_at_once() -> None:
    replies: list[Reply] = []
    async with anyio.create_task_group() as tasks:
        workers = Workers(tasks)

        def stop(update: CallUpdate) -> None:
            if update.state == "running" and update.index == 1:
                driver.cancel()

        driver = Driver(workers, lambda _call: takes(10), on_update=stop)
        driver.request(call("a"))
        driver.request(call("b"))
        driver.message_ended()
        replies.append(await driver.reply())
        workers.close()
    assert [(key.id, result.is_error) for key, result in replies[0].results] == [("a", True), ("b", True)]
