"""What permissions say of a call and why, and the words for it.

A reason is a sentence without its full stop. It is shown to the person who is asked, told to the model whose call is
denied, and printed by `antiphon permissions explain`; so it names the part that decided, and the rule.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from antiphon.policy.rules import SETTING_OF, Rule, SourceKind, Verdict
from antiphon.shell.script import SimpleCommand

_SPECIFIC: tuple[SourceKind, ...] = ("program", *(kind for kind in get_args(SourceKind) if kind != "program"))
_LONGEST = 80
"""Characters of a command that a reason shows."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the permissions say of a call, or of a part of it, and why.

    Attributes:
        verdict: what becomes of it.
        reason: why, a sentence without its full stop; shown to whoever is asked, or told to the model.
        rule: the rule that decided, if one did.
        parts: of a shell command, what is said of each of its commands and of each file it writes.
        part: of a part, what it is.
        allowable: it is asked about, and a rule could allow it.
    """

    verdict: Verdict
    reason: str = ""
    rule: Rule | None = None
    parts: "tuple[Decision, ...]" = ()
    part: SimpleCommand | Path | None = None
    allowable: bool = False


def most_specific(rules: Iterable[Rule]) -> Rule | None:
    """Return the rule that explains best, whatever order they come in: the nearest source, then the longest."""
    return max(rules, key=lambda rule: (_SPECIFIC.index(rule.source.kind), len(str(rule)), str(rule)), default=None)


def by_rule(
    rule: Rule, what: str, *, part: SimpleCommand | Path | None = None, parts: tuple[Decision, ...] = ()
) -> Decision:
    """Return the decision that a rule makes about something, in words such as "`git push`"."""
    written = f"{SETTING_OF[rule.verdict]} {rule} of {rule.source}"
    match rule.verdict:
        case "deny":
            reason = f"The settings do not allow {what}: denied by {written}"
        case "ask":
            reason = f"{what} is asked about, by {written}"
        case "allow":
            reason = f"{what} is allowed by {written}"
    return Decision(rule.verdict, reason, rule, parts, part)


def together(parts: Iterable[Decision]) -> Decision:
    """Return what is said of a whole by what is said of its parts: the strictest counts, the most specific explains."""
    parts = tuple(parts)
    for verdict in ("deny", "ask", "allow"):
        such = [part for part in parts if part.verdict == verdict]
        if such:
            rule = most_specific(part.rule for part in such if part.rule is not None)
            first = next(part for part in such if part.rule is rule)
            rest = "" if verdict == "allow" or len(such) == 1 else f" (and so for {len(such) - 1} more of its parts)"
            allowable = verdict == "ask" and all(part.allowable for part in such)
            return Decision(verdict, first.reason + rest, rule, parts, allowable=allowable)
    return Decision("ask", "It is not known what it does", parts=parts)


def shown(command: str) -> str:
    """Return a command, or the beginning of a long one, as a reason shows it."""
    line = " ".join(command.split())
    return f"`{line}`" if len(line) <= _LONGEST else f"`{line[:_LONGEST]}...`"
