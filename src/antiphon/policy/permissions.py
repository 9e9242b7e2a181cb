"""Standing permissions: may this call run, must somebody be asked, or may it not.

One decision, from rules and a mode. Does not know tools beyond their names and what they touch, nor who is asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from antiphon.engine.events import Access, ToolCall
from antiphon.policy.modes import PermissionMode
from antiphon.policy.rules import Rule, RuleSource, Verdict
from antiphon.policy.subjects import Subject


@dataclass(frozen=True, slots=True)
class Decision:
    """What the permissions say of a call, and why.

    Attributes:
        verdict: what becomes of it.
        reason: why, a sentence without its full stop; shown to whoever is asked, or told to the model.
        rule: the rule that decided, if one did.
    """

    verdict: Verdict
    reason: str = ""
    rule: Rule | None = None


class Permissions:
    """Which calls may run.

    Attributes:
        mode: what holds for calls that no rule names. May be changed while agents use it.
    """

    def __init__(
        self, mode: PermissionMode = "default", rules: Iterable[Rule] = (), *, root: Path | None = None
    ) -> None:
        """Decide by these rules.

        Args:
            mode: what holds for calls that no rule names.
            rules: denying ones beat asking ones, and those beat allowing ones, wherever they come from.
            root: the resolved directory that patterns of files start at.
        """
        self.mode: PermissionMode = mode
        self._rules = list(rules)
        self._root = root

    @classmethod
    def of(
        cls,
        mode: PermissionMode = "default",
        *,
        allow: Iterable[str] = (),
        ask: Iterable[str] = (),
        deny: Iterable[str] = (),
        source: RuleSource = RuleSource(),  # noqa: B008  (frozen)
        root: Path | None = None,
    ) -> Self:
        """Return the permissions of rules in their written form."""
        given: tuple[tuple[Verdict, Iterable[str]], ...] = (("allow", allow), ("ask", ask), ("deny", deny))
        return cls(mode, [Rule(verdict, text, source=source) for verdict, texts in given for text in texts], root=root)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules, in the order they were given."""
        return tuple(self._rules)

    def add(self, rule: Rule) -> None:
        """Let a rule hold from now on, for every agent that uses these permissions."""
        self._rules.append(rule)

    def decide(self, call: ToolCall, access: Access, subject: Subject | None = None) -> Decision:
        """Say whether a call may run. Pure and fast."""
        del subject
        named = {rule.verdict: rule for rule in self._rules if rule.tool == call.name}
        if "deny" in named:
            return Decision("deny", f"The user's settings do not allow {call.name}", named["deny"])
        if self.mode == "bypass" or "allow" in named or access.early:
            return Decision("allow", rule=named.get("allow"))
        if self.mode == "plan":
            return Decision("deny", "Plan mode: only calls that read may run. Describe the change instead")
        if self.mode in {"accept-edits", "auto"} and _edits_files(access):
            return Decision("allow")
        if self.mode == "dont-ask":
            return Decision("deny", f"{call.name} would need the user's approval, and nobody is to be asked")
        return Decision("ask", f"{call.name} may change something")

    def suggestions(self, call: ToolCall, subject: Subject | None = None) -> tuple[Rule, ...]:
        """Return rules that would allow a call that is asked about, the narrowest first."""
        del subject
        return (Rule("allow", call.name),)


def _edits_files(access: Access) -> bool:
    return bool(access.writes) and all(resource[:1] == ("file",) for resource in access.writes)
