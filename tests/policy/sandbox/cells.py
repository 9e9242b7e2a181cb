"""A place to try to get out of: a workspace, things outside, and each sandbox that this system has."""

import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from antiphon.policy.sandbox.base import Confined
from antiphon.policy.sandbox.choosing import KeeperName, available, open_sandbox
from antiphon.policy.sandbox.confining import Confinement
from antiphon.policy.workspace import Workspace
from antiphon.tools.processes.limits import ProcessLimits
from antiphon.tools.processes.running import Ended
from antiphon.tools.processes.sandboxed import Told, run_confined

KINDS: Sequence[tuple[KeeperName, bool]] = (
    ("bubblewrap", False),
    ("bubblewrap", True),
    ("landlock", False),
    ("landlock", True),
)
"""The sandbox, and whether another user than root uses it."""
_NOBODY = 65534
_SYSTEM_PYTHON = Path("/usr/bin/python3")
_HAS_PYTHON = _SYSTEM_PYTHON.exists()


@dataclass
class Place:
    """Directories of a test.

    Attributes:
        top: holds all of them.
        owner: whose they are; None for whoever runs the tests.
    """

    top: Path
    owner: int | None = None
    env: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        for name in ("work", "home", "outside"):
            self.give(self.top / name)
        path = os.environ["PATH"] if self.owner is None else "/usr/local/bin:/usr/bin:/bin"
        self.env |= {"PATH": path, "HOME": str(self.home), "LC_ALL": "C"}

    @property
    def root(self) -> Path:
        return self.top / "work"

    @property
    def home(self) -> Path:
        return self.top / "home"

    @property
    def outside(self) -> Path:
        return self.top / "outside"

    def give(self, path: Path, text: str | None = None) -> Path:
        """Make a directory, or a file with a text, that belongs to the owner."""
        if not path.parent.exists():
            self.give(path.parent)
        if text is None:
            path.mkdir(exist_ok=True)
        else:
            path.write_text(text)
        if self.owner is not None:
            os.chown(path, self.owner, self.owner)
        return path

    def as_owner(self, argv: Sequence[str]) -> list[str]:
        if self.owner is None:
            return list(argv)
        user = str(self.owner)
        return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *argv]


@contextmanager
def place(*, as_user: bool) -> Generator[Place]:
    """Make the directories, where every user can get at them."""
    if as_user and (os.geteuid() != 0 or shutil.which("setpriv") is None):
        pytest.skip("only root can become somebody else, with setpriv")
    with tempfile.TemporaryDirectory(prefix="cell-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Place(Path(name).resolve(), _NOBODY if as_user else None)


class Cell:
    """Runs commands in a sandbox, and without one to see that it is the sandbox that refuses."""

    def __init__(self, place: Place, sandbox: "_AsOwner", confinement: Confinement) -> None:
        self.place = place
        self.sandbox = sandbox
        self.cwd = confinement.grounds.workspace.root
        self.confinement = confinement
        self.limits: ProcessLimits | None = None
        self.last = Told(Ended(None))

    @property
    def kind(self) -> str:
        return self.sandbox.name

    async def __call__(self, script: str, seconds: float = 20) -> str:
        """Run a script of bash in the sandbox; return what it wrote, and the exit code if it failed."""
        return await self._run(self.sandbox, ["bash", "-c", script], seconds)

    async def free(self, script: str, seconds: float = 20) -> str:
        """Run it without a sandbox."""
        return await self._run(None, self.place.as_owner(["bash", "-c", script]), seconds)

    async def _run(self, sandbox: "_AsOwner | None", argv: list[str], seconds: float) -> str:
        written: list[bytes] = []
        self.last = await run_confined(
            sandbox,
            argv,
            cwd=self.cwd,
            env=self.place.env,
            output=written.append,
            timeout=seconds,
            limits=self.limits,
        )
        text = b"".join(written).decode(errors="replace").strip()
        assert not self.last.ended.timed_out, text
        code = self.last.ended.code
        return text if code == 0 else f"{text}\nfailed: {code}".strip()

    @property
    def notes(self) -> str:
        return " ".join(self.last.notes)


class _AsOwner:
    """A sandbox whose commands are started by the owner of the place, as he would start them himself."""

    def __init__(self, confinement: Confinement, place: Place) -> None:
        self._confinement = confinement
        self._place = place

    @property
    def name(self) -> str:
        return self._confinement.name

    @asynccontextmanager
    async def confine(
        self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], *, lasting: bool = False
    ) -> AsyncGenerator[Confined]:
        async with self._confinement.confine(argv, cwd, env, lasting=lasting) as confined:
            program = list(confined.argv)
            if self._place.owner is not None and self.name == "landlock":
                # Ours may be in a home directory that this user cannot enter.
                program[0] = str(_SYSTEM_PYTHON)
            yield replace(confined, argv=self._place.as_owner(program))


@asynccontextmanager
async def cell(
    name: KeeperName, place: Place, workspace: Workspace | None = None, **settings: Any
) -> AsyncGenerator[Cell]:
    """Open a cell; where this system does not have the sandbox the test is skipped."""
    workspace = workspace or Workspace.at(place.root)
    found, trouble = available(workspace, name)
    if found is None:
        pytest.skip(f"{name} does not work here: {trouble.trouble}")
    if place.owner is not None and name == "landlock" and not _HAS_PYTHON:
        pytest.skip("there is no Python that every user can start")
    async with open_sandbox("on", workspace, environment=place.env, only=name, **settings) as chosen:
        assert chosen.sandbox is not None
        if place.owner is not None:
            _hand_over(chosen.sandbox.grounds.scratch, place.owner)
        yield Cell(place, _AsOwner(chosen.sandbox, place), chosen.sandbox)


def _hand_over(scratch: Path, owner: int) -> None:
    for directory, names, files in os.walk(scratch):
        for path in (directory, *(os.path.join(directory, name) for name in (*names, *files))):  # noqa: PTH118
            os.chown(path, owner, owner)
