"""Trees of files: what is in one, and the user's git in one."""

import subprocess
from pathlib import Path

from antiphon.checkpoints import Checkpoints


def below(root: Path) -> list[Path]:
    """Return everything below a directory; what is in a directory comes after it."""
    return sorted(root.rglob("*"))


def snapshot(root: Path, *, without: tuple[str, ...] = ()) -> dict[str, object]:
    """Return every file and link below a directory: who may execute it, and its content."""
    found: dict[str, object] = {}
    for path in below(root):
        relative = path.relative_to(root)
        if not set(relative.parts) & set(without):
            if path.is_symlink():
                found[str(relative)] = f"-> {path.readlink()}"
            elif path.is_file():
                found[str(relative)] = (bool(path.stat().st_mode & 0o100), path.read_bytes())
    return found


def write(root: Path, **files: str | bytes) -> None:
    """Write files; `__` in a name is a slash, `_dot_` a dot at the start of one."""
    for name, content in files.items():
        put(root, name.replace("__", "/").replace("_dot_", "."), content)


def put(root: Path, name: str, content: str | bytes) -> Path:
    """Write a file, and make its directories."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def remove(*paths: Path) -> None:
    """Remove files, links and empty directories."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()


def git(*arguments: str, cwd: Path) -> str:
    """Run the user's git, whose configuration is in `HOME`."""
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "protocol.file.allow=always")
    ended = subprocess.run(["git", *who, *arguments], cwd=cwd, check=True, capture_output=True, text=True)
    return ended.stdout.strip()


def at(tmp_path: Path, **settings: float) -> Checkpoints:
    """Return the checkpoints of the directory `work`."""
    return Checkpoints(tmp_path / "work", tmp_path / "kept", **settings)  # pyright: ignore[reportArgumentType]  (of numbers)
