"""What a program writes to a terminal, as the plain lines that a reader of the terminal would be left with.

Escape sequences and control characters are dropped, a line that is drawn over again and again (a progress bar) stays
as it was drawn last, a backspace takes a character back. Memory is bounded, whatever comes.
"""

import codecs
import re

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""All but tab and line feed."""
# ECMA-48: CSI sequences, then strings (OSC; DCS, SOS, PM, APC), then the short ones. A string that does not end on
# its line is none, or one stray ESC ] would swallow the rest of the output.
_ESCAPE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|\x1b\\][^\x07\x1b\n]*(?:\x07|\x1b\\\\)"
    "|\x1b[PX^_][^\x1b\n]*\x1b\\\\"
    "|\x1b[ -/]*[0-~]"
)
_BEGUN_ESCAPE = re.compile("(?:\x1b\\[|\x9b)[0-?]*[ -/]*|\x1b[\\]PX^_][^\x07\x1b\n]*|\x1b[ -/]*")
_HELD = 8192
"""Longest unfinished line, in characters, that may still be drawn over; what is longer is passed on."""


class PlainText:
    """Turns bytes into plain lines as they come, wherever they are cut."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line = ""

    def feed(self, data: bytes) -> str:
        """Take some bytes and return the lines that they finish."""
        text = self._line + self._decoder.decode(data)
        end = text.rfind("\n") + 1
        self._line = text[end:]
        return plain(text[:end]) + self._overflow()

    def _overflow(self) -> str:
        """Keep the unfinished line short; return what has to be passed on before it is finished."""
        if len(self._line) <= _HELD:
            return ""
        drawn = self.unfinished
        if len(drawn) <= _HELD // 2:
            self._line = f"{drawn}\r" if self._line.endswith("\r") else drawn
            return ""
        begun = _begun_escape(self._line)
        self._line = self._line[begun:]
        return drawn

    @property
    def unfinished(self) -> str:
        """The last line as it stands, while its end has not come."""
        return plain(self._line[: _begun_escape(self._line)])

    def close(self) -> str:
        """Return the last line, which has no end."""
        last = plain(self._line + self._decoder.decode(b"", final=True))
        self._line = ""
        return last


def _begun_escape(line: str) -> int:
    """Return where an escape sequence begins that the end of the line cuts; the line's length without one."""
    start = max(line.rfind("\x1b"), line.rfind("\x9b"))
    return start if start >= 0 and _BEGUN_ESCAPE.fullmatch(line, start) else len(line)


def plain(text: str) -> str:
    """Return text that came at once, as plain lines."""
    if _CONTROL.search(text) is None:
        return text
    text = _ESCAPE.sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if "\r" in text or "\b" in text:
        text = "\n".join(map(_drawn_last, text.split("\n")))
    return _CONTROL.sub("", text)


def _drawn_last(line: str) -> str:
    line = line.rstrip("\r").rpartition("\r")[2]
    if "\b" not in line:
        return line
    drawn: list[str] = []
    for character in line:
        if character != "\b":
            drawn.append(character)
        elif drawn:
            drawn.pop()
    return "".join(drawn)
