"""Changing a part of a file: one exact text for another."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from antiphon.engine.events import Result
from antiphon.tools.changes import changes
from antiphon.tools.file_tool import FileTool, PathArguments, Refused
from antiphon.tools.files import Stamp, open_file, replace_file, stamp_of
from antiphon.tools.nearest import nearest
from antiphon.tools.text import UTF_8, Encoding, binary_kind, count_lines, decode, ends_in_crlf, quantity
from antiphon.tools.write_file import not_text

MAX_BYTES = 64 << 20
"""Largest file that is edited; it is held in memory several times."""
_PLACES = 10
"""How many places of an ambiguous text are named."""


class EditFileArguments(PathArguments, frozen=True):
    """What to replace by what."""

    old_string: Annotated[str, Meta(description="The text to replace, exactly as it is in the file.")]
    new_string: Annotated[str, Meta(description="The text to put there; different from old_string.")]
    replace_all: Annotated[bool, Meta(description="Replace every occurrence, not just a single one.")] = False


@dataclass(frozen=True, slots=True)
class _Open:
    """A file as it was when the call began."""

    text: str
    encoding: Encoding
    stamp: Stamp


class EditFile(FileTool[EditFileArguments]):
    """Replaces exact text in a file.

    Reading, changing and writing happen in one thread without a pause, and the engine starts no other call on the
    file meanwhile. A change from outside is noticed and nothing is written then.
    """

    name = "edit_file"
    arguments = EditFileArguments
    aliases: ClassVar[Mapping[str, str]] = {
        **FileTool.aliases,
        "old_str": "old_string",
        "new_str": "new_string",
        "old_text": "old_string",
        "new_text": "new_string",
    }
    writes: ClassVar[bool] = True

    def work(self, given: EditFileArguments, path: Path) -> Result:
        """Edit the file."""
        if not given.old_string:
            return self._create(given, path)
        name = self.shown(path)
        file = self._open(path)
        old, new, text = _in_one_style(given.old_string, given.new_string, file.text)
        if old == new:
            raise Refused(f"old_string and new_string are the same; {name} was not changed.")
        starts = _occurrences(text, old)
        if not starts:
            hint = nearest(file.text, given.old_string)
            raise Refused(f"old_string was not found in {name}, nothing was changed. {hint}")
        if len(starts) > 1 and not given.replace_all:
            raise Refused(_ambiguous(text, starts, name))
        changed = text.replace(old, new)
        if text is not file.text:
            changed = changed.replace("\n", "\r\n")
        try:
            data = file.encoding.encode(changed)
        except UnicodeEncodeError as error:
            raise Refused(_unwritable(name, file.encoding, error)) from None
        replace_file(self.workspace, path, data, was=file.stamp)
        done = f"Edited {name}" if len(starts) == 1 else f"Edited {name} in {len(starts):,} places"
        return Result(f"{done}:\n{changes(text, starts, old, new)}")

    def _open(self, path: Path) -> _Open:
        """Read the whole file.

        Raises:
            Refused: it cannot be edited.
        """
        name = self.shown(path)
        with open_file(self.workspace, path) as file:
            stamp = Stamp.of(os.fstat(file.fileno()))
            if stamp.size > MAX_BYTES:
                raise Refused(f"{name} has {stamp.size:,} bytes, too many to edit (at most {MAX_BYTES:,}).")
            data = file.read()
        kind = binary_kind(data)
        if kind is not None:
            raise Refused(f"{name} is {kind}, not text, so it cannot be edited.")
        text, encoding = decode(data)
        return _Open(text, encoding, stamp)

    def _create(self, given: EditFileArguments, path: Path) -> Result:
        """Create a file, or fill an empty one: what an empty `old_string` asks for."""
        name = self.shown(path)
        was = stamp_of(self.workspace, path)
        if was is not None and was.size:
            raise Refused(
                f"{name} exists and is not empty, so an empty old_string says nothing about where to edit. "
                "Give the text to replace, or use write_file to overwrite the whole file."
            )
        try:
            data = UTF_8.encode(given.new_string)
        except UnicodeEncodeError as error:
            raise Refused(not_text(name, error)) from None
        replace_file(self.workspace, path, data, was=was)
        return Result(f"Created {name} ({quantity(count_lines(given.new_string), 'line')}).")


def _in_one_style(old: str, new: str, text: str) -> tuple[str, str, str]:
    r"""Return the three texts so that line endings do not keep them apart.

    Models write `\n`. A file whose lines all end in CR LF is edited as if they ended in LF (the text returned is then
    another one than was given). In a mixed file the line endings of the place that is replaced are used.
    """
    if ends_in_crlf(text):
        return old.replace("\r\n", "\n"), new.replace("\r\n", "\n"), text.replace("\r\n", "\n")
    if "\r\n" in text and old not in text:
        wide = old.replace("\r\n", "\n").replace("\n", "\r\n")
        if wide in text:
            return wide, new.replace("\r\n", "\n").replace("\n", "\r\n"), text
    return old, new, text


def _occurrences(text: str, old: str) -> list[int]:
    """Return where the text occurs, as `str.replace` counts: from the left, without overlaps."""
    starts: list[int] = []
    at = text.find(old)
    while at >= 0:
        starts.append(at)
        at = text.find(old, at + len(old))
    return starts


def _ambiguous(text: str, starts: list[int], name: str) -> str:
    lines = [str(text.count("\n", 0, start) + 1) for start in starts[:_PLACES]]
    more = ", ..." if len(starts) > _PLACES else ""
    return (
        f"old_string occurs {len(starts):,} times in {name} (at lines {', '.join(lines)}{more}), nothing was changed. "
        "Add lines around it until it is unique, or set replace_all."
    )


def _unwritable(name: str, encoding: Encoding, error: UnicodeEncodeError) -> str:
    character = error.object[error.start]
    if 0xD800 <= ord(character) <= 0xDFFF:
        return not_text(name, error)
    return (
        f"{name} is not UTF-8 and was read as {encoding.name}, which has no {character!r}; nothing was changed. "
        "To make it UTF-8, write the whole file with write_file."
    )
