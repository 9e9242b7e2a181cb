import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from antiphon.cli.checking.rules import rule_table
from antiphon.cli.main import main
from antiphon.cli.rule import page_text

PAGES = Path(__file__).parents[2] / "docs/rules"


@pytest.mark.parametrize(
    "word", ["TU003", "tu003", "tool-result-out-of-order", "Tool-Result-Out-Of-Order", "TU003-tool-result-out-of-order"]
)
def test_a_rule_is_explained_from_its_page(capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert main(["rule", word]) == 0
    printed = capsys.readouterr().out
    page = (PAGES / "TU003-tool-result-out-of-order.md").read_text()
    assert printed.splitlines() == [line for line in page.splitlines() if not line.startswith("<!--")]
    assert "## What is wrong" in printed


def test_a_rule_is_described_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", "TU001", "--output-format", "json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["explanation"] == (PAGES / "TU001-missing-tool-result.md").read_text()
    assert (described["code"], described["name"], described["fix"]) == ("TU001", "missing-tool-result", "lossy")


def test_all_rules_are_listed_in_the_order_of_ids(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(rule_table())
    assert any(line.split() and line.startswith("TU001  missing-tool-result ") for line in lines)
    assert main(["rule", "-o", "json"]) == 0
    assert [rule["code"] for rule in json.loads(capsys.readouterr().out)] == sorted(rule_table())


def test_rules_about_files_are_rules_too() -> None:
    families = {rule_id[:2] for rule_id in rule_table()}
    assert {"TU", "MS", "CO", "FI"} <= families


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("TU03", "TU003 tool-result-out-of-order"),
        ("missing-tool-results", "TU001 missing-tool-result"),
        ("out-of-order", "TU003 tool-result-out-of-order"),
        ("orphan", "TU004 orphan-tool-result"),
    ],
)
def test_a_rule_that_is_none_has_neighbours(capsys: pytest.CaptureFixture[str], word: str, near: str) -> None:
    assert main(["rule", word]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"antiphon: there is no rule '{word}'; near it are ")
    assert near in said


def test_what_is_near_nothing_is_told_without_neighbours(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", "xyzzy"]) == 2
    assert capsys.readouterr().err == "antiphon: there is no rule 'xyzzy'; `antiphon rule` lists all.\n"


@pytest.mark.parametrize("rule_id", rule_table())
def test_every_rule_has_a_page(rule_id: str) -> None:
    entry = rule_table()[rule_id]
    assert page_text(entry).startswith(f"# {entry.id}: {entry.name}\n")


def test_an_installation_has_the_pages_inside_the_package(tmp_path: Path) -> None:
    # As the wheel has it: no checkout around the package.
    source = Path(__file__).parents[2] / "src/antiphon"
    shutil.copytree(source, tmp_path / "antiphon", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PAGES, tmp_path / "antiphon/rule_pages")
    ended = subprocess.run(
        [sys.executable, "-m", "antiphon", "rule", "TU003"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ended.stdout.startswith("# TU003: tool-result-out-of-order\n")
