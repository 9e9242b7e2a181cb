"""What is wrong with a rule: no such tool, or a pattern that nothing can fit.

Every answer is half a sentence for who wrote the rule, and says what is wanted; nothing where all is well.
"""

import difflib
import re
import shlex
from collections.abc import Callable, Collection, Mapping
from typing import Literal

Takes = Literal["nothing", "a command", "a path", "a domain"]

_TAKES: Mapping[str, Takes] = {
    "run_command": "a command",
    "read_file": "a path",
    "list_files": "a path",
    "search_files": "a path",
    "edit_file": "a path",
    "write_file": "a path",
    "web_fetch": "a domain",
    "ask_user": "nothing",
    "background_command": "nothing",
    "search_history": "nothing",
    "update_todos": "nothing",
    "web_search": "nothing",
}
"""What the pattern of a tool of ours is; of other tools that is not known."""

_OTHER_NAMES: Mapping[str, str] = {
    "AskUserQuestion": "ask_user",
    "Bash": "run_command",
    "Edit": "edit_file",
    "Glob": "list_files",
    "Grep": "search_files",
    "LS": "list_files",
    "MultiEdit": "edit_file",
    "NotebookEdit": "edit_file",
    "Read": "read_file",
    "Shell": "run_command",
    "TodoWrite": "update_todos",
    "WebFetch": "web_fetch",
    "WebSearch": "web_search",
    "Write": "write_file",
    "execute_command": "run_command",
    "write_to_file": "write_file",
}
"""Names that comparable agents have for such tools."""

_HOST = re.compile(r"(?:\*|(?:\*\.)?[^\s*/:@?#()\[\]]+|\[[0-9A-Fa-f:.]+\])")


def foreign_name(tool: str, tools: Collection[str] | None) -> str:
    """Return our name of a tool that a rule calls by the name another agent has for it; nothing for others."""
    return "" if tools is not None and tool in tools else _OTHER_NAMES.get(tool, "")


def wrong_tool(tool: str, tools: Collection[str] | None) -> str:
    """Return what is wrong with the tool of a rule; nothing if all is well."""
    if tools is None or tool in tools or tool.startswith("mcp__"):
        return ""
    if "*" in tool:
        fitting = re.compile(re.escape(tool).replace(r"\*", ".*"))
        return "" if any(map(fitting.fullmatch, (*tools, "mcp__"))) else f"no tool is named {tool}"
    near = difflib.get_close_matches(tool, tools, n=1)
    hint = f"did you perhaps mean {near[0]}" if near else f"there are {', '.join(tools)}"
    return f"no tool is named {tool}; {hint}"


def wrong_pattern(tool: str, pattern: str | None) -> str:
    """Return what is wrong with the pattern of a rule; nothing if all is well."""
    if pattern is None:
        return ""
    if not pattern:
        return f"the parentheses are empty, so it can never hold; write {tool} for any call of it"
    takes = "nothing" if tool.startswith("mcp__") else _TAKES.get(tool)
    check = None if takes is None else _CHECKS[takes]
    return "" if check is None else check(pattern)


def _wrong_at_all(_pattern: str) -> str:
    return "this tool takes no pattern; name the tool alone"


def _wrong_command(pattern: str) -> str:
    try:
        words = shlex.split(pattern)
    except ValueError:
        return "a quote is not closed"
    if not words or words[0] in {"*", ":*"}:
        return "it begins with no program; write run_command for any command"
    joint = next((word for word in words if word in {"&&", "||", ";", "|", "&", ">", ">>", "<"}), None)
    return "" if joint is None else f"commands are judged part by part, so none holds {joint}; write a rule for each"


def _wrong_path(pattern: str) -> str:
    if pattern.startswith("!"):
        return "a pattern cannot make an exception; write a rule of its own"
    if pattern.startswith(("domain:", "http:", "https:")):
        return "its pattern is a path, as in src/**"
    if ".." in pattern.split("/"):
        return "paths are compared when they are resolved, so none holds `..`; write //absolute/** or ~/directory/**"
    if not pattern.strip("./"):
        return "it names no file; write ** for all in the workspace"
    if pattern.startswith("#") or pattern.endswith("\\") or ("[" in pattern and "]" not in pattern):
        return "write a backslash before # at its beginning, before a [ that means itself and before another backslash"
    return ""


def _wrong_domain(pattern: str) -> str:
    kind, colon, host = pattern.partition(":")
    if kind != "domain" or not colon:
        return "its pattern is domain:HOST, as in domain:example.com or domain:*.example.com"
    if not _HOST.fullmatch(host.strip()):
        return "what follows domain: is a host without scheme, port or path, as in example.com or *.example.com"
    return ""


_CHECKS: Mapping[Takes, Callable[[str], str]] = {
    "nothing": _wrong_at_all,
    "a command": _wrong_command,
    "a path": _wrong_path,
    "a domain": _wrong_domain,
}
