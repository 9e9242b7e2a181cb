"""Standing rules: a verdict, the tools it is about, and a pattern for what they are asked to do.

Written `tool` or `tool(pattern)`: `read_file`, `run_command(git diff:*)`, `edit_file(src/**)`, `mcp__server__*`,
`web_fetch(domain:example.com)`. A rule knows where it was written, so that it can be explained. A rule that could
never hold is refused when it is read: a rule that is silently without effect is worse than none.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from antiphon.errors import SettingsError
from antiphon.policy.linting import foreign_name, wrong_pattern, wrong_tool

Verdict = Literal["allow", "ask", "deny"]

SourceKind = Literal["user", "project", "local", "environment", "flag", "session", "program"]
"""Who wrote a rule: the user's settings file, the project's, the project's local one, a variable, a flag, an answer in
this session, or the program that uses Antiphon. The later in this list, the more specific (but for the last)."""

SETTING_OF: Mapping[Verdict, str] = {"allow": "allowed_tools", "ask": "ask_tools", "deny": "disallowed_tools"}
"""The setting that holds rules of a verdict."""

_SOURCES: Mapping[SourceKind, str] = {
    "user": "the user's settings",
    "project": "the project's settings",
    "local": "the project's local settings",
    "environment": "the variable",
    "flag": "the flag",
    "session": "an answer in this session",
    "program": "the program",
}

_WRITTEN = re.compile(r"(?P<tool>[^\s()]+)(?:\((?P<pattern>.*)\))?", re.DOTALL)
_TOOL = re.compile(r"[A-Za-z0-9_*-]+")


@dataclass(frozen=True, slots=True)
class RuleSource:
    """Where a rule was written; `where` is a path, a variable or a flag."""

    kind: SourceKind = "program"
    where: str = ""

    def __str__(self) -> str:
        named = _SOURCES[self.kind]
        return f"{named} {self.where}" if self.where and self.kind in {"environment", "flag"} else named


@dataclass(frozen=True, slots=True)
class Rule:
    """A standing rule.

    Attributes:
        verdict: what becomes of calls that it fits.
        tool: the tool's name, or a glob of names with `*`.
        pattern: what the call must be about; None for any call.
        source: where it was written.
    """

    verdict: Verdict
    tool: str
    pattern: str | None = None
    source: RuleSource = RuleSource()

    def __str__(self) -> str:
        return self.tool if self.pattern is None else f"{self.tool}({self.pattern})"


def split_rules(text: str) -> list[str]:
    """Split rules as people write them on one line, by commas and white space outside parentheses."""
    rules: list[str] = []
    rule, depth = "", 0
    for character in text:
        depth = max(0, depth + (character == "(") - (character == ")"))
        if depth == 0 and (character == "," or character.isspace()):
            rules.append(rule)
            rule = ""
        else:
            rule += character
    return [rule for rule in (*rules, rule) if rule]


def parse_rule(
    text: str, verdict: Verdict, source: RuleSource = RuleSource(), *, tools: Collection[str] | None = None
) -> Rule:
    """Read a rule in its written form.

    Args:
        text: the rule, such as `run_command(git diff:*)`.
        verdict: what it says.
        source: where it was written.
        tools: the names of the tools there are; without it a name that no tool has is not noticed.

    Raises:
        SettingsError: it is no rule, or one that could never hold; the message says what is wanted.
    """
    written = _WRITTEN.fullmatch(text.strip())
    if written is None or _TOOL.fullmatch(written["tool"]) is None:
        raise _unusable(text, verdict, source, "a rule is written tool or tool(pattern), as in run_command(git diff:*)")
    tool, pattern = written["tool"], written["pattern"]
    ours = foreign_name(tool, tools)
    if ours:
        raise _unusable(text, verdict, source, f"here it is {ours if pattern is None else f'{ours}({pattern})'}")
    # `tool(*)` is any call of it, also one that no pattern can be compared with.
    pattern = None if pattern is None or pattern.strip() in {"*", ":*"} else pattern.strip()
    wrong = wrong_tool(tool, tools) or wrong_pattern(tool, pattern)
    if wrong:
        raise _unusable(text, verdict, source, wrong)
    return Rule(verdict, tool, pattern, source)


def check_tools(rule: Rule, tools: Collection[str]) -> None:
    """Check that there are tools that a rule can be about.

    Raises:
        SettingsError: there are none; the message names those there are.
    """
    wrong = wrong_tool(rule.tool, tools)
    if wrong:
        raise _unusable(str(rule), rule.verdict, rule.source, wrong)


def _unusable(text: str, verdict: Verdict, source: RuleSource, wrong: str) -> SettingsError:
    where = source.where or str(source)
    setting = "" if source.kind in {"flag", "environment"} else f" {SETTING_OF[verdict]}:"
    return SettingsError(f"{where}:{setting} {text.strip() or 'an empty text'} is not a usable rule: {wrong}.")
