"""Tries many seeds in several processes, and stops at the first that fails.

Knows seeds and processes. Does not know what is tried.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice

_CHUNK = 500
"""Seeds a process is given at once, where each is quick: about a second's work."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A seed that failed, and how, as text."""

    seed: int
    text: str


FirstFailure = Callable[[Sequence[int]], Failure | None]
"""Tries some seeds and returns the first that fails; a function of a module, since other processes call it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A command that tries seeds: `python -m MODULE --WHAT 1000000`.

    Attributes:
        module: the module that is run.
        what: what a seed stands for, in the plural.
        description: for `--help`.
        usual: how many are tried where the command line does not say.
        verdict: what is said when none failed.
        first_failure: tries them.
        chunk: how many a process is given at once.
    """

    module: str
    what: str
    description: str
    usual: int
    verdict: str
    first_failure: FirstFailure
    chunk: int = _CHUNK

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Try as many seeds as the command line says; return the exit code."""
        parser = argparse.ArgumentParser(prog=f"python -m {self.module}", description=self.description)
        parser.add_argument(
            f"--{self.what}", dest="count", type=int, default=self.usual, metavar="N",
            help=f"how many (default: {self.usual})",
        )  # fmt: skip
        cores = os.cpu_count() or 1
        parser.add_argument("--processes", type=int, default=cores, metavar="N", help="default: one per core")
        parser.add_argument("--seed", type=int, default=0, metavar="N", help="the first seed (default: 0)")
        options = parser.parse_args(arguments)
        began = time.monotonic()
        failure = None
        seeds = range(options.seed, options.seed + options.count)
        for done, failure in _in_processes(self.first_failure, seeds, options.processes, self.chunk):
            self._show_progress(done, options.count, time.monotonic() - began, last=failure is not None)
            if failure is not None:
                break
        if failure is None:
            sys.stdout.write(f"{options.count:,} {self.what}, {self.verdict}.\n")
            return 0
        again = f"python -m {self.module} --seed {failure.seed} --{self.what} 1 --processes 1"
        sys.stdout.write(f"{failure.text}\nAgain, alone: {again}\n")
        return 1

    def _show_progress(self, done: int, total: int, seconds: float, *, last: bool) -> None:
        """Write how far it is: one line that changes on a terminal, a line every tenth elsewhere."""
        line = f"{done:,} of {total:,} {self.what}, {done / seconds:,.0f} a second"
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[2K{line}" + ("\n" if last or done == total else ""))
        elif last or done == total or done * 10 // total != (done - self.chunk) * 10 // total:
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _in_processes(
    first_failure: FirstFailure, seeds: range, processes: int, chunk_size: int
) -> Iterator[tuple[int, Failure | None]]:
    """Try seeds side by side; tell how many are done, each time more are, and the first failure."""
    chunks = iter([seeds[start : start + chunk_size] for start in range(0, len(seeds), chunk_size)])
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
