"""Searching in the contents of files by a regular expression."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import time_ns
from typing import Annotated, ClassVar, Literal

import anyio
from anyio import to_thread
from msgspec import Meta

from antiphon.engine.events import Result, failure
from antiphon.policy.ignoring import Ignored
from antiphon.protocol.messages import Json
from antiphon.tools.base import ToolContext
from antiphon.tools.bounding import safe
from antiphon.tools.file_tool import EXPECTED, Located, PathArguments, PathTool, Refused, file_threads
from antiphon.tools.list_files import matcher
from antiphon.tools.listing import files_below
from antiphon.tools.matching import FileMatches, Line, Matches, Query, SearchFailed, search
from antiphon.tools.moving import may_have_moved
from antiphon.tools.text import quantity

SECONDS = 30.0
"""How long a search may take; what was found by then is shown."""
_ROOM_FOR_NOTES = 300

OutputMode = Literal["content", "files_with_matches", "count"]


class SearchFilesArguments(PathArguments, frozen=True, kw_only=True):
    """What to look for, and where."""

    pattern: Annotated[str, Meta(min_length=1, description="The regular expression, looked for in each line.")]
    path: Annotated[str, Meta(description="The directory (or file) to search; the workspace unless given.")] = "."
    glob: Annotated[
        str | None,
        Meta(description="Only files that match, such as `*.py` (at any depth) or `src/**/*.{ts,tsx}`."),
    ] = None
    ignore_case: Annotated[bool, Meta(description="Take upper and lower case for the same.")] = False
    context: Annotated[int, Meta(ge=0, le=50, description="Lines to show before and after each match.")] = 0
    multiline: Annotated[bool, Meta(description="Let a match span lines; `.` matches a line's end too.")] = False
    output_mode: Annotated[
        OutputMode, Meta(description="The lines that match, only the names of the files, or the number per file.")
    ] = "content"
    limit: Annotated[int, Meta(ge=1, le=10_000, description="How many matches (or files) to show at most.")] = 200


class SearchFiles(PathTool[SearchFilesArguments]):
    """Finds lines that match a regular expression."""

    name = "search_files"
    arguments = SearchFilesArguments
    aliases: ClassVar[Mapping[str, str]] = {
        **PathTool.aliases,
        "regex": "pattern",
        "query": "pattern",
        "file_pattern": "glob",
        "include": "glob",
        "-i": "ignore_case",
        "case_insensitive": "ignore_case",
        "-C": "context",
        "head_limit": "limit",
    }

    def parse(self, arguments: Json) -> Located[SearchFilesArguments]:
        """Read the arguments, resolve the path and understand the glob.

        Raises:
            InvalidArguments: they do not fit, or the path leads outside the workspace.
        """
        located = super().parse(arguments)
        matcher(located.given.glob)
        return located

    async def run(self, arguments: Located[SearchFilesArguments], context: ToolContext) -> Result:
        """Search. The program that does it is stopped when the call is cancelled or takes too long."""
        del context
        try:
            self.require_unmoved(arguments)
            return await self._searched(arguments.given, arguments.path)
        except SearchFailed as error:
            return failure(str(error))
        except EXPECTED as error:
            return self.failed(error, arguments.path)

    async def _searched(self, given: SearchFilesArguments, path: Path) -> Result:
        found = Matches()
        directory = path
        began = time_ns()
        with anyio.move_on_after(SECONDS) as time:
            directory, names = await _files(path, given.glob, self.workspace.ignored)
            if not names:
                raise Refused(f"There is no file to search: none below {self.shown(path)} matches {given.glob or '*'}.")
            await search(_query(given), directory, names, found)
        found.files = await self._certain(_query(given), directory, found.files, began)
        for file in found.files:
            file.path = self.shown(Path(file.path))
        late = f"The search was stopped after {SECONDS:.0f} seconds." if time.cancelled_caught else ""
        if not found.files:
            return failure(f"{late} Nothing was found by then.") if late else Result("(no matches)")
        text = _told(found, given, self.limits.result_chars - _ROOM_FOR_NOTES)
        return Result(f"{text}\n\n({late} There may be more.)" if late else text)

    async def _certain(
        self, query: Query, directory: Path, files: Sequence[FileMatches], began: int
    ) -> list[FileMatches]:
        """Return the files, with whole paths, as they are where they are.

        Into those whose paths may have led elsewhere for a while our own grep looks again, which follows no link.

        Raises:
            Refused: it could not.
        """
        root = self.workspace.root_of(directory)
        if root is None:
            raise Refused(f"{self.shown(directory)} is outside the workspace.")
        for file in files:
            file.path = str(directory / file.path)
        paths = [file.path for file in files]
        moved = await to_thread.run_sync(may_have_moved, str(root), paths, began, limiter=file_threads())
        if not moved:
            return list(files)
        again = Matches()
        try:
            with anyio.fail_after(SECONDS):
                await search(query, root, [str(Path(path).relative_to(root)) for path in moved], again, warily=True)
        except (TimeoutError, SearchFailed):  # the latter: ripgrep understands some patterns that we do not
            raise Refused("Directories changed while they were searched. Search again.") from None
        elsewhere = set(moved)
        certain = {file.path: file for file in files if file.path not in elsewhere}
        for file in again.files:
            file.path = str(root / file.path)
            certain[file.path] = file
        return [certain[path] for path in paths if path in certain]


def _query(given: SearchFilesArguments) -> Query:
    # Who writes a line's end into the pattern wants to find it.
    multiline = given.multiline or "\n" in given.pattern or "\\n" in given.pattern
    match given.output_mode:
        case "content":
            return Query(
                given.pattern, given.ignore_case, multiline, given.context, per_file=given.limit + 1, wanted=given.limit
            )
        case "files_with_matches":
            return Query(given.pattern, given.ignore_case, multiline, per_file=1, wanted=given.limit)
        case "count":
            return Query(given.pattern, given.ignore_case, multiline, per_file=None)


async def _files(path: Path, glob: str | None, ignored: Ignored) -> tuple[Path, list[str]]:
    """Return a directory and the files in it to search. Links are not followed: they may lead outside."""
    if await to_thread.run_sync(path.is_file, limiter=file_threads()):
        return path.parent, [path.name]
    return path, [file.path for file in await files_below(path, matcher(glob), ignored) if not file.link]


def _told(found: Matches, given: SearchFilesArguments, room: int) -> str:
    if given.output_mode == "content":
        return _content(found, given, room)
    lines = [
        file.path if given.output_mode == "files_with_matches" else f"{file.path}: {file.matches}"
        for file in found.files
    ]
    shown_lines = _fitting(lines[: given.limit], room)
    if len(shown_lines) < len(lines) or not found.complete:
        total = f" of {len(lines):,}" if found.complete else ""
        shown_lines.append(f"\n({quantity(len(shown_lines), 'file')}{total} shown; narrow the search by path or glob)")
    return "\n".join(shown_lines)


def _fitting(lines: Sequence[str], room: int) -> list[str]:
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0 and kept:
            break
        kept.append(line)
    return kept


def _content(found: Matches, given: SearchFilesArguments, room: int) -> str:
    """Show the files with their lines, up to the limit of matches and to the room there is."""
    parts: list[str] = []
    left = given.limit
    for file in found.files:
        shown_lines: list[str] = []
        room -= len(file.path) + 3
        for line, is_match in _file_lines(file):
            left -= is_match
            room -= len(line) + 1
            if left < 0 or (room < 0 and parts):
                break
            shown_lines.append(line)
        if shown_lines:
            parts.append("\n".join([file.path, *shown_lines]))
        if left < 0 or room < 0:
            limit = f"only the first {quantity(given.limit, 'match', 'matches')}" if left < 0 else "not all matches"
            parts.append(f"({limit} shown; narrow the search by pattern, path or glob)")
            break
    return "\n\n".join(parts)


def _file_lines(file: FileMatches) -> Iterator[tuple[str, bool]]:
    """Yield the lines as text, and whether each matches. A `--` stands where lines are left out of the context."""
    has_context = not all(line.is_match for line in file.lines)
    previous: Line | None = None
    for line in file.lines:
        if has_context and previous is not None and line.number > previous.number + 1:
            yield "--", False
        yield f"{line.number}{':' if line.is_match else '-'}{safe(line.text)}", line.is_match
        previous = line
    if file.unshown:
        yield f"({quantity(file.unshown, 'line')} too long to show)", False
