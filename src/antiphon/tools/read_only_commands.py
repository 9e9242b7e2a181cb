"""Whether a command of the model is known to only read."""

from pathlib import Path

from antiphon.shell.parsing import parse
from antiphon.shell.reading import only_reads
from antiphon.tools.base import Workspace
from antiphon.tools.command_places import places_of


def is_read_only(command: str, workspace: Workspace, cwd: Path) -> bool:
    """Tell whether a shell command is known to only read, and only what is in the workspace. Never raises."""
    return only_reads(parse(command), places_of(workspace, cwd))
