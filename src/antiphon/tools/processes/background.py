"""Commands that go on while the conversation does, such as servers; and the place where they live.

They outlast the call that started them, so they cannot be tasks of it. They are tasks of an event loop of their own,
in one thread, which starts with the first command and ends with `aclose`: every task has a parent, and a command ends,
cancelled or not, by the same code as one in the foreground.
"""

import atexit
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Lock

import anyio
import anyio.to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal

from antiphon.tools.base import Workspace
from antiphon.tools.processes.output import OutputFile
from antiphon.tools.processes.running import Ended
from antiphon.tools.terminal_text import PlainText

MOST_RUNNING = 20
MOST_REMEMBERED = 100
_TAIL = 100_000
"""Characters of the last output that are at hand; all of it is in the file."""
_LOOK_EVERY = 0.02
"""Seconds between two looks at a command in the other thread."""
Job = Callable[[Callable[[bytes], None]], Awaitable[Ended]]
"""Runs a command to its end and tells what it writes."""


class TooMany(Exception):
    """So many commands run in the background that no more is started; the message says so."""


class Running:
    """One command in the background, or one that was.

    Attributes:
        id: what the model calls it.
        command: its text.
        file: where its output goes.
        over: it has ended and left no process.
        ended: how it ended by itself; None while it runs, and when it was stopped or could not start.
        trouble: why it could not start.
    """

    def __init__(self, name: str, command: str, spill: Path | None) -> None:
        self.id = name
        self.command = command
        self.file = OutputFile(spill, "", name)
        self.over = False
        self.ended: Ended | None = None
        self.trouble: str | None = None
        self._plain = PlainText()
        self._tail = ""
        self._lock = Lock()

    async def run(self, job: Job) -> None:
        """Run the command to its end, or until this is cancelled. In the other thread."""
        try:
            self.ended = await job(self._feed)
        except (OSError, ValueError) as error:
            self.trouble = str(error)
        finally:
            self._keep(self._plain.close())
            self.file.close()
            self.over = True

    def _feed(self, data: bytes) -> None:
        self._keep(self._plain.feed(data))

    def _keep(self, text: str) -> None:
        self.file.add(text)
        with self._lock:
            self._tail = (self._tail + text)[-_TAIL:]

    def last_lines(self, most: int) -> str:
        """Return the last lines of its output so far."""
        with self._lock:
            lines = (self._tail + ("" if self.over else self._plain.unfinished)).splitlines()
        return "\n".join(lines[-most:])

    async def wait(self, seconds: float) -> bool:
        """Wait for its end, at most so long; return whether it is over."""
        with anyio.move_on_after(seconds):
            while not self.over:  # noqa: ASYNC110  (it is another loop's, whose events do not reach this one)
                await anyio.sleep(_LOOK_EVERY)
        return self.over


class Background:
    """The commands in the background of one agent."""

    def __init__(self, workspace: Workspace) -> None:
        self._spill = workspace.spill
        self._all: dict[str, tuple[Running, Future[None]]] = {}
        self._count = 0
        self._portal: BlockingPortal | None = None
        self._loop: AbstractContextManager[BlockingPortal] | None = None
        self._opening = anyio.Lock()

    def __getitem__(self, name: str) -> Running:
        """Return a command by its id.

        Raises:
            KeyError: there is none.
        """
        return self._all[name][0]

    @property
    def names(self) -> tuple[str, ...]:
        """The ids of those that are known, in the order they were started."""
        return tuple(self._all)

    async def start(self, command: str, job: Job) -> Running:
        """Start a command.

        Args:
            command: its text.
            job: runs it.

        Raises:
            TooMany: there are too many already.
        """
        if sum(not running.over for running, _ in self._all.values()) >= MOST_RUNNING:
            raise TooMany(f"{MOST_RUNNING} commands run in the background already; stop one of them first.")
        portal = await self._opened()
        self._count += 1
        running = Running(f"bg_{self._count}", command, self._spill)
        self._all[running.id] = running, portal.start_task_soon(running.run, job, name=running.id)
        for name in [name for name, (other, _) in self._all.items() if other.over][:-MOST_REMEMBERED]:
            del self._all[name]
        return running

    async def _opened(self) -> BlockingPortal:
        async with self._opening:
            if self._portal is None:
                loop = self._loop = start_blocking_portal(name="antiphon background commands")
                self._portal = await anyio.to_thread.run_sync(loop.__enter__)
                # Should nobody close us, the end of the program does.
                atexit.register(self._close)
            return self._portal

    async def stop(self, running: Running) -> None:
        """Stop a command and all it started; return when it is over, within two seconds."""
        self._all[running.id][1].cancel()
        with anyio.CancelScope(shield=True):
            await running.wait(3)

    async def aclose(self) -> None:
        """Stop all of them. Others may be started later."""
        with anyio.CancelScope(shield=True):
            async with self._opening:
                await anyio.to_thread.run_sync(self._close)

    def _close(self) -> None:
        for running, future in self._all.values():
            if not running.over:
                future.cancel()
        loop, self._loop, self._portal = self._loop, None, None
        if loop is not None:
            loop.__exit__(None, None, None)
            atexit.unregister(self._close)
