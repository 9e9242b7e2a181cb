"""`antiphon sessions export`: a session as a file for others."""

import argparse
import os
import tempfile
from pathlib import Path

from antiphon.cli.session_commands.place import Place, for_output, shown_path
from antiphon.errors import SessionError
from antiphon.sessions.export import to_html, to_json, to_markdown

_ENDINGS = {".md": "markdown", ".markdown": "markdown", ".json": "json", ".html": "html", ".htm": "html"}


def run(place: Place, arguments: argparse.Namespace) -> str:
    """Return a session in the form that is wanted, or write it to a file and return the file's name.

    Raises:
        SessionError: there is no such session, it cannot be read, or the file cannot be written.
    """
    found = place.find(arguments.session)
    summary, entries = place.withheld((found, place.sessions.entries(found.id)))
    file = "-" if arguments.output is None else arguments.output
    wanted = "json" if arguments.json else arguments.format
    match wanted or _ENDINGS.get(Path(file).suffix.lower(), "markdown"):
        case "json":
            text = to_json(summary, entries, records=arguments.records)
        case "html":
            text = to_html(summary, entries)
        case _:
            text = to_markdown(summary, entries)
    if file == "-":
        return for_output(text)
    path = Path(file).expanduser()
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
