"""A turn whose process was killed at any moment, and that another process goes on with."""

from dataclasses import dataclass, field
from random import Random

import anyio
from driving import Journal, call, does, driven, takes, texts
from hypothesis import given
from hypothesis import strategies as st

from antiphon.engine.driver import Denial, Driver, Job
from antiphon.engine.events import (
    EXCLUSIVE,
    READS_NOTHING_LOCAL,
    Access,
    Allowed,
    Ask,
    Cancelled,
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
    reading,
    writing,
)
from antiphon.engine.turn import NOT_REACHED, NOT_STARTED, STOPPED, UNKNOWN, Turn
from antiphon.engine.workers import Workers
from antiphon.testing.playbook import finished, play, replied, requested

MAIN_PY = ("file", "src", "main.py")
OTHER_PY = ("file", "src", "other.py")


def test_what_was_running_and_may_write_is_unknown_and_what_only_read_runs_again() -> None:
    play(
        requested("a", reading(MAIN_PY)),
        Start("a"),
        requested("b", writing(OTHER_PY)),
        MessageEnded(),
        Start("b"),
        Resumed(),
        Start("a"),
        finished("a", "ok"),
        replied(a="ok", b=UNKNOWN),
    )


def test_what_had_not_started_is_not_carried_out_and_reads_behind_it_go_on() -> None:
    play(
        requested("a", writing(MAIN_PY)),
        requested("b", writing(MAIN_PY)),
        requested("c", reading(MAIN_PY)),
        MessageEnded(),
        Start("a"),
        Resumed(),
        Start("c"),
        finished("c", "as it is now"),
        replied(a=UNKNOWN, b=NOT_REACHED, c="as it is now"),
    )


def test_finished_results_stay_whatever_they_were() -> None:
    play(
        requested("a", writing(MAIN_PY)),
        requested("b", EXCLUSIVE),
        MessageEnded(),
        Start("a"),
        finished("a", "done"),
        Start("b"),
        Resumed(),
        replied(a="done", b=UNKNOWN),
    )


def test_a_read_that_waited_for_approval_is_asked_about_again() -> None:
    play(
        requested("a", READS_NOTHING_LOCAL, ask=True),
        Ask("a"),
        requested("b", EXCLUSIVE, ask=True),
        Ask("b"),
        MessageEnded(),
        Resumed(),
        Ask("a"),
        Allowed("a"),
        Start("a"),
        finished("a"),
        replied(a="ok", b=NOT_REACHED),
    )


def test_a_turn_that_is_gone_on_with_before_its_end_was_recorded_writes_nothing() -> None:
    play(
        requested("a", writing(MAIN_PY)),
        requested("b", reading(OTHER_PY)),
        Start("b"),
        Resumed(),
        Start("b"),
        MessageEnded(),
        finished("b"),
        replied(a=NOT_REACHED, b="ok"),
    )


def test_one_that_was_answered_needs_nothing() -> None:
    turn = play(requested("a", reading(MAIN_PY)), Start("a"), Cancelled(), Stop("a"), replied(a=STOPPED))
    assert turn.receive(Resumed()) == []


# With the real driver


async def resumed(
    events: list[Event], jobs: dict[str, Job | Result | Denial], **options: bool
) -> tuple[Reply, list[Event]]:
    recorded: list[Event] = []
    replies: list[Reply] = []
    async with anyio.create_task_group() as tasks:
        workers = Workers(tasks)
        driver = Driver(workers, lambda wanted: jobs[wanted.id], record=recorded.append)
        driver.resume(events, **options)
        replies.append(await driver.reply())
        workers.close()
    return replies[0], recorded


async def test_a_driver_goes_on_from_what_another_one_recorded() -> None:
    journal = Journal()
    events: list[Event] = [
        Requested(call("a"), reading(MAIN_PY)),
        Requested(call("b"), writing(OTHER_PY)),
        Requested(call("c"), reading(OTHER_PY)),
        MessageEnded(),
        Finished("a", Result("read")),
    ]
    jobs: dict[str, Job | Result | Denial] = {name: journal.job(name, 0) for name in "abc"}
    reply, recorded = await resumed(events, jobs)
    assert texts(reply) == [("a", "read"), ("b", UNKNOWN.content), ("c", "c")]
    assert [entry for _, entry in journal.entries] == ["c begins", "c ends"]
    assert recorded == [Resumed(), Finished("c", Result("c"))]


async def test_what_can_or_may_not_run_any_more_is_answered_with_that() -> None:
    events: list[Event] = [Requested(call(name), reading(MAIN_PY)) for name in "ab"]
    jobs: dict[str, Job | Result | Denial] = {"a": failure("There is no such tool."), "b": Denial(failure("No."))}
    reply, _ = await resumed(events, jobs)
    assert texts(reply) == [("a", "There is no such tool."), ("b", "No.")]


async def test_what_needed_approval_then_and_none_now_runs() -> None:
    events: list[Event] = [Requested(call("a"), READS_NOTHING_LOCAL, ask=True), MessageEnded()]
    reply, _ = await resumed(events, {"a": takes(0, "fetched")})
    assert texts(reply) == [("a", "fetched")]


async def test_a_turn_that_was_stopped_is_answered_at_once() -> None:
    events: list[Event] = [Requested(call("a"), writing(MAIN_PY)), MessageEnded(), Cancelled()]
    reply, recorded = await resumed(events, {})
    assert texts(reply) == [("a", STOPPED.content)]
    assert recorded == []
    assert NOT_STARTED != STOPPED


# After a death at any moment of any turn

ACCESSES = st.sampled_from(
    [
        reading(MAIN_PY),
        reading(OTHER_PY),
        reading(("file", "src")),
        writing(MAIN_PY),
        writing(OTHER_PY),
        Access(reads=(MAIN_PY,), writes=(OTHER_PY,)),
        Access(),
        EXCLUSIVE,
        READS_NOTHING_LOCAL,
    ]
)


@dataclass
class World:
    """What the log holds and what tools did, over all processes."""

    luck: Random
    log: list[Event] = field(default_factory=list[Event])
    effects: list[str] = field(default_factory=list[str])
    finished: dict[str, Result] = field(default_factory=dict[str, Result])

    def live(self, turn: Turn, going: list[Event], death: int) -> Reply | None:
        """Let a process live for so many events; each is in the log before it takes effect."""
        running: list[str] = []
        for _ in range(death):
            if going:
                event = going.pop(0)
            elif running:
                key = running.pop(self.luck.randrange(len(running)))
                self.finished[key] = Result(f"{key} came to this")
                event = Finished(key, self.finished[key])
            else:
                return None
            self.log.append(event)
            for command in turn.receive(event):
                if isinstance(command, Start):
                    running.append(command.id)
                    self.effects.append(command.id)
                elif isinstance(command, Reply):
                    return command
        return None


@given(
    accesses=st.lists(ACCESSES, min_size=1, max_size=6),
    limit=st.sampled_from([1, 2, 32]),
    deaths=st.lists(st.integers(0, 14), max_size=3),
    luck=st.randoms(use_true_random=False),
)
def test_nothing_that_may_write_ever_starts_twice_and_no_result_is_lost(
    accesses: list[Access], limit: int, deaths: list[int], luck: Random
) -> None:
    calls = [ToolCall(f"c{number}", "tool", {}) for number in range(len(accesses))]
    requests: list[Event] = [Requested(wanted, access) for wanted, access in zip(calls, accesses, strict=True)]
    world = World(luck)
    reply: Reply | None = None
    for death in [*deaths, 1000]:
        if len(world.log) <= len(requests):
            # The reply had not arrived in whole: the turn is thrown away and asked for again.
            world = World(luck)
        turn = Turn(limit)
        for event in world.log:
            turn.receive(event)
        going: list[Event] = [Resumed()] if world.log else [*requests, MessageEnded()]
        reply = world.live(turn, going, death)
        if reply is not None:
            break
    assert reply is not None
    assert [answered for answered, _ in reply.results] == calls
    for answered, result in reply.results:
        if answered.id in world.finished:
            assert result == world.finished[answered.id]
        else:
            assert result in (UNKNOWN, NOT_REACHED)
        assert result != NOT_REACHED or answered.id not in world.effects
    written = [name for name in world.effects if not accesses[int(name[1:])].early]
    assert len(written) == len(set(written))


async def test_jobs_of_a_resumed_turn_keep_their_limits_and_order() -> None:
    journal = Journal()
    events: list[Event] = [Requested(call(name), reading(MAIN_PY)) for name in "abc"]
    events.append(MessageEnded())
    reply, _ = await resumed(events, {name: journal.job(name, 0.01) for name in "abc"})
    assert texts(reply) == [("a", "a"), ("b", "b"), ("c", "c")]


async def test_a_job_that_fails_when_it_runs_again_is_a_failed_call() -> None:
    async def fails() -> Result:
        raise ValueError("gone")

    reply, _ = await resumed([Requested(call("a"), reading(MAIN_PY))], {"a": does(fails)})
    assert texts(reply) == [("a", "ValueError: gone")]


async def test_resuming_at_every_event_of_a_recorded_turn_gives_a_whole_reply() -> None:
    recorded: list[Event] = []
    journal = Journal()
    jobs = {
        "a": journal.job("a", 0.01, reading(MAIN_PY)),
        "b": journal.job("b", 0.02, writing(MAIN_PY)),
        "c": journal.job("c", 0.0, writing(OTHER_PY)),
        "d": journal.job("d", 0.0, reading(MAIN_PY)),
    }

    async def steer(driver: Driver) -> Reply:
        for name in jobs:
            driver.request(call(name))
        driver.message_ended()
        return await driver.reply()

    await driven(jobs, steer, record=recorded)
    for count in range(4, len(recorded) + 1):
        again: dict[str, Job | Result | Denial] = {**jobs}
        reply, _ = await resumed(recorded[:count], again)
        done = {event.id: event.result for event in recorded[:count] if isinstance(event, Finished)}
        assert [answered.id for answered, _ in reply.results] == list(jobs)
        assert {key: result for key, result in ((a.id, r) for a, r in reply.results) if key in done} == done
