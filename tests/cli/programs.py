"""Runs `antiphon` as people do: as a process, on a terminal or in a pipe."""

import contextlib
import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

SECONDS = 60.0
"""After so long something hangs. Long, because other tests try what uses up a machine."""
_MARK = "TEST_RUN"
"""A variable by which processes of a test are known; what they start inherits it."""
_ESCAPES = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b[=>]|\r")
# A session leader that opens a terminal gets it as its controlling one, to which Ctrl-C is sent.
_ON_TERMINAL = """
import fcntl, os, signal, sys, termios
# Who starts the tests in the background may have had Ctrl-C ignored; a terminal's programs begin without that.
signal.signal(signal.SIGINT, signal.SIG_DFL)
terminal = os.open(sys.argv[1], os.O_RDWR)
fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
for descriptor in range(3):
    os.dup2(terminal, descriptor)
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def surroundings(home: Path, **variables: str) -> dict[str, str]:
    """Return an environment with an empty home and nothing of the developer's."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV") if name in os.environ}
    mark = str(uuid.uuid4())
    ours = {"HOME": str(home), "TERM": "xterm-256color", "PYTHONUTF8": "1"}
    return {**kept, _MARK: mark, **ours, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", **variables}


def run_antiphon(
    *arguments: str, environment: Mapping[str, str], cwd: Path, stdin: str = "", seconds: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run `antiphon` with pipes to its end."""
    return subprocess.run(
        [sys.executable, "-m", "antiphon", *arguments],
        env=dict(environment),
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def alive(environment: Mapping[str, str]) -> list[str]:
    """Return the processes that were started in this environment and are still there, wherever they have gone."""
    mark = f"{_MARK}={environment[_MARK]}".encode()
    found: list[str] = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with contextlib.suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


class OnTerminal:
    """`antiphon` on a terminal of its own. Leaving ends it."""

    def __init__(self, *arguments: str, environment: Mapping[str, str], cwd: Path, width: int = 100) -> None:
        self.output = b""
        self._environment = environment
        self._keyboard, terminal = os.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        command = [sys.executable, "-c", _ON_TERMINAL, os.ttyname(terminal), "-m", "antiphon", *arguments]
        self.process = subprocess.Popen(command, env=dict(environment), cwd=cwd, start_new_session=True)
        os.close(terminal)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._keyboard)

    @property
    def text(self) -> str:
        """What was written so far, without escape sequences."""
        return _ESCAPES.sub(b"", self.output).decode("utf-8", "replace")

    def sees(self, pattern: str, *, seconds: float = SECONDS) -> str:
        """Wait until what was written since the last time matches, and return all text so far."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern!r} was not seen in:\n{self.text}"
            self._read(min(left, 0.2))
            if self.process.poll() is not None:
                self._read(0)
                assert re.search(pattern, self.text), f"it ended without {pattern!r}:\n{self.text}"
        return self.text

    def types(self, line: str) -> None:
        """Type a line."""
        self.presses(f"{line}\r")

    def presses(self, keys: str) -> None:
        """Press keys; from now on `sees` looks at what comes after them."""
        self.output = b""
        os.write(self._keyboard, keys.encode())

    def ends(self, *, seconds: float = SECONDS) -> int:
        """Wait for its end and return the exit code. No process that it started may be left."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it did not end:\n{self.text}"
            self._read(0.05)
        self._read(0)
        assert alive(self._environment) == []
        return self.process.returncode

    def _read(self, seconds: float) -> None:
        while select.select([self._keyboard], [], [], seconds)[0]:
            try:
                data = os.read(self._keyboard, 65536)
            except OSError:  # the other end is closed
                return
            self.output += data
            seconds = 0
