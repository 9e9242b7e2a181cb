"""What a shell command consists of: simple commands, wherever they stand in it, with their words and redirections.

Words are what the program will get, quotes taken off, where that can be known beforehand; what only the shell will know
(variables, substitutions, brace and tilde expansion) is marked. Pure data; `parsing.py` makes it.
"""

from dataclasses import dataclass
from typing import Literal

Joint = Literal["", "|", "|&", "&&", "||", ";", "&"]
"""What stands before a command of a list; nothing before the first, and before the first of a nested list."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a command.

    Attributes:
        raw: as it stands in the command, quotes and all.
        text: what the program gets; None where only the shell will know.
        glob: the shell looks up file names for it first; `text` is the pattern.
    """

    raw: str
    text: str | None
    glob: bool = False


@dataclass(frozen=True, slots=True)
class Redirection:
    """Where a command reads from or writes to instead.

    Attributes:
        operator: as written, `>`, `>>`, `<`, `&>`, `>&`, `<<<` ...; of a here document `<<`.
        target: the file or descriptor; None for a here document.
        writes: a file may be created or changed by it (so not `2>&1`, `<`, `<<<`, and not what goes to `/dev/null`).
    """

    operator: str
    target: Word | None
    writes: bool


@dataclass(frozen=True, slots=True)
class SimpleCommand:
    """One program, function or builtin that the shell will run, and what it gets.

    Attributes:
        words: its name and arguments; empty where there are assignments or redirections only.
        assignments: variables set for it (or for the shell, without words): names and values.
        redirections: its own, and those of the groups it stands in.
        joint: what stands before it.
        nested: it stands in a substitution, group, loop, condition, function or subshell, not in the top list.
        raw: its text.
    """

    words: tuple[Word, ...]
    assignments: tuple[tuple[str, Word], ...] = ()
    redirections: tuple[Redirection, ...] = ()
    joint: Joint = ""
    nested: bool = False
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """A whole command line.

    Attributes:
        text: as it was given.
        commands: every simple command anywhere in it (in pipelines, lists, groups, loops, conditions, functions,
            substitutions of commands and processes), in the order they stand.
        plain: it is one list of simple commands at top level, nothing nested, no background, no function, no loop, and
            the value of every word is known: what bash and every POSIX shell take alike.
    """

    text: str
    commands: tuple[SimpleCommand, ...]
    plain: bool
