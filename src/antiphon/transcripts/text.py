"""The text of a file: UTF-8, with or without a byte order mark, and what of it is no text at all."""

import codecs
from dataclasses import dataclass

from antiphon.transcripts.document import Finding, Unreadable
from antiphon.transcripts.file_rules import NOT_UTF8

_OTHERS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a file.

    Attributes:
        text: what it says; U+FFFD stands where bytes were no text.
        mark: the byte order mark it began with, if any.
        findings: says where bytes were no text.
    """

    text: str
    mark: bytes = b""
    findings: tuple[Finding, ...] = ()

    def encoded(self, text: str) -> bytes:
        """Return another text as this one was stored."""
        return self.mark + text.encode("utf-8", "surrogatepass")


def decode(data: bytes) -> Text:
    """Return the text of a file.

    Raises:
        Unreadable: it is in another encoding.
    """
    for other, name in _OTHERS.items():
        if data.startswith(other):
            raise Unreadable(f"the file is {name}; UTF-8 is wanted")
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    body = data[len(mark) :]
    try:
        return Text(body.decode(), mark)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        text = f"the bytes at offset {error.start + len(mark)} are not UTF-8: {error.reason}"
        return Text(body.decode(errors="replace"), mark, (NOT_UTF8.finding(text, line),))
