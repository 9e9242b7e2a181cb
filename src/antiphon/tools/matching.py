"""Which lines of which files match: ripgrep where it is installed, our own small grep elsewhere.

Both are programs that speak the same JSON lines, so there is one way to run, read and stop them. They get the files by
name and so look into the same ones. Does not know where the files come from or how matches are shown.
"""

import json
import os
import shutil
import sys
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from itertools import islice
from pathlib import Path
from typing import Any, cast

from antiphon.protocol.messages import Json
from antiphon.tools.records import quiet_environment, read_records

_BATCH_BYTES = 200_000
"""Names in one command line; systems allow from 256 KB."""
_BATCH_FILES = 4000
_FIRST_BATCH = 64
"""The first command gets few files, so that a common text is found at once."""
_LINE_CHARS = 400
_BEFORE_MATCH = 100
"""Of a long line the match is kept, with so many characters before it."""
_LINES_PER_FILE = 20_000
_ALL = 1 << 60
_TROUBLE = 2
_NO_CRASH = (0, 1, _TROUBLE)
"""Exit codes of a grep: found, not found, some trouble (a bad pattern, or a file that cannot be read)."""
_SPARE = 4
"""How many times the wanted matches are kept before those that will not be shown are dropped."""


class SearchFailed(Exception):
    """The pattern cannot be used, or the program that searches cannot be started; the message says which."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for.

    Attributes:
        pattern: the regular expression.
        ignore_case: upper and lower case are the same.
        multiline: matches may span lines, and `.` matches a line's end.
        context: lines shown around each match.
        per_file: lines wanted of one file at most; None to count them only.
        wanted: after more matching lines than this no more files are looked at; None for all.
    """

    pattern: str
    ignore_case: bool = False
    multiline: bool = False
    context: int = 0
    per_file: int | None = 1000
    wanted: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a result; of a long one the part with the match."""

    number: int
    text: str
    is_match: bool


@dataclass(slots=True)
class FileMatches:
    """What was found in one file.

    Attributes:
        path: as it was given to `search`; its caller may put the name to show here.
        matches: how many lines match, up to the number wanted.
        lines: the lines, with context, in order.
        binary: it turned out to be a binary file, so this does not count.
        unshown: lines that were too long to be handed over.
    """

    path: str
    matches: int = 0
    lines: list[Line] = field(default_factory=list[Line])
    binary: bool = False
    unshown: int = 0


@dataclass(slots=True)
class Matches:
    """What was found so far; grows while `search` runs.

    Attributes:
        files: files with matches, in the order the files were given.
        complete: every file was looked at.
    """

    files: list[FileMatches] = field(default_factory=list[FileMatches])
    complete: bool = False

    def count(self) -> int:
        """Return the number of lines that match."""
        return sum(file.matches for file in self.files)


async def search(query: Query, directory: Path, paths: Sequence[str], found: Matches, *, warily: bool = False) -> None:
    """Look into files, in order, until more lines are found than wanted.

    What is found is in `found` also when this is cancelled.

    Args:
        query: what to look for.
        directory: where the paths start.
        paths: the files.
        found: gets what is found.
        warily: follow no link below the directory, also none that is made meanwhile. ripgrep follows those.

    Raises:
        SearchFailed: the pattern cannot be used, or no program can be started.
    """
    ripgrep = None if warily else shutil.which("rg")
    wanted = _ALL if query.wanted is None else query.wanted
    with as_file(files("antiphon.tools").joinpath("grep.py")) as script:
        ours = _own(script, query)
        commands = [_ripgrep(ripgrep, query), ours] if ripgrep else [ours]
        for batch in _batches(paths):
            await _search_batch(commands, directory, batch, query, found)
            if found.count() > wanted:
                return
    found.complete = True


async def _search_batch(
    commands: Sequence[list[str]], directory: Path, batch: Sequence[str], query: Query, found: Matches
) -> None:
    """Look into some files by the first of these programs that does not crash."""
    for command in commands:
        reader = _Reader(batch, query, found.count())
        kept = True
        try:
            ended = await read_records([*command, *batch], cwd=directory, take=reader.take, env=_environment())
            kept = ended.code in _NO_CRASH
        except OSError as error:
            raise SearchFailed(f"The search program {command[0]} cannot be started: {error.strerror}.") from None
        finally:
            if kept:
                found.files += reader.files()
        if ended.code == _TROUBLE and not reader.seen and ended.errors:
            raise SearchFailed(f"The pattern cannot be used: {_reason(ended.errors)}.")
        if kept:
            return
    raise SearchFailed("The search program crashed.")


def _reason(errors: str) -> str:
    """Return the sentence among the program's explanations that says what is wrong with the pattern."""
    _, found, rest = errors.partition("error: ")
    return rest.splitlines()[0].rstrip(".") if found and rest else errors[:500]


def _environment() -> dict[str, str]:
    return {name: value for name, value in quiet_environment().items() if name != "RIPGREP_CONFIG_PATH"}


def _ripgrep(program: str, query: Query) -> list[str]:
    options = ["--json", "--no-config", "--no-messages", "--no-mmap", "--crlf", "--engine=auto"]
    options += ["--ignore-case" if query.ignore_case else "--case-sensitive"]
    options += ["--multiline", "--multiline-dotall"] if query.multiline else []
    if query.per_file is not None and not query.multiline:
        # With --multiline ripgrep 15 crashes on --max-count, where a last match is cut (json.rs: range out of slice).
        options += [f"--max-count={query.per_file}"]
    return [program, *options, f"--context={query.context}", f"--regexp={query.pattern}", "--"]


def _own(script: Path, query: Query) -> list[str]:
    options = {
        "pattern": query.pattern,
        "ignore_case": query.ignore_case,
        "multiline": query.multiline,
        "context": query.context,
        "max_count": query.per_file,
    }
    # -I and -S: no user's or project's module may come between, and the start is faster.
    return [sys.executable, "-I", "-S", str(script), json.dumps(options)]


def _batches(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    batch: list[str] = []
    size = 0
    most = _FIRST_BATCH
    for path in paths:
        length = len(os.fsencode(path)) + 1
        if batch and (size + length > _BATCH_BYTES or len(batch) >= most):
            yield batch
            batch, size, most = [], 0, _BATCH_FILES
        batch.append(path)
        size += length
    if batch:
        yield batch


class _Reader:
    """Collects what a program tells about a batch of files, in whatever order it takes them."""

    def __init__(self, batch: Sequence[str], query: Query, found: int) -> None:
        self.seen = False
        self._per_file = query.per_file
        self._wanted = (_ALL if query.wanted is None else query.wanted) - found
        self._index = {path: number for number, path in enumerate(batch)}
        self._done: dict[int, FileMatches] = {}
        self._held = 0
        self._last = len(batch)  # files from this one on will not be shown
        self._open: FileMatches | None = None

    def take(self, record: bytes) -> bool:
        """Take one line of output; never ask to stop, since files come in any order."""
        self.seen = True
        try:
            event: Any = json.loads(record)
        except ValueError:  # a line of the file so long that its record was cut
            if self._open is not None and self._room(self._open) != 0:
                self._open.unshown += 1
                self._open.matches += 1
            return True
        match event:
            case {"type": "begin", "data": {"path": path}}:
                self._open = FileMatches(_text(path))
            case {"type": "match", "data": data} if self._open is not None:
                lines = list(islice(_lines(data), self._room(self._open)))
                self._open.matches += len(lines)
                self._keep(self._open, lines)
            case {"type": "context", "data": data} if self._open is not None:
                self._keep(self._open, _lines(data))
            case {"type": "end", "data": {"binary_offset": binary}} if self._open is not None:
                self._open.binary = binary is not None
                self._close(self._open)
                self._open = None
            case _:
                pass
        return True

    def _room(self, file: FileMatches) -> int | None:
        """Return how many more lines of the file are wanted; None for all."""
        return None if self._per_file is None else self._per_file - file.matches

    def _keep(self, file: FileMatches, lines: Iterable[Line]) -> None:
        if self._per_file is not None and len(file.lines) < _LINES_PER_FILE:
            file.lines += lines

    def _close(self, file: FileMatches) -> None:
        index = self._index.get(file.path, len(self._index))
        if file.binary or not file.matches or index >= self._last:
            return
        self._done[index] = file
        self._held += file.matches
        if self._held > _SPARE * (self._wanted + 1):
            self._drop()

    def _drop(self) -> None:
        """Forget files behind those that hold all that is wanted."""
        held = 0
        for index in sorted(self._done):
            if held > self._wanted:
                del self._done[index]
                self._last = min(self._last, index)
            else:
                held += self._done[index].matches
        self._held = held

    def files(self) -> list[FileMatches]:
        """Return the files with matches, in the order they were given."""
        return [self._done[index] for index in sorted(self._done)]


def _text(data: Json) -> str:
    """Read a text of the program, which is in base64 where it is not UTF-8; as Python keeps file names."""
    if "text" in data:
        return cast("str", data["text"])
    return os.fsdecode(b64decode(data["bytes"]))


def _lines(data: Json) -> Iterator[Line]:
    """Read one record, which has several lines when a match spans them."""
    raw = data["lines"]
    text = cast("str", raw["text"]) if "text" in raw else b64decode(raw["bytes"]).decode(errors="replace")
    submatches: list[Any] = data["submatches"]
    number: int = data["line_number"]
    start: int = submatches[0]["start"] if submatches else 0
    for offset, line in enumerate(text.removesuffix("\n").split("\n")):
        at = len(line.encode()[:start].decode(errors="ignore")) if offset == 0 else 0
        yield Line(number + offset, _cut(line.removesuffix("\r"), at), bool(submatches))


def _cut(text: str, at: int) -> str:
    """Return a line, or of a long one the part around a place."""
    if len(text) <= _LINE_CHARS:
        return text
    start = max(0, min(at - _BEFORE_MATCH, len(text) - _LINE_CHARS))
    end = start + _LINE_CHARS
    return f"{'...' if start else ''}{text[start:end]}{'...' if end < len(text) else ''}"
