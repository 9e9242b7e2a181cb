"""Small files of our own, written in one step."""

from pathlib import Path


def read(path: Path) -> bytes:
    """Return what is in a small file; nothing when there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def write(path: Path, data: bytes) -> None:
    """Write a small file in one step, unless it is like that already; make its directory.

    Raises:
        OSError: it cannot be written.
    """
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(data)
    temporary.replace(path)
