"""Which files are protected, by whatever name they are called."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.policy.protected import is_protected, protected_in

ROOT = Path("/home/me/project")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (".git/hooks/pre-commit", "git internals"),
        (".git", "git internals"),
        ("vendor/lib/.git/config", "git internals"),
        (".GIT/hooks/pre-commit", "git internals"),
        (".git./config", "git internals"),
        (".g\u200cit/config", "git internals"),
        ("store/project.git/hooks/update", "git internals"),
        ("HEAD", "makes a directory a git repository"),
        (".antiphon/settings.toml", "Antiphon's own"),
        (".antiphonignore", "which files agents do not see"),
        ("sub/.rooignore", "which files agents do not see"),
        (".roorules-code", "the configuration of a coding agent"),
        (".roo/rules/x.md", "the configuration of a coding agent"),
        (".github/copilot-instructions.md", "the configuration of a coding agent"),
        ("AGENTS.md", "instructions that coding agents follow"),
        ("sub/agents.MD", "instructions that coding agents follow"),
        (".mcp.json", "names programs"),
        (".vscode/settings.json", "the configuration of an editor"),
        ("x.code-workspace", "the configuration of an editor"),
        (".envrc", "run by the shell when a directory is entered"),
        (".bashrc", "a start file"),
        (".config/fish/config.fish", "a start file"),
        (".ssh/authorized_keys", "run when somebody logs in"),
        (".husky/pre-push", "run at the next commit"),
        (".pre-commit-config.yaml", "run at the next commit"),
    ],
)
def test_what_runs_later_or_decides_what_may_run_is_protected(name: str, why: str) -> None:
    assert why in is_protected(ROOT / name, ROOT)
    assert why in is_protected(ROOT / name)


@pytest.mark.parametrize(
    "name",
    ["src/main.py", ".gitignore", ".github/workflows/test.yml", ".env", "git/config", "docs/HEAD.md", "agents.py", "a"],
)
def test_other_files_are_not(name: str) -> None:
    assert is_protected(ROOT / name, ROOT) == ""


def test_where_the_workspace_itself_lies_does_not_matter() -> None:
    root = Path("/home/me/.claude/worktrees/one")
    assert is_protected(root / "src/main.py", root) == ""
    assert is_protected(root / ".git/config", root) != ""
    assert is_protected(root.parent / "other", root) != ""


@given(st.lists(st.sampled_from(["a", "src", "B"]), max_size=3), st.sampled_from([".git", ".GIT", ".Antiphon"]))
def test_all_below_a_protected_directory_is_protected_at_any_depth(names: list[str], protected: str) -> None:
    assert is_protected(ROOT.joinpath(*names, protected, *names, "x"), ROOT)


def test_protected_files_are_found_without_walking_the_tree(tmp_path: Path) -> None:
    directories = [".git/hooks", ".git/objects", ".git/modules/lib/hooks", ".vscode", ".github/workflows", "src/.idea"]
    for name in (*directories, ".local/share/antiphon"):
        (tmp_path / name).mkdir(parents=True)
    for name in (".git/config", ".git/HEAD", ".git/modules/lib/config", "Agents.md", ".github/copilot.md", "main.py"):
        (tmp_path / name).touch()
    assert [str(path.relative_to(tmp_path)) for path in protected_in(tmp_path)] == [
        ".git/config",
        ".git/hooks",
        ".git/modules/lib/config",
        ".git/modules/lib/hooks",
        ".github/copilot.md",
        ".local/share/antiphon",
        ".vscode",
        "Agents.md",
    ]


def test_of_a_bare_repository_the_parts_that_run_programs_are_found(tmp_path: Path) -> None:
    for name in ("objects", "refs", "hooks"):
        (tmp_path / name).mkdir()
    for name in ("HEAD", "config"):
        (tmp_path / name).touch()
    assert [path.name for path in protected_in(tmp_path)] == ["HEAD", "config", "hooks"]


def test_a_linked_worktree_has_a_file_that_is_protected(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /elsewhere\n")
    assert [path.name for path in protected_in(tmp_path)] == [".git"]


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    assert protected_in(tmp_path) == []
    assert protected_in(tmp_path / "missing") == []
