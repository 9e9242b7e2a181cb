"""A child process and all that it starts: how it is started, how its end is noticed, how all of it is ended.

Of two kinds. One that is free, whose family is looked for and killed, by a guard too should we be killed ourselves. And
one that is contained in a process space, which the kernel ends.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import anyio
import anyio.to_thread

from antiphon.policy.sandbox.containing import Told
from antiphon.tools.processes.family import Group, Member, family_of, marked
from antiphon.tools.processes.guard import Guard
from antiphon.tools.processes.space import Space

_LINGER = 0.2
"""Seconds that processes which outlive an ended child may take to finish by themselves: `> >(tee log)`."""
_POLITE = 0.5
"""Seconds between SIGTERM and SIGKILL."""
_FINAL = 1.0
"""Seconds after SIGKILL until a process that cannot be killed (it hangs in the kernel) is given up."""
_SCRIPT = 0.2
"""Seconds until the script that waits for a contained command has ended, too."""
_UNSURE = 0.05
"""Seconds to look again for one that the first look may have missed."""


class Child(Protocol):
    """A child that was started."""

    @property
    def family(self) -> Group:
        """It, and what it started."""
        ...

    async def exited(self) -> None:
        """Wait until it has ended; what it started may live on."""
        ...

    async def end(self, *, linger: bool, polite: bool = True) -> int:
        """End whoever is left, and return how many that were.

        Args:
            linger: give them a moment to finish by themselves.
            polite: ask them first.
        """
        ...

    async def code(self) -> int | None:
        """Return its exit code, once it was ended; negative is a signal; None if it could not be killed."""
        ...

    @property
    def trouble(self) -> str:
        """Why it never began, although it was started; empty if it did."""
        ...

    def close(self) -> None:
        """Give up what was held for it."""
        ...


class FreeChild:
    """A child among all the processes of this system."""

    def __init__(
        self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], output: int, keep: Sequence[int] = ()
    ) -> None:
        """Start it.

        Raises:
            OSError: it cannot be started.
        """
        mark = uuid4().hex
        self._guard = Guard(mark)
        try:
            self._process = subprocess.Popen(  # noqa: S603  (what the model asked for, after policy decided about it)
                argv,
                cwd=cwd,
                env=marked(env, mark),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=keep,
            )
        except BaseException:
            self._guard.dismiss()
            raise
        self._guard.watch(self._process.pid)
        self.family: Group = family_of(self._process.pid, mark)

    async def exited(self) -> None:
        """Wait until it has ended."""
        await _exit_of(self._process)

    async def end(self, *, linger: bool, polite: bool = True) -> int:
        """End whoever is left."""
        return await _end(self.family, linger=linger, polite=polite)

    async def code(self) -> int | None:
        """Return its exit code. Only now may its number be given to somebody else."""
        return await _reaped(self._process)

    @property
    def trouble(self) -> str:
        """Nothing: it was started, or that failed at once."""
        return ""

    def close(self) -> None:
        """Let the guard go."""
        self._guard.dismiss()


class ContainedChild:
    """A child in a process space of its own; see `policy/sandbox/containing.py` for what is said on which pipe."""

    def __init__(
        self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], output: int, keep: Sequence[int] = ()
    ) -> None:
        """Start it.

        Raises:
            OSError: it cannot be started.
        """
        self._told = Told()
        self._over = False
        self._reader, writer = os.pipe()
        held, self._go = os.pipe()
        try:
            os.set_blocking(self._reader, False)
            self._process = subprocess.Popen(  # noqa: S603  (what the model asked for, after policy decided about it)
                argv, cwd=cwd, env=env, stdin=held, stdout=output, stderr=writer, start_new_session=True, pass_fds=keep
            )
        except BaseException:
            self.close()
            raise
        finally:
            os.close(held)
            os.close(writer)
        self.family: Group = Space(self._process.pid)

    async def exited(self) -> None:
        """Wait until the command has ended, or the space with it."""
        while not (self._over or self._told.ended):
            await self._hear()

    async def _hear(self) -> None:
        await anyio.wait_readable(self._reader)
        try:
            data = os.read(self._reader, 4096)
        except BlockingIOError:
            return
        self._told.feed(data)
        # All who could write have ended: the maker of the space and everybody who waited in it.
        self._over = not data

    async def end(self, *, linger: bool, polite: bool = True) -> int:
        """End whoever is left."""
        stopped = 0
        if linger or (polite and self._told.begun):
            stopped = 0 if self._over else await _end(self.family, linger=linger, polite=polite)
            self._let_go()
            # Nobody was there to be ended: then the command may be about to begin, and must not.
            if linger or stopped:
                with anyio.move_on_after(_SCRIPT):
                    while not self._over:
                        await self._hear()
        if not self._over:
            # At once, without a look at who they are: the kernel ends all in the space with its makers.
            Group.send(self.family, signal.SIGKILL, ())
            stopped += await _end(self.family, linger=False, polite=False, everybody=True)
        return stopped

    async def code(self) -> int | None:
        """Return the exit code of the command."""
        return self._told.code(await _reaped(self._process))

    @property
    def trouble(self) -> str:
        """What the sandbox said instead of starting it."""
        ended = self._process.returncode
        failed = ended is not None and ended > 0 and not self._told.begun
        return f"the sandbox could not be set up: {self._told.trouble}" if failed else ""

    def _let_go(self) -> None:
        if self._go >= 0:
            os.close(self._go)
            self._go = -1

    def close(self) -> None:
        """Close the pipes."""
        self._let_go()
        os.close(self._reader)


async def _exit_of(child: "subprocess.Popen[bytes]") -> None:
    """Wait until the child has exited, without reaping it where that can be told apart.

    An unreaped child keeps its process and group number, so that signals to them cannot reach strangers.
    """
    try:
        watch = os.pidfd_open(child.pid)
    except (AttributeError, OSError):  # not Linux, or not allowed here
        await anyio.to_thread.run_sync(child.wait, abandon_on_cancel=True)
        return
    try:
        await anyio.wait_readable(watch)
    finally:
        os.close(watch)


async def _reaped(child: "subprocess.Popen[bytes]") -> int | None:
    with anyio.move_on_after(_FINAL):
        while child.poll() is None:  # noqa: ASYNC110  (at once, unless the waiting thread is about to reap it)
            await anyio.sleep(0.001)
    return child.returncode


async def _end(family: Group, *, linger: bool, polite: bool, everybody: bool = False) -> int:
    """Stop whoever is left of the family; return how many that were."""
    stopped: set[Member] = set()
    steps: list[tuple[signal.Signals | None, float]] = [(signal.SIGKILL, _FINAL)]
    if polite:
        steps.insert(0, (signal.SIGTERM, _POLITE))
    if linger:
        steps.insert(0, (None, _LINGER))
    for number, patience in steps:
        began = time.monotonic()
        told = False
        pause = 0.002
        while time.monotonic() < began + patience:
            members = family.everybody() if everybody else family.members()
            if not members and (not family.unsure or time.monotonic() > began + _UNSURE):
                return len(stopped)
            # SIGTERM once, because it may start some tidying, which another would disturb. SIGKILL again and again,
            # because a look can miss one that is born meanwhile.
            if members and number is not None and (not told or number == signal.SIGKILL):
                with suppress(ProcessLookupError):
                    family.send(number, members)
                told = True
                stopped.update(members)
            await anyio.sleep(pause)
            pause = min(pause * 2, 0.05)
    return len(stopped)
