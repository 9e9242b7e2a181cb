"""Reading what a helper program prints, record by record, and ending it when enough was read.

For programs that start no others (git, ripgrep). Commands of the model run in `processes/running.py`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import ByteReceiveStream

from antiphon.tools.processes.starting import kill, running

_ERRORS_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Ended:
    """How the program came to its end.

    Attributes:
        code: its exit code; negative when a signal ended it, as when enough was read.
        errors: the start of what it wrote to standard error.
    """

    code: int
    errors: str


async def read_records(
    argv: Sequence[str],
    *,
    cwd: Path,
    take: Callable[[bytes], bool],
    separator: bytes = b"\n",
    longest: int = 1 << 20,
    env: Mapping[str, str] | None = None,
) -> Ended:
    """Run a program and hand each record of its output to `take`, until that returns False.

    The program is gone when this returns, also when it is cancelled.

    Args:
        argv: the program and its arguments.
        cwd: where it runs.
        take: gets each record without its separator; must not raise.
        separator: one byte that ends a record.
        longest: of a longer record the start is handed on, and the rest is passed over.
        env: its environment, if not ours.

    Raises:
        OSError: the program cannot be started.
    """
    errors: list[bytes] = []
    async with running(argv, cwd=cwd, env=env) as process:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_drain, process.stderr, errors, name=f"errors of {Path(argv[0]).name}")
            wanted = await _split(process.stdout, take, separator, longest)
            if not wanted:
                kill(process)
        code = await process.wait()
    return Ended(code, b"".join(errors).decode(errors="replace").strip())


async def _drain(stream: ByteReceiveStream | None, kept: list[bytes]) -> None:
    """Read everything, so that the program never waits for us, and keep the start."""
    room = _ERRORS_KEPT
    if stream is not None:
        async for chunk in stream:
            kept.append(chunk[:room])
            room = max(0, room - len(chunk))


async def _split(
    stream: ByteReceiveStream | None, take: Callable[[bytes], bool], separator: bytes, longest: int
) -> bool:
    """Cut the stream into records; return False as soon as `take` does."""
    rest = b""
    too_long = False
    if stream is None:
        return True
    async for chunk in stream:
        *whole, rest = (rest + chunk).split(separator)
        for record in whole:
            if not too_long and not take(record):
                return False
            too_long = False
        if len(rest) > longest:
            if not too_long and not take(rest[:longest]):
                return False
            too_long = True
        if too_long:
            rest = b""
    return too_long or not rest or take(rest)


def quiet_environment() -> dict[str, str]:
    """Return our environment without what would point git at another repository or make it write."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**env, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
