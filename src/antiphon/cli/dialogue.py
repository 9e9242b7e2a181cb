"""Asks for one line at a time, which may come to nothing because what is asked about goes away.

Knows the terminal and its keyboard. Does not know what is asked.
"""

import os
import termios
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO

import anyio

from antiphon.cli.screen import Piece
from antiphon.cli.terminal import Terminal


class Withdrawn(Exception):
    """What was asked needs no answer any more."""


class Dialogue:
    """Says things and reads the answers of a person at a terminal."""

    def __init__(self, terminal: Terminal, source: TextIO) -> None:
        """Say things on a terminal, and read answers from its keyboard."""
        self._terminal = terminal
        self._source = source
        self._prompt = ""
        self._needed: Callable[[], bool] = lambda: False
        self._reading: anyio.CancelScope | None = None
        self._cut = False

    @property
    def width(self) -> int:
        """Columns of the terminal."""
        return self._terminal.size[0]

    def say(self, *lines: Sequence[Piece]) -> None:
        """Print lines."""
        self._terminal.write("".join(f"{self._terminal.styled(line)}\n" for line in lines))

    def show(self, lines: Iterable[Sequence[Piece]]) -> None:
        """Print what the next answer is about. What was typed before it was seen is no answer to it."""
        self._cut = _begun(self._source.fileno())
        self.say(*lines)

    async def read(self, prompt: str, needed: Callable[[], bool]) -> str | None:
        """Read a line; None at the end of input.

        Args:
            prompt: stands before it.
            needed: tells whether somebody waits for the answer.

        Raises:
            Withdrawn: nobody waits for it any more.
        """
        self._prompt, self._needed = prompt, needed
        self._terminal.write(prompt)
        with anyio.CancelScope() as scope:
            self._reading = scope
            try:
                line = await self._line()
                while line is not None and self._cut:
                    # The beginning is thrown away, and `2 y` without it would be another answer.
                    self._cut = False
                    self.say([("  You began that line before this was shown. Once more, please.", "wait")])
                    self._terminal.write(prompt)
                    line = await self._line()
            finally:
                self._reading = None
            if needed():
                return line
        self.say([("\n  no longer needed", "quiet")])
        raise Withdrawn

    def mention(self, title: Callable[[], Sequence[Piece]]) -> None:
        """Tell who is being asked of something that has come; what they have typed stays typed."""
        if self._reading is not None:
            self.say([("\n  also waits for you, and is asked next: ", "wait"), *title()])
            self._terminal.write(self._prompt)

    def withdraw(self) -> None:
        """Stop reading if nobody waits for the answer any more."""
        if self._reading is not None and not self._needed():
            self._reading.cancel()

    async def _line(self) -> str | None:
        """Wait for a line, without holding up the loop."""
        descriptor = self._source.fileno()
        await anyio.wait_readable(descriptor)
        # A terminal in its usual mode hands over whole lines.
        data = os.read(descriptor, 65536)
        return data.decode("utf-8", "replace").strip() if data else None


def _begun(descriptor: int) -> bool:
    """Throw away what was typed so far, and tell whether it ended in the middle of a line."""
    if not os.isatty(descriptor):
        return False
    usual = termios.tcgetattr(descriptor)
    at_once = termios.tcgetattr(descriptor)
    at_once[3] &= ~termios.ICANON
    at_once[6][termios.VMIN] = at_once[6][termios.VTIME] = 0
    try:
        # Only like this a terminal hands over a line that is not finished.
        termios.tcsetattr(descriptor, termios.TCSANOW, at_once)
        typed = b""
        while data := os.read(descriptor, 65536):
            typed = data
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, usual)
        termios.tcflush(descriptor, termios.TCIFLUSH)
    return bool(typed) and not typed.endswith(b"\n")
