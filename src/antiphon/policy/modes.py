"""What is done with calls that no rule names."""

from typing import Literal, get_args

PermissionMode = Literal["default", "accept-edits", "plan", "auto", "dont-ask", "bypass"]
"""What is done with calls that no rule names.

default: what only reads is allowed, everything else is asked. accept-edits: changes of files in the workspace are
allowed too. plan: only what reads runs, everything else is denied. auto: also commands that run in a sandbox are
allowed, so nothing is asked that stays in the workspace. dont-ask: what would be asked is denied. bypass: everything is
allowed but for what a rule or the protection of a file asks or denies.
"""

MODES: tuple[PermissionMode, ...] = get_args(PermissionMode)

_OTHER_NAMES: dict[str, PermissionMode] = {
    "acceptEdits": "accept-edits",
    "dontAsk": "dont-ask",
    "bypassPermissions": "bypass",
    "manual": "default",
}
"""What comparable agents call them."""


def mode_of(name: str) -> PermissionMode | None:
    """Return the mode of a name, ours or another agent's; None if there is no such mode."""
    for mode in MODES:
        if mode == name:
            return mode
    return _OTHER_NAMES.get(name)


def other_name(mode: PermissionMode) -> str:
    """Return the name that comparable agents have for a mode, for output that their readers parse."""
    return next((name for name, ours in _OTHER_NAMES.items() if ours == mode), mode)
