"""The programs whose conversations are taken over, and which files of theirs hold one.

Reads names, not files.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from antiphon.cli.checking.finding import Target, targets
from antiphon.transcripts.roo import HISTORY, OLD_HISTORY

_LEFT_OVER = re.compile(r"\.(?:api_conversation_history|claude_messages)\.json\.(?:bak|new)_.*\.tmp")


@dataclass(frozen=True, slots=True)
class Program:
    """A program.

    Attributes:
        key: as in `--from`.
        title: what it calls itself.
        format: how it stores conversations; see `antiphon.transcripts.detecting.FORMATS`.
    """

    key: str
    title: str
    format: str


PROGRAMS = {
    found.key: found
    for found in (
        Program("claude-code", "Claude Code", "claude-code"),
        Program("cline", "Cline", "cline"),
        Program("codex", "Codex", "codex"),
        Program("kilo", "Kilo Code", "roo"),
        Program("opencode", "opencode", "opencode"),
        Program("roo", "Roo Code", "roo"),
        Program("zoo", "Zoo Code", "roo"),
    )
}
"""Those that can be named, by the word for it."""

SESSION_FORMATS = frozenset(program.format for program in PROGRAMS.values())
"""What is taken over from a directory; a request that happens to lie there is nobody's session."""

_EXTENSIONS = {"kilocode.kilo-code": "kilo", "zoocodeorganization.zoo-code": "zoo", "saoudrizwan.claude-dev": "cline"}


def program_of(path: Path, format: str) -> Program:  # noqa: A002  (what it is called everywhere)
    """Return the program that a file is of, as its place and its format tell."""
    for part in path.parts:
        key = _EXTENSIONS.get(part.lower())
        if key is not None:
            return PROGRAMS[key]
    if format == "roo" and ".cline" in path.parts:
        return PROGRAMS["cline"]
    known = (program for program in PROGRAMS.values() if program.format == format and program.key in {"roo", format})
    return next(known, Program(format, "another program", format))


def may_hold_a_session(path: Path) -> bool:
    """Say whether a file has the name of one that holds conversations."""
    name = path.name
    if _LEFT_OVER.fullmatch(name):
        # What a crash left is of use only where the file itself is not there.
        return not any(path.with_name(whole).exists() for whole in (HISTORY, OLD_HISTORY))
    return name in {HISTORY, OLD_HISTORY} or name.endswith((".messages.json", ".jsonl", ".db"))


def is_of_subagent(path: Path) -> bool:
    """Say whether a file has the name of one in which Claude Code keeps what a subagent did."""
    return path.suffix == ".jsonl" and (path.name.startswith("agent-") or path.parent.name == "subagents")


def files_of(words: list[str]) -> Iterator[Target]:
    """Yield the files that these names, directories and patterns mean; of directories those that may hold sessions."""
    for target in targets(words):
        if target.named or target.path is None or may_hold_a_session(target.path):
            yield target
