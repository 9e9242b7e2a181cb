"""What it costs to run a command in a sandbox.

The same command (`bash -c true`, in a small git repository) is run in each way in turn, round by round, so that a busy
machine is busy for all of them. "plain" only starts it and waits; "looked after" is how commands run without a sandbox,
with a guard and a look for what they left. "over plain" is the median of the differences within a round.

    python dev.py bench sandbox
"""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import anyio

from antiphon.policy.sandbox.base import Sandbox
from antiphon.policy.sandbox.choosing import KeeperName, available, open_sandbox
from antiphon.policy.workspace import Workspace
from antiphon.tools.processes.limits import ProcessLimits
from antiphon.tools.processes.sandboxed import run_confined
from measuring import Table

ROUNDS = 60
COMMAND = ["bash", "-c", "true"]
KEEPERS: tuple[KeeperName, ...] = ("bubblewrap", "landlock", "seatbelt")

Way = Callable[[], Awaitable[object]]


def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        root = Path(name).resolve()
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        anyio.run(measure, root)


async def measure(root: Path) -> None:
    """Run the command in a directory in all ways there are."""
    workspace = Workspace.at(root)
    async with AsyncExitStack() as stack:
        ways: dict[str, Way] = {"plain": plain(root), "looked after": confined(None, root)}
        for keeper in KEEPERS:
            if available(workspace, keeper)[0] is not None:
                chosen = await stack.enter_async_context(open_sandbox("on", workspace, only=keeper))
                ways[keeper] = confined(chosen.sandbox, root)
        await compare(ways)


def plain(root: Path) -> Way:
    """Return how the command is run with nothing around it."""

    async def run() -> object:
        return subprocess.run(  # noqa: ASYNC221  (nothing else is to happen meanwhile)
            COMMAND, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, check=True
        )

    return run


def confined(sandbox: Sandbox | None, root: Path) -> Way:
    """Return how it is run by an agent."""
    limits = ProcessLimits(places=(root,))

    def drop(_data: bytes) -> None:
        pass

    async def run() -> object:
        return await run_confined(
            sandbox, COMMAND, cwd=root, env=dict(os.environ), output=drop, timeout=60, limits=limits
        )

    return run


async def compare(ways: dict[str, Way]) -> None:
    """Run all ways in turn and print their times."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.perf_counter()
            await way()
            taken[name].append((time.perf_counter() - began) * 1000)
    table = Table("way", "p50 ms", "p90 ms", "over plain ms")
    for name, times in taken.items():
        over = statistics.median(one - two for one, two in zip(times, taken["plain"], strict=True))
        table.row(name, f"{statistics.median(times):.1f}", f"{statistics.quantiles(times, n=10)[8]:.1f}", f"{over:.1f}")
    table.print()


if __name__ == "__main__":
    main()
