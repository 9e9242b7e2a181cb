"""Checkpoints: the files of a workspace as they were, in a git repository of our own that nobody else uses.

Knows files, and how git keeps them. Does not know sessions, turns, or why somebody wants to go back.
"""

from antiphon.checkpoints.checkpoints import Checkpoints
from antiphon.checkpoints.model import Change, Checkpoint, Kept, LeftOut, Pruned, Restored, Unfinished
from antiphon.checkpoints.suitable import unsuitable

__all__ = ["Change", "Checkpoint", "Checkpoints", "Kept", "LeftOut", "Pruned", "Restored", "Unfinished", "unsuitable"]
