"""Files of one JSON value a line: their lines as bytes, and what of them can be read.

A line that was not touched is written as the bytes it was read from, whatever they are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from antiphon.protocol.messages import Json, is_object
from antiphon.transcripts.document import Finding, Unreadable
from antiphon.transcripts.file_rules import LINE_NOT_JSON, TORN_LINE
from antiphon.transcripts.located import Located
from antiphon.transcripts.text import Text, decode


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One line of a file.

    Attributes:
        number: from 1.
        raw: its bytes, without the line feed.
        text: what they say, None for a line that is not read.
        located: the JSON value in it, None where there is none.
    """

    number: int
    raw: bytes
    text: Text | None = None
    located: Located | None = None

    @property
    def value(self) -> Any:
        """The JSON value of the line, or None."""
        return self.located.value if self.located else None

    @property
    def object(self) -> Json:
        """The JSON object of the line; an empty one where there is none."""
        value = self.value
        return value if is_object(value) else {}

    def rendered(self, value: Any) -> bytes:
        """Return the bytes of the line with another value."""
        if self.located is None or self.text is None:
            return self.raw
        if value is self.located.value and not self.text.findings:
            return self.raw
        return self.text.encoded(self.located.rendered(value))


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
            line = _read(number, raw, depth)
        except Unreadable as error:
            if number == len(parts) and not ends_whole:
                findings.append(TORN_LINE.finding(f"the last line breaks off: {_in_line(error)}", number))
                ends_whole = True
                break
            findings.append(LINE_NOT_JSON.finding(f"the line is {_in_line(error)}", number))
            line = Line(number, raw)
        lines.append(line)
        if line.text:
            findings += [Finding(found.rule, found.text, number, found.mended) for found in line.text.findings]
    return Lines(lines, findings, ends_whole)


def _read(number: int, raw: bytes, depth: int) -> Line:
    if not raw.strip():
        return Line(number, raw)
    text = decode(raw)
    return Line(number, raw, text, Located(text.text, depth=depth))


def _in_line(error: Unreadable) -> str:
    return str(error).replace("line 1 column", "column")
