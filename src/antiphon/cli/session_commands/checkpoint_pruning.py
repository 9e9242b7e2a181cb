"""Removes checkpoints that no session leads back to, of workspaces that still have sessions."""

import os
from pathlib import Path

import anyio

from antiphon.checkpoints import Checkpoints
from antiphon.cli.session_commands.place import Place
from antiphon.errors import CheckpointError
from antiphon.sessions.places import data_directory, workspace_directory
from antiphon.sessions.records import Checkpointed

NEWEST = 50
"""So many checkpoints of a workspace stay in any case."""


def prune_checkpoints(place: Place) -> int:
    """Remove what no session names but the newest of each workspace, and return how many bytes are free again.

    A workspace that is gone, in use, or whose checkpoints cannot be read keeps them.

    Raises:
        SessionError: a session cannot be read.
    """
    named: dict[str, set[str]] = {}
    for summary in place.sessions.list(place.scope, empty=True):
        ids = named.setdefault(summary.workspace, set())
        entries = place.sessions.entries(summary.id)
        ids.update(entry.record.checkpoint for entry in entries if isinstance(entry.record, Checkpointed))
    return sum(_pruned(Path(workspace), ids) for workspace, ids in named.items() if workspace)


def _pruned(workspace: Path, named: set[str]) -> int:
    directory = workspace_directory(data_directory(os.environ), workspace) / "checkpoints"
    if not directory.is_dir() or not workspace.is_dir():
        return 0

    async def prune() -> int:
        checkpoints = Checkpoints(workspace, directory)
        older = (await checkpoints.list())[:-NEWEST]
        if all(checkpoint.id in named for checkpoint in older):
            return 0
        return (await checkpoints.prune(newest=NEWEST, keep=named)).freed

    try:
        return max(0, anyio.run(prune))
    except CheckpointError:
        return 0
