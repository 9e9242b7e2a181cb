"""Virtual time: no waiting, one order per seed, and no run that ends badly passes."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from math import inf
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest

from antiphon.testing import virtual_loop
from antiphon.testing.virtual_time import (
    Deadlock,
    Endless,
    LeftBehind,
    NotVirtual,
    VirtualTimeLoop,
    at_step,
    on_virtual_time,
    run,
)


async def finishing_order(tasks: int = 8, steps: int = 3) -> list[int]:
    """Let tasks of equal length race."""
    order: list[int] = []

    async def race(number: int) -> None:
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        order.append(number)

    async with anyio.create_task_group() as group:
        for number in range(tasks):
            group.start_soon(race, number)
    return order


async def cancelled_order() -> list[int]:
    """Let tasks, each in a scope and with a timer of its own, be cancelled from outside."""
    order: list[int] = []

    async def wait(number: int) -> None:
        with anyio.move_on_after(100):
            try:
                await anyio.sleep(50)
            finally:
                order.append(number)

    async with anyio.create_task_group() as group:
        for number in range(12):
            group.start_soon(wait, number)
        await anyio.sleep(1)
        group.cancel_scope.cancel()
    return order


def test_an_hour_takes_no_time() -> None:
    async def wait() -> float:
        before = anyio.current_time()
        await anyio.sleep(3600)
        return anyio.current_time() - before

    started = time.monotonic()
    assert run(wait) == 3600
    assert time.monotonic() - started < 5


def test_timers_fire_in_the_order_of_their_times() -> None:
    async def main() -> list[float]:
        order: list[float] = []

        async def wait(seconds: float) -> None:
            await anyio.sleep(seconds)
            order.append(seconds)

        async with anyio.create_task_group() as group:
            for seconds in (3.5, 0.25, 86400, 3):
                group.start_soon(wait, seconds)
        return order

    for seed in range(20):
        assert run(main, seed=seed) == [0.25, 3, 3.5, 86400]


def test_a_timeout_stops_what_takes_longer() -> None:
    async def main() -> tuple[bool, float]:
        with anyio.move_on_after(30) as scope:
            await anyio.sleep(3600)
        return scope.cancelled_caught, anyio.current_time()

    assert run(main) == (True, 30)


def test_without_a_seed_the_order_is_that_of_asyncio() -> None:
    assert run(finishing_order) == anyio.run(finishing_order) == [0, 1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("depth", [None, 1, 3])
@pytest.mark.parametrize("scenario", [finishing_order, cancelled_order])
def test_the_same_seed_gives_the_same_order(scenario: Callable[[], Any], depth: int | None) -> None:
    first = [run(scenario, seed=seed, depth=depth) for seed in range(50)]
    clutter = [object() for _ in range(1001)]  # other addresses for the second round
    assert [run(scenario, seed=seed, depth=depth) for seed in range(50)] == first
    assert len(clutter) == 1001
    assert len({tuple(order) for order in first}) > 25


def test_a_seed_gives_the_same_order_in_another_process() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); clutter = [object() for _ in range(int(sys.argv[2]))];"
        "from test_virtual_time import *; print([run(cancelled_order, seed=seed) for seed in range(30)])"
    )
    here = __file__.rpartition("/")[0]
    outputs = {
        subprocess.run([sys.executable, "-c", code, here, clutter], capture_output=True, check=True, text=True).stdout
        for clutter in ("0", "12345")
    }
    assert outputs == {f"{[run(cancelled_order, seed=seed) for seed in range(30)]}\n"}


def test_seeds_reach_every_order_of_three_tasks() -> None:
    assert len({tuple(run(finishing_order, 3, seed=seed)) for seed in range(200)}) == 6


def test_priorities_delay_one_task_behind_all_others_more_often_than_even_choices_do() -> None:
    """What they are for: a task that is overtaken although it is by far the shortest."""

    async def main() -> bool:
        order: list[str] = []

        async def work(name: str, steps: int) -> None:
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            order.append(name)

        async with anyio.create_task_group() as group:
            group.start_soon(work, "short", 1)
            group.start_soon(work, "long", 30)
        return order == ["long", "short"]

    even = sum(run(main, seed=seed) for seed in range(300))
    by_priority = sum(run(main, seed=seed, depth=2) for seed in range(300))
    assert even == 0
    assert by_priority > 30


def test_with_a_lag_a_timeout_may_strike_before_its_task_has_begun() -> None:
    async def main() -> str:
        reached = "nothing"
        with anyio.move_on_after(1):
            for stage in ("first", "second", "third"):
                reached = stage
                await anyio.lowlevel.checkpoint()
        return reached

    assert {run(main, seed=seed) for seed in range(100)} == {"third"}
    assert {run(main, seed=seed, lag=0.2) for seed in range(100)} >= {"first", "second", "third"}
    assert run(finishing_order, 3, seed=1, lag=0.5)


def test_a_deadlock_is_told_with_who_waits_where() -> None:
    async def wait_for_godot() -> None:
        await anyio.Event().wait()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(wait_for_godot, name="estragon")
            await anyio.sleep(5)

    with pytest.raises(Deadlock, match=r"at 5 s .*\n(.*\n)*  estragon at .*test_virtual_time.py:\d+ in .*godot"):
        run(main)


def test_sleeping_forever_is_a_deadlock() -> None:
    with pytest.raises(Deadlock):
        run(anyio.sleep, inf)


def test_a_task_that_spins_is_endless() -> None:
    async def main() -> None:
        while True:
            await anyio.lowlevel.checkpoint()

    with pytest.raises(Endless, match="5000 steps"):
        run(main, max_steps=5000)


def test_a_task_without_a_parent_is_left_behind_and_ended() -> None:
    ended: list[bool] = []

    async def orphan() -> None:
        try:
            await anyio.sleep(1)
        finally:
            ended.append(True)

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(orphan(), name="orphan")
        await anyio.lowlevel.checkpoint()
        assert not task.done()

    with pytest.raises(LeftBehind, match="orphan at"):
        run(main)
    assert ended == [True]


def test_an_error_that_nobody_awaits_is_left_behind() -> None:
    async def fail() -> None:
        raise ValueError("unseen")

    async def main() -> None:
        asyncio.get_running_loop().create_task(fail())
        await anyio.sleep(1)

    with pytest.raises(LeftBehind, match="never retrieved"):
        run(main)


def test_an_error_of_the_main_task_goes_through_and_what_it_leaves_is_ended() -> None:
    async def main() -> None:
        asyncio.get_running_loop().create_task(anyio.sleep(1))
        await anyio.lowlevel.checkpoint()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(main)


def test_worker_threads_run_at_once_and_take_no_time() -> None:
    def work(log: list[str], name: str) -> str:
        time.sleep(0.002)
        log.append(name)
        return name

    async def main() -> tuple[list[str], float]:
        log: list[str] = []

        async def call(name: str) -> None:
            log.append(f"{name} returned {await anyio.to_thread.run_sync(work, log, name)}")

        async with anyio.create_task_group() as group:
            for name in "abcd":
                group.start_soon(call, name)
        return log, anyio.current_time()

    for seed in range(5):
        assert run(main, seed=seed) == run(main, seed=seed)
    assert run(main)[1] == 0
    assert not [thread for thread in threading.enumerate() if "AnyIO" in thread.name]


def test_a_worker_thread_may_call_back_into_the_loop() -> None:
    async def answer(number: int) -> int:
        await anyio.sleep(10)
        return number + 1

    def ask() -> int:
        return anyio.from_thread.run(answer, 41)

    async def main() -> tuple[int, float]:
        return await anyio.to_thread.run_sync(ask), anyio.current_time()

    assert run(main) == (42, 10)
    assert run(main, seed=3) == (42, 10)


def test_a_worker_thread_that_waits_for_a_task_is_refused_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_loop, "_PATIENCE", 0.02)
    opened = threading.Event()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, opened.wait)
            await anyio.sleep(1)
            opened.set()

    try:
        with pytest.raises(NotVirtual, match="may compute"):
            run(main)
    finally:
        opened.set()


def test_executors_run_in_the_thread_of_the_loop() -> None:
    async def main() -> int:
        return await asyncio.to_thread(threading.get_ident)

    assert run(main) == threading.get_ident()


def test_an_error_in_an_executor_reaches_the_one_who_awaits() -> None:
    async def main() -> None:
        await asyncio.to_thread(int, "x")

    with pytest.raises(ValueError, match="invalid literal"):
        run(main)


def test_sockets_and_processes_are_refused_with_a_reason() -> None:
    async def connect() -> None:
        await anyio.getaddrinfo("localhost", 80)

    async def execute() -> None:
        await anyio.run_process(["true"])

    for main in (connect, execute):
        with pytest.raises(NotVirtual, match="real event loop"):
            run(main)


def test_runners_that_take_a_loop_factory_can_use_the_loop() -> None:
    async def main() -> float:
        await anyio.sleep(60)
        return anyio.current_time()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(main()) == 60
        assert runner.run(main()) == 120
    assert anyio.run(main, backend_options={"loop_factory": VirtualTimeLoop}) == 60


def test_an_asynchronous_generator_left_open_is_closed() -> None:
    closed: list[bool] = []

    async def count() -> AsyncIterator[int]:
        try:
            for number in range(3):
                yield number
        finally:
            closed.append(True)

    async def main() -> int:
        async for number in count():
            if number == 1:
                return number
        return -1

    assert run(main) == 1
    assert closed == [True]


def test_a_program_can_be_interrupted_at_each_of_its_steps() -> None:
    async def main(number: int) -> str:
        reached = "began"
        with anyio.CancelScope() as scope:
            at_step(number, scope.cancel)
            await anyio.lowlevel.checkpoint()
            reached = "first"
            await anyio.sleep(10)
            reached = "second"
            await anyio.lowlevel.checkpoint()
            return "end"
        return reached

    # The third is between the alarm of the sleep and the waking of the sleeper, who is stopped at its next await.
    assert [run(main, number) for number in range(5)] == ["began", "first", "second", "second", "end"]


async def test_only_virtual_time_counts_steps() -> None:
    with pytest.raises(TypeError, match="virtual"):
        at_step(1, print)


@on_virtual_time
async def test_a_decorated_test_runs_on_virtual_time() -> None:
    await anyio.sleep(3600)
    assert anyio.current_time() == 3600


@pytest.fixture
def answer() -> int:
    return 42


@on_virtual_time(seeds=range(5), depth=3)
async def test_a_decorated_test_may_use_fixtures_and_seeds(answer: int) -> None:
    assert len(await finishing_order()) == 8
    assert answer == 42


def test_a_failure_names_its_seed() -> None:
    @on_virtual_time(seeds=range(100))
    async def picky() -> None:
        assert (await finishing_order(2)) == [0, 1]

    with pytest.raises(AssertionError) as caught:
        picky()
    assert "seed" in caught.value.__notes__[0]


async def test_a_loop_cannot_run_inside_another() -> None:
    with pytest.raises(RuntimeError, match="running"):
        run(anyio.sleep, 1)
