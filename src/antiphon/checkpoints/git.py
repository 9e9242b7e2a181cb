"""Running git on the shadow repository, so that nothing of the user's git has a say in it.

No configuration but ours, no hooks, no filters, no monitors, nothing of the environment: what goes in comes out, byte
for byte. Knows how to start git and what its failures mean; does not know what a checkpoint is.
"""

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import ByteReceiveStream, Process
from anyio.streams.buffered import BufferedByteReceiveStream

from antiphon.errors import CheckpointError, GitMissing
from antiphon.tools.processes.starting import running
from antiphon.tools.records import quiet_environment

_SETTINGS = {
    # What is kept is what is there.
    "core.autocrlf": "false",
    "core.safecrlf": "false",
    "core.attributesFile": os.devnull,
    "core.fileMode": "true",
    "core.symlinks": "true",
    "core.sparseCheckout": "false",
    "core.protectNTFS": "false",  # names that Windows could not have are fine here
    # Nothing else runs, and nothing runs by itself.
    "core.hooksPath": os.devnull,
    "gc.auto": "0",
    "maintenance.auto": "false",
    "core.logAllRefUpdates": "false",
    # What is printed is the same everywhere.
    "core.quotePath": "false",
    "status.renames": "false",
    "status.relativePaths": "false",
    "diff.renames": "false",
    # Speed: docs/decisions/0010-checkpoints-in-a-shadow-repository.md has the figures.
    "core.untrackedCache": "true",
    "status.showUntrackedFiles": "all",
    "core.looseCompression": "1",
    "pack.compression": "1",
    "index.version": "4",
    "index.skipHash": "true",
    # A state survives a power cut too: all its files are put on the disk in one go.
    "core.fsync": "committed,loose-object",
    "core.fsyncMethod": "batch",
}
ATTRIBUTES = "* -text -ident !filter !diff !eol !crlf !working-tree-encoding !merge !whitespace\n"
"""Goes before every `.gitattributes`: no file is converted, whatever they say."""

_NO_SPACE = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT), "Out of diskspace")
"""git has words of its own for a write that came up short."""
_SHOWN = 500


class GitFailed(CheckpointError):
    """A git command failed.

    Attributes:
        errors: what it wrote to standard error.
    """

    def __init__(self, message: str, errors: str) -> None:
        """Keep the message and the program's own words."""
        super().__init__(message)
        self.errors = errors


class DiskFull(CheckpointError):
    """There is no space left to keep files in."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a git command printed.

    Attributes:
        text: its standard output.
        errors: its standard error; warnings, when it succeeded.
    """

    text: bytes
    errors: str

    def records(self) -> list[bytes]:
        """Return what NUL bytes end."""
        return self.text.split(b"\0")[:-1]

    def line(self) -> str:
        """Return the only line."""
        return self.text.decode("ascii", "replace").strip()


@dataclass(frozen=True, slots=True)
class Git:
    """git, on one repository and one directory of files.

    Attributes:
        repository: the directory that git keeps its things in.
        files: the directory whose files it keeps.
        keep: descriptors that it inherits.
    """

    repository: Path
    files: Path
    keep: tuple[int, ...] = ()

    def command(self, arguments: Iterable[str], settings: Sequence[str] = ()) -> list[str]:
        """Return the whole command line."""
        flags = [f"{name}={setting}" for name, setting in _SETTINGS.items()] + list(settings)
        return [_executable(), "--no-pager", *(part for flag in flags for part in ("-c", flag)), *arguments]

    def environment(self) -> dict[str, str]:
        """Return the environment to run it in."""
        inherited = quiet_environment()
        del inherited["GIT_OPTIONAL_LOCKS"]  # what git finds out about files is kept, for the next time
        return {
            **inherited,
            "GIT_DIR": str(self.repository),
            "GIT_WORK_TREE": str(self.files),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_DEFAULT_HASH": "sha1",
            "GIT_DEFAULT_REF_FORMAT": "files",
            # glibc gives memory back and takes it again for every file otherwise: half of the time of adding one.
            "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
            "MALLOC_TOP_PAD_": str(16 << 20),
            # Where an older git looks for the user's configuration.
            "HOME": str(self.repository),
            "XDG_CONFIG_HOME": str(self.repository),
            **{
                f"GIT_{who}_{what}": text
                for who in ("AUTHOR", "COMMITTER")
                for what, text in (("NAME", "Antiphon"), ("EMAIL", "antiphon@localhost"), ("DATE", "@0 +0000"))
            },
        }

    async def run(
        self,
        *arguments: str,
        given: bytes | None = None,
        settings: Sequence[str] = (),
        accept: Sequence[int] = (0,),
    ) -> Output:
        """Run a command to its end; it and what it started are gone when this returns or is cancelled.

        Args:
            arguments: the command and its arguments.
            given: its standard input.
            settings: more configuration, `name=value`.
            accept: exit codes that are no failure.

        Raises:
            GitMissing: there is no git.
            DiskFull: there is no space left.
            GitFailed: it failed.
        """
        out: list[bytes] = []
        errors: list[bytes] = []
        stdin = subprocess.DEVNULL if given is None else subprocess.PIPE
        try:
            async with running(
                self.command(arguments, settings),
                stdin=stdin,
                cwd=self.files,
                env=self.environment(),
                keep=self.keep,
            ) as process:
                try:
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(_read, process.stdout, out, name="output of git")
                        tasks.start_soon(_read, process.stderr, errors, name="errors of git")
                        await feed(process, given)
                    code = await process.wait()
                except BaseException:
                    _kill_family(process)
                    raise
        except OSError as error:
            raise failed_to_start(self.files, error) from error
        said = b"".join(errors).decode("utf-8", "replace").strip()
        if code not in accept:
            raise failure(arguments[0], code, said)
        return Output(b"".join(out), said)

    async def each_blob(self, ids: Sequence[str], use: Callable[[int, bytes | None], Awaitable[None]]) -> None:
        """Read contents one after the other; `use` gets the place in `ids`, and None for a content that is lost.

        Raises:
            CheckpointError: git ended before the last.
            OSError: git cannot be started, or `use` raised this.
        """
        if not ids:
            return
        errors: list[bytes] = []
        problem: anyio.IncompleteRead | OSError | None = None
        async with running(
            self.command(("cat-file", "--batch")),
            stdin=subprocess.PIPE,
            cwd=self.files,
            env=self.environment(),
            keep=self.keep,
        ) as process:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_read, process.stderr, errors, name="errors of git")
                tasks.start_soon(feed, process, "".join(f"{name}\n" for name in ids).encode(), name="input of git")
                try:
                    if process.stdout is not None:
                        await _each(BufferedByteReceiveStream(process.stdout), len(ids), use)
                except (anyio.IncompleteRead, OSError) as error:  # not to leave the group as a group
                    problem = error
                    _kill_family(process)
            code = await process.wait()
        if isinstance(problem, OSError):
            raise problem
        if problem is not None:
            raise failure("cat-file", code, b"".join(errors).decode("utf-8", "replace").strip())


async def _each(
    stream: BufferedByteReceiveStream, number: int, use: Callable[[int, bytes | None], Awaitable[None]]
) -> None:
    for place in range(number):
        head = await stream.receive_until(b"\n", 200)
        if head.endswith(b" missing"):
            await use(place, None)
        else:
            size = int(head.rsplit(b" ", 1)[1])
            await use(place, (await stream.receive_exactly(size + 1))[:-1])


def _kill_family(process: Process) -> None:
    """Kill a program and what it started: `repack` has others work for it."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _executable() -> str:
    found = shutil.which("git")
    if found is None:
        raise GitMissing("Checkpoints are kept with git, and there is no program `git` on the PATH. Install it.")
    return found


def failed_to_start(files: Path, error: OSError) -> CheckpointError:
    """Return the error for a git that could not be started."""
    if not files.is_dir():
        return CheckpointError(f"The directory {files} is gone.")
    return GitMissing(f"git cannot be started: {error.strerror or error}.")


def failure(command: str, code: int, said: str) -> CheckpointError:
    """Return the error for a git that ended with this exit code and these words."""
    if any(text in said for text in _NO_SPACE):
        return DiskFull("There is no space left on the disk to keep a checkpoint in.")
    shown = said if len(said) <= _SHOWN else said[:_SHOWN] + " ..."
    return GitFailed(f"git {command} failed ({code}) while working on checkpoints: {shown or 'it said nothing'}", said)


async def feed(process: Process, given: bytes | None) -> None:
    """Write a program's standard input and close it; a program that does not want all of it is no error."""
    if process.stdin is None or given is None:
        return
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        await process.stdin.send(given)
    await process.stdin.aclose()


async def _read(stream: ByteReceiveStream | None, into: list[bytes]) -> None:
    if stream is not None:
        into += [chunk async for chunk in stream]
