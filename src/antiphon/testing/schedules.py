"""Runs a program under many schedules, each drawn from a seed, and stops at the first that fails.

As a command it plays random turns with the real engine::

    python -m antiphon.testing.schedules --schedules 10000000

Does not know what a schedule is about.
"""

import multiprocessing
import sys
import traceback
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from antiphon.testing import virtual_time
from antiphon.testing.random_turns import random_turns
from antiphon.testing.seeds import Failure, Trial

Scenario = Callable[[Random], Coroutine[Any, Any, object]]
"""An asynchronous function that takes its chances from the argument only, and raises when something is wrong."""


def explore(scenario: Scenario, seeds: Iterable[int] = range(1000), *, lag: float = 0.05) -> int:
    """Run a scenario once for each seed, on virtual time, and return how many schedules that were.

    The seed draws both the scenario's chances and the order in which its tasks run: for a third of the seeds evenly,
    for a third by priorities (few but long delays), for a third evenly with the clock running ahead of the work.

    Args:
        scenario: what to run.
        seeds: one run for each.
        lag: how likely the clock runs ahead, in the last third; 0 for never, where a scenario counts virtual seconds.

    Raises:
        Exception: what the scenario raised first; a note names the seed. See also `virtual_time.run`.
    """
    count = 0
    for seed in seeds:
        chance = Random(seed)  # noqa: S311  (a schedule is no secret)
        depth = 3 if seed % 3 == 1 else None
        try:
            virtual_time.run(scenario, chance, seed=seed, depth=depth, lag=lag if seed % 3 == 2 else 0.0)
        except BaseException as error:
            error.add_note(f"under the schedule of seed {seed}")
            raise
        count += 1
    return count


def first_failure(seeds: Sequence[int]) -> Failure | None:
    """Play random turns under these schedules, and return the first failure, if there is one."""
    for seed in seeds:
        open_files = _open_files()
        try:
            explore(random_turns, (seed,))
        except Exception:  # noqa: BLE001  (any of them is what is looked for)
            return Failure(seed, traceback.format_exc())
        if _open_files() != open_files or multiprocessing.active_children():
            return Failure(seed, "a file is open, or a process runs, that did not before\n")
    return None


def _open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


TRIAL = Trial(
    module="antiphon.testing.schedules",
    what="schedules",
    description="Play random turns with the real engine under random schedules, and check what it promises.",
    usual=200_000,
    verdict="no promise broken",
    first_failure=first_failure,
)

if __name__ == "__main__":
    sys.exit(TRIAL.main())
