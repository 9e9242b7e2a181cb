"""Chooses the screen that fits a terminal."""

import os
import sys
import time
from collections.abc import Callable

from antiphon.cli.invocation import Invocation
from antiphon.cli.live import LiveScreen
from antiphon.cli.plain import PlainScreen
from antiphon.cli.screen import Screen
from antiphon.cli.terminal import Terminal
from antiphon.cli.view import RunView

EVERYTHING = frozenset({"text", "thinking", "call", "summary", "note"})
PROGRESS = EVERYTHING - {"text"}


def screen_for(
    terminal: Terminal,
    *,
    kinds: frozenset[str] = EVERYTHING,
    thinking: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Screen:
    """Return a screen for one run; it is redrawn where the terminal can do that."""
    kind = LiveScreen if terminal.redraws else PlainScreen
    return kind(terminal, RunView(thinking=thinking), kinds=kinds, clock=clock)


def progress_screen(invocation: Invocation) -> Screen:
    """Return a screen for the progress of a headless run, on standard error."""
    terminal = Terminal.of(sys.stderr, os.environ)
    if invocation.format == "stream-json" and sys.stdout.isatty():
        # Two writers on one terminal must not both move its cursor.
        terminal = Terminal(sys.stderr, marks=terminal.marks)
    return screen_for(terminal, kinds=PROGRESS, thinking=invocation.verbose)
