"""Standing permissions: may this call run, must somebody be asked, or may it not.

One decision, from rules and a mode, and never from anything that a model or a tool has said. Does not know tools beyond
their names and what their calls are about, nor who is asked.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from antiphon.engine.events import Access, ToolCall
from antiphon.errors import SettingsError
from antiphon.policy.commands import CommandJudge
from antiphon.policy.decisions import Decision, by_rule, most_specific, shown
from antiphon.policy.file_judge import FileJudge
from antiphon.policy.matching import fits_file, fits_host, names
from antiphon.policy.modes import PermissionMode
from antiphon.policy.rules import Rule, RuleSource, SourceKind, Verdict, parse_rule
from antiphon.policy.subjects import CommandSubject, FileSubject, Subject, WebSubject
from antiphon.policy.suggesting import suggested
from antiphon.policy.workspace import Workspace
from antiphon.shell.reading import Places, part_only_reads
from antiphon.shell.script import SimpleCommand

__all__ = ["Decision", "Permissions"]

_HOLD_WHILE_PLANNING: frozenset[SourceKind] = frozenset({"flag", "program"})
"""Whose rules allow more than reading in plan mode: those that were given together with it."""
_BYPASS = Decision("allow", "Bypass mode allows what no rule names")


class Permissions:
    """Which calls may run.

    Attributes:
        mode: what holds for calls that no rule names. May be changed while agents use it.
    """

    def __init__(
        self,
        mode: PermissionMode = "default",
        rules: Iterable[Rule] = (),
        *,
        root: Path | None = None,
        workspace: Workspace | None = None,
    ) -> None:
        """Decide by these rules.

        Args:
            mode: what holds for calls that no rule names.
            rules: denying ones beat asking ones, and those beat allowing ones, wherever they come from.
            root: the resolved directory that patterns of files start at; the working directory unless given.
            workspace: instead of the root: all that commands may read and edits may change.
        """
        self.mode: PermissionMode = mode
        self._rules = list(rules)
        self._workspace = workspace or (None if root is None else Workspace(root))

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
        """Return the permissions of rules in their written form.

        Raises:
            SettingsError: one is none, or could never hold.
        """
        given: tuple[tuple[Verdict, Iterable[str]], ...] = (("allow", allow), ("ask", ask), ("deny", deny))
        return cls(mode, [parse_rule(text, verdict, source) for verdict, texts in given for text in texts], root=root)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules, in the order they were given."""
        return tuple(self._rules)

    def add(self, rule: Rule) -> None:
        """Let a rule hold from now on, for every agent that uses these permissions."""
        self._rules.append(rule)

    def with_rules(self, rules: Iterable[Rule], *, mode: PermissionMode | None = None) -> "Permissions":
        """Return permissions like these with other rules, to find out what those would change."""
        return Permissions(mode or self.mode, rules, workspace=self._workspace)

    def decide(self, call: ToolCall, access: Access, subject: Subject | None = None) -> Decision:
        """Say whether a call may run. Fast; of files it looks up no more than where links lead."""
        decision = self._decide(call, access, subject)
        if decision.verdict != "ask" or not (self.mode == "dont-ask" or (self.mode == "plan" and not access.early)):
            return decision
        if self.mode == "plan":
            reason = f"Plan mode: only calls that read may run. Describe the change instead ({decision.reason})"
        else:
            reason = f"{decision.reason}, and nobody is to be asked"
        return Decision("deny", reason, decision.rule, decision.parts)

    def suggestions(self, call: ToolCall, subject: Subject | None = None) -> tuple[Rule, ...]:
        """Return the rules that together would allow a call that is asked about; nothing where none should."""
        asking = self.with_rules(self._rules, mode="default")
        # What a call touches counts for reading only, and about that nobody is asked.
        return suggested(call.name, asking.decide(call, Access(), subject), subject, self._place().root)

    def _decide(self, call: ToolCall, access: Access, subject: Subject | None) -> Decision:
        counting = [rule for rule in self._rules if rule.verdict != "allow" or self._counts(rule, access)]
        about = [rule for rule in counting if names(rule, call.name)]
        fitting = [rule for rule in about if self._fits(rule, subject)]
        files = FileJudge(counting, self.mode, self._place())
        what = _what(call.name, subject, files)
        denying = most_specific(rule for rule in fitting if rule.verdict == "deny")
        if denying is not None:
            return by_rule(denying, what)
        asking = most_specific(rule for rule in fitting if rule.verdict == "ask")
        allowing = most_specific(rule for rule in fitting if rule.verdict == "allow")
        judged = self._judged(subject, about, allowing, files) if isinstance(subject, CommandSubject) else None
        if asking is not None and (judged is None or judged.verdict != "deny"):
            return by_rule(asking, what, parts=judged.parts if judged else ())
        if judged is not None:
            return judged
        unsure = most_specific(rule for rule in about if rule.verdict != "allow" and rule.pattern and subject is None)
        if unsure is not None:
            reason = f"{call.name} does not say what it is about, so {unsure} of {unsure.source} may be about it"
            return Decision("ask", reason, unsure)
        protected = files.protected(call.name, _changed(access, subject))
        if protected is not None:
            return protected
        return by_rule(allowing, what) if allowing is not None else self._by_mode(what, access, subject, files)

    def _counts(self, rule: Rule, access: Access) -> bool:
        """Tell whether a rule may allow anything in this mode."""
        return self.mode != "plan" or access.early or rule.source.kind in _HOLD_WHILE_PLANNING

    def _fits(self, rule: Rule, subject: Subject | None) -> bool:
        """Tell whether a rule about a tool fits what a whole call is about; parts of a command are judged elsewhere."""
        match subject:
            case _ if rule.pattern is None:
                return True
            case FileSubject():
                return fits_file(rule, subject.path, self._place().root)
            case WebSubject():
                return fits_host(rule, subject.host)
            case _:
                return False

    def _judged(
        self, subject: CommandSubject, about: Sequence[Rule], allowing: Rule | None, files: FileJudge
    ) -> Decision:
        free, place = None, files.place
        if allowing is not None:
            free = by_rule(allowing, "It")
        elif self.mode == "bypass":
            free = _BYPASS
        elif self.mode == "auto" and subject.sandbox:
            free = Decision("allow", f"Auto mode allows what runs in the sandbox ({subject.sandbox})")
        decision = CommandJudge(
            subject,
            [rule for rule in about if rule.pattern is not None],
            free,
            written=lambda path: files.written(path, free),
            reads=lambda command, directory: _reads(command, directory, place),
            inside=lambda path: place.root_of(path) is not None,
        ).decide()
        if free is not None or subject.reads or not subject.leaves_sandbox or decision.verdict == "deny":
            return decision
        # A rule for `npm test` was given for what `npm test` can do in there.
        outside = f"{shown(subject.command)} is to run outside of the sandbox"
        reason = f"{outside}, and {decision.reason}" if decision.verdict == "ask" else outside
        return Decision("ask", reason, decision.rule if decision.verdict == "ask" else None, decision.parts)

    def _by_mode(self, what: str, access: Access, subject: Subject | None, files: FileJudge) -> Decision:
        """Say what is done with a call that no rule names and that is no command."""
        if self.mode == "bypass":
            return _BYPASS
        if isinstance(subject, WebSubject):
            host = subject.host or subject.url
            return Decision("ask", f"{host} is in no allow rule, and an address can carry data out", allowable=True)
        if access.early:
            return Decision("allow", f"{what} only reads")
        edited = _edited(access, subject, files)
        if edited is not None:
            return edited
        if isinstance(subject, FileSubject):
            return Decision("ask", "It changes a file, and no rule allows that", allowable=True)
        return Decision("ask", f"{what} may change something, and is in no allow rule", allowable=True)

    def _place(self) -> Workspace:
        if self._workspace is not None:
            return self._workspace
        try:
            return Workspace(Path.cwd())
        except OSError:  # it was removed
            return Workspace(Path("/nowhere"))


def _reads(command: SimpleCommand, directory: Path, place: Workspace) -> bool:
    places = Places(directory, place.roots(), place.ignored.hides, place.ignored.hidden)
    try:
        return part_only_reads(command, places)
    except SettingsError:  # it cannot be told what is hidden
        return False


def _changed(access: Access, subject: Subject | None) -> list[Path]:
    """Return the files that a call says it changes."""
    if isinstance(subject, FileSubject):
        return [subject.path] if subject.writes else []
    return [Path("/", *resource[1:]) for resource in access.writes if resource[:1] == ("file",)]


def _edited(access: Access, subject: Subject | None, files: FileJudge) -> Decision | None:
    """Return why a mode allows a call because it does nothing but change files; None if it does not."""
    if isinstance(subject, FileSubject):
        return files.edited(subject.path) if subject.writes else None
    # Where a tool only declares what it writes, its paths may be of any form; whoever made it answers for it.
    only_files = bool(access.writes) and all(resource[:1] == ("file",) for resource in access.writes)
    return files.edited(files.place.root) if only_files else None


def _what(tool: str, subject: Subject | None, files: FileJudge) -> str:
    match subject:
        case FileSubject():
            return f"{tool} of {files.shown(subject.path)}"
        case WebSubject():
            return f"{tool} of {subject.host or subject.url}"
        case _:
            return tool
