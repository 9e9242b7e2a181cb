"""What is kept and told of a command's output: live pieces, head and tail in memory, the whole in a file.

Takes constant memory, however much a command writes. Knows nothing of processes.
"""

import os
from collections.abc import Callable
from pathlib import Path

import anyio

from antiphon.tools.base import Limits, ToolContext, Workspace
from antiphon.tools.bounding import keep
from antiphon.tools.terminal_text import PlainText

MOST_KEPT = 50_000_000
"""Characters of one command's output that go to its file; the rest is not kept, so that no disk is filled."""
_ROOM = 600
"""Characters of a result that are not the command's own words."""
_TELL_EVERY = 0.05
"""Seconds between two pieces of live output: nobody reads faster, and a flood would bury who shows it."""
_TELL_MOST = 8192
"""Characters of one live piece; of a flood the last are told."""


class HeadAndTail:
    """A text of which, when it grows too long, the first and the last characters stay.

    Attributes:
        total: how long the whole is.
    """

    def __init__(self, limit: int) -> None:
        self._half = max(limit, 2) // 2
        self._head = ""
        self._tail = ""
        self.total = 0

    def add(self, text: str) -> None:
        """Add text at the end."""
        self.total += len(text)
        room = self._half - len(self._head)
        if room > 0:
            self._head += text[:room]
            text = text[room:]
        self._tail = (self._tail + text)[-self._half :]

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return self.total == len(self._head) + len(self._tail)

    def text(self, where: str) -> str:
        """Return what stayed; `where` says what became of the whole."""
        if self.whole:
            return self._head + self._tail
        # Cut at the ends of lines, where they are near.
        end = self._head.rfind("\n", len(self._head) * 3 // 4)
        head = self._head if end < 0 else self._head[:end]
        tail = self._tail[self._tail.find("\n", 0, len(self._tail) // 4) + 1 :]
        return f"{head}\n\n[... {self.total:,} characters in all, the middle is left out; {where} ...]\n\n{tail}"


class OutputFile:
    """The file that keeps the whole of an output, up to a limit.

    Attributes:
        path: where it is, or None if it could not be made.
    """

    def __init__(self, directory: Path | None, begun: str, name: str, most: int = MOST_KEPT) -> None:
        """Make the file, with what there is already."""
        self.path: Path | None = None
        self._room = most - len(begun)
        self._full = False
        self._trouble = ""
        self._descriptor: int | None = None
        if directory is None:
            self._trouble = "the whole was not kept"
            return
        try:
            self.path = keep(directory, begun, name)
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            self._fail(error)

    def add(self, text: str) -> None:
        """Write more, as far as there is room. Never raises."""
        if self._descriptor is None or not text:
            return
        self._full = self._full or len(text) > self._room
        try:
            data = memoryview(text[: max(self._room, 0)].encode())
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            self._fail(error)
        self._room -= len(text)

    def _fail(self, error: OSError) -> None:
        self._trouble = f"the whole could not be kept: {error.strerror}"
        self.close()

    @property
    def where(self) -> str:
        """Where the whole is, in words for the model."""
        if self._trouble:
            return self._trouble
        what = f"the first {MOST_KEPT:,} characters are" if self._full else "the whole is"
        return f"{what} in {self.path}, read it with offset and limit or search it"

    def close(self) -> None:
        """Close the file; it stays where it is."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class LiveOutput:
    """Tells an output as it comes, in few pieces: an unfinished line as far as it goes, a redrawn one when it ends."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._finished = ""
        self._shown = ""

    def add(self, lines: str) -> None:
        """Take finished lines, to be told next time."""
        self._finished = (self._finished + lines)[-_TELL_MOST:]

    def flush(self, unfinished: str) -> None:
        """Tell what is new. `_shown` is what was told before of the line that was unfinished then."""
        text = self._finished + unfinished
        if text.startswith(self._shown):
            piece = text[len(self._shown) :]
        elif self._finished:
            piece = f"\n{text}"
        else:
            return
        self._finished = ""
        self._shown = unfinished
        if piece:
            self._tell(piece)


class CommandOutput:
    """The output of one call: tells it live, keeps it bounded, and gives the text of the result."""

    def __init__(self, context: ToolContext, limits: Limits, workspace: Workspace) -> None:
        self._name = context.call_id
        self._directory = workspace.spill
        self._plain = PlainText()
        self._live = LiveOutput(context.output)
        self._kept = HeadAndTail(max(limits.result_chars - _ROOM, limits.result_chars // 2))
        self._file: OutputFile | None = None
        self._news = anyio.Event()

    def feed(self, data: bytes) -> None:
        """Take what the command wrote."""
        self._add(self._plain.feed(data))
        self._news.set()

    def _add(self, text: str) -> None:
        before = self._kept.text("") if self._kept.whole else ""
        self._kept.add(text)
        if self._file is None and not self._kept.whole:
            self._file = OutputFile(self._directory, before, self._name)
        if self._file is not None:
            self._file.add(text)
        self._live.add(text)

    async def tell(self) -> None:
        """Tell live what is new, for ever; cancel it to stop."""
        while True:
            await self._news.wait()
            self._news = anyio.Event()
            self._live.flush(self._plain.unfinished)
            await anyio.sleep(_TELL_EVERY)

    def close(self) -> str:
        """Tell the rest, close the file and return what stays of the output."""
        self._add(self._plain.close())
        self._live.flush("")
        if self._file is None:
            return self._kept.text("")
        self._file.close()
        return self._kept.text(self._file.where)
