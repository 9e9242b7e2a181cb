"""The page about `antiphon import` shows what it does: `python tests/cli/test_import_page.py` writes its options."""

import argparse
import json
import re
import shlex
from pathlib import Path

from programs import run_antiphon, surroundings
from reference import _options

from antiphon.cli import importing
from antiphon.cli.importing.programs import PROGRAMS

PAGE = Path(__file__).parents[2] / "docs/import.md"
OPTIONS = re.compile(r"(<!-- generated: import options -->\n).*?(<!-- end -->)", re.DOTALL)
FILE = re.compile(r"<!-- file: (?P<name>\S+) -->\n```json\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(
    r"^```console\n\$ antiphon (?P<command>[^\n]*)\n```\n\n```text\n(?P<prints>.*?)^```$", re.MULTILINE | re.DOTALL
)


def with_options(page: str) -> str:
    """Return the page with the options as they are now."""
    parser = argparse.ArgumentParser(prog="antiphon import")
    importing.add_arguments(parser)
    return OPTIONS.sub(lambda found: f"{found[1]}\n{_options(parser)}\n{found[2]}", page)


def test_the_page_has_all_options_and_programs() -> None:
    page = PAGE.read_text("utf-8")
    assert page == with_options(page), "run: python tests/cli/test_import_page.py"
    assert re.findall(r"^\| .+? \| `([a-z][\w-]*)` \|", page, re.MULTILINE) == list(PROGRAMS)


def test_the_command_prints_what_the_page_says(tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8")
    (file,) = FILE.finditer(page)
    path = tmp_path / file["name"]
    path.parent.mkdir(parents=True)
    path.write_text(file["text"].replace("/home/ada/engine", json.dumps(str(tmp_path))[1:-1]))
    (shown,) = SHOWN.finditer(page)
    environment = surroundings(tmp_path, TZ="UTC")
    ended = run_antiphon(*shlex.split(shown["command"]), environment=environment, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    printed = re.sub(r"--resume [0-9a-f]{8}", "--resume 8c41d0e2", ended.stdout)
    assert printed.replace(str(tmp_path), "/home/ada/engine") == shown["prints"]


if __name__ == "__main__":
    PAGE.write_text(with_options(PAGE.read_text("utf-8")), "utf-8")
