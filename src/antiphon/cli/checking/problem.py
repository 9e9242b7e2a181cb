"""What is asked for and what is reported: a problem with its place, and what became of a file. Values only."""

from dataclasses import dataclass, field

from antiphon.cli.checking.rules import RuleEntry


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done with a file.

    Attributes:
        fix: repair it.
        lossy: repairs may invent, convert or drop something.
        diff: say what repairs would change, and write nothing.
        force: write although the file seems to be in use.
        backup: keep the file as it was.
        format: the name of the file's format; None to find out.
    """

    fix: bool = False
    lossy: bool = False
    diff: bool = False
    force: bool = False
    backup: bool = True
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file.

    Attributes:
        rule: what it breaks.
        text: what the API would say, or what is wrong with the file.
        line: the line in the file, from 1; None where lines mean nothing.
        conversation: which conversation of the file it is in; empty where there is one.
        message: index of the message, or None when all of it is meant.
        block: index in the message's content, or None.
        path: message and block in the words of the wire form, as in `messages[3].content[1]`; may be empty.
    """

    rule: RuleEntry
    text: str
    line: int | None = None
    conversation: str = ""
    message: int | None = None
    block: int | None = None
    path: str = ""


@dataclass(slots=True)
class Report:
    """What was found in a file, and what became of it.

    Attributes:
        name: the file, as it is shown.
        problems: what is wrong: where repairs were made, what they left.
        fixed: what was repaired, or would be.
        found: how many problems there were before.
        notes: what else somebody should know, as sentences.
        backup: where the file as it was is kept; empty where it was not written.
        changes: what would change, as lines of a diff.
        error: why it could not be read or written; then the rest may be missing.
    """

    name: str
    problems: list[Problem] = field(default_factory=list[Problem])
    fixed: list[Problem] = field(default_factory=list[Problem])
    found: int = 0
    notes: list[str] = field(default_factory=list[str])
    backup: str = ""
    changes: list[str] = field(default_factory=list[str])
    error: str = ""
