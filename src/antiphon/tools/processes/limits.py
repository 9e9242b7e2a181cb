"""What a command and all that it starts may take together: processes, memory, disk.

Looked at a few times a second, since no limit of the system counts a family: those that count users do not bind root,
and those of a process are multiplied by starting more of them. So a little more than allowed may be taken for a moment.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from antiphon.tools.processes.family import Group, Member

_EVERY = 0.1
_SHARE = 20
"""Times as long as a look takes it waits for the next, so that looking never takes more than a twentieth."""
_GIGABYTE = 10**9


def _most_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 3 // 4
    except (AttributeError, OSError, ValueError):  # a system that does not tell
        return 16 * _GIGABYTE


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What a command may take.

    Attributes:
        processes: how many may live at the same time.
        memory: bytes in memory, all together.
        written: bytes by which a disk may fill while it runs, whoever fills it.
        free: bytes that are left free on a disk.
        places: where it may write, to know which disks.
    """

    processes: int = 1000
    memory: int = field(default_factory=_most_memory)
    written: int = 20 * _GIGABYTE
    free: int = _GIGABYTE // 2
    places: tuple[Path, ...] = ()


async def watch(limits: ProcessLimits, family: Group) -> str:
    """Wait until a family takes more than it may, and return what, in words for the model."""
    disks = [_Disk(place, limits) for place in limits.places]
    due = 0.0
    while True:
        # Most commands are over before the first look. Disks are looked at each time: that costs nothing.
        await anyio.sleep(_EVERY)
        exceeded = next(filter(None, (disk.too_full() for disk in disks)), "")
        began = time.monotonic()
        if not exceeded and began >= due:
            members = family.members()
            exceeded = _too_many(members, limits.processes) or _too_large(members, limits.memory)
            now = time.monotonic()
            due = now + (now - began) * _SHARE
        if exceeded:
            return exceeded


def _too_many(members: Sequence[Member], most: int) -> str:
    return f"more than {most} processes at the same time" if len(members) > most else ""


def _too_large(members: Sequence[Member], most: int) -> str:
    if sum(member.memory for member in members) <= most:
        return ""
    # What processes share was counted for each of them; counting it once takes longer.
    return f"more than {_size(most)} of memory" if sum(map(_own_memory, members)) > most else ""


def _own_memory(member: Member) -> int:
    """Return the bytes of a process, of shared ones its part."""
    try:
        lines = Path(f"/proc/{member.pid}/smaps_rollup").read_text("utf-8").splitlines()
    except OSError:
        return member.memory
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), member.memory)


class _Disk:
    """A file system that a command may fill."""

    def __init__(self, place: Path, limits: ProcessLimits) -> None:
        self._place = place
        self._limits = limits
        self._before = self._free()
        # A disk that is nearly full is not to end each command, as long as they fill it no further.
        self._least = min(limits.free, self._before // 2)

    def _free(self) -> int:
        try:
            status = os.statvfs(self._place)
        except OSError:
            return 0
        return status.f_bavail * status.f_frsize

    def too_full(self) -> str:
        """Return what was exceeded."""
        free = self._free()
        # Others may make room meanwhile, and a disk does so late.
        self._before = max(self._before, free)
        if self._before - free > self._limits.written:
            return f"more than {_size(self._limits.written)} of the disk"
        return f"so much of the disk that less than {_size(self._least)} were free" if free < self._least else ""


def _size(number: int) -> str:
    return f"{number / _GIGABYTE:.1f} GB" if number >= _GIGABYTE else f"{number / 10**6:.0f} MB"
