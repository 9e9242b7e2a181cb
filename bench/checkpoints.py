"""Cost of checkpoints in a workspace of 50,000 files, beside plain git on the same files.

Each figure of ours is measured in turn with one of git's, so that a busy machine slows both. "first" keeps all files,
the other rows are what a turn of an agent pays. Plain git has a repository of its own with git's own settings.

    python dev.py bench checkpoints
"""

import argparse
import os
import random
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from antiphon.checkpoints import Checkpoints
from measuring import Table

_PER_DIRECTORY = 50


def make(root: Path, number: int) -> None:
    """Write source files of 0.3 to 6 KB, fifty to a directory."""
    chance = random.Random(1)
    words = [f"word{number}" for number in range(3000)]
    for place in range(number):
        path = _path(root, place)
        if place % _PER_DIRECTORY == 0:
            path.parent.mkdir(parents=True)
        lines = (" ".join(chance.choices(words, k=8)) for _ in range(chance.randint(5, 90)))
        path.write_text("\n".join(lines))


def _path(root: Path, place: int) -> Path:
    directory, name = divmod(place, _PER_DIRECTORY)
    return root / f"pkg{directory // _PER_DIRECTORY:02}" / f"mod{directory % _PER_DIRECTORY:02}" / f"file{name:02}.py"


def change(paths: list[str], text: str) -> None:
    """Add a text to files."""
    for path in paths:
        with Path(path).open("a") as file:
            file.write(text)


class PlainGit:
    """git with its own settings, on the same files."""

    def __init__(self, root: Path, directory: Path) -> None:
        """Make its repository."""
        who = {f"GIT_{who}_{what}": "bench" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        clean = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        place = {"GIT_DIR": str(directory), "GIT_WORK_TREE": str(root)}
        self._root = root
        self._env = {**os.environ, **who, **clean}
        subprocess.run(["git", "init", "-q", "--bare", str(directory)], env=self._env, check=True)
        self._env |= place
        self.run("config", "core.bare", "false")

    def run(self, *arguments: str) -> None:
        """Run a command."""
        subprocess.run(["git", *arguments], cwd=self._root, env=self._env, check=True, stdout=subprocess.DEVNULL)


class Pairs:
    """Times of ours and of git's, measured in turn."""

    def __init__(self) -> None:
        """Begin with none."""
        self._times: dict[tuple[str, str], list[tuple[float, float]]] = {}

    async def measure(
        self, ours: str, run: Callable[[], Awaitable[object]], plain: str, other: Callable[[], object]
    ) -> None:
        """Measure both once."""
        started = time.perf_counter()
        await run()
        between = time.perf_counter()
        other()
        ended = time.perf_counter()
        self._times.setdefault((ours, plain), []).append((between - started, ended - between))

    def print(self) -> None:
        """Print medians, the worst, and by how much ours takes longer."""
        table = Table("ours", "median s", "worst s", "plain git", "median s", "ratio")
        for (ours, plain), times in self._times.items():
            mine, its = zip(*times, strict=True)
            ratio = statistics.median(one / other for one, other in times)
            table.row(
                *(ours, f"{statistics.median(mine):.3f}", f"{max(mine):.3f}"),
                *(plain, f"{statistics.median(its):.3f}", f"{ratio:.2f}"),
            )
        table.print()


async def measure(files: int, rounds: int) -> None:
    """Make the workspace and measure."""
    with TemporaryDirectory() as name:
        top = Path(name)
        root = top / "work"
        make(root, files)
        checkpoints = Checkpoints(root, top / "kept")
        git = PlainGit(root, top / "plain")
        pairs = Pairs()
        changed = [str(_path(root, place * files // 5)) for place in range(5)]
        os.sync()  # else the first to come waits for what was just written
        await pairs.measure("first", lambda: checkpoints.take("first"), "add -A", lambda: git.run("add", "-A"))
        git.run("commit", "-q", "-m", "first")
        first = (await checkpoints.list())[0].id
        sizes = await checkpoints.size(), await Checkpoints(root, top / "plain").size()
        await checkpoints.take()  # what git finds out when it looks for the first time
        git.run("status")
        for round_ in range(rounds):
            await pairs.measure("nothing changed", checkpoints.take, "status", lambda: git.run("status"))
            change(changed, f"round {round_}\n")
            await pairs.measure("5 files changed", checkpoints.take, "add -A", lambda: git.run("add", "-A"))
            git.run("commit", "-q", "-m", "next")
            await pairs.measure(
                "diff to now", lambda: checkpoints.diff(first), "diff", lambda: git.run("diff", "HEAD~1")
            )
            await pairs.measure(
                *("restore 5 files", lambda: checkpoints.restore(first)),
                *("checkout", lambda: git.run("checkout", "-q", "HEAD~1", "--", *changed)),
            )
            git.run("reset", "-q", "--hard", "HEAD~1")
        pairs.print()
        started = time.perf_counter()
        pruned = await checkpoints.prune(newest=1)
        spent = time.perf_counter() - started
        print(f"\non disk after the first: ours {sizes[0] / 1e6:.0f} MB, plain git {sizes[1] / 1e6:.0f} MB")
        print(f"prune: {pruned.checkpoints} checkpoints in {spent:.1f} s, {pruned.size / 1e6:.0f} MB left")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    anyio.run(measure, given.files, given.rounds)


if __name__ == "__main__":
    main()
