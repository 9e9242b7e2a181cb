"""Files of one JSON value a line: their lines as bytes, and what of them can be read.

A line that was not touched is written as the bytes it was read from, whatever they are.
"""

from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from antiphon.protocol.messages import Json, is_object
from antiphon.transcripts.document import Finding, Unreadable
from antiphon.transcripts.file_rules import LINE_NOT_JSON, TORN_LINE
from antiphon.transcripts.located import DEPTH, Located
from antiphon.transcripts.text import decode


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One line of a file.

    Attributes:
        number: from 1.
        raw: its bytes, without the line feed.
        value: the JSON value it is, None where it is none.
        is_json: whether it is one.
        mended: whether it is written otherwise than it was read, as bytes in it were no text.
        depth: how deep edits keep the characters of what they leave.
    """

    number: int
    raw: bytes
    value: Any = None
    is_json: bool = False
    mended: bool = False
    depth: int = DEPTH

    @property
    def object(self) -> Json:
        """The JSON object of the line; an empty one where there is none."""
        return self.value if is_object(self.value) else {}

    def rendered(self, value: Any) -> bytes:
        """Return the bytes of the line with another value."""
        if not self.is_json or (value is self.value and not self.mended):
            return self.raw
        text = decode(self.raw)
        return text.encoded(Located(text.text, depth=self.depth, known=self.value).rendered(value))

    def like(self, value: Any) -> bytes:
        """Return the bytes of a new line that is written as this one is."""
        return self.rendered(value).removeprefix(BOM_UTF8)


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a file.

    Attributes:
        lines: all of them, empty ones included.
        findings: lines that are no JSON, bytes that are no text.
        ends_whole: the file ends with a line feed.
    """

    lines: Sequence[Line]
    findings: Sequence[Finding]
    ends_whole: bool

    def rendered(self, lines: Iterable[bytes]) -> bytes:
        """Return a file of these lines, ending as this one did."""
        body = b"\n".join(lines)
        return body + b"\n" if self.ends_whole and body else body


def read_lines(data: bytes, *, depth: int) -> Lines:
    """Split a file into lines and read each; never raises for what is in one of them.

    What is left of a last line that was torn is not among the lines: writing the file drops it.

    Args:
        data: the file.
        depth: how deep the containers in a line are walked (see `Located`).

    Raises:
        Unreadable: the file is no text at all.
    """
    decode(data[:4])  # another encoding is told once, not line by line
    parts = data.split(b"\n")
    ends_whole = not parts[-1]
    if ends_whole:
        parts.pop()
    lines: list[Line] = []
    findings: list[Finding] = []
    for number, raw in enumerate(parts, 1):
        try:
            line = _read(number, raw, depth, findings)
        except Unreadable as error:
            if number == len(parts) and not ends_whole:
                findings.append(TORN_LINE.finding(f"the last line breaks off: {_in_line(error)}", number))
                ends_whole = True
                break
            findings.append(LINE_NOT_JSON.finding(f"the line is {_in_line(error)}", number))
            line = Line(number, raw)
        lines.append(line)
    return Lines(lines, findings, ends_whole)


def _read(number: int, raw: bytes, depth: int, findings: list[Finding]) -> Line:
    if not raw.strip():
        return Line(number, raw)
    text = decode(raw)
    value = Located(text.text).value
    findings += [replace(found, line=number) for found in text.findings]
    return Line(number, raw, value, is_json=True, mended=bool(text.findings), depth=depth)


def _in_line(error: Unreadable) -> str:
    return str(error).replace("line 1 column", "column")
