"""The processes of a command that has a process space of its own, seen from outside.

They all descend from the program that made the space, however often they change session, group, parent or environment,
and end when the first process of the space does. So they are found for certain, and killed together.
"""

import signal
from collections.abc import Sequence

from antiphon.tools.processes.family import Group, Member, member_of, numbers, send_to


class Space(Group):
    """The processes in a space; its maker leads it."""

    def __init__(self, leader: int) -> None:
        """Watch what descends from this child."""
        super().__init__(leader)
        born = member_of(leader)
        self._born = born.started if born else 0
        self._known: dict[int, Member] = {}

    def everybody(self) -> Sequence[Member]:
        """Return all that live, its maker and those who only wait for the command among them."""
        listed = (member_of(pid) for pid in numbers())
        alive = {m.pid: m for m in listed if m is not None and m.alive and m.started >= self._born}
        # Those found before, too: when its maker is killed, the space's first process has another parent.
        found = {pid: alive[pid] for pid, member in self._known.items() if alive.get(pid) == member}
        if self.leader in alive:
            found[self.leader] = alive[self.leader]
        grown = True
        while grown:
            born = [m for m in alive.values() if m.parent in found and m.pid not in found]
            found.update((m.pid, m) for m in born)
            grown = bool(born)
        self._known = found
        return list(found.values())

    def members(self) -> Sequence[Member]:
        """Return the living ones that the command started, and it."""
        everybody = self.everybody()
        first = next((m.pid for m in everybody if m.parent == self.leader), 0)
        # The script that waits is the first child of the first process; others come there when their parents end.
        children = [m for m in everybody if first and m.parent == first]
        script = min(children, key=lambda m: (m.started, m.pid)).pid if children else 0
        return [m for m in everybody if m.pid not in {self.leader, first, script}]

    def send(self, number: signal.Signals, members: Sequence[Member]) -> None:
        """Send a signal to them; SIGKILL ends the whole space."""
        if number == signal.SIGKILL:
            # The group for what is only about to become a space.
            super().send(number, members)
            members = self.everybody()
        for member in members:
            send_to(member, number)
