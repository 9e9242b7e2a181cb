"""Kills an agent at every moment that can matter, has another process go on with the session, and looks at both.

::

    python -m antiphon.testing.crashes points     # at each call that changes a file, the N-th of it and of its commands
    python -m antiphon.testing.crashes faults     # each of these calls fails instead: disk full, or broken
    python -m antiphon.testing.crashes kills      # at random moments

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
from antiphon.engine.events import Finished
from antiphon.engine.message import result_block
from antiphon.engine.turn import NOT_REACHED, UNKNOWN
from antiphon.errors import SessionError
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import ANTHROPIC
from antiphon.protocol.messages import Json
from antiphon.sessions.log import read_entries
from antiphon.sessions.records import Entry, Replied
from antiphon.sessions.replay import replay
from antiphon.testing.crashing_agent import (
    SESSION,
    Outcome,
    calls_of,
    effects,
    go_on,
    label_of,
    prepare,
    script,
    sessions_at,
    work,
)
from antiphon.testing.seeds import Failure, Trial
from antiphon.testing.system_calls import FileChange, FileChanges, why_not

_PATIENCE = 60.0
"""Seconds after which a process hangs."""
_GONE_IN = 2.0
"""Seconds after which no process may be left."""


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


@dataclass(frozen=True, slots=True)
class Left:
    """What the trouble left.

    Attributes:
        place: the files of the trial.
        calls: how many calls that change files were counted.
        reached: it happened.
        outcome: what the agent told, where it lived to its end.
        seconds: how long it lived.
    """

    place: Path
    calls: int
    reached: bool
    outcome: Outcome | None
    seconds: float


def fault(trouble: Trouble) -> tuple[str, Left]:
    """Say what is wrong after this trouble, or nothing; and what it left."""
    place = Path(tempfile.mkdtemp(prefix="antiphon-crash-"))
    try:
        prepare(place)
        with Emulator(script()) as emulator:
            left = _work(place, emulator.url, trouble)
            found = _leftovers(place) or _left_wrong(left, trouble)
            before, entries = effects(place), _entries(place)
            if not found and entries:
                emulator.play(["Nothing more."])
                outcome = _go_on(place, emulator.url)
                found = (
                    _resumed_wrong(place, entries, outcome, before)
                    or _leftovers(place)
                    or "".join(f"refused: {record.text}" for record in emulator.refused)
                )
            elif not found and before:
                found = f"{before} happened, and no session tells of it"
        return found, left
    finally:
        shutil.rmtree(place, ignore_errors=True)


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


def _work(place: Path, url: str, trouble: Trouble) -> Left:
    """Let the agent work, and the trouble come."""
    watched = trouble.after is None
    began = time.monotonic()
    with _process(partial(work, watched=watched), place, url) as (process, connection):
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
            os.kill(pid, signal.SIGKILL)
        outcome = _outcome(process, connection)
        return Left(place, calls, reached, outcome, time.monotonic() - began)


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
        os.kill(pid, signal.SIGKILL)


def _go_on(place: Path, url: str) -> Outcome | None:
    with _process(go_on, place, url) as (process, connection):
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
    context.set_forkserver_preload(["antiphon.testing.crashing_agent"])
    return context


def _entries(place: Path) -> list[Entry]:
    directory = sessions_at(place).directory / SESSION
    try:
        return read_entries(directory)
    except SessionError:
        if (directory / "session.db").exists():
            raise
        return []


def _left_wrong(left: Left, trouble: Trouble) -> str:
    """Say what is wrong with how the agent ended; a killed one tells nothing."""
    outcome = left.outcome
    if outcome is None:
        return "" if left.reached and not trouble.error else "the agent ended without a word"
    if not outcome.problem and replay(_entries(left.place)).messages != outcome.messages:
        return "the log does not hold the conversation, and nothing tells of it"
    if not left.reached and outcome.error:
        return f"nothing happened to it, and it ended with: {outcome.error}"
    return ""


def _resumed_wrong(place: Path, entries: Sequence[Entry], outcome: Outcome | None, before: dict[str, int]) -> str:
    """Say what is wrong with how another process went on."""
    if outcome is None or outcome.error:
        return f"it could not be gone on with: {outcome.error if outcome else 'the process ended without a word'}"
    if violations := check({"messages": outcome.messages}, ANTHROPIC):
        return f"the conversation is not valid: {violations[0].text}"
    if replay(_entries(place)).messages != outcome.messages:
        return "what is in the log afterwards is not the conversation"
    after = effects(place)
    if twice := sorted(label for label, count in after.items() if count > 1):
        return f"these happened twice: {twice}"
    if after != before:
        return f"going on changed what was done: {before} became {after}"
    return _lost(entries, outcome.messages) or _misjudged(entries, outcome.messages, after)


def _lost(entries: Sequence[Entry], messages: list[Json]) -> str:
    """Say which result was in the log of a turn whose reply was complete, and is not in the conversation."""
    results = {str(call["id"]): result for call, result in calls_of(messages)}
    replied = [block for entry in entries if isinstance(entry.record, Replied) for block in entry.record.content]
    for block in replied:
        if block.get("type") == "tool_use" and results.get(str(block["id"])) is None:
            return f"the call {block['id']} was in the log and has no result in the conversation"
    for record in [entry.record for entry in entries if isinstance(entry.record, Finished)]:
        if record.id in results and results[record.id] != result_block(record.id, record.result):
            return f"the result of {record.id} was in the log and is now {results[record.id]}"
    return ""


def _misjudged(entries: Sequence[Entry], messages: list[Json], after: dict[str, int]) -> str:
    """Say which result tells of a call what was not so."""
    finished = {entry.record.id for entry in entries if isinstance(entry.record, Finished)}
    for call, result in calls_of(messages):
        label, text = label_of(call), str((result or {}).get("content"))
        if not label:
            if text in (UNKNOWN.content, NOT_REACHED.content):
                return f"{call['name']} only reads, and did not run again"
        elif text == NOT_REACHED.content and label in after:
            return f"{label} was done, and is said not to have been begun"
        elif str(call["id"]) not in finished and text not in (UNKNOWN.content, NOT_REACHED.content):
            return f"nobody knows what became of {label}, and its result is {text!r}"
    return ""


def _leftovers(place: Path) -> str:
    """Say which processes still work in a place, after a time in which they may end."""
    deadline = time.monotonic() + _GONE_IN
    while there := _processes_in(place):
        if time.monotonic() > deadline:
            for pid, _ in there:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return f"left behind: {', '.join(name for _, name in there)}"
        time.sleep(0.005)
    return ""


def _processes_in(place: Path) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with suppress(OSError):
                if (process / "cwd").readlink().is_relative_to(place):
                    name = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found.append((int(process.name), name.strip()))
    return found


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
    return Trouble(after=draw.random() * undisturbed().seconds * 1.2)


def points_failure(seeds: Sequence[int]) -> Failure | None:
    """Return the first point at which being killed is not coped with."""
    return _first_failure(kill_at, seeds)


def faults_failure(seeds: Sequence[int]) -> Failure | None:
    """Return the first failing call that is not coped with."""
    return _first_failure(fail_at, seeds)


def kills_failure(seeds: Sequence[int]) -> Failure | None:
    """Return the first moment at which being killed is not coped with."""
    return _first_failure(kill_some_time, seeds)


def trials() -> dict[str, Callable[[], Trial]]:
    """Return the three loops, by name; how many points there are is found out by a run that nothing happens to."""
    loop = partial(
        Trial, description=(__doc__ or "").partition("\n")[0], verdict="the session of each was gone on with", chunk=20
    )
    module = "antiphon.testing.crashes"
    return {
        # A few more than there are, for a run is not always the same; behind the last, it comes to its end.
        "points": lambda: loop(f"{module} points", "points", usual=_points() + 10, first_failure=points_failure),
        "faults": lambda: loop(f"{module} faults", "faults", usual=4 * _points() + 40, first_failure=faults_failure),
        "kills": lambda: loop(f"{module} kills", "kills", usual=2_000, first_failure=kills_failure),
    }


def _points() -> int:
    return undisturbed().calls


def main(arguments: Sequence[str]) -> int:
    """Run a loop, or all three; return the exit code."""
    if refusal := why_not():
        sys.stderr.write(f"Crashes cannot be tried: {refusal}.\n")
        return 2
    known = trials()
    chosen = [arguments[0]] if arguments and arguments[0] in known else list(known)
    rest = arguments[1:] if len(chosen) == 1 else arguments
    return max(known[name]().main(rest) for name in chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
