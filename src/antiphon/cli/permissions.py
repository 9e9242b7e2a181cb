"""`antiphon permissions`: what may run and why, which rules there are, and trust in a project's settings."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import anyio

from antiphon.cli import trusting
from antiphon.cli.building import permissions_of, sandbox_of, tools_of, workspace_of
from antiphon.cli.explaining import Explained, call_of, explained, in_text, rule_as_json
from antiphon.cli.safe_text import one_line, safe
from antiphon.errors import SettingsError
from antiphon.policy.modes import MODES, mode_of
from antiphon.policy.workspace import Workspace
from antiphon.settings import Loaded, Settings, load_all, split_names

_ACTIONS: Mapping[str, str] = {
    "explain": "say what would become of a call, and why",
    "list": "list the rules that count, and where they are written",
    "trust": "trust the settings that a project brings along, as they are now",
    "distrust": "forget that a project was trusted",
}
_EXAMPLES = """\
examples:
  antiphon permissions explain run_command 'git push && rm -rf build'
  antiphon permissions explain edit_file src/main.py
  antiphon permissions explain web_fetch https://docs.example.com/
  antiphon permissions explain run_command command='npm ci' outside_sandbox=true
  antiphon permissions explain read_file '{"path": ".env"}'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the actions of the command."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    for name, text in _ACTIONS.items():
        action = actions.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=_EXAMPLES if name == "explain" else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name in {"trust", "distrust"}:
            trusting.add_arguments(action)
            continue
        action.add_argument("--json", action="store_true", help="print JSON")
        action.add_argument("--permission-mode", metavar="MODE", help="as if this were the mode")
        for flag, wanted in (("allowed", "allow"), ("ask", "ask about"), ("disallowed", "deny")):
            action.add_argument(
                f"--{flag}-tools", action="append", metavar="RULES", help=f"as if these rules to {wanted} calls counted"
            )
        if name == "explain":
            action.add_argument("tool", metavar="TOOL", help="the tool, such as run_command")
            action.add_argument(
                "args",
                nargs=argparse.REMAINDER,
                metavar="ARGS",
                help="what it would be called with: the command, path or address; name=value ...; or JSON",
            )


def run(arguments: argparse.Namespace) -> int:
    """Do it; nothing of it runs the call, and no key or network is needed.

    Raises:
        SettingsError: the settings, the tool or its arguments cannot be used.
    """
    actions: Mapping[str, Callable[[argparse.Namespace], int]] = {
        "explain": _explain,
        "list": _list,
        "trust": trusting.run_trust,
        "distrust": trusting.run_distrust,
    }
    return actions[arguments.action](arguments)


def _explain(arguments: argparse.Namespace) -> int:
    loaded = _loaded(arguments)
    what = anyio.run(_explained, loaded, arguments.tool, arguments.args)
    _print(what.as_json() if arguments.json else in_text(what), arguments, loaded)
    return 0


async def _explained(loaded: Loaded, tool: str, args: list[str]) -> Explained:
    settings = loaded.settings
    workspace = _workspace(settings)
    async with sandbox_of(settings, workspace) as chosen:
        tools = tools_of(settings, workspace, sandbox=chosen.sandbox)
        permissions = permissions_of(settings, workspace, tools)
        return explained(call_of(tool, args, tools), tools, permissions, without_sandbox=chosen.told)


def _list(arguments: argparse.Namespace) -> int:
    loaded = _loaded(arguments)
    settings = loaded.settings
    workspace = _workspace(settings)
    rules = permissions_of(settings, workspace, tools_of(settings, workspace)).rules
    if arguments.json:
        _print({"mode": settings.permission_mode, "rules": [rule_as_json(rule) for rule in rules]}, arguments, loaded)
        return 0
    order = ("deny", "ask", "allow")
    width = min(48, max(len(str(rule)) for rule in rules))
    lines = [f"Mode: {settings.permission_mode}. A rule that denies beats one that asks, and that one that allows."]
    for rule in sorted(rules, key=lambda rule: order.index(rule.verdict)):
        where = f" ({rule.source.where})" if rule.source.kind in {"user", "project", "local"} else ""
        lines.append(f"{rule.verdict:<5}  {one_line(str(rule)):<{width}}  {one_line(f'{rule.source}{where}')}")
    _print("\n".join(lines), arguments, loaded)
    return 0


def _loaded(arguments: argparse.Namespace) -> Loaded:
    name = arguments.permission_mode
    mode = None if name is None else mode_of(name)
    if mode is None and name is not None:
        raise SettingsError(f"--permission-mode {name}: there is no such mode; there are {', '.join(MODES)}.")
    given: dict[str, Any] = {"permission_mode": mode}
    for key in ("allowed_tools", "ask_tools", "disallowed_tools"):
        texts: list[str] | None = getattr(arguments, key)
        given[key] = None if texts is None else [rule for text in texts for rule in split_names(text)]
    return load_all(given, os.environ)


def _workspace(settings: Settings) -> Workspace:
    """Return where an agent would work; it has no results to keep yet."""
    return replace(workspace_of(settings, os.devnull), spill=None)


def _print(what: Any, arguments: argparse.Namespace, loaded: Loaded) -> None:
    sys.stdout.write((json.dumps(what, indent=2) if arguments.json else safe(what)) + "\n")
    for warning in loaded.warnings:
        sys.stderr.write(f"antiphon: {one_line(warning)}.\n")
    for waiting in loaded.untrusted:
        path = one_line(str(waiting.path))
        sys.stderr.write(f"antiphon: {path} is not trusted, so of its rules only those count that deny or ask.\n")
