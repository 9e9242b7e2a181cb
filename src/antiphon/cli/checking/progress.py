"""A progress bar on standard error, for checks that take a while; on a terminal only."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from antiphon.cli.safe_text import columns, cut, one_line

_PATIENCE = 1.0
"""Seconds before anything is shown."""
_INTERVAL = 0.1
_BAR = 24


class Progress:
    """Shows how far a check has come. Leaving wipes it away, and so must whoever prints meanwhile: see `wiped`."""

    def __init__(
        self, stream: TextIO, total: int, *, shown: bool, width: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Show the progress of `total` files on a stream of so many columns; with `shown` false, nothing."""
        self._stream = stream
        self._total = total
        self._shown = shown and total > 1
        self._width = width
        self._clock = clock
        self._next = clock() + _PATIENCE
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wiped()

    def at(self, number: int, name: str) -> None:
        """Tell that the file of this number, from 0, is now looked at."""
        now = self._clock()
        if not self._shown or now < self._next:
            return
        self._next = now + _INTERVAL
        filled = _BAR * number // self._total
        head = f"[{'#' * filled}{' ' * (_BAR - filled)}] {number}/{self._total} files  "
        line = head + cut(one_line(name), max(0, self._width - columns(head) - 1))
        self._stream.write(f"\r{line}\x1b[K")
        self._stream.flush()
        self._drawn = True

    def wiped(self) -> None:
        """Take the bar away, so that a line can be printed."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False
            self._next = self._clock() + _INTERVAL
