"""Runs a command, confined if there is a sandbox, and tells what the sandbox had to say."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from antiphon.policy.sandbox.base import Sandbox
from antiphon.tools.processes.limits import ProcessLimits
from antiphon.tools.processes.running import Ended, run_process

_SMELLS = re.compile(
    r"Read-only file system|Operation not permitted|Permission denied|Network is unreachable|Could not resolve host"
    r"|Temporary failure in name resolution|Name or service not known|Device or resource busy|EROFS|EPERM|EACCES|EBUSY"
    r"|ENETUNREACH|EAI_AGAIN|ENOTFOUND|getaddrinfo|Connection refused|ECONNREFUSED",
    re.IGNORECASE,
)
"""What programs say when they may not write, or reach, something."""


@dataclass(frozen=True, slots=True)
class Told:
    """How a command ended, and sentences of the sandbox for whoever reads the result."""

    ended: Ended
    notes: tuple[str, ...] = ()


async def run_confined(
    sandbox: Sandbox | None,
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    output: Callable[[bytes], None],
    timeout: float | None = None,  # noqa: ASYNC109  (the time is the child's, and running out of it is an answer)
    limits: ProcessLimits | None = None,
    lasting: bool = False,
) -> Told:
    """Run a command to its end, in the sandbox if there is one.

    Args:
        sandbox: confines it.
        argv: program and arguments.
        cwd: where it starts.
        env: its environment.
        output: takes what it writes.
        timeout: seconds it may run.
        limits: what it may take.
        lasting: it goes on while others work.

    Raises:
        OSError: it cannot be started, or not in the sandbox.
    """
    if sandbox is None:
        return Told(await run_process(argv, cwd=cwd, env=env, output=output, timeout=timeout, limits=limits))
    async with sandbox.confine(argv, cwd, env, lasting=lasting) as confined:
        ended = await run_process(
            confined.argv,
            cwd=cwd,
            env=confined.env,
            output=output,
            timeout=timeout,
            limits=limits,
            keep=confined.keep,
            contained=confined.contained,
        )
    return Told(ended, tuple(confined.notes))


def hint(ended: Ended, output: str) -> str:
    """Return how to go on when a confined command failed in a way that may be the sandbox's doing; else nothing."""
    if ended.code == 0 or ended.timed_out or ended.exceeded or not _SMELLS.search(output):
        return ""
    return (
        "(It ran in a sandbox: only the workspace and temporary files can be changed, the home directory is hidden, "
        "and there is no network but what the user allowed. If that is why it failed, run it again with "
        "`outside_sandbox`; the user is asked.)"
    )
