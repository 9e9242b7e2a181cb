"""What a user can configure of hooks: which program runs at which event."""

from typing import Literal

from msgspec import Struct

from antiphon.policy.rules import RuleSource

HookEvent = Literal["PreToolUse", "PostToolUse", "UserPromptSubmit", "Stop", "SessionStart"]
"""When hooks run, by the names that comparable agents have for it."""


class HookSetting(Struct, frozen=True, kw_only=True):
    """A program of the user's that runs when something happens.

    Attributes:
        event: when it runs.
        command: what runs, a line for the shell.
        tools: which tools' calls it is about, names separated by `|`, with `*` as in rules; all of them when empty.
        timeout: seconds after which it is ended.
        source: where it was configured.
    """

    event: HookEvent
    command: str
    tools: str = ""
    timeout: float = 60.0
    source: RuleSource = RuleSource()
