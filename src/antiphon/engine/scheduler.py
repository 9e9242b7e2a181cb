"""Which calls may start now: no conflict before them, allowed, safe at this moment, and a place free.

Knows the order of the calls, their accesses and how many may run at once. Does not know results, time or who runs them.
"""

import heapq
from dataclasses import dataclass, field

from antiphon.engine.events import Access
from antiphon.engine.hazards import Hazards


@dataclass(slots=True)
class _Waiting:
    """A call that has not started. It is ready when nothing of this holds it."""

    number: int
    blockers: dict[str, None]
    asking: bool
    unsafe: bool

    @property
    def is_ready(self) -> bool:
        return not (self.blockers or self.asking or self.unsafe)


@dataclass(slots=True)
class Scheduler:
    """The line of unfinished calls of one turn.

    Attributes:
        limit: how many calls may run at once.
    """

    limit: int
    _hazards: Hazards = field(default_factory=Hazards)
    _waiting: dict[str, _Waiting] = field(default_factory=dict[str, _Waiting])
    _running: set[str] = field(default_factory=set[str])
    _dependents: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _ready: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    _count: int = 0
    _message_ended: bool = False

    def add(self, key: str, access: Access, *, asking: bool) -> None:
        """Put a call at the end of the line; it keeps its place while it waits, for whatever reason."""
        blockers = self._hazards.add(key, access)
        for blocker in blockers:
            self._dependents.setdefault(blocker, []).append(key)
        self._count += 1
        waiting = _Waiting(self._count, dict.fromkeys(blockers), asking, not (access.early or self._message_ended))
        self._waiting[key] = waiting
        self._note_ready(key, waiting)

    def allow(self, key: str) -> None:
        """A call that waited for approval got it."""
        waiting = self._waiting[key]
        waiting.asking = False
        self._note_ready(key, waiting)

    def message_ended(self) -> None:
        """The message is complete and logged: what writes is safe to run from now on."""
        self._message_ended = True
        for key, waiting in self._waiting.items():
            if waiting.unsafe:
                waiting.unsafe = False
                self._note_ready(key, waiting)

    def remove(self, key: str) -> None:
        """A call is over, whether it ran or not: its place is free, and nobody waits for it any more."""
        self._hazards.remove(key)
        self._waiting.pop(key, None)
        self._running.discard(key)
        for dependent in self._dependents.pop(key, ()):
            waiting = self._waiting.get(dependent)
            if waiting is not None:
                waiting.blockers.pop(key, None)
                self._note_ready(dependent, waiting)

    def start(self) -> list[str]:
        """Return the calls to start now, in request order; they count as running from here on."""
        started: list[str] = []
        while self._ready and len(self._running) < self.limit:
            _, key = heapq.heappop(self._ready)
            if self._waiting.pop(key, None) is not None:
                self._running.add(key)
                started.append(key)
        return started

    def blockers(self, key: str) -> tuple[str, ...]:
        """Return the earlier calls that a waiting call still has to wait for."""
        waiting = self._waiting.get(key)
        return tuple(waiting.blockers) if waiting is not None else ()

    def _note_ready(self, key: str, waiting: _Waiting) -> None:
        if waiting.is_ready:
            heapq.heappush(self._ready, (waiting.number, key))
