"""`/permissions`: what may run without a question, and changes of it, in the middle of a talk."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from antiphon.cli.safe_text import one_line
from antiphon.policy import PermissionMode
from antiphon.policy.modes import MODES, mode_of
from antiphon.policy.rules import check_tools
from antiphon.tools.search_history import SearchHistory

if TYPE_CHECKING:
    from antiphon.cli.interactive import Talk

_MEANS: Mapping[PermissionMode, str] = {
    "default": "what only reads is allowed, everything else is asked",
    "accept-edits": "reading and changing files of the workspace is allowed, everything else is asked",
    "plan": "only what reads may run",
    "auto": "edits in the workspace and commands in a sandbox are allowed, everything else is asked",
    "dont-ask": "what would be asked is denied",
    "bypass": "everything is allowed but what a rule or the protection of a file asks or denies",
}
_VERDICTS = ("deny", "ask", "allow")
"""In the order in which they count."""


def change_permissions(talk: "Talk", argument: str) -> None:
    """Show the mode and the rules, or change them from now on.

    Raises:
        SettingsError: a rule is none, or could never hold.
    """
    what, _, given = argument.partition(" ")
    given = given.strip()
    match what:
        case "":
            _show(talk)
        case "mode" if given:
            _use_mode(talk, given)
        case "mode":
            for mode in MODES:
                talk.say(f"{mode:<12}  {_MEANS[mode]}", "")
        case "allow" if given:
            rule = talk.standing.read(given)
            check_tools(rule, [*(tool.name for tool in talk.workbench.tools), SearchHistory.name])
            talk.say(one_line(f"{talk.standing.add([rule])}."))
        case _:
            talk.say("Say /permissions, /permissions mode NAME, or /permissions allow RULE.", "bad")


def _show(talk: "Talk") -> None:
    permissions = talk.workbench.permissions
    talk.say(f"Mode {permissions.mode}: {_MEANS[permissions.mode]}.", "")
    sandbox = talk.workbench.sandbox
    talk.say(f"Commands run in the sandbox ({sandbox.name})." if sandbox else "Commands run without a sandbox.", "")
    rules = sorted(permissions.rules, key=lambda rule: _VERDICTS.index(rule.verdict))
    width = max((len(str(rule)) for rule in rules), default=0)
    for rule in rules:
        talk.say(f"  {rule.verdict:<5}  {one_line(str(rule)):<{min(width, 60)}}  {one_line(str(rule.source))}", "")


def _use_mode(talk: "Talk", name: str) -> None:
    mode = mode_of(name)
    if mode is None:
        talk.say(f"There is no mode {one_line(name)}; there are {', '.join(MODES)}.", "bad")
        return
    talk.workbench.permissions.mode = mode
    talk.say(f"Mode {mode}: {_MEANS[mode]}.", "bad" if mode == "bypass" else "quiet")
