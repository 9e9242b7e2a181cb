"""What permissions say of changing a file: whether it is protected, and whether a command may write it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from antiphon.policy.decisions import Decision, by_rule, most_specific
from antiphon.policy.matching import fits_file, names
from antiphon.policy.modes import PermissionMode
from antiphon.policy.protected import is_protected
from antiphon.policy.rules import Rule, SourceKind
from antiphon.policy.workspace import Workspace

_MAY_UNPROTECT: frozenset[SourceKind] = frozenset({"user", "flag", "session", "program"})
"""Whose rules can allow changing a protected file: never those of files that such a change could write."""
_TAKES_AWAY = ("write_file", "edit_file")
"""Tools whose rules, where they ask or deny, hold for what commands write, too."""


@dataclass(frozen=True, slots=True)
class FileJudge:
    """Judges changes of files.

    Attributes:
        rules: all rules that count.
        mode: what holds for files that no rule names.
        place: the workspace; patterns start at its root.
    """

    rules: Sequence[Rule]
    mode: PermissionMode
    place: Workspace

    def protected(self, tool: str, paths: Iterable[Path]) -> Decision | None:
        """Return what is said of a tool's changing files because one of them is protected; None where none is."""
        said = [decision for path in paths if (decision := self._protected(tool, path)) is not None]
        return next((one for one in said if one.verdict == "ask"), said[0] if said else None)

    def _protected(self, tool: str, path: Path) -> Decision | None:
        why = self._why_protected(path, self.place.root)
        if not why:
            return None
        naming = (
            rule
            for rule in self.rules
            if rule.verdict == "allow"
            and rule.source.kind in _MAY_UNPROTECT
            and names(rule, tool)
            # Only who has written the protected name has meant it.
            and self._why_protected(Path("/", (rule.pattern or "").lstrip("~/")))
            and fits_file(rule, path, self.place.root)
        )
        rule = most_specific(naming)
        if rule is not None:
            return by_rule(rule, f"Changing {self.shown(path)}")
        return Decision("ask", f"It writes {self.shown(path)}, a protected file ({why})", part=path)

    def _why_protected(self, path: Path, root: Path | None = None) -> str:
        own = "says which files the agent does not see" if self.place.ignored.is_source(path) else ""
        return is_protected(path, root) or own

    def written(self, path: Path, free: Decision | None) -> Decision:
        """Say what is thought of a command's writing a file.

        Args:
            path: the file.
            free: why it may be written if no rule asks or denies and it is not protected; None if that is open.
        """
        rule = self._taking_away(path)
        if rule is not None:
            return by_rule(rule, f"writing {self.shown(path)}")
        said = self.protected("write_file", [path]) or free
        if said is not None:
            return said
        allowing = (rule for rule in self._about(("write_file",), path) if rule.verdict == "allow")
        rule = most_specific(allowing)
        if rule is not None:
            return by_rule(rule, f"Writing {self.shown(path)}")
        return self.edited(path) or Decision("ask", f"It writes {self.shown(path)}", allowable=True)

    def edited(self, path: Path) -> Decision | None:
        """Return why a mode allows to change a file that no rule names; None if it does not."""
        if self.mode in {"accept-edits", "auto"} and self.place.root_of(path, writing=True) is not None:
            return Decision("allow", f"Changes of files in the workspace are allowed in {self.mode} mode")
        return None

    def _taking_away(self, path: Path) -> Rule | None:
        about = [rule for rule in self._about(_TAKES_AWAY, path) if rule.verdict != "allow"]
        denying = [rule for rule in about if rule.verdict == "deny"]
        return most_specific(denying or about)

    def _about(self, tools: Sequence[str], path: Path) -> list[Rule]:
        return [
            rule
            for rule in self.rules
            if any(names(rule, tool) for tool in tools)
            and (rule.pattern is None or fits_file(rule, path, self.place.root))
        ]

    def shown(self, path: Path) -> str:
        """Return a path as a reason shows it: relative to the root where it is below it."""
        root = self.place.root
        return str(path.relative_to(root) if path.is_relative_to(root) and path != root else path)
