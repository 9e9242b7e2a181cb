"""Where commands run and what they may read, told of a workspace to those who know nothing of workspaces."""

from pathlib import Path

from antiphon.shell.reading import Places
from antiphon.tools.base import Workspace


def places_of(workspace: Workspace, cwd: Path) -> Places:
    """Return what a command that starts in a resolved directory of a workspace may read."""
    return Places(cwd, workspace.roots(), workspace.ignored.hides, workspace.ignored.hidden)
