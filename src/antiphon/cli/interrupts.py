"""What Ctrl-C, SIGTERM and SIGHUP mean in a session, at any moment.

Signals are handled in the main thread, which reads lines or waits for a run.
"""

import signal
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from types import FrameType

import anyio
from anyio.from_thread import BlockingPortal

from antiphon.cli.exit_codes import ExitCode

TWICE_SECONDS = 2.0
"""A second Ctrl-C within this time leaves."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NUDGE = signal.SIGURG
_NUDGE_SECONDS = 0.02


class Interrupts:
    """Takes the signals of a session.

    Attributes:
        leaving: the exit code of a session that is to end, or None.
        stop: stops the run that goes on, or None while there is none.
        reading: a line is being read, and reading can be interrupted by an exception.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare; nothing is installed yet."""
        self.leaving: ExitCode | None = None
        self.stop: Callable[[], object] | None = None
        self.reading = False
        self._clock = clock
        self._last = float("-inf")
        self._handled = 0

    @contextmanager
    def installed(self, portal: BlockingPortal) -> Generator["Interrupts"]:
        """Take the signals of this process, and give them back. Called in the main thread."""
        before = {number: signal.signal(number, self.handle) for number in _SIGNALS}
        before[_NUDGE] = signal.signal(_NUDGE, lambda _number, _frame: None)
        told, tells = socket.socketpair()
        told.setblocking(False)
        tells.setblocking(False)
        wakeup = signal.set_wakeup_fd(tells.fileno(), warn_on_full_buffer=False)
        watching = portal.start_task_soon(self._watch, told, threading.get_ident())
        try:
            yield self
        finally:
            watching.cancel()
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            tells.close()
            told.close()

    def handle(self, number: int, _frame: FrameType | None = None) -> None:
        """Take a signal: stop the run, or interrupt the reading of a line.

        Raises:
            KeyboardInterrupt: a line is being read, or the person has lost patience.
        """
        self._handled += 1
        now = self._clock()
        impatient = self.leaving is not None
        if number != signal.SIGINT:
            self.leaving = ExitCode.TERMINATED
        elif now - self._last < TWICE_SECONDS:
            self.leaving = self.leaving or ExitCode.INTERRUPTED
        self._last = now
        if self.stop is not None and not impatient:
            self.stop()
        elif self.reading or impatient:
            raise KeyboardInterrupt

    async def _watch(self, told: socket.socket, main_thread: int) -> None:
        """See to it that a signal is handled even if it came in the moment before the main thread began to wait.

        Who waits for keys or for a lock notices signals that arrive while it waits, and no others. So the main thread
        is nudged until the handler has run.
        """
        with suppress(OSError):
            while True:
                handled = self._handled
                await anyio.wait_readable(told)
                numbers = told.recv(64)
                while any(number in numbers for number in _SIGNALS) and self._handled == handled:
                    signal.pthread_kill(main_thread, _NUDGE)
                    await anyio.sleep(_NUDGE_SECONDS)
