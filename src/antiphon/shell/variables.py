"""Which assignments before a command change nothing about what runs."""

import re

from antiphon.shell.script import Word

HARMLESS_VARIABLES = frozenset(
    """
    CARGO_TERM_COLOR CI CLICOLOR CLICOLOR_FORCE COLUMNS COVERAGE DEBUG FORCE_COLOR GIT_OPTIONAL_LOCKS
    GIT_TERMINAL_PROMPT GOOS GOARCH HYPOTHESIS_PROFILE LANG LINES LOG_LEVEL MALLOC_ARENA_MAX NODE_ENV NO_COLOR
    OMP_NUM_THREADS PYTHONDONTWRITEBYTECODE PYTHONHASHSEED PYTHONUNBUFFERED PYTHONUTF8 RAILS_ENV RUST_BACKTRACE
    RUST_LOG TERM TZ
    """.split()  # noqa: SIM905  (a list of names reads best so)
)
"""Variables that no well-known program takes a program, a place or code from. Names that begin with `LC_` are, too."""

_PAGERS = frozenset({"PAGER", "GIT_PAGER", "MANPAGER", "SYSTEMD_PAGER"})
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_.,:=+@%*-]*")
_PLACE_OF_A_CLOCK = re.compile(r"[A-Za-z_]+(?:/[A-Za-z_]+){1,2}")


def is_harmless(name: str, value: Word) -> bool:
    """Tell whether a variable, set to this for a command, leaves it what it is."""
    text = value.text
    if text is None:
        return False
    if name in _PAGERS:
        return text in {"", "cat"}
    if name == "TZ" and _PLACE_OF_A_CLOCK.fullmatch(text):
        return True
    known = name in HARMLESS_VARIABLES or re.fullmatch(r"LC_[A-Z]+", name) is not None
    return known and _PLAIN_VALUE.fullmatch(text) is not None
