"""The rules that a person's answers write: for all agents of this process, and for this project from now on.

Decides nothing itself; the permissions do.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from antiphon.errors import SettingsError
from antiphon.policy import ApprovalRequest, Permissions, Rule, RuleSource
from antiphon.policy.rules import parse_rule

Keep = Callable[[Rule], Path]
"""Writes a rule down for later sessions in this project and returns the file.

Raises OSError or SettingsError where it cannot; the rule then holds in this session only.
"""


class Standing:
    """Adds rules to the permissions, and says what they change for calls that are being asked about."""

    def __init__(self, permissions: Permissions, keep: Keep | None = None) -> None:
        """Add rules to the permissions that the agents of this process use; `keep` writes them down.

        Without it they hold in this session only.
        """
        self._permissions = permissions
        self._keep = keep
        self._added: list[Rule] = []

    def offer(self, request: ApprovalRequest) -> tuple[Rule, ...]:
        """Return the rules that an "always" would write; none where no rule is to help, or none would.

        A call is also asked about although the permissions allow it, by a hook for example. No rule answers that.
        """
        if self._verdict(request, self._permissions.rules) != "ask":
            return ()
        # One may do; a command of several parts can need all of them.
        for rules in (*((rule,) for rule in request.suggestions), request.suggestions):
            if self.allows(request, rules):
                return rules
        return ()

    def read(self, text: str) -> Rule:
        """Read a rule that a person typed.

        Raises:
            SettingsError: it is none, or could never hold; the message says what is wanted.
        """
        return parse_rule(text, "allow", RuleSource("session", "Your answer"))

    def allows(self, request: ApprovalRequest, rules: Iterable[Rule]) -> bool:
        """Tell whether a call would be allowed if these rules were added."""
        return self._verdict(request, (*self._permissions.rules, *rules)) == "allow"

    def add(self, rules: Sequence[Rule]) -> str:
        """Let rules hold from now on, and say in a sentence for how long."""
        files: list[Path] = []
        problem = ""
        for given in rules:
            rule = Rule("allow", given.tool, given.pattern, RuleSource("session"))
            self._permissions.add(rule)
            self._added.append(rule)
            try:
                if self._keep is not None and not problem:
                    files.append(self._keep(rule))
            except (OSError, SettingsError) as error:
                problem = str(error)
        named = ", ".join(map(str, rules))
        if problem:
            return f"{named} is allowed in this session only, for it could not be written: {problem}"
        if files:
            return f"{named} is allowed in this project from now on: {files[-1]}"
        return f"{named} is allowed in this session"

    def covers(self, request: ApprovalRequest) -> Rule | None:
        """Return the added rule that allows a call about which somebody would be asked without the added ones."""
        if not self._added:
            return None
        before = [rule for rule in self._permissions.rules if rule not in self._added]
        if self._verdict(request, before) != "ask":
            return None
        decision = self._permissions.decide(request.call, request.access, request.subject)
        return (decision.rule or self._added[-1]) if decision.verdict == "allow" else None

    def _verdict(self, request: ApprovalRequest, rules: Iterable[Rule]) -> str:
        return self._permissions.with_rules(rules).decide(request.call, request.access, request.subject).verdict
