"""What the engine promises, with the real driver: an hour of a tool takes no time here."""

import threading
from contextvars import ContextVar
from dataclasses import replace

import anyio
import anyio.to_thread
import pytest
from driving import Journal, call, does, driven, reply_to, takes, texts

from antiphon.engine.driver import CallUpdate, Driver, Job
from antiphon.engine.events import (
    EXCLUSIVE,
    INDEPENDENT,
    READS_NOTHING_LOCAL,
    Access,
    Event,
    MessageEnded,
    Reply,
    Result,
    failure,
    reading,
    writing,
)
from antiphon.engine.turn import CUT, Turn
from antiphon.engine.workers import Workers
from antiphon.testing.virtual_time import on_virtual_time, run

A_PY = ("file", "src", "a.py")
B_PY = ("file", "src", "b.py")


# 1. Slots.


@on_virtual_time
async def test_results_come_back_in_request_order_however_long_each_call_takes() -> None:
    jobs = {"a": takes(3600, "slow"), "b": takes(1, "quick"), "c": takes(60, "middling")}
    assert texts(await reply_to(jobs)) == [("a", "slow"), ("b", "quick"), ("c", "middling")]
    assert anyio.current_time() == 3600


@on_virtual_time
async def test_surfaces_see_completions_live_and_history_sees_request_order() -> None:
    updates: list[tuple[float, int, str]] = []

    def told(update: CallUpdate) -> None:
        if update.state == "done":
            updates.append((anyio.current_time(), update.index, update.call.id))

    jobs = {"a": takes(3, "1"), "b": takes(1, "2"), "c": takes(2, "3")}
    reply = await reply_to(jobs, on_update=told)
    assert updates == [(1, 1, "b"), (2, 2, "c"), (3, 0, "a")]
    assert texts(reply) == [("a", "1"), ("b", "2"), ("c", "3")]


@on_virtual_time
async def test_a_turn_takes_as_long_as_its_longest_call() -> None:
    await reply_to({str(number): takes(10 + number) for number in range(20)})
    assert anyio.current_time() == 29


# 2. Hazards.


@on_virtual_time(seeds=range(10))
async def test_two_edits_of_one_file_run_in_request_order_and_a_read_after_them_sees_both() -> None:
    journal = Journal()
    await reply_to(
        {
            "a": journal.job("first edit", 5, writing(A_PY)),
            "b": journal.job("second edit", 1, writing(A_PY)),
            "c": journal.job("read", 1, reading(A_PY)),
            "d": journal.job("other file", 2, writing(B_PY)),
        }
    )
    assert sorted(journal.entries[:2]) == [(0, "first edit begins"), (0, "other file begins")]
    assert journal.entries[2:] == [
        (2, "other file ends"),
        (5, "first edit ends"),
        (5, "second edit begins"),
        (6, "second edit ends"),
        (6, "read begins"),
        (7, "read ends"),
    ]


@on_virtual_time
async def test_eight_edits_of_one_file_beside_seven_slow_reads_keep_every_edit_and_slow_no_read() -> None:
    text = ""
    ended: list[float] = []

    async def edit() -> Result:
        nonlocal text
        before = text
        await anyio.sleep(1)
        text = before + "x"
        return Result(text)

    async def look() -> Result:
        await anyio.sleep(8)
        ended.append(anyio.current_time())
        return Result("seen")

    jobs = {f"edit {number}": does(edit, writing(A_PY)) for number in range(8)}
    jobs |= {f"read {number}": does(look, reading(B_PY)) for number in range(7)}
    await reply_to(jobs)
    assert text == "x" * 8
    assert ended == [8] * 7
    assert anyio.current_time() == 8


@on_virtual_time(seeds=range(10))
async def test_an_exclusive_call_runs_alone_in_its_turn() -> None:
    journal = Journal()
    await reply_to(
        {
            "a": journal.job("before", 3, reading(A_PY)),
            "b": journal.job("command", 2, EXCLUSIVE),
            "c": journal.job("after", 1, reading(A_PY)),
            "d": journal.job("web", 4, READS_NOTHING_LOCAL),
        }
    )
    assert [entry for entry in journal.entries if "web" not in entry[1]] == [
        (0, "before begins"),
        (3, "before ends"),
        (3, "command begins"),
        (5, "command ends"),
        (5, "after begins"),
        (6, "after ends"),
    ]
    assert [entry for entry in journal.entries if "web" in entry[1]] == [(0, "web begins"), (4, "web ends")]


@on_virtual_time(seeds=range(10))
async def test_what_cleans_up_after_a_timeout_still_holds_its_place() -> None:
    journal = Journal()
    slow = journal.job("slow", 100, writing(A_PY), cleanup=7)
    reply = await reply_to({"a": Job(slow.access, slow.run, timeout=10), "b": journal.job("next", 1, writing(A_PY))})
    assert journal.entries == [(0, "slow begins"), (17, "slow ends"), (17, "next begins"), (18, "next ends")]
    assert texts(reply) == [("a", "Timed out after 10 s and was stopped."), ("b", "next")]


@on_virtual_time(seeds=range(10))
async def test_a_call_that_waits_for_approval_keeps_its_place_and_holds_nobody_else() -> None:
    journal = Journal()

    async def ask() -> Result | None:
        await anyio.sleep(10)
        return None

    await reply_to(
        {
            "a": journal.job("edit", 1, writing(A_PY), ask=ask),
            "b": journal.job("read", 1, reading(A_PY)),
            "c": journal.job("other", 1, reading(B_PY)),
        }
    )
    assert journal.entries == [
        (0, "other begins"),
        (1, "other ends"),
        (10, "edit begins"),
        (11, "edit ends"),
        (11, "read begins"),
        (12, "read ends"),
    ]


@on_virtual_time
async def test_several_questions_stand_side_by_side_and_a_denied_call_frees_those_behind_it() -> None:
    journal = Journal()

    async def refuse() -> Result | None:
        await anyio.sleep(2)
        return failure("not allowed")

    async def allow() -> Result | None:
        await anyio.sleep(5)
        return None

    reply = await reply_to(
        {
            "a": journal.job("a", 1, writing(A_PY), ask=refuse),
            "b": journal.job("b", 1, writing(A_PY)),
            "c": journal.job("c", 1, writing(B_PY), ask=allow),
        }
    )
    assert journal.entries == [(2, "b begins"), (3, "b ends"), (5, "c begins"), (6, "c ends")]
    assert texts(reply) == [("a", "not allowed"), ("b", "b"), ("c", "c")]


# 3. Speculation.


async def streamed(driver: Driver, keys: str, *, pause: float = 1) -> None:
    for key in keys:
        await anyio.sleep(pause)
        driver.request(call(key))
    await anyio.sleep(pause)


@on_virtual_time(seeds=range(10))
async def test_reads_start_while_the_reply_streams_and_writes_wait_for_its_logged_end() -> None:
    journal = Journal()
    jobs = {
        "a": journal.job("read", 5, reading(A_PY)),
        "b": journal.job("write", 1, writing(B_PY)),
        "c": journal.job("user's tool", 1, INDEPENDENT),
        "d": journal.job("web", 1, READS_NOTHING_LOCAL),
    }

    async def steer(driver: Driver) -> Reply:
        await streamed(driver, "abcd")
        assert [name for _, name in journal.entries if "begins" in name] == ["read begins", "web begins"]
        driver.message_ended()
        return await driver.reply()

    await driven(jobs, steer)
    assert (1, "read begins") in journal.entries
    assert (4, "web begins") in journal.entries
    assert (5, "write begins") in journal.entries
    assert (5, "user's tool begins") in journal.entries
    assert anyio.current_time() == 6


@on_virtual_time(seeds=range(10))
async def test_a_reply_that_breaks_can_be_asked_for_again_as_if_nothing_had_happened() -> None:
    first, second = Journal(), Journal()

    def jobs(journal: Journal) -> dict[str, Job]:
        return {"a": journal.job("read", 50, reading(A_PY)), "b": journal.job("write", 1, writing(A_PY))}

    replies: list[Reply] = []
    async with anyio.create_task_group() as tasks:
        workers = Workers(tasks)
        broken = Driver(workers, lambda wanted: jobs(first)[wanted.id])
        await streamed(broken, "ab")
        broken.discard("the stream broke")
        with pytest.raises(RuntimeError, match="discarded"):
            await broken.reply()
        again = Driver(workers, lambda wanted: jobs(second)[wanted.id])
        await streamed(again, "ab")
        again.message_ended()
        replies.append(await again.reply())
        workers.close()
    assert [name for _, name in first.entries] == ["read begins", "read ends"]
    assert first.entries[1][0] == 3
    assert [texts(reply) for reply in replies] == [[("a", "read"), ("b", "write")]]


# 4. Each call stands alone: test_driver_failures.py. 5. A cut reply runs nothing it should not.


@pytest.mark.parametrize("access", [reading(A_PY), writing(A_PY)], ids=["a read", "a write"])
@pytest.mark.parametrize("seconds", [0.5, 50], ids=["done already", "still running"])
def test_the_last_call_of_a_cut_reply_is_never_believed(access: Access, seconds: float) -> None:
    journal = Journal()

    async def steer(driver: Driver) -> Reply:
        await streamed(driver, "ab")
        driver.message_ended(cut=True)
        return await driver.reply()

    async def main() -> Reply:
        return await driven({"a": journal.job("a", 4), "b": journal.job("b", seconds, access)}, steer)

    reply = run(main)
    assert [result for _, result in reply.results] == [Result("a"), CUT]
    if access.writes:
        assert "b begins" not in [name for _, name in journal.entries]


# 6. Cancel keeps what is done: test_cancelling.py. 7. Bounds.


@on_virtual_time(seeds=range(5))
async def test_no_more_calls_run_at_once_than_the_limit_and_no_place_stays_free() -> None:
    running = most = 0

    async def work() -> Result:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.sleep(10)
        running -= 1
        return Result("ok")

    await reply_to({str(number): does(work) for number in range(12)}, limit=3)
    assert most == 3
    assert anyio.current_time() == 40


@on_virtual_time
async def test_a_thousand_calls_are_answered_in_order() -> None:
    jobs = {str(number): takes(number * 7 % 13, str(number)) for number in range(1000)}
    assert texts(await reply_to(jobs)) == [(str(number), str(number)) for number in range(1000)]


# 8. No hidden state.


@on_virtual_time(seeds=range(10))
async def test_the_recorded_events_rebuild_the_turn_and_its_reply() -> None:
    events: list[Event] = []
    jobs = {"a": takes(2, "1"), "b": takes(1, "2", writing(A_PY)), "c": takes(1, "3", writing(A_PY), timeout=0.5)}
    reply = await reply_to(jobs, record=events)
    turn = Turn()
    commands = [command for event in events for command in turn.receive(event)]
    assert commands[-1] == reply
    assert turn.is_over
    assert events[3] == MessageEnded()


# Real loops, real threads.


async def test_two_calls_that_have_started_really_overlap() -> None:
    arrived = [anyio.Event(), anyio.Event()]

    def meets(mine: int) -> Job:
        async def work() -> Result:
            arrived[mine].set()
            await arrived[1 - mine].wait()
            return Result("met")

        return Job(reading(A_PY), work)

    with anyio.fail_after(10):
        assert texts(await reply_to({"a": meets(0), "b": meets(1)})) == [("a", "met"), ("b", "met")]


async def test_calls_that_block_run_beside_each_other_in_threads() -> None:
    gate = threading.Barrier(4, timeout=10)

    def block() -> str:
        gate.wait()
        return "passed"

    async def work() -> Result:
        return Result(await anyio.to_thread.run_sync(block))

    with anyio.fail_after(20):
        reply = await reply_to({str(number): does(work) for number in range(4)})
    assert texts(reply) == [(str(number), "passed") for number in range(4)]


def test_calls_in_threads_can_be_run_on_virtual_time_too() -> None:
    async def work() -> Result:
        await anyio.sleep(60)
        return Result(await anyio.to_thread.run_sync(lambda: "computed"))

    async def main() -> Reply:
        return await reply_to({"a": does(work), "b": takes(100, "b"), "c": does(work)})

    for seed in range(5):
        assert texts(run(main, seed=seed)) == [("a", "computed"), ("b", "b"), ("c", "computed")]


@on_virtual_time
async def test_a_call_sees_the_context_of_its_caller_and_changes_it_for_nobody() -> None:
    language = ContextVar("language", default="none")
    language.set("caller's")

    async def work() -> Result:
        seen = language.get()
        language.set("mine")
        await anyio.sleep(1)
        return Result(f"{seen}, then {language.get()}")

    jobs = {"a": does(work), "b": does(work), "c": does(work, writing(A_PY)), "d": does(work, writing(A_PY))}
    assert [text for _, text in texts(await reply_to(jobs, limit=2))] == ["caller's, then mine"] * 4
    assert language.get() == "caller's"


@on_virtual_time
async def test_what_has_to_be_done_before_a_call_does_not_count_as_its_running() -> None:
    async def prepare() -> None:
        await anyio.sleep(100)

    in_time = replace(takes(9, "done", timeout=10), before=prepare)
    too_late = replace(takes(11, "done", timeout=10), before=prepare)
    reply = await reply_to({"a": in_time, "b": too_late})
    assert texts(reply) == [("a", "done"), ("b", "Timed out after 10 s and was stopped.")]
    assert anyio.current_time() == 110


@on_virtual_time
async def test_what_fails_before_a_call_is_the_failure_of_the_call() -> None:
    async def prepare() -> None:
        raise OSError("no space left")

    reply = await reply_to({"a": replace(takes(1), before=prepare), "b": takes(1)})
    assert texts(reply) == [("a", "OSError: no space left"), ("b", "ok")]
