"""Which commands are known to only read, and only what may be read.

Such a command may run without approval, beside others, and before the reply that asks for it has ended. So the answer
is no whenever anything is unclear: a program or an option that is not listed, a path that leads outside, a construct
that `parsing.py` does not understand or that only the shell will know the value of.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from antiphon.shell.reading_git import git_only_reads
from antiphon.shell.reading_programs import FIND_TESTS, PROGRAMS, TEXT_ONLY, Program
from antiphon.shell.script import Redirection, Script, SimpleCommand, Word

_LONGEST = 4000
"""Characters of a command that is looked at."""
_SED_PRINTS = re.compile(r"(?:\d+|\$)(?:,(?:\+?\d+|\$))?p(?:;(?:\d+|\$)(?:,(?:\+?\d+|\$))?p)*(?:;\d+q)?")
_DATE_TELLS = re.compile(r"\+.*|-u|-R|--utc|-I\w*|--iso-8601(=\w+)?|--rfc-3339=\w+")
_Within = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Places:
    """Where a command runs, and what it may read.

    Attributes:
        cwd: the resolved directory it starts in.
        roots: the resolved directories that may be read.
        hides: tells of a resolved path whether it may not be read all the same.
        hidden: gives the paths in `roots` that may not be read.
    """

    cwd: Path
    roots: tuple[Path, ...]
    hides: Callable[[Path], bool]
    hidden: Callable[[], Iterable[Path]]

    def within(self, path: str) -> bool:
        """Tell whether a path, and all below it, may be read."""
        if path in {"", "-", "/dev/null"}:
            return True
        real = Path(os.path.realpath(self.cwd / path))
        if not self.owns(real) or self.hides(real):
            return False
        return not real.is_dir() or not any(hidden.is_relative_to(real) for hidden in self.hidden())

    def owns(self, real: Path) -> bool:
        """Tell whether a resolved path lies in what may be read."""
        return any(real.is_relative_to(root) for root in self.roots)

    def shows_all(self) -> bool:
        """Tell whether nothing is hidden."""
        return not any(True for _ in self.hidden())

    def at(self, cwd: Path) -> Self:
        """Return the same for a command that starts elsewhere."""
        return replace(self, cwd=cwd)


def only_reads(script: Script | None, places: Places) -> bool:
    """Tell whether a command line is known to only read, if git runs in the environment of `safe_git`. Never raises."""
    if script is None or not script.plain or len(script.text) > _LONGEST:
        return False
    try:
        return _all_only_read(script.commands, places)
    except (OSError, ValueError):  # a name that no path can be
        return False


def part_only_reads(command: SimpleCommand, places: Places) -> bool:
    """Tell whether one command is known to only read, whatever runs before it. Never raises.

    What ran before may have changed directory or meaning of names: whoever asks knows that it has not.
    """
    try:
        return _only_reads(command, places, safely=False)
    except (OSError, ValueError):
        return False


def _all_only_read(commands: Sequence[SimpleCommand], places: Places) -> bool:
    first, *others = commands
    if first.words[0].text == "cd":
        # Only as `cd place && ...`, so that all that follows runs there or not at all.
        moved = None if first.assignments or first.redirections else _moved(first.words[1:], places)
        joints = [command.joint for command in others]
        if moved is None or joints[:1] != ["&&"] or not {"&&", "|"}.issuperset(joints):
            return False
        return _all_only_read(others, places.at(moved))
    return all(_only_reads(command, places, safely=True) for command in commands)


def _moved(arguments: Sequence[Word], places: Places) -> Path | None:
    """Return where `cd` leads, if that is clear and inside."""
    if len(arguments) != 1 or os.environ.get("CDPATH"):
        return None
    text = arguments[0].text
    if not text or arguments[0].glob or text.startswith("-"):
        return None
    there = Path(os.path.realpath(places.cwd / text))
    return there if there.is_dir() and places.owns(there) and not places.hides(there) else None


def _only_reads(command: SimpleCommand, places: Places, *, safely: bool) -> bool:
    if not command.words or command.assignments:
        return False
    if not all(_redirects_harmlessly(redirection, places) for redirection in command.redirections):
        return False
    texts = [word.text for word in command.words if word.text is not None]
    name, arguments = command.words[0], command.words[1:]
    if len(texts) < len(command.words) or name.glob or not _is_the_systems(texts[0], places):
        return False
    program = PROGRAMS.get(texts[0])
    if program is not None:
        return _fits(program, arguments, (lambda _: True) if texts[0] in TEXT_ONLY else places.within)
    if texts[0] == "echo":
        return all(not word.glob or _looked_up_within(word.text or "", places.within) for word in arguments)
    return not any(word.glob for word in arguments) and _only_reads_words(texts, places, safely=safely)


def _redirects_harmlessly(redirection: Redirection, places: Places) -> bool:
    target = redirection.target
    if target is None or target.text is None or target.glob:
        return False
    match redirection.operator:
        case ">" | ">>" | "&>" | "&>>":
            return target.text == "/dev/null"
        case ">&":
            return target.raw in {"1", "2"}
        case "<":
            return places.within(target.text)
        case _:
            return False


def _only_reads_words(texts: Sequence[str], places: Places, *, safely: bool) -> bool:
    """Decide about the programs that have a language of their own."""
    words = list(texts[1:])
    match texts[0]:
        case "date":
            # With another argument, or with `-s`, it would set the clock.
            return all(_DATE_TELLS.fullmatch(word) for word in words)
        case "find":
            return _find_only_reads(words, places.within)
        case "sed":
            return _sed_only_prints(words, places.within)
        case "git":
            return places.shows_all() and git_only_reads(words, places.cwd, places.within, safely=safely)
        case _:
            return False


def _is_the_systems(name: str, places: Places) -> bool:
    """Tell whether the program that the shell will find is not one that lies where the agent works."""
    if not re.fullmatch(r"[a-z0-9]+", name):
        return False
    path = os.environ.get("PATH", os.defpath)
    if any(not directory.startswith("/") for directory in path.split(os.pathsep)):
        return False
    found = shutil.which(name, path=path)
    return found is not None and not any(map(places.owns, (Path(found), Path(os.path.realpath(found)))))


def _fits(program: Program, arguments: Sequence[Word], within: _Within) -> bool:
    """Tell whether a program is asked for nothing but what is listed, on nothing but what is within."""
    if any(word.glob and not (program.globs and _looked_up_within(word.text or "", within)) for word in arguments):
        return False
    words = iter([word.text or "" for word in arguments])
    options: list[str] = []
    others: list[str] = []
    for word in words:
        if word == "--":
            others += words
        elif (word.startswith("-") and word != "-") or (program.numeric and re.fullmatch(r"\+\d+", word)):
            options.append(word)
            if not _is_listed(program, word, words, within):
                return False
        else:
            others.append(word)
    if len(others) < program.here and _looks_around(program, options) and not within("."):
        return False
    return len(others) <= program.positionals and all(map(within, others))


def _is_listed(program: Program, option: str, following: Iterator[str], within: _Within) -> bool:
    """Tell whether a program may have an option. The option's value is taken from the words that follow."""
    if option.startswith("--"):
        name, _, value = option.partition("=")
        return name in program.long and within(value)
    rest = option[1:].lstrip(program.short)
    if rest[:1] and rest[0] in program.valued:
        return within(rest[1:] or next(following, ""))
    return not rest or (program.numeric and rest.isdecimal())


def _looks_around(program: Program, options: Sequence[str]) -> bool:
    return not program.roams or any(option == "--recursive" or program.roams in option for option in options)


def _looked_up_within(text: str, within: _Within) -> bool:
    """Tell whether only names in one directory of the workspace are looked up."""
    directory, slash, name = text.rpartition("/")
    return not set("*?[") & set(directory) and not name.startswith("-") and within(directory + slash or ".")


def _find_only_reads(words: list[str], within: _Within) -> bool:
    if (not words or words[0].startswith("-") or words[0] in {"(", "!"}) and not within("."):
        return False
    return all(
        word in FIND_TESTS if word.startswith("-") and not word[1:].isdecimal() else within(word) for word in words
    )


def _sed_only_prints(words: list[str], within: _Within) -> bool:
    """Only `sed -n 10,20p file`: scripts can write files and run programs."""
    match words:
        case ["-n", script, *files]:
            return _SED_PRINTS.fullmatch(script) is not None and all(
                within(file) and not file.startswith("-") for file in files
            )
        case _:
            return False
