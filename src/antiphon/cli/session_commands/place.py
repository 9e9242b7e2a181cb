"""Where the sessions are that an action is about, and how people are told and asked about them.

Imports little: a list is to be there at once.
"""

import argparse
import os
import re
import shutil
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from antiphon.cli.paint import Paint
from antiphon.cli.safe_text import one_line, safe
from antiphon.cli.withholding import Withholding
from antiphon.errors import SessionError, SettingsError
from antiphon.sessions import Sessions
from antiphon.sessions.listing.summary import Summary

if TYPE_CHECKING:
    from antiphon.cli.terminal import Terminal

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


@dataclass(frozen=True, slots=True)
class Place:
    """The sessions, the workspace, and the terminal.

    Attributes:
        sessions: all of the user's.
        workspace: whose sessions are meant.
        all: those of every workspace are.
        paint: styles for standard output.
        now: seconds since 1970.
        withheld: takes secrets out of what is shown.
    """

    sessions: Sessions
    workspace: Path
    all: bool
    paint: Paint
    now: float
    withheld: Withholding

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> "Place":
        """Find out from the flags. A workspace need not be there any more."""
        workspace = Path(arguments.cd or ".").expanduser().resolve()
        paint = Paint.of(sys.stdout, os.environ)
        return cls(Sessions(), workspace, arguments.all, paint, time.time(), Withholding.of(arguments))

    @property
    def scope(self) -> Path | None:
        """The workspace, or None where all are meant."""
        return None if self.all else self.workspace

    @property
    def width(self) -> int:
        """Columns of the terminal; 0 where the output is none, and lines may be as long as they are."""
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0

    @property
    def terminal(self) -> "Terminal":
        """Standard output, for an action that draws more than lines."""
        from antiphon.cli.terminal import Terminal  # noqa: PLC0415  (loads the whole agent, which no list needs)

        return Terminal.of(sys.stdout, os.environ)

    def styled(self, pieces: Iterable[tuple[str, str]]) -> str:
        """Return pieces of text and the names of their styles as a line."""
        return "".join(self.paint(text, style) for text, style in pieces).rstrip()

    def find(self, text: str | None) -> Summary:
        """Return the session that a user named, or the latest of the workspace.

        Raises:
            SessionError: there is no such session, or there are several.
        """
        if text is not None:
            return self.sessions.find(text, self.workspace)
        latest = self.sessions.latest(self.workspace)
        if latest is None:
            raise SessionError(
                f"there is no session of {self.workspace} yet. `antiphon sessions --all` lists those of other "
                "directories; name one by its id."
            )
        return latest


def without_secrets(place: Place, summary: Summary) -> Summary:
    """Return a summary as it may be shown; of what it says, titles and names are what somebody typed."""
    return replace(summary, title=place.withheld(summary.title), name=place.withheld(summary.name))


def named(summary: Summary) -> str:
    """Return a session by id and title, safe to print."""
    return one_line(f"{summary.id[:8]} ({summary.title})")


def confirmed(question: str, *, yes: bool) -> bool:
    """Ask a person at the terminal, unless the answer was given.

    Raises:
        SettingsError: there is nobody to ask.
    """
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SettingsError("there is no terminal to ask at; with --yes it is done without asking.")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def for_output(text: str) -> str:
    """Return a file's text as it goes to standard output: as it is, but safe for a terminal where that is one."""
    return safe(text) if sys.stdout.isatty() else text


def seconds_of(text: str) -> float:
    """Return a span of time such as 30d in seconds.

    Raises:
        SettingsError: it is none.
    """
    found = re.fullmatch(r"(\d{1,6})\s*([mhdw])", text.strip().lower())
    if found is None:
        raise SettingsError(f"{text!r} is no span of time; say 12h, 30d or 8w.")
    return int(found[1]) * _UNITS[found[2]]


def shown_path(path: str) -> str:
    """Return a path as people write it, safe to print."""
    home = os.environ.get("HOME", "")
    inside = home and (path == home or path.startswith(f"{home}/"))
    return one_line(f"~{path[len(home) :]}" if inside else path)


def counted(number: int, word: str) -> str:
    """Return a number of things, in words."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def size_text(size: int) -> str:
    """Return a number of bytes as people read it."""
    value = float(size)
    for unit in ("bytes", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
