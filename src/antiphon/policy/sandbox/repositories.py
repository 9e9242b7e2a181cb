"""Where git keeps a workspace's repository when that is not in the workspace: of worktrees and submodules."""

import re
from pathlib import Path

_LINK = re.compile(r"gitdir: (.+)")
_WORK_TREE = re.compile(r"^\s*worktree\s*=\s*(.+?)\s*$", re.MULTILINE)


def repository_outside(root: Path) -> Path | None:
    """Return the git directory to write to so that one can commit in a workspace; None if it is in the workspace.

    The repository has to know the workspace, too: a file `.git` that came with a download must not open any directory.
    """
    try:
        link = _LINK.fullmatch((root / ".git").read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return None
    if link is None:
        return None
    own = (root / link[1]).resolve()
    if own.is_relative_to(root) or not (own / "HEAD").is_file():
        return None
    common = _common(own)
    return common if common is not None and _knows(own, root) else None


def _common(own: Path) -> Path | None:
    text = _text(own / "commondir")
    common = (own / text).resolve() if text else own
    return common if (common / "objects").is_dir() and own.is_relative_to(common) else None


def _knows(own: Path, root: Path) -> bool:
    back = _text(own / "gitdir")
    if back:
        return (own / back).resolve() == root / ".git"
    named = _WORK_TREE.search(_text(own / "config"))
    return named is not None and (own / named[1]).resolve() == root


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
