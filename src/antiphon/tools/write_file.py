"""Writing a whole file, in one step."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from antiphon.engine.events import Result
from antiphon.tools.file_tool import FileTool, PathArguments, Refused
from antiphon.tools.files import open_file, replace_file, stamp_of
from antiphon.tools.text import UTF_8, Encoding, count_lines, decode, ends_in_crlf, quantity

LineEndings = Literal["keep", "lf", "crlf"]
_LOOKED_AT = 1 << 20
"""How much of the old file is looked at to learn its encoding and line endings."""


class WriteFileArguments(PathArguments, frozen=True):
    """What to write."""

    content: Annotated[str, Meta(description="The whole new content.")]
    line_endings: Annotated[
        LineEndings,
        Meta(description="How lines end. `keep`: as in the file that is there; as in `content` when there is none."),
    ] = "keep"


class WriteFile(FileTool[WriteFileArguments]):
    """Creates or overwrites a file."""

    name = "write_file"
    arguments = WriteFileArguments
    aliases: ClassVar[Mapping[str, str]] = {**FileTool.aliases, "file_text": "content", "contents": "content"}
    writes: ClassVar[bool] = True

    def work(self, given: WriteFileArguments, path: Path) -> Result:
        """Write the file."""
        name = self.shown(path)
        was = stamp_of(self.workspace, path)
        old_lines = 0
        encoding = UTF_8
        crlf = given.line_endings == "crlf"
        if was is not None:
            with open_file(self.workspace, path) as file:
                old = file.read(_LOOKED_AT)
            text, encoding = decode(old)
            old_lines = count_lines(text) if was.size <= _LOOKED_AT else -1
            crlf = crlf or (given.line_endings == "keep" and ends_in_crlf(text))
        content = with_line_endings(given.content, crlf=crlf, lf=given.line_endings == "lf")
        try:
            data, encoding = encoded(content, encoding)
        except UnicodeEncodeError as error:
            raise Refused(not_text(name, error)) from None
        replace_file(self.workspace, path, data, was=was)
        lines = quantity(count_lines(content), "line")
        notes = f"{', CRLF line endings' if crlf else ''}{f', {encoding.name}' if encoding != UTF_8 else ''}"
        if was is None:
            return Result(f"Created {name} ({lines}{notes}).")
        before = f"; it had {quantity(old_lines, 'line')}" if old_lines >= 0 else ""
        return Result(f"Overwrote {name} ({lines}{before}{notes}).")


def with_line_endings(text: str, *, crlf: bool, lf: bool = False) -> str:
    """Return a text with all its lines ended by CR LF or LF; as it is when neither is asked for."""
    if not crlf and not lf:
        return text
    plain = text.replace("\r\n", "\n")
    return plain.replace("\n", "\r\n") if crlf else plain


def encoded(text: str, encoding: Encoding) -> tuple[bytes, Encoding]:
    """Return the bytes of a new content: in the old file's encoding where it has them all, else in UTF-8.

    Raises:
        UnicodeEncodeError: the text holds a lone surrogate, which no encoding has.
    """
    try:
        return encoding.encode(text), encoding
    except UnicodeEncodeError:
        return UTF_8.encode(text), UTF_8


def not_text(name: str, error: UnicodeEncodeError) -> str:
    """Say which character of a new content cannot be written."""
    character = error.object[error.start]
    line = error.object.count("\n", 0, error.start) + 1
    return (
        f"{name} was not written: line {line} of the new text holds U+{ord(character):04X}, half of a surrogate pair."
    )
