"""Keeps the files of the workspace before a turn's first write, so that one can go back."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio

from antiphon.checkpoints import Checkpoints
from antiphon.engine.driver import Job
from antiphon.engine.events import Access
from antiphon.errors import CheckpointError
from antiphon.sessions.records import Checkpointed, Record

_FILE = "file"
"""The first part of a resource that is a file; the empty resource is everything."""


class FileKeeper:
    """Takes checkpoints for the turns of one agent."""

    def __init__(
        self, checkpoints: Checkpoints | None, record: Callable[[Record], None], warn: Callable[[str], None]
    ) -> None:
        """Take checkpoints there; without any, nothing is kept.

        Args:
            checkpoints: where.
            record: is told of each.
            warn: is told in a sentence when they cannot be taken; then no more are tried.
        """
        self._checkpoints = checkpoints
        self._record = record
        self._warn = warn

    def for_turn(self) -> "TurnKeeper":
        """Return what guards the calls of the next turn."""
        return TurnKeeper(self.keep)

    async def keep(self, tool: str) -> None:
        """Keep the files as they are before this tool is used. A failure is told and stops nothing."""
        if self._checkpoints is None:
            return
        try:
            taken = await self._checkpoints.take(f"before {tool}")
        except CheckpointError as problem:
            self._checkpoints = None
            self._warn(f"Changes of files cannot be taken back by antiphon rewind: {problem}")
        else:
            self._record(Checkpointed(taken.id, tool))


class TurnKeeper:
    """Lets the first call that may change files wait until they are kept, and with it all others that may."""

    def __init__(self, keep: Callable[[str], Awaitable[None]]) -> None:
        self._keep = keep
        self._lock = anyio.Lock()
        self._kept = False

    def guarded(self, job: Job, tool: str) -> Job:
        """Return a job before which the files are kept, where it may change some."""
        if not may_change_files(job.access):
            return job

        async def keep() -> None:
            async with self._lock:
                if not self._kept:
                    await self._keep(tool)
                    self._kept = True

        return replace(job, before=keep)


def may_change_files(access: Access) -> bool:
    """Whether a call writes files, or what nobody knows."""
    return any(not resource or resource[0] == _FILE for resource in access.writes)
