"""Bytes of a file as text, and back without losing a byte: encodings and line endings."""

import codecs
from dataclasses import dataclass

SNIFFED = 8192
"""How many first bytes decide whether a file is text."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_KINDS = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive (or a document in one, such as DOCX or XLSX)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xfd7zXZ\x00", "an XZ archive"),
    (b"BZh", "a bzip2 archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x7fELF", "an ELF program"),
    (b"\xcf\xfa\xed\xfe", "a Mach-O program"),
    (b"MZ", "a Windows program"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x00asm", "a WebAssembly module"),
    (b"OggS", "an Ogg media file"),
    (b"ID3", "an MP3 file"),
    (b"BM", "a BMP image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file's bytes are text.

    Attributes:
        name: Python's name of the codec.
        mark: the byte order mark at the file's start, which is no part of the text.
    """

    name: str = "utf-8"
    mark: bytes = b""

    @property
    def wide(self) -> bool:
        """Whether a character has several bytes, so that a line's end is not one byte."""
        return self.name.startswith(("utf-16", "utf-32"))

    def encode(self, text: str) -> bytes:
        """Return the file's bytes.

        Raises:
            UnicodeEncodeError: the encoding has no bytes for a character.
        """
        return self.mark + text.encode(self.name)


UTF_8 = Encoding()
LATIN_1 = Encoding("latin-1")
"""What is read when nothing else fits: every byte is a character, so nothing is lost."""


def marked_encoding(head: bytes) -> Encoding | None:
    """Return the encoding that a byte order mark tells, or None without one."""
    return next((Encoding(name, mark) for mark, name in _BOMS if head.startswith(mark)), None)


def binary_kind(head: bytes) -> str | None:
    """Return what kind of binary file begins with these bytes; None when it is text."""
    if marked_encoding(head) is not None:
        return None
    has_nul = b"\0" in head[:SNIFFED]
    known = next((kind for start, kind in _KINDS if head.startswith(start)), None)
    if known is not None and (has_nul or not _is_utf8(head[:SNIFFED])):
        return known
    if head.startswith(b"%PDF-"):
        return "a PDF document"
    return "a binary file" if has_nul else None


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def decode(data: bytes) -> tuple[str, Encoding]:
    """Return the text of a whole file, exactly as it is, and its encoding."""
    marked = marked_encoding(data)
    if marked is not None:
        try:
            return data[len(marked.mark) :].decode(marked.name), marked
        except UnicodeDecodeError:
            return data.decode("latin-1"), LATIN_1
    try:
        return data.decode(), UTF_8
    except UnicodeDecodeError:
        return data.decode("latin-1"), LATIN_1


def ends_in_crlf(text: str) -> bool:
    """Tell whether every line of the text (and at least one) ends in CR LF."""
    ends = text.count("\r\n")
    return ends > 0 and ends == text.count("\n")


def count_lines(text: str) -> int:
    """Return the number of lines; a last one without an end counts."""
    return text.count("\n") + (not text.endswith("\n") and bool(text))


def quantity(number: int, what: str, several: str = "") -> str:
    """Return `1 line`, `2,000 lines`."""
    return f"{number:,} {what if number == 1 else several or what + 's'}"
