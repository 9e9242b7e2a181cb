"""Starts a program whose output is read, and ends it, so that cancelling at any moment leaves no process behind.

For programs that we choose ourselves and that start no others; `running.py` runs those that the model asked for.
"""

import os
import signal
import subprocess
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
from anyio.abc import Process


@asynccontextmanager
async def running(
    argv: Sequence[str],
    *,
    stdin: int = subprocess.DEVNULL,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    keep: Sequence[int] = (),
) -> AsyncGenerator[Process]:
    """Run a program while the context is open, with pipes for its output and errors; at the end it is killed.

    Args:
        argv: the program and its arguments.
        stdin: where it reads from.
        cwd: where it runs.
        env: its environment, if not ours.
        keep: descriptors that it inherits, so that a lock is held for as long as it lives, whatever becomes of us.

    Raises:
        OSError: it cannot be started.
    """
    process = await _started(argv, stdin, cwd, env, keep)
    try:
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            kill(process)
            await process.aclose()


async def _started(
    argv: Sequence[str], stdin: int, cwd: Path | None, env: Mapping[str, str] | None, keep: Sequence[int]
) -> Process:
    """Start the program, cancelled or not: one that is half started could not be waited for."""
    started: list[Process] = []
    with anyio.CancelScope(shield=True):
        started.append(
            await anyio.open_process(
                argv,
                stdin=stdin,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=env,
                start_new_session=True,
                pass_fds=keep,
            )
        )
    return started[0]


def kill(process: Process) -> None:
    """Kill a program, unless it has ended."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            # `process.kill()` looks whether it has ended, and so may take its end from the loop that waits for it.
            os.kill(process.pid, signal.SIGKILL)
