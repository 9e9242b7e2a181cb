"""Which processes a child and its descendants are, and signals to all of them.

They are found by the child's session and group, by a mark in their environment (so that one which moved to another
session is found as well) and by being children of those. The mark and the children are read from `/proc`; elsewhere
only the group is known. Not found, on any system, is a process that has left the session, lives on with another parent
and cleaned its environment; out of reach is one that belongs to another user.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

MARK = "ANTIPHON_CALLS"
"""The environment variable that says which call a process belongs to: ids joined by `:`, outermost first."""


def marked(env: Mapping[str, str], mark: str) -> dict[str, str]:
    """Return the environment with the mark added."""
    # Inside a command of another agent the outer mark stays, so that the outer one finds our children too.
    outer = env.get(MARK)
    return {**env, MARK: f"{outer}:{mark}" if outer else mark}


@dataclass(frozen=True, slots=True)
class Member:
    """One process. Its number and its start together name it for ever; the rest may change. Memory is in bytes."""

    pid: int
    started: int = 0
    parent: int = field(default=0, compare=False)
    group: int = field(default=0, compare=False)
    session: int = field(default=0, compare=False)
    alive: bool = field(default=True, compare=False)
    memory: int = field(default=0, compare=False)
    kernel: bool = field(default=False, compare=False)


class Group:
    """A child's process group: what every POSIX system can tell.

    Attributes:
        unsure: the last look may have missed somebody, so another is worth while.
    """

    unsure = False

    def __init__(self, leader: int) -> None:
        """Watch the group of this child, which leads it."""
        self.leader = leader

    def members(self) -> Sequence[Member]:
        """Return those alive; here one entry stands for the whole group."""
        try:
            os.killpg(self.leader, 0)
        except (ProcessLookupError, PermissionError):  # the latter: only zombies are left
            return ()
        return (Member(self.leader),)

    def everybody(self) -> Sequence[Member]:
        """Return those alive, and whoever was only needed to start them."""
        return self.members()

    def send(self, number: signal.Signals, members: Sequence[Member]) -> None:
        """Send a signal to the group and to those members that left it."""
        del members
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.leader, number)


class Family(Group):
    """A child and its descendants, as `/proc` shows them."""

    def __init__(self, leader: int, mark: str) -> None:
        """Watch this child, which leads its session, and everybody who carries the mark."""
        super().__init__(leader)
        self._mark = mark.encode()
        born = member_of(leader)
        self._born = born.started if born else 0
        self._known: frozenset[Member] = frozenset()
        self._dead = {leader}

    def members(self) -> Sequence[Member]:
        """Return the living ones, zombies not counted. Who was found once is known from then on."""
        self.unsure = False
        processes = self._processes()
        found = {m.pid: m for m in processes if self._is_ours(m)}
        grown = bool(found)
        while grown:
            grown = False
            for m in processes:
                if m.parent in found and m.pid not in found:
                    found[m.pid] = m
                    grown = True
        self._known = frozenset(found.values())
        return list(found.values())

    def _processes(self) -> list[Member]:
        """Return all that live and may descend from the child, which are those not older than it."""
        living: list[Member] = []
        for pid in numbers():
            member = member_of(pid)
            if member and member.started < self._born:
                continue
            if member and member.alive:
                living.append(member)
            elif pid not in self._dead:
                # It ended a moment ago, and may have started one that is not in the list yet.
                self._dead.add(pid)
                self.unsure = True
        return living

    def _is_ours(self, member: Member) -> bool:
        if self.leader in (member.session, member.group) or member in self._known:
            return True
        try:
            environ = _contents(f"/proc/{member.pid}/environ")
        except PermissionError:  # another user's
            return False
        except OSError:  # ending
            environ = b""
        # A process has no environment while it loads its program, or when it has begun to end. The first may be ours
        # when looked at again, the second may have started one that is not in the list yet.
        self.unsure = self.unsure or not (environ or member.kernel)
        return self._mark in environ

    def send(self, number: signal.Signals, members: Sequence[Member]) -> None:
        """Send a signal to all of them, each checked to be still the process that was found."""
        # The group first and at once: whoever stayed in it has no time to start another.
        if any(m.group == self.leader for m in members):
            super().send(number, members)
        for member in members:
            if member.group != self.leader:
                send_to(member, number)


def numbers() -> list[int]:
    """Return the numbers of all processes."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208  (names are all we need)


def family_of(leader: int, mark: str) -> Group:
    """Return the best view this system gives of a child and what it started."""
    return Family(leader, mark) if Path("/proc/self/stat").exists() else Group(leader)


def send_to(member: Member, number: signal.Signals) -> None:
    """Send a signal to a process if it is still the one that was found."""
    try:
        handle = os.pidfd_open(member.pid)
    except OSError:
        return
    try:
        now = member_of(member.pid)
        if now == member:
            with suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)


_KERNEL_THREAD = 0x00200000
"""PF_KTHREAD of linux/sched.h."""
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def member_of(pid: int) -> Member | None:
    """Read one process; None if it is gone."""
    try:
        stat = _contents(f"/proc/{pid}/stat")
    except OSError:
        return None
    # proc(5): pid (name) state ppid pgrp session tty_nr tpgid flags ...; starttime is field 22. The name may hold
    # anything, `)` too.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return Member(
        pid,
        int(fields[19]),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        alive=fields[0] not in {b"Z", b"X"},
        kernel=bool(int(fields[6]) & _KERNEL_THREAD),
        memory=int(fields[21]) * _PAGE,
    )


def _contents(path: str) -> bytes:
    """Read a file of `/proc`; many are read each time, so with as few calls as can be."""
    file = os.open(path, os.O_RDONLY)
    try:
        data = os.read(file, 4096)
        if len(data) == 4096:
            while more := os.read(file, 65536):
                data += more
    finally:
        os.close(file)
    return data
