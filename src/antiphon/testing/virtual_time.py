"""Tests on which waiting takes no time and one seed decides the order of everything.

When every task waits, the clock leaps to the next timer, so a test may let a tool run for an hour. Which of the
ready tasks goes next is asyncio's own order, or is drawn from a seed: the same seed gives the same run, another seed
another interleaving. A run in which nothing can happen any more, which never ends, or leaves a task behind, fails.

Works with asyncio and anyio code: task groups, cancel scopes, timeouts, streams, worker threads (they run at once and
take no time). Sockets and child processes have no virtual time and are refused.
"""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, ParamSpec, TypeVar, TypeVarTuple, overload

from antiphon.testing.virtual_loop import (
    Deadlock,
    Endless,
    NotVirtual,
    VirtualTimeLoop,
    describe_tasks,
    refuse_inside_a_loop,
)

__all__ = [
    "Deadlock",
    "Endless",
    "LeftBehind",
    "NotVirtual",
    "VirtualTimeLoop",
    "at_step",
    "on_virtual_time",
    "run",
    "running_loop",
]

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class LeftBehind(AssertionError):
    """The main task ended, and a task that nobody waited for, or an error that nobody saw, was left."""


def run(
    main: Callable[[*Ts], Coroutine[Any, Any, T]],
    *args: *Ts,
    seed: int | None = None,
    depth: int | None = None,
    lag: float = 0.0,
    max_steps: int = 1_000_000,
) -> T:
    """Run an asynchronous function on virtual time and return its result.

    Args:
        main: the function; the clock shows 0 when it starts.
        *args: its arguments.
        seed: draws which ready task goes next; the same seed gives the same run. None: first come, first served.
        depth: with a seed, delay tasks by priorities that change `depth - 1` times instead of choosing evenly.
            Few but long delays find bugs that even choices rarely meet; 3 is a good value.
        lag: with a seed, how likely the clock leaps to the next timer although tasks are ready, as on a machine with
            too much to do: timeouts strike before their tasks have begun. 0.05 is a good value.
        max_steps: the bound at which a run counts as endless.

    Raises:
        Deadlock: every task waits and no timer is set.
        Endless: more than `max_steps` steps.
        LeftBehind: `main` returned, but a task or an unseen error was left.
    """
    refuse_inside_a_loop()
    loop = VirtualTimeLoop(seed=seed, depth=depth, lag=lag, max_steps=max_steps)
    try:
        result = loop.run_until_complete(main(*args))
        if left := asyncio.all_tasks(loop):
            raise LeftBehind(f"{len(left)} task(s) were left when the main task had ended:\n{describe_tasks(loop)}")
        if loop.problems:
            problem = loop.problems[0]
            raise LeftBehind(f"nobody saw this: {problem['message']}") from problem.get("exception")
        return result
    finally:
        _clear(loop)


def at_step(number: int, callback: Callable[[], object]) -> None:
    """Call something between two steps of the running loop, after `number` more of them.

    Counting `number` up from 0, run after run, interrupts a program at each of its awaits. Nothing is called if the
    run ends before.

    Raises:
        TypeError: the running loop is not one with virtual time.
    """
    running_loop().at_step(number, callback)


def running_loop() -> VirtualTimeLoop:
    """Return the running loop.

    Raises:
        TypeError: it is not one with virtual time.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualTimeLoop):
        raise TypeError("this needs a loop with virtual time: start it with antiphon.testing.virtual_time.run")
    return loop


def _clear(loop: VirtualTimeLoop) -> None:
    """End what is left of a run, so that it cannot disturb the next one."""
    if asyncio.all_tasks(loop):
        # What refuses to end, too, is given up: the failure that led here says what is wrong.
        with contextlib.suppress(Exception):
            loop.cancel_all()
    loop.close()
    for worker in loop.workers():
        worker.join(1.0)


@overload
def on_virtual_time(test: Callable[P, Coroutine[Any, Any, T]], /) -> Callable[P, T]: ...
@overload
def on_virtual_time(
    *, seeds: Iterable[int | None] = (None,), depth: int | None = None
) -> Callable[[Callable[P, Coroutine[Any, Any, T]]], Callable[P, T]]: ...
def on_virtual_time(
    test: Callable[P, Coroutine[Any, Any, T]] | None = None,
    /,
    *,
    seeds: Iterable[int | None] = (None,),
    depth: int | None = None,
) -> Any:
    """Make an asynchronous test one that pytest runs on virtual time, once for each seed.

    Use it bare (`@on_virtual_time`) or with `seeds=range(100)`. A failure names its seed. Fixtures work as in any test.
    """
    if test is None:
        return functools.partial(_decorate, seeds=tuple(seeds), depth=depth)
    return _decorate(test, seeds=(None,), depth=None)


def _decorate(
    test: Callable[P, Coroutine[Any, Any, T]], *, seeds: tuple[int | None, ...], depth: int | None
) -> Callable[P, T]:
    @functools.wraps(test)
    def run_each(*args: P.args, **kwargs: P.kwargs) -> T:
        result: Any = None
        for seed in seeds:
            try:
                result = run(functools.partial(test, *args, **kwargs), seed=seed, depth=depth)
            except BaseException as error:
                error.add_note(f"on virtual time with seed {seed}")
                raise
        return result

    return run_each
