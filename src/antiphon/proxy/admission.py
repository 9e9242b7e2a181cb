"""How many bytes of requests are held at a time: who comes when it is full waits its turn.

Knows numbers. Does not know what they are the size of.
"""

from collections import deque

import anyio


class Full(Exception):
    """There was no room in time."""


class Admission:
    """Room for so many bytes, given away in the order of asking."""

    def __init__(self, room: int, patience: float) -> None:
        """Take the room in bytes, and how many seconds one waits for it."""
        self._room = room
        self._patience = patience
        self._waiting: deque[tuple[int, anyio.Event]] = deque()
        self.taken = 0

    async def take(self, size: int) -> int:
        """Wait until there is room, and return how much of it was taken: what is larger than all of it takes all.

        Raises:
            Full: there was none in time.
        """
        size = min(size, self._room)
        if not self._waiting and self.taken + size <= self._room:
            self.taken += size
            return size
        turn = anyio.Event()
        entry = (size, turn)
        self._waiting.append(entry)
        try:
            with anyio.fail_after(self._patience):
                await turn.wait()
        except BaseException as error:
            if turn.is_set():
                self.give_back(size)
            else:
                self._waiting.remove(entry)
                self._admit()
            if isinstance(error, TimeoutError):
                raise Full from None
            raise
        return size

    def give_back(self, size: int) -> None:
        """Return what was taken."""
        self.taken -= size
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self.taken + self._waiting[0][0] <= self._room:
            size, turn = self._waiting.popleft()
            self.taken += size
            turn.set()
