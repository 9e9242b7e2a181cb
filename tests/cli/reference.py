"""Writes those parts of docs/cli.md that the code knows: `python tests/cli/reference.py`. A test compares them."""

import argparse
import inspect
import re
from pathlib import Path

from antiphon.cli import demo
from antiphon.cli.arguments import build_parser
from antiphon.cli.exit_codes import MEANINGS
from antiphon.cli.slash_commands import COMMANDS
from antiphon.settings import ENVIRONMENT_PREFIX, IN_FILES_ONLY, KEYS, Settings

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
_PART = re.compile(r"(<!-- generated: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_parts(page: str) -> str:
    """Return the page with its generated parts as the code has them now."""
    return _PART.sub(lambda match: f"{match[1]}\n{PARTS[match[2]]()}\n{match[3]}", page)


def options() -> str:
    """Return the agent's options, group by group."""
    return _options(build_parser())


def demo_options() -> str:
    """Return the demo's options."""
    parser = argparse.ArgumentParser(prog="antiphon demo")
    demo.add_arguments(parser)
    return _options(parser)


def session_commands() -> str:
    """Return what can be typed instead of a prompt, and what it does."""
    rows = [f"| `{name}` | {text} |" for name, text in COMMANDS.items()]
    return "\n".join(["| command | |", "| --- | --- |", *rows]) + "\n"


def settings() -> str:
    """Return the settings with their variables and meanings."""
    meanings = dict(re.findall(r"^    (\w+): (.+)$", inspect.getdoc(Settings) or "", re.MULTILINE))
    rows = ["| key | variable | |", "| --- | --- | --- |"]
    for key in KEYS:
        other = " or `ANTHROPIC_MODEL`" if key == "model" else ""
        variable = "" if key in IN_FILES_ONLY else f"`{ENVIRONMENT_PREFIX}{key.upper()}`{other}"
        rows.append(f"| `{key}` | {variable} | {meanings[key].rstrip('.')} |")
    return "\n".join(rows) + "\n"


def exit_codes() -> str:
    """Return the exit codes and what they mean."""
    rows = [f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items()]
    return "\n".join(["| code | |", "| --- | --- |", *rows]) + "\n"


def _options(parser: argparse.ArgumentParser) -> str:
    parts: list[str] = []
    for group in parser._action_groups:
        actions = [action for action in group._group_actions if action.help != argparse.SUPPRESS]
        if not actions:
            continue
        title = "general" if group.title in {"options", "positional arguments"} else group.title or ""
        if title != "general" or "| general | |" not in parts:
            parts += ["", f"| {title} | |", "| --- | --- |"]
        parts += [f"| {_names(action)} | {_help(action)} |" for action in actions]
    return "\n".join(parts).strip() + "\n"


def _names(action: argparse.Action) -> str:
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    if action.choices is not None:
        metavar = "\\|".join(map(str, action.choices))
    if not action.option_strings:
        return f"`{metavar}`"
    optional = f" [{metavar}]" if action.nargs == "?" else f" {metavar}" if metavar else ""
    return ", ".join(f"`{name}{optional}`" for name in action.option_strings)


def _help(action: argparse.Action) -> str:
    return (action.help or "").replace("|", "\\|")


PARTS = {
    "options": options,
    "demo": demo_options,
    "settings": settings,
    "session commands": session_commands,
    "exit codes": exit_codes,
}

if __name__ == "__main__":
    PAGE.write_text(with_parts(PAGE.read_text("utf-8")), "utf-8")
