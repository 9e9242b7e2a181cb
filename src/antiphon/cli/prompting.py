"""Reads prompts from the person at the keyboard, with line editing and a history.

Runs in the main thread, where Ctrl-C arrives and where readline can be interrupted.
"""

import contextlib
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

PROMPT = "> "
CONTINUATION = "  "
_FENCE = '"""'
_LONGEST_HISTORY = 1000


def read_prompt(read_line: Callable[[str], str]) -> str:
    """Read one prompt: a line; several, where each ends in a backslash; or all lines between triple quotes.

    Raises:
        EOFError: the person is done (Ctrl-D).
    """
    line = read_line(PROMPT)
    if line.lstrip().startswith(_FENCE):
        return _fenced(line.lstrip().removeprefix(_FENCE), read_line)
    lines: list[str] = []
    while line.endswith("\\"):
        lines.append(line[:-1])
        line = read_line(CONTINUATION)
    return "\n".join([*lines, line]).strip()


def _fenced(line: str, read_line: Callable[[str], str]) -> str:
    lines: list[str] = []
    while not line.rstrip().endswith(_FENCE):
        lines.append(line)
        line = read_line(CONTINUATION)
    return "\n".join([*lines, line.rstrip().removesuffix(_FENCE)]).strip()


def history_file(environment: Mapping[str, str]) -> Path:
    """Return where prompts are remembered."""
    base = environment.get("XDG_STATE_HOME", "")
    root = Path(base) if Path(base).is_absolute() else Path(environment.get("HOME", "~")).expanduser() / ".local/state"
    return root / "antiphon" / "history"


class History:
    """The line editor and its memory. Without readline lines are read all the same."""

    def __init__(self, path: Path) -> None:
        """Load the history, if there is one."""
        self._path = path
        try:
            self._readline = import_module("readline")
        except ImportError:
            self._readline = None
            return
        with contextlib.suppress(OSError):
            self._readline.read_history_file(path)
        self._readline.set_history_length(_LONGEST_HISTORY)

    def suggest(self, text: str) -> None:
        """Let the next line begin with a text, which the person can change; without readline it does not."""
        readline = self._readline
        if readline is None or not text or "\n" in text:
            return

        def insert() -> None:
            readline.insert_text(text)
            readline.set_startup_hook(None)

        readline.set_startup_hook(insert)

    def save(self) -> None:
        """Write the history where only its owner can read it. Failing to is no reason to stop."""
        if self._readline is None:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._readline.write_history_file(self._path)
