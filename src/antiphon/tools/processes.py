"""Run one child process with everything it starts, and leave none of it behind.

A child gets a session of its own, no input, and one pipe for its output. When it has ended, has run out of time or is
cancelled, whatever it started and left running is stopped too: first politely (SIGTERM), then for good (SIGKILL).

`process_family.py` says who is found, and who is not. Knows nothing of shells, tools or models.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import anyio
import anyio.to_thread

from antiphon.tools.guard import Guard
from antiphon.tools.process_family import Group, Member, family_of, marked

_LINGER = 0.2
"""Seconds that processes which outlive an ended child may take to finish by themselves: `> >(tee log)`."""
_POLITE = 0.5
"""Seconds between SIGTERM and SIGKILL."""
_FINAL = 1.0
"""Seconds after SIGKILL until a process that cannot be killed (it hangs in the kernel) is given up."""
_UNSURE = 0.05
"""Seconds to look again for one that the first look may have missed."""
_READ = 65536
_DRAIN = 64 * _READ
"""Most that is still read after the end, in case somebody we did not find goes on writing."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child came to its end.

    Attributes:
        code: its exit code; negative is the signal that ended it; None if it could not be killed.
        timed_out: it was stopped because its time was up.
        left: how many processes outlived it and were stopped.
    """

    code: int | None
    timed_out: bool = False
    left: int = 0


async def run_process(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    output: Callable[[bytes], None],
    timeout: float | None = None,  # noqa: ASYNC109  (the time is the child's, and running out of it is an answer)
) -> Ended:
    """Run a child until it ends, and tell `output` what it and its descendants write, as it comes.

    Standard output and error are one stream. `output` must be quick and must not raise. Cancelling stops the child and
    all it started, within two seconds; so does the end of this process, whatever it dies of.

    Raises:
        OSError: if the child cannot be started.
    """
    reader, writer = os.pipe()
    try:
        os.set_blocking(reader, False)
        mark = uuid4().hex
        guard = Guard(mark)
        try:
            try:
                child = _spawn(argv, cwd, marked(env, mark), writer)
                guard.watch(child.pid)
            finally:
                # The child has its own copy. Ours would keep the pipe open for ever.
                os.close(writer)
            # No await up to here, so a cancelled call has either no child or one that is cared for below.
            return await _attend(child, family_of(child.pid, mark), reader, output, timeout)
        finally:
            guard.dismiss()
    finally:
        os.close(reader)


def _spawn(argv: Sequence[str], cwd: Path, env: Mapping[str, str], writer: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603  (running what the model asked for is the point; policy decides before)
        argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, start_new_session=True
    )


async def _attend(
    child: "subprocess.Popen[bytes]",
    family: Group,
    reader: int,
    output: Callable[[bytes], None],
    timeout: float | None,  # noqa: ASYNC109
) -> Ended:
    exited = False
    left = 0
    code: int | None = None
    # Reading goes on while the family is being stopped, cancelled or not: a full pipe would keep a polite process
    # from its end.
    reading = anyio.CancelScope(shield=True)

    async def pump() -> None:
        with reading:
            while True:
                await anyio.wait_readable(reader)
                if not _read(reader, output):
                    break

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pump, name="read the output")
        try:
            with anyio.move_on_after(timeout):
                await _exit_of(child)
                exited = True
        finally:
            with anyio.CancelScope(shield=True):
                left = await _end(family, linger=exited)
                # Only now may the child's number be given to somebody else.
                code = await _reaped(child)
            reading.cancel()
    for _ in range(_DRAIN // _READ):
        if not _read(reader, output):
            break
    return Ended(code, timed_out=not exited, left=left if exited else 0)


def _read(reader: int, output: Callable[[bytes], None]) -> bool:
    """Pass on what the pipe holds, at most one portion; return False at its end or if there is nothing now."""
    try:
        data = os.read(reader, _READ)
    except BlockingIOError:
        return False
    if data:
        output(data)
    return bool(data)


async def _exit_of(child: "subprocess.Popen[bytes]") -> None:
    """Wait until the child has exited, without reaping it where that can be told apart.

    An unreaped child keeps its process and group number, so that signals to them cannot reach strangers.
    """
    try:
        watch = os.pidfd_open(child.pid)
    except (AttributeError, OSError):  # not Linux, or not allowed here
        await anyio.to_thread.run_sync(child.wait, abandon_on_cancel=True)
        return
    try:
        await anyio.wait_readable(watch)
    finally:
        os.close(watch)


async def _reaped(child: "subprocess.Popen[bytes]") -> int | None:
    with anyio.move_on_after(_FINAL):
        while child.poll() is None:  # noqa: ASYNC110  (at once, unless the waiting thread is about to reap it)
            await anyio.sleep(0.005)
    return child.returncode


async def _end(family: Group, *, linger: bool) -> int:
    """Stop whoever is left of the family; return how many that were."""
    stopped: set[Member] = set()
    steps = ((None, _LINGER), (signal.SIGTERM, _POLITE), (signal.SIGKILL, _FINAL))
    for number, patience in steps if linger else steps[1:]:
        began = time.monotonic()
        told = False
        pause = 0.002
        while time.monotonic() < began + patience:
            members = family.members()
            if not members and (not family.unsure or time.monotonic() > began + _UNSURE):
                return len(stopped)
            # SIGTERM once, because it may start some tidying, which another would disturb. SIGKILL again and again,
            # because a look can miss one that is born meanwhile.
            if members and number is not None and (not told or number == signal.SIGKILL):
                family.send(number, members)
                told = True
                stopped.update(members)
            await anyio.sleep(pause)
            pause = min(pause * 2, 0.05)
    return len(stopped)
