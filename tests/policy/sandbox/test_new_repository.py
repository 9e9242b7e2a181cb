import subprocess
from pathlib import Path

import pytest

from antiphon.policy.sandbox.new_repository import is_as_git_made_it, is_harmless

FRESH = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"


@pytest.mark.parametrize(
    "added",
    [
        "",
        "# a comment\n",
        '[remote "origin"]\n\turl = https://example.com/x.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n',
        '[branch "main"]\n\tremote = origin\n\tmerge = refs/heads/main\n',
        "[user]\n\tname = Somebody\n",
    ],
)
def test_what_git_writes_itself_is_harmless(added: str) -> None:
    assert is_harmless(FRESH + added)


@pytest.mark.parametrize(
    "added",
    [
        "\tfsmonitor = evil\n",
        "\tFSMONITOR = evil\n",
        "\thooksPath = evil\n",
        "\tsshCommand = evil\n",
        "[core] fsmonitor = evil\n",
        "[include]\n\tpath = evil\n",
        '[includeIf "gitdir:/"]\n\tpath = evil\n',
        '[filter "x"]\n\tclean = evil\n',
        "[alias]\n\tst = !evil\n",
        '[remote "x"]\n\tuploadpack = evil\n',
        '[remote "x"]\n\turl = a\\\n',
        "[user]\n\tname = x\n[CORE]\n\tpager = evil\n",
        "something else\n",
    ],
)
def test_what_names_a_program_or_is_not_understood_is_not(added: str) -> None:
    assert not is_harmless(FRESH + added)


def test_a_repository_just_made_is_as_git_made_it(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert all(is_as_git_made_it(tmp_path / ".git" / part) for part in ("hooks", "info", "config"))
    (tmp_path / ".git" / "hooks" / "post-checkout").write_text("evil")
    assert not is_as_git_made_it(tmp_path / ".git" / "hooks")


def test_links_and_other_parts_are_not(tmp_path: Path) -> None:
    (tmp_path / "hooks").symlink_to(tmp_path)
    (tmp_path / "config").write_bytes(b"\xff\xfe")
    (tmp_path / "config.worktree").write_text(FRESH)
    (tmp_path / "commondir").write_text("../..")
    assert not any(is_as_git_made_it(path) for path in tmp_path.iterdir())
