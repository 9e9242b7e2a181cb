"""Runs a program under many schedules, each drawn from a seed, and stops at the first that fails.

As a command it plays random turns with the real engine::

    python -m antiphon.testing.schedules --schedules 10000000

Knows seeds and processes. Does not know what a schedule is about.
"""

import argparse
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from antiphon.testing import virtual_time
from antiphon.testing.random_turns import random_turns

Scenario = Callable[[Random], Coroutine[Any, Any, object]]
"""An asynchronous function that takes its chances from the argument only, and raises when something is wrong."""

_CHUNK = 500
"""Schedules a process is given at once: about a second's work."""


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


@dataclass(frozen=True, slots=True)
class Failure:
    """A schedule that failed, and how, as text."""

    seed: int
    text: str


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Play random turns as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m antiphon.testing.schedules",
        description="Play random turns with the real engine under random schedules, and check what it promises.",
    )
    parser.add_argument("--schedules", type=int, default=200_000, metavar="N", help="how many (default: 200000)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N", help="default: one per core")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the first seed (default: 0)")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    failure = None
    for done, failure in _in_processes(range(options.seed, options.seed + options.schedules), options.processes):
        _show_progress(done, options.schedules, time.monotonic() - began, last=failure is not None)
        if failure is not None:
            break
    if failure is None:
        sys.stdout.write(f"{options.schedules:,} schedules, no promise broken.\n")
        return 0
    again = f"python -m antiphon.testing.schedules --seed {failure.seed} --schedules 1 --processes 1"
    sys.stdout.write(f"{failure.text}\nAgain, alone: {again}\n")
    return 1


def _in_processes(seeds: range, processes: int) -> Iterator[tuple[int, Failure | None]]:
    """Run schedules side by side; tell how many are done, each time more are, and the first failure."""
    chunks = iter([seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)])
    done = 0
    if processes == 1:
        for chunk in chunks:
            failure = first_failure(chunk)
            done += len(chunk)
            yield done, failure
        return
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        running: dict[Future[Failure | None], int] = {}
        try:
            while True:
                for chunk in islice(chunks, 2 * processes - len(running)):
                    running[pool.submit(first_failure, chunk)] = len(chunk)
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    done += running.pop(future)
                    yield done, future.result()
        finally:
            for future in running:
                future.cancel()


def _show_progress(done: int, total: int, seconds: float, *, last: bool) -> None:
    """Write how far it is: one line that changes on a terminal, a line every tenth elsewhere."""
    line = f"{done:,} of {total:,} schedules, {done / seconds:,.0f} a second"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{line}" + ("\n" if last or done == total else ""))
    elif last or done == total or done * 10 // total != (done - _CHUNK) * 10 // total:
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
