"""The hooks for pre-commit do what it expects of them: file names at the end, exit code 1 for what is to be seen."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from damaged import BOTH, TEXT_FIRST, UNANSWERED, VALID, Checker, written

ROOT = Path(__file__).parents[2]
HOOKS: dict[str, dict[str, Any]] = {
    hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
}


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Checker:
    return Checker(capsys)


def flags(hook: str) -> list[str]:
    antiphon, command, *rest = shlex.split(HOOKS[hook]["entry"])
    assert (antiphon, command) == ("antiphon", "check")
    return rest


def test_there_are_these_hooks() -> None:
    assert list(HOOKS) == ["antiphon-check", "antiphon-fix"]
    for hook in HOOKS.values():
        assert hook["types_or"] == ["json", "jsonl"]
        assert hook["language"] == "python"
        assert hook.keys() <= {"id", "name", "description", "entry", "language", "types_or", "require_serial"}


def test_the_check_fails_for_problems_and_for_nothing_else(check: Checker, tmp_path: Path) -> None:
    other = written(tmp_path / "package.json", {"name": "x"})
    valid = written(tmp_path / "valid.json", VALID)
    ended = check(*flags("antiphon-check"), other, valid)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    ended = check(*flags("antiphon-check"), other, valid, written(tmp_path / "a.json", BOTH))
    assert (ended.code, ended.rules) == (1, ["TU002", "TU001"])


def test_the_fix_repairs_and_fails_once_so_that_somebody_looks(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", TEXT_FIRST)
    assert check(*flags("antiphon-fix"), path).code == 1
    assert check(*flags("antiphon-fix"), path).code == 0
    assert list(tmp_path.iterdir()) == [path]
    assert check(*flags("antiphon-fix"), written(tmp_path / "b.json", UNANSWERED)).code == 1
