"""What the tests see of the processes of this machine."""

import os
from pathlib import Path

import anyio


def carrying(token: str) -> list[int]:
    """Return the living processes whose environment holds this token."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environ = (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rsplit(") ", 1)[1][0]
            except OSError:
                continue
            if token.encode() in environ and state not in "ZX":
                found.append(int(entry.name))
    return found


def zombies_of_ours() -> list[int]:
    """Return the children of this process that ended and were not reaped."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rsplit(") ", 1)[1].split()[:2]
            except OSError:
                continue
            if state == "Z" and int(parent) == os.getpid():
                found.append(int(entry.name))
    return found


def open_files() -> list[str]:
    """Return what this process has open, by name."""
    names: list[str] = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            names.append(str(entry.readlink()))
        except OSError:
            continue
    return sorted(names)


async def until(condition: object, seconds: float = 10) -> None:
    """Wait until a condition holds."""
    assert callable(condition)
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110  (the outside world tells nobody)
            await anyio.sleep(0.005)
