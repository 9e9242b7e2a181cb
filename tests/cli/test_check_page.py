"""The page about `antiphon check` shows what it does: `python tests/cli/test_check_page.py` writes its options."""

import argparse
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from programs import surroundings
from reference import _options

from antiphon.cli import check

PAGE = Path(__file__).parents[2] / "docs/check.md"
OPTIONS = re.compile(r"(<!-- generated: check options -->\n).*?(<!-- end -->)", re.DOTALL)
FILE = re.compile(r"<!-- file: (?P<name>\S+) -->\n```json\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(
    r"^```console\n\$ (?P<command>antiphon [^\n]*)\n```\n\n```(?P<kind>text|json)\n(?P<prints>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def with_options(page: str) -> str:
    """Return the page with the options as they are now."""
    parser = argparse.ArgumentParser(prog="antiphon check")
    check.add_arguments(parser)
    return OPTIONS.sub(lambda found: f"{found[1]}\n{_options(parser)}\n{found[2]}", page)


def test_the_page_has_all_options() -> None:
    page = PAGE.read_text("utf-8")
    assert page == with_options(page), "run: python tests/cli/test_check_page.py"


def test_every_command_prints_what_the_page_says(tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8")
    (file,) = FILE.finditer(page)
    examples = list(SHOWN.finditer(page))
    assert [shlex.split(found["command"])[3:] for found in examples] == [
        [],
        ["--diff"],
        ["--fix", "--lossy-fixes"],
        ["--output-format", "json"],
    ]
    for found in examples:
        if found["kind"] == "json" or not (tmp_path / file["name"]).exists():
            (tmp_path / file["name"]).write_text(file["text"])
        command = shlex.split(found["command"])
        ended = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env=surroundings(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        if found["kind"] == "json":
            # The page shows one of the problems, and cuts its text.
            assert shortened(json.loads(found["prints"])[0]) in map(shortened, json.loads(ended.stdout))
        else:
            assert ended.stdout == found["prints"]


def shortened(problem: dict[str, Any]) -> dict[str, Any]:
    return {**problem, "message": problem["message"].partition(". ")[0]}


if __name__ == "__main__":
    PAGE.write_text(with_options(PAGE.read_text("utf-8")), "utf-8")
