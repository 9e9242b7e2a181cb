"""`antiphon sessions export`: a session as a file for others."""

import os
import sys
import tempfile
from pathlib import Path

from antiphon.cli.safe_text import safe
from antiphon.cli.session_commands.place import Place, shown_path
from antiphon.errors import SessionError
from antiphon.sessions.export import to_html, to_json, to_markdown
from antiphon.sessions.summary import Summary

FORMATS = ("markdown", "json", "html")
_ENDINGS = {".md": "markdown", ".markdown": "markdown", ".json": "json", ".html": "html", ".htm": "html"}


def export_session(place: Place, summary: Summary, *, form: str | None, file: str | None, records: bool) -> str:
    """Return a session in a form, or write it to a file and return a line that says so.

    Args:
        place: the terminal.
        summary: of the session.
        form: in which form; what the file's name says unless given, else Markdown.
        file: where to; `-` and None are standard output.
        records: with every record, where the form has them.

    Raises:
        SessionError: the session cannot be read, or the file cannot be written.
    """
    entries = place.sessions.entries(summary.id)
    chosen = form or _ENDINGS.get(Path(file or "").suffix.lower(), "markdown")
    if chosen == "json":
        text = to_json(summary, entries, records=records)
    else:
        text = to_html(summary, entries) if chosen == "html" else to_markdown(summary, entries)
    if file in {None, "-"}:
        return safe(text) if sys.stdout.isatty() else text
    path = Path(str(file)).expanduser()
    _write(path, text)
    return f"{shown_path(str(path))}\n"


def _write(path: Path, text: str) -> None:
    """Write a file that is whole or not there. It is private, as the session is."""
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():  # a pipe or a device
            target.write_text(text, encoding="utf-8", errors="backslashreplace")
            return
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            # What is no character becomes an escape, which JSON reads as what it was.
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                file.write(text)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise SessionError(f"{path} cannot be written: {problem.strerror}.") from problem
