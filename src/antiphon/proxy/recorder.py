"""Writes recordings of exchanges into a directory, within bounds, and never in anybody's way.

A thread writes; the requests do not wait for it. What comes faster than the disk takes it is dropped and counted, what
cannot be written is told once.
"""

import contextlib
import errno
import logging
import os
import queue
import secrets
import threading
from collections import Counter, deque
from dataclasses import replace
from pathlib import Path

import anyio.to_thread

from antiphon.errors import SettingsError
from antiphon.proxy.options import MEGABYTE, Recording
from antiphon.proxy.recording import LONGEST_ERROR, NAME, Case, rendered

_MOST_WAITING = 64
_MOST_BYTES_WAITING = 64 * MEGABYTE

_NOT_ABOUT_THE_REQUEST = frozenset({401, 403, 429})
"""Errors that would be the same whatever was sent: they come in crowds, and would drive out what is worth keeping."""

_log = logging.getLogger("antiphon.proxy")


class Recorder:
    """Records exchanges."""

    def __init__(self, options: Recording, counts: Counter[str]) -> None:
        """Prepare; nothing is written before `open`.

        Args:
            options: where to, what, and how much.
            counts: how many were `written`, `dropped` because too much was waiting, and `failed`.
        """
        self._options = options
        self._counts = counts
        self._salt = None if options.content else secrets.token_bytes(16)
        self._waiting: queue.Queue[Case | None] = queue.Queue(_MOST_WAITING)
        self._bytes = 0
        self._lock = threading.Lock()
        self._files: deque[tuple[Path, int]] = deque()
        self._size = 0
        self._told: set[str] = set()
        self._thread = threading.Thread(target=self._write_all, name="antiphon-recorder", daemon=True)

    def open(self) -> None:
        """Make the directory, and begin.

        Raises:
            SettingsError: the directory cannot be made or read.
        """
        where = self._options.directory
        try:
            where.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in sorted(path for path in where.iterdir() if NAME.fullmatch(path.name)):
                self._keep(path, path.stat().st_size)
        except OSError as error:
            raise SettingsError(f"cannot record in {where}: {error.strerror or error}") from error
        if not os.access(where, os.W_OK | os.X_OK):
            raise SettingsError(f"cannot record in {where}: {os.strerror(errno.EACCES)}")
        self._thread.start()

    async def close(self, grace: float) -> None:
        """Write what waits, for a while, and stop."""
        await anyio.to_thread.run_sync(self._close, grace)

    def taken(self, case: Case, *, treated: bool) -> "Recorded | None":
        """Have an exchange recorded if it is to be: at once, or when the error that answers it has been passed on.

        Args:
            case: the exchange; its error, if it has one, as far as it was read already.
            treated: whether it was repaired, or a repair failed.

        Returns:
            What wants to see the rest of the error, and to be told when that is over.
        """
        if not self.wants(case.status, treated=treated):
            return None
        if case.status >= 400:
            return Recorded(self, case)
        self.offer(case)
        return None

    def wants(self, status: int, *, treated: bool) -> bool:
        """Say whether an exchange is to be recorded.

        Args:
            status: of its answer.
            treated: whether it was repaired, or a repair failed.
        """
        return self._options.every or treated or (400 <= status < 500 and status not in _NOT_ABOUT_THE_REQUEST)

    def offer(self, case: Case) -> None:
        """Have an exchange recorded, unless too much is waiting. Never waits, never raises."""
        with self._lock:
            if self._bytes and self._bytes + case.size > _MOST_BYTES_WAITING:
                self._counts["dropped"] += 1
                return
            self._bytes += case.size
        try:
            self._waiting.put_nowait(case)
        except queue.Full:
            self._done(case)
            self._counts["dropped"] += 1

    def _done(self, case: Case) -> None:
        with self._lock:
            self._bytes -= case.size

    def _close(self, grace: float) -> None:
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=grace)
        # It is a daemon: a disk that hangs does not keep the program from ending.
        self._thread.join(grace)

    def _write_all(self) -> None:
        while (case := self._waiting.get()) is not None:
            try:
                self._write(case)
            except OSError as error:
                self._failed(error.strerror or type(error).__name__)
            except Exception as error:  # noqa: BLE001  (the next one is recorded all the same; the text may hold anything)
                self._failed(type(error).__name__)
            else:
                self._counts["written"] += 1
            finally:
                self._done(case)

    def _write(self, case: Case) -> None:
        data = rendered(case, self._salt)
        if len(data) > self._options.size:
            raise OSError(errno.EFBIG, "one is larger than all of them may be")
        while self._files and (len(self._files) >= self._options.files or self._size + len(data) > self._options.size):
            oldest, size = self._files.popleft()
            self._size -= size
            oldest.unlink(missing_ok=True)
        path = self._options.directory / case.name
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
        except BaseException:
            # Half a recording is none.
            path.unlink(missing_ok=True)
            raise
        self._keep(path, len(data))

    def _keep(self, path: Path, size: int) -> None:
        self._files.append((path, size))
        self._size += size

    def _failed(self, why: str) -> None:
        self._counts["failed"] += 1
        if why not in self._told:
            self._told.add(why)
            _log.warning(
                "cannot record in %s: %s. Requests go on; this is not told again.", self._options.directory, why
            )


class Recorded:
    """An exchange that ended in an error, of which some is still to come."""

    def __init__(self, recorder: Recorder, case: Case) -> None:
        self._recorder = recorder
        self._case = case
        self._error = bytearray(case.error)

    def feed(self, data: bytes) -> None:
        """Take more of the error."""
        self._error += data[: max(LONGEST_ERROR - len(self._error), 0)]

    def close(self) -> None:
        """Say that the error is whole: that makes no difference."""

    def done(self) -> None:
        """Record what there is."""
        self._recorder.offer(replace(self._case, error=bytes(self._error)))
