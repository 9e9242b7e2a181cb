"""What a loop with virtual time runs: steps of numbered tasks, and which of several goes next.

Knows chance. Does not know time or what a step does.
"""

import asyncio
import contextvars
import random
from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


class VirtualTask(asyncio.Task[T]):
    """A task whose hash is its number, so that a set of tasks has the same order in every run.

    Cancel scopes walk sets of tasks; by the usual hash, the address, the order of cancellation would differ.
    """

    def __init__(self, coro: Any, *, number: int, **options: Any) -> None:
        """Make a task; `options` are those of `asyncio.Task`."""
        self.number = number
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.number


class Step(asyncio.TimerHandle):
    """Something to run: a task's next step or a callback, ready at a virtual time.

    Attributes:
        number: of the task it belongs to, or -1.
    """

    __slots__ = ("args", "callback", "context", "dropped", "number", "time")

    def __init__(  # pyright: ignore[reportMissingSuperCall]  (the base's fields and methods are replaced)
        self,
        time: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context | None,
    ) -> None:
        """Take what to run; without a context it runs in a copy of the present one."""
        self.time = time
        self.callback = callback
        self.args = args
        self.context = contextvars.copy_context() if context is None else context
        self.dropped = False
        owner = getattr(callback, "__self__", None)
        self.number = cast("VirtualTask[Any]", owner).number if type(owner) is VirtualTask else -1

    def __repr__(self) -> str:
        return f"<Step at {self.time:g}: {self.callback}>"

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def when(self) -> float:
        """Return the virtual time."""
        return self.time

    def cancel(self) -> None:
        """Do not run it."""
        self.dropped = True

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.dropped

    def get_context(self) -> contextvars.Context:
        """Return the context it runs in."""
        return self.context


Choose = Callable[[list[Step]], int]
"""Says which of several ready steps runs next, as an index."""


def first_come(_ready: list[Step]) -> int:
    """Choose as asyncio does."""
    return 0


def evenly(seed: int) -> Choose:
    """Choose every ready step with the same chance: broad."""
    chance = random.Random(seed).random  # noqa: S311  (an interleaving is no secret)
    return lambda ready: int(chance() * len(ready))


def lagging(seed: int, chance: float) -> Callable[[], bool]:
    """Say of each moment whether the clock runs ahead of the work."""
    draw = random.Random(~seed).random  # noqa: S311  (an interleaving is no secret)
    return lambda: draw() < chance


class Priorities:
    """Chooses the ready task with the highest random priority, and lowers the chosen one `depth - 1` times: deep.

    This is probabilistic concurrency testing (Burckhardt and others, ASPLOS 2010): a bug that needs `depth` ordering
    constraints between n tasks shows in a run of k steps with a chance of at least 1 / (n * k ** (depth - 1)).
    Choosing evenly almost never delays one task for long; this does.
    """

    _STEPS = 200
    """Among how many first steps the changes fall: about as long as one turn of a few calls."""

    def __init__(self, seed: int, depth: int) -> None:
        """Draw where the priorities change."""
        self._chance = random.Random(seed)  # noqa: S311  (an interleaving is no secret)
        self._changes = {self._chance.randrange(self._STEPS): -place / depth for place in range(1, depth)}
        self._of_task: dict[int, float] = {}
        self._step = 0

    def __call__(self, ready: list[Step]) -> int:
        """Return the index of the step that runs next."""
        best, highest = 0, -2.0
        for index, step in enumerate(ready):
            if step.number < 0:
                # A callback belongs to no task and gets a new priority each time, also below every task's:
                # else a callback that repeats itself until a lowered task has run would starve it.
                priority = 2.0 * self._chance.random() - 1.0
            elif (known := self._of_task.get(step.number)) is None:
                priority = self._of_task[step.number] = self._chance.random()
            else:
                priority = known
            if priority > highest:
                best, highest = index, priority
        lowered = self._changes.get(self._step)
        if lowered is not None:
            self._of_task[ready[best].number] = lowered
        self._step += 1
        return best
