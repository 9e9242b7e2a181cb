"""Lines of a file of any size, read only as far as they are asked for."""

import codecs
import io
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Protocol, TextIO

from antiphon.tools.text import marked_encoding

_CHUNK = 1 << 20
_COUNTED = 32 * _CHUNK
"""How far ahead lines are counted only to say how many there are."""
_LONGEST_MARK = 4
_LINE_FEED = ord("\n")


class LineReader(Protocol):
    """Lines of one file, without their ends; of a long one the start.

    Attributes:
        note: what the reader of the lines should know about the encoding, or "".
    """

    note: str

    def skip(self, lines: int) -> int:
        """Pass over lines; return how many there were to pass."""
        ...

    def __iter__(self) -> Iterator[str]:
        """Yield the lines from here on."""
        ...

    def count_rest(self) -> int | None:
        """Return how many lines follow, or None when that would mean to read very far."""
        ...


@contextmanager
def lines_of(file: BinaryIO, longest: int) -> Generator[LineReader]:
    """Yield the reader of a text file that stands at its start. The file stays open.

    Args:
        file: the file.
        longest: of a line with more characters the start is kept.
    """
    encoding = marked_encoding(file.read(_LONGEST_MARK))
    file.seek(len(encoding.mark) if encoding else 0)
    if encoding is None or not encoding.wide:
        yield _Narrow(file, longest)
        return
    text = io.TextIOWrapper(file, encoding=encoding.name, errors="replace", newline="\n")
    try:
        yield _Wide(text, longest)
    finally:
        text.detach()


def _cut(line: str, longest: int) -> str:
    return f"{line[:longest]} [line cut after {longest:,} characters]"


class _Narrow:
    """Lines of an encoding whose line end is one byte: UTF-8, and Latin-1 when it is not that."""

    def __init__(self, file: BinaryIO, longest: int) -> None:
        self.note = ""
        self._file = file
        self._longest = longest
        self._bytes = longest * 4 + 2  # no character has more bytes in UTF-8, and two for the end

    def skip(self, lines: int) -> int:
        passed = 0
        ended = True
        while passed < lines:
            start = self._file.tell()
            chunk = self._file.read(_CHUNK)
            if not chunk:
                return passed + (not ended)
            ended = chunk.endswith(b"\n")
            ends = chunk.count(b"\n")
            if passed + ends < lines:
                passed += ends
                continue
            at = -1
            for _ in range(lines - passed):
                at = chunk.index(b"\n", at + 1)
            self._file.seek(start + at + 1)
            return lines
        return passed

    def __iter__(self) -> Iterator[str]:
        while piece := self._file.readline(self._bytes):
            goes_on = piece[-1] != _LINE_FEED and self._pass_rest()
            line = self._decoded(piece.rstrip(b"\n").removesuffix(b"\r"), whole=not goes_on)
            yield line if len(line) <= self._longest and not goes_on else _cut(line, self._longest)

    def _pass_rest(self) -> bool:
        """Go to the end of the line; return whether there was anything."""
        any_more = False
        while piece := self._file.readline(_CHUNK):
            any_more = True
            if piece.endswith(b"\n"):
                break
        return any_more

    def _decoded(self, line: bytes, *, whole: bool) -> str:
        try:
            # The start of a line may end within a character.
            return line.decode() if whole else codecs.getincrementaldecoder("utf-8")().decode(line)
        except UnicodeDecodeError:
            self.note = "Not all of this is UTF-8; the lines that are not were read as Latin-1"
            return line.decode("latin-1")

    def count_rest(self) -> int | None:
        lines = 0
        last = b"\n"
        for _ in range(_COUNTED // _CHUNK):
            chunk = self._file.read(_CHUNK)
            if not chunk:
                return lines + (last != b"\n")
            lines += chunk.count(b"\n")
            last = chunk[-1:]
        return None


class _Wide:
    """Lines of UTF-16 and UTF-32."""

    def __init__(self, text: TextIO, longest: int) -> None:
        self.note = f"The file is encoded in {text.encoding.upper()}"
        self._text = text
        self._longest = longest

    def skip(self, lines: int) -> int:
        for passed in range(lines):
            if not self._pass_line():
                return passed
        return lines

    def _pass_line(self) -> bool:
        some = False
        while piece := self._text.readline(_CHUNK):
            some = True
            if piece.endswith("\n"):
                break
        return some

    def __iter__(self) -> Iterator[str]:
        while piece := self._text.readline(self._longest + 2):
            goes_on = not piece.endswith("\n") and self._pass_line()
            line = piece.removesuffix("\n").removesuffix("\r")
            yield line if len(line) <= self._longest and not goes_on else _cut(line, self._longest)

    def count_rest(self) -> int | None:
        read = 0
        lines = 0
        while piece := self._text.readline(_CHUNK):
            read += len(piece)
            lines += piece.endswith("\n")
            if read > _COUNTED:
                return None
            if not piece.endswith("\n") and len(piece) < _CHUNK:
                lines += 1
        return lines
