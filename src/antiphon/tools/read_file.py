"""Reading a file: lines with their numbers, or an image."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, BinaryIO, ClassVar

from msgspec import Meta

from antiphon.engine.events import Result
from antiphon.tools.bounding import safe
from antiphon.tools.file_tool import FileTool, PathArguments, Refused
from antiphon.tools.files import open_file
from antiphon.tools.images import MAX_ENCODED, UnusableImage, image_block, media_type_of, size_of
from antiphon.tools.lines import LineReader, lines_of
from antiphon.tools.text import SNIFFED, binary_kind, quantity

LINE_CHARS = 2000
"""Of a longer line the start is shown."""
_ROOM_FOR_NOTES = 400
"""Characters kept free below the limit of a result for what is said about the lines."""


class ReadFileArguments(PathArguments, frozen=True):
    """What to read."""

    offset: Annotated[int, Meta(ge=1, description="First line to read, counted from 1.")] = 1
    limit: Annotated[int, Meta(ge=1, description="How many lines to read at most.")] = 2000


class ReadFile(FileTool[ReadFileArguments]):
    """Shows a part of a text file with line numbers, or an image."""

    name = "read_file"
    arguments = ReadFileArguments
    aliases: ClassVar[Mapping[str, str]] = {**FileTool.aliases, "start_line": "offset"}

    def work(self, given: ReadFileArguments, path: Path) -> Result:
        """Read the file."""
        name = self.shown(path)
        with open_file(self.workspace, path) as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(SNIFFED)
            file.seek(0)
            if media_type_of(head) is not None:
                return _image(file, name, size)
            kind = binary_kind(head)
            if kind is not None:
                raise Refused(f"{name} is {kind} of {size:,} bytes, not text, so it cannot be shown.")
            if not head:
                return Result(f"({name} is empty)")
            with lines_of(file, LINE_CHARS) as reader:
                return self._lines(reader, given, name)

    def _lines(self, reader: LineReader, given: ReadFileArguments, name: str) -> Result:
        skipped = reader.skip(given.offset - 1)
        room = max(1000, self.limits.result_chars - _ROOM_FOR_NOTES)
        shown: list[str] = []
        number = given.offset
        more = False
        for line in reader:
            numbered = f"{number:>6}\t{safe(line)}"
            room -= len(numbered) + 1
            more = bool(shown) and (room < 0 or len(shown) >= given.limit)
            if more:
                break
            shown.append(numbered)
            number += 1
        if not shown:
            raise Refused(f"{name} has {quantity(skipped, 'line')}; line {given.offset:,} is past its end.")
        notes = [f"{reader.note}."] if reader.note else []
        if more or given.offset > 1:
            notes.append(_extent(given.offset, number - 1, reader, more=more))
        return Result("\n".join([*shown, *(f"\n({note})" for note in notes)]))


def _extent(first: int, last: int, reader: LineReader, *, more: bool) -> str:
    """Say which lines these are, of how many where that is cheap to know, and how to go on."""
    which = f"Line {first:,}" if first == last else f"Lines {first:,} to {last:,}"
    if not more:
        return f"{which}, to the end of the file."
    left = reader.count_rest()
    total = f" of {last + 1 + left:,}" if left is not None else ""
    return f"{which}{total}. More with offset={last + 1}."


def _image(file: BinaryIO, name: str, size: int) -> Result:
    if size > MAX_ENCODED:
        raise Refused(
            f"{name} is an image of {size:,} bytes, too large to be shown (at most {MAX_ENCODED // 4 * 3:,})."
        )
    data = file.read()
    try:
        block = image_block(data)
    except UnusableImage as error:
        raise Refused(f"{name} cannot be shown as an image: {error}.") from None
    width, height = size_of(data)
    about = f"{name}: {block['source']['media_type']}, {width} x {height} pixels, {size:,} bytes"
    return Result(({"type": "text", "text": about}, block))
