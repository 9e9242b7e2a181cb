"""Standing permissions: may this call run, must somebody be asked, or may it not.

Pure data and one decision. Does not know tools beyond their names and what they touch, nor who is asked.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from antiphon.engine.events import Access, ToolCall

PermissionMode = Literal["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"]
"""The names other agents use.

default: what only reads is allowed, everything else is asked. acceptEdits: changes of files are allowed too. plan:
only what reads runs, everything else is denied. dontAsk: what would be asked is denied. bypassPermissions: everything
is allowed.
"""


@dataclass(frozen=True, slots=True)
class Approval:
    """What somebody decided about one call; a reason for a no is told to the model."""

    allowed: bool
    reason: str = ""


Approve = Callable[[ToolCall, Access], Awaitable[Approval]]
"""Asks a person, or whoever decides, about one call. Several may be open at once, and be answered in any order."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the permissions say of a call, and why: the reason is shown to whoever is asked, or told to the model."""

    verdict: Literal["allow", "ask", "deny"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Permissions:
    """Which calls may run.

    Attributes:
        mode: what holds for tools that are not named below.
        allowed: names of tools that need no approval.
        denied: names of tools that never run; stronger than `allowed` and every mode.
    """

    mode: PermissionMode = "default"
    allowed: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()

    def decide(self, call: ToolCall, access: Access) -> Decision:
        """Say whether a call may run."""
        if call.name in self.denied:
            return Decision("deny", f"The user's settings do not allow {call.name}.")
        if self.mode == "bypassPermissions" or call.name in self.allowed or _only_reads(access):
            return Decision("allow")
        if self.mode == "plan":
            return Decision("deny", "Plan mode: only calls that read may run. Describe the change instead.")
        if self.mode == "acceptEdits" and _edits_files(access):
            return Decision("allow")
        if self.mode == "dontAsk":
            return Decision("deny", f"{call.name} would need the user's approval, and nobody is to be asked.")
        return Decision("ask", f"{call.name} may change something")


def _only_reads(access: Access) -> bool:
    return access.early


def _edits_files(access: Access) -> bool:
    return bool(access.writes) and all(resource[:1] == ("file",) for resource in access.writes)


ALLOW_ALL = Permissions(mode="bypassPermissions")
"""Every tool that was given may run: the default of the Python API, where the caller chose the tools."""
