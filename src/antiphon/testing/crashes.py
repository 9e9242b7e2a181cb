"""Kills an agent at every moment that can matter, has another process go on with the session, and looks at both.

::

    python3 -m antiphon.testing.crashes points     # at each call that changes a file, of it or of its commands
    python3 -m antiphon.testing.crashes faults     # each of these calls fails instead: disk full, or broken
    python3 -m antiphon.testing.crashes kills      # at random moments
    python3 -m antiphon.testing.crashes mendings   # at each such call while a damaged session is mended

After each: the conversation is valid, also for the strict emulator; every result that was in the log is in it; nothing
had its effect twice; what was running and may have changed something is answered as unknown; what only read has run
again; and no process is left.
"""

import errno
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.reduction import recv_handle
from pathlib import Path
from typing import cast

from antiphon.emulator import Emulator
from antiphon.sessions.records import Mended, Record
from antiphon.sessions.storage.log import SessionLog, read_entries
from antiphon.testing.crash_verdicts import (
    Left,
    entries_at,
    processes_left,
    wrong_with_going_on,
    wrong_with_what_is_left,
)
from antiphon.testing.crashing_agent import Outcome, effects, go_on, mend, prepare, script, work
from antiphon.testing.damaged_logs import Files, files
from antiphon.testing.seeds import Failure, Trial
from antiphon.testing.system_calls import FileChange, FileChanges, why_not

_SPOILED = 3
"""The record that is damaged where mending is tried."""
_LOADED_ON_USE = (
    "antiphon.providers.transport", "anyio._backends._asyncio", "anyio.streams.tls", "csv", "httpcore2", "httpx2",
    "importlib.metadata", "truststore", "urllib.request",
)  # fmt: skip
"""What an agent loads in its first turn, and each of the many would load again."""
_PATIENCE = 60.0
"""Seconds after which a process hangs."""


Worker = Callable[..., None]
"""What runs in a process of its own: given a connection, the place, the API's URL, and whether it is watched."""
Heir = Callable[[Connection, Path, str], None]
"""What runs in the next process: given a connection, the place, and the API's URL."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens to the agent.

    Attributes:
        at: the number of the call that changes a file at which it happens, from 1; None for none.
        error: what the call fails with; 0 for killing the agent instead.
        lasts: all later calls fail too, until the process ends.
        after: seconds after which the agent is killed, whatever it does.
    """

    at: int | None = None
    error: int = 0
    lasts: bool = False
    after: float | None = None


def fault(trouble: Trouble, *, worker: Worker = work, heir: Heir = go_on) -> tuple[str, Left]:
    """Say what is wrong after this trouble, or nothing; and what it left.

    Args:
        trouble: what happens.
        worker: the process it happens to.
        heir: the process that goes on with the session.
    """
    place = Path(tempfile.mkdtemp(prefix="antiphon-crash-"))
    try:
        prepare(place)
        with Emulator(script()) as emulator:
            left = _work(worker, place, emulator.url, trouble)
            found = processes_left(place) or wrong_with_what_is_left(left)
            before, entries = effects(place), entries_at(place)
            if not found and entries:
                emulator.play(["Nothing more."])
                outcome = _go_on(heir, place, emulator.url)
                found = (
                    wrong_with_going_on(place, entries, outcome, before)
                    or processes_left(place)
                    or "".join(f"refused: {record.text}" for record in emulator.refused)
                )
            elif not found and before:
                found = f"{before} happened, and no session tells of it"
        return found, left
    finally:
        shutil.rmtree(place, ignore_errors=True)


def mending_fault(at: int) -> tuple[str, bool]:
    """Say what is wrong after a kill at the call of this number while a damaged session is mended, or nothing.

    Also whether the mending came to its end before.
    """
    whole = files()
    spoiled = Files(whole.database.replace(b"prompt 1 ", b"prawns 1 "), whole.wal, whole.records)
    place = Path(tempfile.mkdtemp(prefix="antiphon-crash-"))
    try:
        spoiled.put(place / "session")
        with _process(mend, place / "session", "") as (process, connection):
            with FileChanges(recv_handle(connection), below=place) as changes:
                _, reached = _disturb(changes, process.pid or 0, Trouble(at=at))
            process.join(_PATIENCE)
        return _wrong_with_mending(place / "session", whole.records), not reached
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _wrong_with_mending(directory: Path, written: Sequence[Record]) -> str:
    wanted = [record for number, record in enumerate(written, 1) if number != _SPOILED]
    read = read_entries(directory)
    log, opened = SessionLog.open(directory)
    opened = log.entries()
    log.close()
    for entries in read, opened:
        if [entry.record for entry in entries if not isinstance(entry.record, Mended)] != wanted:
            return f"{len(entries)} records came back, and not those that are whole"
    kept = [entry.record.kept for entry in opened if isinstance(entry.record, Mended)]
    return "" if [Path(path).exists() for path in kept] == [True] else f"kept are {kept}"


@cache
def undisturbed() -> Left:
    """Return what a run leaves that nothing happens to.

    Raises:
        RuntimeError: something is wrong with it already.
    """
    found, left = fault(Trouble())
    if found:
        raise RuntimeError(found)
    return left


def _work(worker: Worker, place: Path, url: str, trouble: Trouble) -> Left:
    """Let the agent work, and the trouble come."""
    watched = trouble.after is None
    began = time.monotonic()
    with _process(partial(worker, watched=watched), place, url) as (process, connection):
        pid = process.pid or 0
        calls, reached = 0, False
        if watched:
            with FileChanges(recv_handle(connection), below=place) as changes:
                calls, reached = _disturb(changes, pid, trouble)
        else:
            connection.recv()
            began = time.monotonic()
            with suppress(EOFError):
                reached = not connection.poll(trouble.after)
            _kill(pid)
        outcome = _outcome(process, connection)
        return Left(place, calls, reached, reached and not trouble.error, outcome, time.monotonic() - began)


def _disturb(changes: FileChanges, pid: int, trouble: Trouble) -> tuple[int, bool]:
    calls, reached = 0, False
    deadline = time.monotonic() + _PATIENCE
    while (call := changes.next(deadline - time.monotonic())) is not None:
        calls += 1
        if trouble.at is not None and (calls == trouble.at or (trouble.lasts and calls > trouble.at)):
            reached = True
            _make(trouble, call, pid)
        call.go_on()
    return calls, reached


def _make(trouble: Trouble, call: FileChange, pid: int) -> None:
    if trouble.error:
        call.fail(trouble.error)
    else:
        _kill(pid)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):  # it came to its end first
        os.kill(pid, signal.SIGKILL)


def _go_on(heir: Heir, place: Path, url: str) -> Outcome | None:
    with _process(heir, place, url) as (process, connection):
        return _outcome(process, connection)


def _outcome(process: ForkServerProcess, connection: Connection) -> Outcome | None:
    """Return what a process told before it ended, if it did."""
    told: Outcome | None = None
    with suppress(EOFError):
        while connection.poll(_PATIENCE):
            message = connection.recv()
            told = message if isinstance(message, Outcome) else told
    process.join(_PATIENCE)
    return told


@contextmanager
def _process(
    target: Callable[[Connection, Path, str], None], place: Path, url: str
) -> Generator[tuple[ForkServerProcess, Connection]]:
    """Start a process, as a copy of one that has loaded everything, and see that it ends."""
    context = _context()
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, place, url))
    process.start()
    theirs.close()
    try:
        yield process, cast("Connection", ours)
    finally:
        ours.close()
        process.kill()
        process.join()
        process.close()


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["antiphon.testing.crashing_agent", *_LOADED_ON_USE])
    return context


def _first_failure(trouble_of: Callable[[int], Trouble], seeds: Sequence[int]) -> Failure | None:
    for seed in seeds:
        trouble = trouble_of(seed)
        try:
            text, _ = fault(trouble)
        except Exception as problem:  # noqa: BLE001  (whatever it is, it is the finding)
            text = f"{type(problem).__name__}: {problem}"
        if text:
            return Failure(seed, f"{trouble}: {text}")
    return None


def kill_at(seed: int) -> Trouble:
    """Return the end at the call of this number, from 0."""
    return Trouble(at=seed + 1)


def fail_at(seed: int) -> Trouble:
    """Return a failure: four kinds for each call."""
    error = (errno.ENOSPC, errno.EIO)[seed % 2]
    return Trouble(at=seed // 4 + 1, error=error, lasts=bool(seed // 2 % 2))


def kill_some_time(seed: int) -> Trouble:
    """Return the end at a moment that the seed draws."""
    draw = random.Random(seed)  # noqa: S311  (nothing is kept secret with it)
    return Trouble(after=draw.random() * _seconds())


@cache
def _seconds() -> float:
    """Return how long a run takes, and a bit more."""
    return 1.1 * min(fault(Trouble(after=_PATIENCE))[1].seconds for _ in range(3))


def points_failure(seeds: Sequence[int]) -> Failure | None:
    """Return the first point at which being killed is not coped with."""
    return _first_failure(kill_at, seeds)


def faults_failure(seeds: Sequence[int]) -> Failure | None:
    """Return the first failing call that is not coped with."""
    return _first_failure(fail_at, seeds)


def kills_failure(seeds: Sequence[int]) -> Failure | None:
    """Return the first moment at which being killed is not coped with."""
    return _first_failure(kill_some_time, seeds)


def mendings_failure(seeds: Sequence[int]) -> Failure | None:
    """Return the first point of mending at which being killed is not coped with."""
    for seed in seeds:
        text, _ = mending_fault(seed + 1)
        if text:
            return Failure(seed, f"killed at call {seed + 1} of mending: {text}")
    return None


def trials() -> dict[str, Callable[[], Trial]]:
    """Return the loops, by name; how many points there are is found out by a run that nothing happens to."""
    loop = partial(
        Trial, description=(__doc__ or "").partition("\n")[0], verdict="the session of each was gone on with", chunk=20
    )
    module = "antiphon.testing.crashes"
    return {
        # A few more than there are, for a run is not always the same; behind the last, it comes to its end.
        "points": lambda: loop(f"{module} points", "points", usual=_points() + 10, first_failure=points_failure),
        "faults": lambda: loop(f"{module} faults", "faults", usual=4 * _points() + 40, first_failure=faults_failure),
        "mendings": lambda: loop(f"{module} mendings", "mendings", usual=60, first_failure=mendings_failure),
        "kills": lambda: loop(f"{module} kills", "kills", usual=2_000, first_failure=kills_failure),
    }


def _points() -> int:
    return undisturbed().calls


def main(arguments: Sequence[str]) -> int:
    """Run a loop, or all; return the exit code."""
    if refusal := why_not():
        sys.stderr.write(f"Crashes cannot be tried: {refusal}.\n")
        return 2
    known = trials()
    chosen = [arguments[0]] if arguments and arguments[0] in known else list(known)
    rest = arguments[1:] if len(chosen) == 1 else arguments
    return max(known[name]().main(rest) for name in chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
