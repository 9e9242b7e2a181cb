"""Listing a directory, or finding files by their names."""

import os
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from antiphon.engine.events import Result
from antiphon.protocol.messages import Json
from antiphon.tools.base import InvalidArguments, ToolContext
from antiphon.tools.file_tool import EXPECTED, FileTool, Located, PathArguments
from antiphon.tools.files import directory_at
from antiphon.tools.globs import glob_matcher
from antiphon.tools.listing import files_below
from antiphon.tools.paths import printable
from antiphon.tools.text import quantity

_ROOM_FOR_NOTES = 200


class ListFilesArguments(PathArguments, frozen=True):
    """What to list."""

    path: Annotated[str, Meta(description="The directory; the workspace itself unless given.")] = "."
    glob: Annotated[
        str | None,
        Meta(description="Only files that match, such as `*.py` (at any depth) or `src/**/*.{ts,tsx}`."),
    ] = None
    recursive: Annotated[
        bool, Meta(description="List all files below the directory, not just what is in it. Implied by `glob`.")
    ] = False
    limit: Annotated[int, Meta(ge=1, description="How many entries to list at most.")] = 1000


class ListFiles(FileTool[ListFilesArguments]):
    """Lists a directory, or all files below it, or those whose path matches a pattern."""

    name = "list_files"
    arguments = ListFilesArguments
    aliases: ClassVar[Mapping[str, str]] = {"directory": "path", "dir": "path", "dir_path": "path", "pattern": "glob"}

    def parse(self, arguments: Json) -> Located[ListFilesArguments]:
        """Read the arguments, resolve the path and understand the pattern.

        Raises:
            InvalidArguments: they do not fit, or the path leads outside the workspace.
        """
        located = super().parse(arguments)
        matcher(located.given.glob)
        return located

    async def run(self, arguments: Located[ListFilesArguments], context: ToolContext) -> Result:
        """List the directory."""
        given, path = arguments.given, arguments.path
        if not given.recursive and given.glob is None:
            return await super().run(arguments, context)
        try:
            self.require_unmoved(arguments)
            files = await files_below(path, matcher(given.glob), self.workspace.ignored)
        except EXPECTED as error:
            return self.failed(error, path)
        if not files:
            return Result(f"(no files below {self.shown(path)}{f' match {given.glob}' if given.glob else ''})")
        prefix = self._prefix(path)
        names = (prefix + printable(file.path) + ("@" if file.link else "") for file in files)
        return Result(self._listed(names, len(files), given.limit, "file", "files"))

    def work(self, given: ListFilesArguments, path: Path) -> Result:
        """List what is in the directory itself."""
        prefix = self._prefix(path)
        with directory_at(self.workspace, path) as directory, os.scandir(directory) as entries:
            hides = self.workspace.ignored.glance()
            seen = sorted((entry for entry in entries if not hides(path / entry.name)), key=lambda entry: entry.name)
            names = [prefix + printable(entry.name) + _mark(entry) for entry in seen]
        if not names:
            return Result(f"({self.shown(path)} is empty)")
        return Result(self._listed(names, len(names), given.limit, "entry", "entries"))

    def _prefix(self, path: Path) -> str:
        name = self.shown(path)
        return "" if name == "." else f"{name.rstrip('/')}/"

    def _listed(self, names: Iterable[str], count: int, limit: int, *what: str) -> str:
        """Return as many names as there is room for, and how many there are."""
        room = self.limits.result_chars - _ROOM_FOR_NOTES
        lines: list[str] = []
        for name in islice(names, limit):
            room -= len(name) + 1
            if room < 0 and lines:
                break
            lines.append(name)
        if len(lines) < count:
            shown = f"{len(lines):,} of {quantity(count, *what)}"
            lines.append(f"\n({shown}; choose a path or a glob to see the others)")
        return "\n".join(lines)


def _mark(entry: "os.DirEntry[str]") -> str:
    if entry.is_symlink():
        return "@"
    return "/" if entry.is_dir() else ""


def matcher(glob: str | None) -> Callable[[str], bool]:
    """Return what tells whether a path below the directory is wanted.

    Raises:
        InvalidArguments: the pattern cannot be understood.
    """
    if glob is None:
        return _any_path
    try:
        return glob_matcher(glob)
    except ValueError as error:
        raise InvalidArguments(f"`glob`: {error}.") from None


def _any_path(_path: str) -> bool:
    return True
