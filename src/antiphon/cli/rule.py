"""`antiphon rule`: explains a rule from its page, or lists all of them."""

import argparse
import json
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from antiphon.cli.checking.rules import RuleEntry, find_rule, rule_table

_MARKS = {"safe": "[fixable]", "lossy": "[lossy fix]", "none": ""}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the flags of the command."""
    parser.add_argument("rule", nargs="?", metavar="RULE", help="id or name of a rule, as in TU003; without it, all")
    parser.add_argument(
        "-o", "--output-format", choices=("text", "json"), default="text", help="how it is printed (default: text)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print a rule's page, or the list of rules.

    Raises:
        SettingsError: there is no such rule.
    """
    as_json = arguments.output_format == "json"
    if arguments.rule is None:
        entries = list(rule_table().values())
        text = json.dumps([_described(entry) for entry in entries], indent=2) if as_json else "\n".join(_list(entries))
    else:
        entry = find_rule(arguments.rule)
        page = page_text(entry)
        if as_json:
            text = json.dumps({**_described(entry), "explanation": page}, indent=2)
        else:
            text = _readable(page) if page else f"# {entry.id}: {entry.name}\n\n{entry.statement}"
    sys.stdout.write(text.rstrip("\n") + "\n")
    return 0


def page_text(rule: RuleEntry) -> str:
    """Return the page that explains a rule, as Markdown; empty where there is none."""
    for place in _places():
        page = place / rule.page
        if page.is_file():
            return page.read_text(encoding="utf-8")
    return ""


def _places() -> Iterator[Traversable]:
    # An installation has the pages inside the package; a checkout has them where they are written.
    yield files("antiphon") / "rule_pages"
    yield Path(__file__).resolve().parents[3] / "docs" / "rules"


def _described(entry: RuleEntry) -> dict[str, str | None]:
    return {
        "code": entry.id,
        "name": entry.name,
        "statement": entry.statement,
        "fix": entry.fix,
        "done": entry.done or None,
    }


def _list(entries: list[RuleEntry]) -> Iterator[str]:
    names = max(len(entry.name) for entry in entries)
    marks = max(map(len, _MARKS.values()))
    for entry in entries:
        yield f"{entry.id}  {entry.name:<{names}}  {_MARKS[entry.fix]:<{marks}}  {entry.statement}"


def _readable(page: str) -> str:
    """Return a page without the comments that are for its tests."""
    return "\n".join(line for line in page.split("\n") if not (line.startswith("<!--") and line.endswith("-->")))
