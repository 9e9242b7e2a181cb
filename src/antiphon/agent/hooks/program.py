"""Runs the program of one hook: an event as JSON on its input, what it says read from its output.

It runs in a shell, as commands do, with nothing left behind when it ends, runs out of time or is cancelled, and without
our keys in its environment. Decides nothing.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import anyio

from antiphon.agent.hooks.outcome import HookOutcome, read_outcome
from antiphon.policy.hooks import HookSetting
from antiphon.protocol.encoding import encode
from antiphon.protocol.messages import Json
from antiphon.tools.processes.ending import how_it_ended
from antiphon.tools.processes.environment import command_environment
from antiphon.tools.processes.running import Ended, run_process

MOST_OUTPUT = 1_000_000
"""Bytes of standard output that are read; JSON that is longer cannot be used."""
_MOST_ERRORS = 40_000
_READ = 65536

_SCRIPT = 'exec "$1" -c "$2" <"$3" 2>"$4"'
"""Input comes from a file and errors go to a pipe of their own, because the output alone is the answer."""


async def run_hook(setting: HookSetting, told: Json, cwd: Path) -> HookOutcome:
    """Run a hook's program and return what it says. Never raises: what goes wrong is told as `trouble`.

    May be cancelled at any await; leaves no process and no file behind.

    Args:
        setting: the hook.
        told: what it gets on its input.
        cwd: where it runs.
    """
    if sys.platform == "win32":
        return HookOutcome(trouble="needs a POSIX shell; on Windows, Antiphon runs programs inside WSL only")
    output, errors = _Bounded(MOST_OUTPUT), _Bounded(_MOST_ERRORS)
    try:
        with tempfile.TemporaryDirectory(prefix="antiphon-hook-") as directory:
            ended = await _run(setting, told, cwd, Path(directory), output=output, errors=errors)
    except (OSError, ValueError, RecursionError) as problem:  # the last: arguments that are nested beyond measure
        return HookOutcome(trouble=f"could not be run: {problem}")
    if ended.timed_out:
        return HookOutcome(trouble=f"was stopped after {setting.timeout:g} s, which is its time")
    if ended.code is None or ended.code < 0:
        return HookOutcome(trouble=how_it_ended(ended))
    if output.overfull and ended.code == 0:
        return HookOutcome(trouble=f"wrote more than {MOST_OUTPUT:,} bytes, which is too long for an answer")
    return read_outcome(setting.event, ended.code, bytes(output.kept), bytes(errors.kept))


class _Bounded:
    """The beginning of a stream."""

    def __init__(self, most: int) -> None:
        self.kept = bytearray()
        self.overfull = False
        self._most = most

    def add(self, data: bytes) -> None:
        room = self._most - len(self.kept)
        self.overfull = self.overfull or len(data) > room
        self.kept += data[:room]


async def _run(
    setting: HookSetting, told: Json, cwd: Path, directory: Path, *, output: _Bounded, errors: _Bounded
) -> Ended:
    given, pipe = directory / "input", directory / "errors"
    given.write_bytes(encode(told) + b"\n")
    os.mkfifo(pipe, 0o600)
    shell = shutil.which("bash") or "/bin/sh"
    argv = ["/bin/sh", "-c", _SCRIPT, "sh", shell, setting.command, str(given), str(pipe)]
    # The name that comparable agents have for it is there, too, so that ready-made hooks find their files.
    places = dict.fromkeys(("ANTIPHON_PROJECT_DIR", "CLAUDE_PROJECT_DIR"), str(cwd))
    env = {**command_environment(os.environ), **places}
    ended, trouble = Ended(None), None
    # Open for writing as well, so that the shell need not wait for a reader and the pipe has no end before its time.
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_pump, reader, errors, name="read a hook's errors")
            try:
                ended = await run_process(argv, cwd=cwd, env=env, output=output.add, timeout=setting.timeout)
            except (OSError, ValueError) as problem:
                trouble = problem
            tasks.cancel_scope.cancel()
        _read(reader, errors)
    finally:
        os.close(reader)
    if trouble is not None:
        raise trouble
    return ended


async def _pump(reader: int, errors: _Bounded) -> None:
    while True:
        await anyio.wait_readable(reader)
        _read(reader, errors)


def _read(reader: int, errors: _Bounded) -> None:
    with contextlib.suppress(BlockingIOError):
        errors.add(os.read(reader, _READ))
