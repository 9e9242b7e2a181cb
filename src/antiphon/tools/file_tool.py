"""What the tools for files have in common: a path that is resolved once, work in a thread, errors in plain words."""

import difflib
import errno
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Generic, TypeVar, cast

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from msgspec import Meta

from antiphon.engine.events import Access, Result, failure, reading, writing
from antiphon.policy.subjects import FileSubject
from antiphon.protocol.messages import Json
from antiphon.tools.base import Arguments, BaseTool, InvalidArguments, Limits, ToolContext, Workspace
from antiphon.tools.files import Changed
from antiphon.tools.paths import printable, resolve, resource, shown
from antiphon.tools.schema import parse_arguments

MAX_THREADS = 32
"""File calls at work at once. They have threads of their own, so that nobody's blocking function holds them up."""

_threads: RunVar[CapacityLimiter] = RunVar("antiphon_file_threads")


class Refused(Exception):
    """A call cannot be carried out; the message tells the model why and what it can do."""


EXPECTED = (OSError, MemoryError, Changed, Refused, InvalidArguments)
"""What work on files may raise, to be told to the model."""


class PathArguments(Arguments, frozen=True):
    """Arguments with the path of a file."""

    path: Annotated[str, Meta(description="The file: relative to the workspace, or absolute inside it.")]


S = TypeVar("S", bound=PathArguments)


@dataclass(frozen=True, slots=True)
class Located(Generic[S]):
    """Arguments and the real path that they meant when they arrived."""

    given: S
    path: Path


class PathTool(BaseTool[Located[S]], Generic[S]):
    """A tool that works on one path of the workspace.

    The path is resolved when the arguments are parsed and once more before the work; when a link leads elsewhere by
    then, the call fails, because others were kept apart from it by what it led to before.

    Attributes:
        writes: whether calls change the file.
        workspace: where paths start and end.
        limits: how long a result may be.
    """

    writes: ClassVar[bool] = False
    aliases: ClassVar[Mapping[str, str]] = {"file_path": "path", "filename": "path", "file": "path"}

    def __init__(self, workspace: Workspace, limits: Limits | None = None) -> None:
        self.workspace = workspace
        self.limits = limits or Limits()

    def parse(self, arguments: Json) -> Located[S]:
        """Read the arguments and resolve their path.

        Raises:
            InvalidArguments: they do not fit, or the path leads outside the workspace.
        """
        given = cast("S", parse_arguments(self.arguments, arguments, aliases=self.aliases))
        return Located(given, resolve(self.workspace, given.path, writing=self.writes))

    def access(self, arguments: Located[S]) -> Access:
        """Reads or writes the file, by its real path."""
        return (writing if self.writes else reading)(resource(arguments.path))

    def subject(self, arguments: Located[S]) -> FileSubject:
        """The file, by its real path."""
        return FileSubject(arguments.path, self.writes)

    def failed(self, error: Exception, path: Path) -> Result:
        """Return the result of a call that met one of the `EXPECTED` errors."""
        if isinstance(error, OSError):
            return failure(explained(error, self.workspace, path))
        if isinstance(error, MemoryError):
            return failure(f"{self.shown(path)} is too large for the memory there is.")
        return failure(f"{self.shown(path)}: {error}" if isinstance(error, Changed) else str(error))

    def require_unmoved(self, located: Located[S]) -> None:
        """Refuse a path that leads elsewhere than when the call was asked for.

        Raises:
            Changed: it does.
            InvalidArguments: it leads outside the workspace by now.
        """
        now = resolve(self.workspace, located.given.path, writing=self.writes)
        if now != located.path:
            raise Changed(
                f"{printable(located.given.path)} leads to {self.shown(now)} now and did not when this was asked for. "
                "Nothing was done; ask again."
            )

    def shown(self, path: Path) -> str:
        """Return the name of a path for the model."""
        return shown(self.workspace, path)


class FileTool(PathTool[S], Generic[S]):
    """A tool whose work on a file is blocking, and so done in a thread."""

    async def run(self, arguments: Located[S], context: ToolContext) -> Result:
        """Do the work in a thread.

        A cancelled call that reads is left behind; one that writes is waited for, so that nothing changes afterwards.
        """
        del context
        return await to_thread.run_sync(
            self._worked, arguments, abandon_on_cancel=not self.writes, limiter=file_threads()
        )

    @abstractmethod
    def work(self, given: S, path: Path) -> Result:
        """Do what the call asks for, blocking; may raise Refused, Changed and OSError, which are told to the model."""

    def _worked(self, located: Located[S]) -> Result:
        try:
            self.require_unmoved(located)
            return self.work(located.given, located.path)
        except EXPECTED as error:
            return self.failed(error, located.path)


def file_threads() -> CapacityLimiter:
    """Return the limiter of threads that work on files."""
    limiter = _threads.get(None)
    if limiter is None:
        limiter = CapacityLimiter(MAX_THREADS)
        _threads.set(limiter)
    return limiter


_SAID = {
    errno.EISDIR: "is a directory. list_files shows what is in it.",
    errno.ENOTDIR: "is below something that is not a directory.",
    errno.ELOOP: "is a link, or was replaced by one.",
    errno.EACCES: "may not be accessed (permission denied).",
    errno.EPERM: "may not be changed (operation not permitted).",
    errno.ENAMETOOLONG: "has a name that is too long.",
    errno.ENOSPC: "could not be written: no space is left on the disk. Nothing was changed.",
    errno.EDQUOT: "could not be written: the disk quota is used up. Nothing was changed.",
    errno.EROFS: "could not be written: the file system is read-only.",
}


def explained(error: OSError, workspace: Workspace, path: Path) -> str:
    """Return what went wrong with a path, for the model; when it does not exist, what it may have meant."""
    name = shown(workspace, path)
    if error.errno == errno.ENOENT:
        return f"{name} does not exist.{_meant(workspace, path)}"
    if error.errno == errno.ENOTDIR and path.is_file():
        return f"{name} is a file, not a directory. read_file shows it."
    said = _SAID.get(error.errno or 0)
    return f"{name} {said}" if said else f"{name}: {error.strerror or error}."


def _meant(workspace: Workspace, path: Path) -> str:
    """Return the names that resemble the first missing part of a path."""
    missing = path
    while workspace.root_of(missing.parent) is not None and not missing.parent.exists():
        missing = missing.parent
    if workspace.root_of(missing.parent) is None:
        return ""
    try:
        hides = workspace.ignored.glance()
        names = sorted(entry.name for entry in missing.parent.iterdir() if not hides(entry))
    except OSError:
        return ""
    by_folded = {name.casefold(): name for name in reversed(names)}
    close = [by_folded[name] for name in difflib.get_close_matches(missing.name.casefold(), by_folded, n=3, cutoff=0.6)]
    if close:
        return f" Did you mean {' or '.join(shown(workspace, missing.parent / name) for name in close)}?"
    if missing != path:
        return f" There is no {shown(workspace, missing)} either."
    return ""
