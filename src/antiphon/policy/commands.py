"""What permissions say of a shell command: part by part, and of the files that its redirections write.

Every simple command anywhere in it is a part, and what a program such as `env` or `xargs` runs is judged with it. One
part that is denied denies the whole, one that is asked asks for it. What only the shell will know is never allowed by
a rule with a pattern, and asked about where a rule might deny it.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from antiphon.policy.decisions import Decision, by_rule, most_specific, shown, together
from antiphon.policy.matching import fits_command, may_fit_command
from antiphon.policy.rules import Rule
from antiphon.policy.subjects import CommandSubject
from antiphon.shell.script import Redirection, Script, SimpleCommand, Word
from antiphon.shell.variables import is_harmless
from antiphon.shell.wrappers import is_harmless_wrapper, unwrapped

# A single `&`, wherever it stands: in a quoted text it means a needless question.
_BACKGROUND = re.compile(r"(?<![&><|\\])&(?![&>])")
_LOCAL_NAME = re.compile(r"(?!npm_)[a-z][a-z0-9_]*(?<!_proxy)")
_MOVES = frozenset({"cd", "pushd", "popd"})
_MOST_DIRECTORIES = 8
_DEEPEST = 8
"""Programs that run programs that run programs."""

Directories = frozenset[Path]
"""Where a command may be started."""
_ELSEWHERE = Path()
"""Stands among directories for those that are not known."""


@dataclass(frozen=True, slots=True)
class CommandJudge:
    """Judges one command.

    Attributes:
        subject: the command.
        rules: the rules with a pattern that are about its tool.
        free: why each part may run that no rule asks about or denies; None if there is no such reason.
        written: says what is thought of writing a file.
        reads: tells whether a part, started in a directory, only reads, and only in the workspace.
        inside: tells whether a directory lies in the workspace.
    """

    subject: CommandSubject
    rules: Sequence[Rule]
    free: Decision | None
    written: Callable[[Path], Decision]
    reads: Callable[[SimpleCommand, Path], bool]
    inside: Callable[[Path], bool]

    def decide(self) -> Decision:
        """Say whether the command may run."""
        script = self.subject.script
        return self._not_understood() if script is None else together(self._parts(script))

    def _not_understood(self) -> Decision:
        what = f"{shown(self.subject.command)} could not be understood"
        rule = most_specific(rule for rule in self.rules if rule.verdict != "allow")
        if rule is not None:
            return Decision("ask", f"{what}, so {rule} of {rule.source} may be about it", rule)
        return self.free or Decision("ask", what)

    def _parts(self, script: Script) -> Iterator[Decision]:
        seen: set[tuple[str, Directories]] = set()
        for command, directories in zip(script.commands, self._places(script), strict=True):
            yield self._ruled(command) or self._allowed(command, directories)
            written = (redirection for one in _running(command)[0] for redirection in one.redirections)
            for redirection in written:
                # That of a group stands with each of its commands.
                key = (redirection.target.raw if redirection.target else "", directories)
                if redirection.writes and key not in seen:
                    seen.add(key)
                    yield self._redirected(redirection, directories)
        if not script.plain and not self.subject.reads and _BACKGROUND.search(script.text):
            yield self.free or Decision("ask", "Something is started in the background, with `&`")

    # What rules take away

    def _ruled(self, command: SimpleCommand) -> Decision | None:
        """Return what rules that deny or ask say of a part, or might say if it were known what it runs."""
        running, known = _running(command)
        narrowing = [rule for rule in self.rules if rule.verdict != "allow"]
        fits = {id(rule): [may_fit_command(rule, one) for one in running] for rule in narrowing}
        for verdict in ("deny", "ask"):
            rule = most_specific(rule for rule in narrowing if rule.verdict == verdict and True in fits[id(rule)])
            if rule is not None:
                return by_rule(rule, shown(command.raw), part=command)
        rule = most_specific(rule for rule in narrowing if not known or None in fits[id(rule)])
        if rule is None:
            return None
        reason = f"{_hidden(command)}, so {rule} of {rule.source} may be about it"
        return Decision("ask", reason, rule, part=command)

    # What allows

    def _allowed(self, command: SimpleCommand, directories: Directories, depth: int = 0) -> Decision:
        """Say what is thought of a part that no rule takes away."""
        if self.free is not None:
            return replace(self.free, part=command)
        what = shown(command.raw)
        rule = self._allowing(command)
        if rule is not None:
            return by_rule(rule, what, part=command)
        if self._is_harmless(command, directories):
            return Decision("allow", f"{what} changes nothing", part=command)
        if depth < _DEEPEST and is_harmless_wrapper(command):
            inner = [self._allowed(one, directories, depth + 1) for one in unwrapped(command) or ()]
            if inner and all(one.verdict == "allow" for one in inner):
                return replace(together(inner), parts=(), part=command)
        return _asked(command)

    def _allowing(self, command: SimpleCommand) -> Rule | None:
        """Return the rule that allows a part by its pattern."""
        assigned = tuple(
            Word(name, None if value.text is None else f"{name}={value.text}") for name, value in command.assignments
        )
        harmless = not _odd_variable(command)
        return most_specific(
            rule
            for rule in self.rules
            if rule.verdict == "allow"
            and command.words
            and ((harmless and fits_command(rule, command.words)) or fits_command(rule, assigned + command.words))
        )

    def _is_harmless(self, command: SimpleCommand, directories: Directories) -> bool:
        """Tell whether a part only reads, sets variables of no importance, or stays in the workspace."""
        if self.subject.reads:
            return True
        if not command.words:
            return not _odd_variable(command)
        if command.words[0].text == "cd" and not command.assignments:
            moved = _moved(command, directories)
            return _ELSEWHERE not in moved and all(map(self.inside, moved))
        # What it writes is a part of its own.
        reading = tuple(redirection for redirection in command.redirections if not redirection.writes)
        bare = replace(command, redirections=reading)
        return _ELSEWHERE not in directories and all(self.reads(bare, directory) for directory in directories)

    # Where parts run, and what they write

    def _places(self, script: Script) -> list[Directories]:
        """Return where each part may be started: where the command is, and wherever parts before it may lead."""
        here = frozenset({self.subject.cwd})
        places: list[Directories] = []
        for command in script.commands:
            places.append(here)
            here = _with(here, command)
        if script.plain:
            return places
        # In loops and functions what stands behind may run before.
        before: Directories | None = None
        while here != before and _ELSEWHERE not in here:
            before = here
            for command in script.commands:
                here = _with(here, command)
        return [here] * len(places)

    def _redirected(self, redirection: Redirection, directories: Directories) -> Decision:
        target = redirection.target
        if target is None or target.text is None or target.glob:
            what = f"`{redirection.operator} {target.raw if target else ''}`"
            return self.free or Decision("ask", f"{what}: only the shell will know which file is written")
        # The name alone says something too, wherever it is.
        paths = sorted(_resolved(directory, target.text) for directory in directories)
        said = together(replace(self.written(path), part=path) for path in paths)
        return replace(said, parts=(), part=paths[0], allowable=said.allowable and _ELSEWHERE not in directories)


@lru_cache(maxsize=256)
def _running(command: SimpleCommand, depth: int = 0) -> tuple[tuple[SimpleCommand, ...], bool]:
    """Return a command and those it runs, and whether these are all it runs."""
    inner = unwrapped(command) if depth < _DEEPEST else None
    if inner is None:
        return (command,), False
    further = [_running(one, depth + 1) for one in inner]
    return (command, *(one for found, _ in further for one in found)), all(known for _, known in further)


def _asked(command: SimpleCommand) -> Decision:
    """Return the decision about a part that nothing allows, with the reason."""
    what, odd = shown(command.raw), _odd_variable(command)
    if odd:
        reason = f"{what} sets {odd}, which may change what runs{'' if command.words else ' after it'}"
    elif not _running(command)[1]:
        reason = _hidden(command)
    else:
        return Decision("ask", f"{what} is not in any allow rule", part=command, allowable=True)
    return Decision("ask", reason, part=command)


def _hidden(command: SimpleCommand) -> str:
    """Return what hides what a command runs."""
    first = command.words[0]
    if first.text is None or first.glob:
        return f"`{first.raw}` decides at run time what runs"
    return f"What {shown(command.raw)} does is not known beforehand"


def _odd_variable(command: SimpleCommand) -> str:
    """Return the first variable that a command sets and that may change what a program does; nothing if none does."""
    for name, value in command.assignments:
        # Programs do not get to see a variable of the shell, unless it was in its environment before.
        local = not command.words and _LOCAL_NAME.fullmatch(name) is not None and name not in os.environ
        if not local and not is_harmless(name, value):
            return name
    return ""


def _with(here: Directories, command: SimpleCommand) -> Directories:
    """Return where the command after another may be started."""
    for one in _running(command)[0]:
        if one.words and one.words[0].text in _MOVES:
            here |= _moved(one, here)
    return here if len(here) <= _MOST_DIRECTORIES else frozenset(sorted(here)[:_MOST_DIRECTORIES]) | {_ELSEWHERE}


def _moved(command: SimpleCommand, directories: Directories) -> Directories:
    """Return where `cd` leads from these directories."""
    match command.words:
        case (Word(text="cd"), Word(text=str(there), glob=False)) if there and not there.startswith("-"):
            if os.environ.get("CDPATH") and not there.startswith(("/", "./", "../")):
                return frozenset({_ELSEWHERE})
            return frozenset(_resolved(directory, there) for directory in directories)
        case _:
            return frozenset({_ELSEWHERE})


def _resolved(directory: Path, name: str) -> Path:
    if directory == _ELSEWHERE and not name.startswith("/"):
        return _ELSEWHERE / name
    try:
        return Path(os.path.realpath(directory / name))
    except ValueError:  # a name that no path can be
        return directory / name
