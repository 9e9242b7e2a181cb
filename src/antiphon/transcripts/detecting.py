"""Which format a file is in, and reading it."""

from pathlib import Path

from antiphon.transcripts.antiphon_stream import StreamFormat
from antiphon.transcripts.claude_code import ClaudeCodeFormat
from antiphon.transcripts.codex import CodexFormat
from antiphon.transcripts.document import Document, Format, Unreadable
from antiphon.transcripts.jsonl import JsonLinesFormat
from antiphon.transcripts.opencode import OpencodeFormat
from antiphon.transcripts.requests import RequestFormat
from antiphon.transcripts.roo import ClineFormat, RooFormat

FORMATS: dict[str, Format] = {
    found.name: found
    for found in (
        OpencodeFormat(),
        ClineFormat(),
        RooFormat(),
        ClaudeCodeFormat(),
        CodexFormat(),
        StreamFormat(),
        JsonLinesFormat(),
        RequestFormat(),
    )
}
"""The formats by name, in the order in which they are asked: what is told by its name or marks before what is told by
its shape."""


def detect(path: Path, data: bytes) -> Format | None:
    """Return the format that claims a file, or None; cheap, never raises."""
    return next((found for found in FORMATS.values() if found.matches(path, data)), None)


def read(path: Path, data: bytes, *, format: str | None = None) -> Document:  # noqa: A002  (what it is called everywhere)
    """Read a file.

    Args:
        path: its name, which tells some formats; it is not opened.
        data: what is in it.
        format: the name of its format, where that is known (see `FORMATS`).

    Raises:
        Unreadable: no format claims it, or it cannot be read.
        KeyError: there is no format of this name.
    """
    if format is not None:
        return FORMATS[format].read(path, data)
    found = detect(path, data)
    if found is None:
        if not data.strip():
            raise Unreadable("the file is empty")
        raise Unreadable("the file is neither a request nor a session of a known program")
    return found.read(path, data)
