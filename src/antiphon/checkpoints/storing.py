"""How checkpoints are laid out on the disk: the repository they are in, and the words that go with each."""

import json
import os
import stat
import sys
from datetime import datetime
from pathlib import Path

from antiphon.checkpoints.git import ATTRIBUTES
from antiphon.checkpoints.model import Checkpoint, LeftOut, State
from antiphon.checkpoints.small_files import read, write
from antiphon.tools.paths import ignores_case

_FORMAT = b"1\n"
_CONFIGURATION = """\
[core]
\trepositoryformatversion = 0
\tbare = true
\tignorecase = {folds}
\tprecomposeunicode = {mac}
"""


def repository_in(directory: Path) -> Path:
    """Return where git keeps its things in a directory of checkpoints."""
    return directory / "repository"


def is_made(directory: Path) -> bool:
    """Tell whether there is a repository."""
    return (repository_in(directory) / "antiphon").exists()


def make_repository(directory: Path, root: Path) -> None:
    """Make an empty repository for a workspace, unless there is one: the few files by which git knows one.

    Raises:
        OSError: it cannot be made.
    """
    if stat.S_IMODE(directory.stat().st_mode) & 0o077:
        directory.chmod(0o700)
    repository = repository_in(directory)
    if read(repository / "antiphon") == _FORMAT:
        return
    for part in ("objects", "refs"):
        (repository / part).mkdir(parents=True, exist_ok=True)
    folds = ignores_case(str(root))
    write(repository / "HEAD", b"ref: refs/heads/none\n")
    write(repository / "config", _CONFIGURATION.format(folds=folds, mac=sys.platform == "darwin").lower().encode())
    write(repository / "info" / "attributes", ATTRIBUTES.encode())
    write(repository / "antiphon", _FORMAT)


def encoded(checkpoint: Checkpoint) -> bytes:
    """Return a checkpoint as the message of its commit: one line."""
    return json.dumps(
        {
            "number": checkpoint.number,
            "at": checkpoint.at.isoformat(),
            "label": checkpoint.label,
            "commits": dict(checkpoint.state.commits),
            "left_out": [[entry.path, entry.reason] for entry in checkpoint.left_out],
        }
    ).encode()


def decoded(line: bytes) -> Checkpoint:
    """Return the checkpoint of a commit's id, a space and its message."""
    commit, _, text = line.decode().partition(" ")
    fields = json.loads(text)
    left_out = tuple(LeftOut(path, reason) for path, reason in fields["left_out"])
    state = State(fields["commits"], left_out)
    return Checkpoint(
        commit, fields["number"], datetime.fromisoformat(fields["at"]), fields["label"], new=False, state=state
    )


def size_of(directory: Path) -> int:
    """Return how many bytes on the disk a directory takes."""
    total = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512  # noqa: PTH118  (many of them)
            except FileNotFoundError:  # git has just removed it
                continue
    return total
