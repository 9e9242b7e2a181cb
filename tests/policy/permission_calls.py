"""Calls as permissions see them, for tests."""

from pathlib import Path
from typing import TypedDict, Unpack

from antiphon.engine.events import EXCLUSIVE, READS_NOTHING_LOCAL, Access, ToolCall, reading, writing
from antiphon.policy import Decision, PermissionMode, Permissions, Rule
from antiphon.policy.subjects import CommandSubject, FileSubject, Subject, WebSubject
from antiphon.shell.parsing import parse


class Rules(TypedDict, total=False):
    """Rules in their written form."""

    allow: list[str]
    ask: list[str]
    deny: list[str]


ROOT = Path("/home/me/project")


def command(
    text: str, *, sandbox: str = "", leaves: bool = False, cwd: Path = ROOT
) -> tuple[ToolCall, Access, CommandSubject]:
    """Return a call of run_command."""
    subject = CommandSubject(text, parse(text), cwd, sandbox=sandbox, leaves_sandbox=leaves)
    return ToolCall("a", "run_command", {"command": text}), EXCLUSIVE, subject


def file(tool: str, name: str, root: Path = ROOT) -> tuple[ToolCall, Access, FileSubject]:
    """Return a call of a file tool."""
    writes = tool in {"edit_file", "write_file"}
    path = root / name
    resource = ("file", *path.parts[1:])
    access = writing(resource) if writes else reading(resource)
    return ToolCall("a", tool, {"path": name}), access, FileSubject(path, writes)


def page(host: str) -> tuple[ToolCall, Access, WebSubject]:
    """Return a call of web_fetch."""
    url = f"https://{host}/page"
    return ToolCall("a", "web_fetch", {"url": url}), READS_NOTHING_LOCAL, WebSubject(url, host)


def decide(
    call: tuple[ToolCall, Access, Subject | None],
    mode: PermissionMode = "default",
    *,
    root: Path = ROOT,
    **rules: Unpack[Rules],
) -> Decision:
    """Decide about a call by rules in their written form."""
    return Permissions.of(mode, root=root, **rules).decide(*call)


def by_rules(call: tuple[ToolCall, Access, Subject | None], mode: PermissionMode, *rules: Rule) -> Decision:
    """Decide about a call by rules."""
    return Permissions(mode, rules, root=ROOT).decide(*call)
