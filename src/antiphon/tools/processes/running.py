"""Run one child process with everything it starts, and leave none of it behind.

A child gets a session of its own, no input, and one pipe for its output. When it has ended, has run out of time, has
taken more than it may or is cancelled, whatever it started and left running is stopped too: first politely (SIGTERM),
then for good (SIGKILL).

`child.py` says how they are found and ended. Knows nothing of shells, tools or models.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from antiphon.tools.processes.child import Child, ContainedChild, FreeChild
from antiphon.tools.processes.limits import ProcessLimits, watch

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
        exceeded: the limit for which it was stopped, in words; empty if for none.
    """

    code: int | None
    timed_out: bool = False
    left: int = 0
    exceeded: str = ""


async def run_process(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    output: Callable[[bytes], None],
    timeout: float | None = None,  # noqa: ASYNC109  (the time is the child's, and running out of it is an answer)
    limits: ProcessLimits | None = None,
    keep: Sequence[int] = (),
    contained: bool = False,
) -> Ended:
    """Run a child until it ends, and tell `output` what it and its descendants write, as it comes.

    Standard output and error are one stream. `output` must be quick and must not raise. Cancelling stops the child and
    all it started, within two seconds; so does the end of this process, whatever it dies of.

    Args:
        argv: program and arguments.
        cwd: where it starts.
        env: its environment.
        output: takes what is written.
        timeout: seconds it may run.
        limits: what it and all that it starts may take together.
        keep: descriptors that it inherits.
        contained: it makes a process space of its own; see `policy/sandbox/containing.py`.

    Raises:
        OSError: if the child cannot be started.
    """
    reader, writer = os.pipe()
    try:
        os.set_blocking(reader, False)
        try:
            child = (ContainedChild if contained else FreeChild)(argv, cwd, env, writer, keep)
        finally:
            # The child has its own copy. Ours would keep the pipe open for ever.
            os.close(writer)
        # No await up to here, so a cancelled call has either no child or one that is cared for below.
        try:
            return await _attend(child, reader, output, timeout, limits)
        finally:
            child.close()
    finally:
        os.close(reader)


async def _attend(
    child: Child,
    reader: int,
    output: Callable[[bytes], None],
    timeout: float | None,  # noqa: ASYNC109
    limits: ProcessLimits | None,
) -> Ended:
    exited = False
    left = 0
    code: int | None = None
    exceeded = ""
    # Reading goes on while the family is being stopped, cancelled or not: a full pipe would keep a polite process
    # from its end.
    reading = anyio.CancelScope(shield=True)
    running = anyio.CancelScope()
    watching = anyio.CancelScope()

    async def pump() -> None:
        with reading:
            while True:
                await anyio.wait_readable(reader)
                if not _read(reader, output):
                    break

    async def keep_watch(limits: ProcessLimits) -> None:
        nonlocal exceeded
        with watching:
            exceeded = await watch(limits, child.family)
            running.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pump, name="read the output")
        if limits is not None:
            tasks.start_soon(keep_watch, limits, name="watch the limits")
        try:
            with running, anyio.move_on_after(timeout):
                await child.exited()
                exited = True
        finally:
            with anyio.CancelScope(shield=True):
                watching.cancel()
                try:
                    left = await child.end(linger=exited, polite=not exceeded)
                    code = await child.code()
                finally:
                    reading.cancel()
    if child.trouble:
        raise OSError(child.trouble)
    for _ in range(_DRAIN // _READ):
        if not _read(reader, output):
            break
    return Ended(code, timed_out=not exited and not exceeded, left=left if exited else 0, exceeded=exceeded)


def _read(reader: int, output: Callable[[bytes], None]) -> bool:
    """Pass on what the pipe holds, at most one portion; return False at its end or if there is nothing now."""
    try:
        data = os.read(reader, _READ)
    except BlockingIOError:
        return False
    if data:
        output(data)
    return bool(data)
