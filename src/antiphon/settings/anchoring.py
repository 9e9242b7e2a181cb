"""Patterns of a project's rules start at the project's top, wherever in it the agent works.

The permissions compare patterns from the directory where the agent works. So for an agent that was started further down
a pattern is written out as an absolute one when it is read; and the other way round when a rule is written.
"""

import dataclasses
import re
from pathlib import Path

from antiphon.policy import Rule

_PATH_TOOLS = frozenset({"read_file", "list_files", "search_files", "edit_file", "write_file"})
"""Tools whose patterns are paths."""
_SPECIAL = re.compile(r"([\\*?\[\]])")


def read_at(rule: Rule, top: Path, directory: Path) -> Rule:
    """Return a rule that was written for `top` as it is meant for an agent that works in `directory`."""
    pattern = rule.pattern
    if pattern is None or top == directory or not _is_relative(rule, pattern):
        return rule
    return dataclasses.replace(rule, pattern=_below(f"/{_literal(top)}", pattern))


def written_at(rule: Rule, top: Path, directory: Path) -> Rule:
    """Return a rule that is meant for an agent that works in `directory`, below `top`, as it is written for `top`."""
    pattern = rule.pattern
    if pattern is None or top == directory or not _is_relative(rule, pattern):
        return rule
    return dataclasses.replace(rule, pattern=_below(f"/{_literal(directory.relative_to(top))}", pattern))


def _is_relative(rule: Rule, pattern: str) -> bool:
    return rule.tool in _PATH_TOOLS and not pattern.startswith(("//", "~/"))


def _below(start: str, pattern: str) -> str:
    """Return a pattern with its start before it; one without a slash but at its end fits at any depth."""
    pattern = pattern[1:] if pattern.startswith("./") else pattern
    if pattern.startswith("/"):
        return f"{start}{pattern}"
    anywhere = "/" not in pattern.rstrip("/")
    return f"{start}/**/{pattern}" if anywhere else f"{start}/{pattern}"


def _literal(path: Path) -> str:
    return _SPECIAL.sub(r"\\\1", path.as_posix())
