"""A turn may be stopped at any moment: it is answered at once, what is done stays, and nothing runs on."""

import anyio
import pytest
from driving import Journal, call, does, driven, reply_to, takes

from antiphon.engine.driver import Driver, Job
from antiphon.engine.events import Event, Reply, Result, failure, reading, writing
from antiphon.engine.message import user_message
from antiphon.engine.turn import NOT_STARTED, STOPPED, Turn
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import ANTHROPIC, in_strict_order
from antiphon.protocol.messages import Json
from antiphon.testing.virtual_time import at_step, on_virtual_time, run

A_PY = ("file", "src", "a.py")
B_PY = ("file", "src", "b.py")


def next_request(reply: Reply) -> Json:
    """Return the request that follows a reply."""
    uses: list[Json] = [{"type": "tool_use", "id": used.id, "name": "t", "input": {}} for used, _ in reply.results]
    asked: list[Json] = [{"role": "user", "content": "go"}, {"role": "assistant", "content": uses}]
    return {"model": "m", "max_tokens": 1, "messages": [*asked, user_message(reply.results, ("the user stopped",))]}


async def cancelled_after(steps: int, record: list[Event]) -> tuple[Reply, Journal, float]:
    """Run a turn with one of everything, and cancel it between two steps of the loop."""
    journal = Journal()

    async def ask() -> Result | None:
        await anyio.sleep(0.2)
        return None

    jobs: dict[str, Job | Result] = {
        "a": journal.job("a", 0.1, reading(A_PY)),
        "b": journal.job("b", 3, writing(A_PY), cleanup=0.5),
        "c": failure("there is no such tool"),
        "d": journal.job("d", 0.1, writing(A_PY)),
        "e": journal.job("e", 0.3, writing(B_PY), ask=ask),
        "f": takes(5, "f", timeout=0.4),
    }
    at_once: list[Reply | None] = []

    async def steer(driver: Driver) -> Reply:
        def cancel() -> None:
            driver.cancel()
            at_once.append(driver.finished_reply)

        for key in jobs:
            driver.request(call(key))
        at_step(steps, cancel)
        await anyio.sleep(0.05)
        driver.message_ended()
        return await driver.reply()

    reply = await driven(jobs, steer, record=record)
    if at_once:
        assert at_once == [reply]
    return reply, journal, anyio.current_time()


def test_a_turn_can_be_cancelled_at_every_step_and_is_valid_at_once() -> None:
    """Goal R5: the N-th step, for N = 0, 1, 2 ... until the turn ends of its own."""
    kinds: set[tuple[str, ...]] = set()
    for steps in range(500):
        record: list[Event] = []
        reply, journal, seconds = run(cancelled_after, steps, record)
        assert check(next_request(reply), in_strict_order(ANTHROPIC)) == []
        assert [answered.id for answered, _ in reply.results] == list("abcdef")
        names = [name for _, name in journal.entries]
        for answered, result in reply.results:
            if result == NOT_STARTED:
                assert f"{answered.id} begins" not in names
            if result == Result(answered.id) and answered.id != "f":
                assert f"{answered.id} ends" in names
        begun, ended = ([name for name in names if word in name] for word in ("begins", "ends"))
        assert len(begun) == len(ended), "something runs on"
        turn = Turn()
        commands = [command for event in record for command in turn.receive(event)]
        assert commands[-1] == reply
        kinds.add(tuple("stopped" if result in (STOPPED, NOT_STARTED) else "ended" for _, result in reply.results))
        if STOPPED not in (result for _, result in reply.results) and seconds > 3.5:
            break
    else:
        pytest.fail("the turn never ended of its own")
    assert steps > 25
    assert len(kinds) > 4


@on_virtual_time
async def test_a_cancelled_call_may_clean_up_and_its_late_result_is_refused() -> None:
    async def stubborn() -> Result:
        try:
            await anyio.sleep(100)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await anyio.sleep(5)
        return Result("too late")

    async def steer(driver: Driver) -> Reply:
        driver.request(call("a"))
        driver.message_ended()
        await anyio.sleep(1)
        driver.cancel()
        assert anyio.current_time() == 1
        return await driver.reply()

    reply = await driven({"a": does(stubborn)}, steer)
    assert [result for _, result in reply.results] == [STOPPED]
    assert anyio.current_time() == 6


@on_virtual_time
async def test_cancelling_the_tasks_around_a_turn_stops_its_calls_and_asks_for_no_new_ones() -> None:
    journal = Journal()
    jobs = {"a": journal.job("a", 10, writing(A_PY)), "b": journal.job("b", 10, writing(A_PY))}
    with anyio.move_on_after(3):
        await reply_to(jobs)
    assert journal.entries == [(0, "a begins"), (3, "a ends")]


@on_virtual_time(seeds=range(10))
async def test_a_call_that_has_not_begun_when_everything_is_cancelled_never_begins() -> None:
    written: list[str] = []

    async def write() -> Result:
        written.append("a")  # before any await, where nothing could stop it
        return Result("written")

    with anyio.CancelScope() as scope:

        async def steer(driver: Driver) -> Reply:
            driver.request(call("a"))
            driver.message_ended()
            scope.cancel()
            return await driver.reply()

        await driven({"a": does(write, writing(A_PY))}, steer)
    assert written == []


@on_virtual_time
async def test_a_call_that_goes_on_when_everything_is_cancelled_is_the_last_to_run() -> None:
    journal = Journal()

    async def stubborn() -> Result:
        try:
            await anyio.sleep(100)
        except anyio.get_cancelled_exc_class():
            return Result("all the same")
        return Result("never")

    with anyio.move_on_after(1):
        await reply_to({"a": does(stubborn, writing(A_PY)), "b": journal.job("b", 1, writing(A_PY))})
    assert journal.entries == []
