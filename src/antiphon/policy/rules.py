"""Standing rules: a verdict, the tools it is about, and a pattern for what they are asked to do.

Written `tool` or `tool(pattern)`: `read_file`, `run_command(git diff:*)`, `edit_file(src/**)`, `mcp__server__*`,
`web_fetch(domain:example.com)`. A rule knows where it was written, so that it can be explained.
"""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["allow", "ask", "deny"]

SourceKind = Literal["user", "project", "local", "environment", "flag", "session", "program"]
"""Who wrote a rule: the user's settings file, the project's, the project's local one, a variable, a flag, an answer in
this session, or the program that uses Antiphon. The later in this list, the more specific (but for the last)."""


@dataclass(frozen=True, slots=True)
class RuleSource:
    """Where a rule was written; `where` is a path, a variable or a flag."""

    kind: SourceKind = "program"
    where: str = ""


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
