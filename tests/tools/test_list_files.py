"""Listing directories and finding files."""

import os
import subprocess
from pathlib import Path

import anyio
import pytest
from calls import fail, succeed
from inline_snapshot import snapshot

from antiphon.engine.events import Access
from antiphon.tools.base import InvalidArguments, Limits, Tool, Workspace
from antiphon.tools.list_files import ListFiles


def git(directory: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)


def fill(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{path}\n")


@pytest.fixture
def project(workspace: Workspace) -> Workspace:
    fill(workspace.root, "b.py", "a-b/x.py", "a/x.py", "a/y.txt", ".hidden", "node_modules/m/index.js", "z/.venv/x.py")
    (workspace.root / "link").symlink_to("a")
    (workspace.root / "empty").mkdir()
    return workspace


def test_it_is_a_tool_that_reads_the_directory_and_all_below(project: Workspace) -> None:
    tool = ListFiles(project)
    assert isinstance(tool, Tool)
    assert tool.access(tool.parse({})) == Access(reads=(("file", *project.root.parts[1:]),), early=True)


async def test_a_directory_is_listed_with_everything_in_it(project: Workspace) -> None:
    assert await succeed(ListFiles(project)) == snapshot(
        """\
.hidden
a/
a-b/
b.py
empty/
link@
node_modules/
z/\
"""
    )
    assert await succeed(ListFiles(project), path="a") == "a/x.py\na/y.txt"
    assert await succeed(ListFiles(project), path="link") == "a/x.py\na/y.txt"
    assert await succeed(ListFiles(project), path="empty") == "(empty is empty)"


async def test_all_files_below_are_listed_in_order_without_what_is_generated(project: Workspace) -> None:
    assert (await succeed(ListFiles(project), recursive=True)).splitlines() == [
        ".hidden",
        "a/x.py",
        "a/y.txt",
        "a-b/x.py",
        "b.py",
        "link@",
    ]


async def test_files_are_found_by_name(project: Workspace) -> None:
    tool = ListFiles(project)
    assert await succeed(tool, glob="*.py") == "a/x.py\na-b/x.py\nb.py"
    assert await succeed(tool, pattern="x.py", path="a") == "a/x.py"
    assert await succeed(tool, glob="*.{txt,md}") == "a/y.txt"
    assert await succeed(tool, glob="*.rs") == "(no files below . match *.rs)"
    assert await succeed(tool, recursive=True, path="empty") == "(no files below empty)"


async def test_a_directory_that_is_passed_over_can_be_asked_for(project: Workspace) -> None:
    assert await succeed(ListFiles(project), path="node_modules", recursive=True) == "node_modules/m/index.js"


@pytest.fixture
def repository(project: Workspace) -> Workspace:
    root = project.root
    git(root, "init", "-q")
    fill(root, "new.py", "out/built.js", "a/kept.log", "gone.py", "naïve\nname.py", "inner/i.py")
    (root / ".gitignore").write_text("out/\n*.log\nnode_modules\n")
    git(root, "add", "-f", "b.py", "a", "gone.py", "link")
    git(root, "commit", "-q", "-m", "x")
    (root / "gone.py").unlink()
    git(root / "inner", "init", "-q")
    return project


async def test_in_a_repository_git_says_what_belongs(repository: Workspace) -> None:
    assert (await succeed(ListFiles(repository), recursive=True)).splitlines() == [
        ".gitignore",
        ".hidden",
        "a/kept.log",
        "a/x.py",
        "a/y.txt",
        "a-b/x.py",
        "b.py",
        "inner/i.py",
        "link@",
        "naïve\\x0aname.py",
        "new.py",
        "z/.venv/x.py",
    ]
    assert await succeed(ListFiles(repository), path="a", glob="*.py") == "a/x.py"


async def test_a_submodule_is_listed_and_one_that_was_not_fetched_is_passed_over(
    workspace: Workspace, tmp_path: Path
) -> None:
    fill(tmp_path / "dep", "d.py", "deep/e.py")
    git(tmp_path / "dep", "init", "-q")
    git(tmp_path / "dep", "add", ".")
    git(tmp_path / "dep", "commit", "-q", "-m", "x")
    git(workspace.root, "init", "-q")
    for name in ("here", "not-fetched"):
        git(workspace.root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(tmp_path / "dep"), name)
    git(workspace.root, "commit", "-q", "-m", "x")
    git(workspace.root, "submodule", "deinit", "-f", "-q", "not-fetched")
    tool = ListFiles(workspace)
    assert await succeed(tool, recursive=True) == ".gitmodules\nhere/d.py\nhere/deep/e.py"
    assert await succeed(tool, glob="e.py") == "here/deep/e.py"
    assert await succeed(tool, path="not-fetched", recursive=True) == "(no files below not-fetched)"


async def test_an_ignored_directory_can_be_asked_for(repository: Workspace) -> None:
    assert await succeed(ListFiles(repository), path="out", recursive=True) == "out/built.js"


async def test_a_repository_that_names_a_program_to_run_does_not_get_it_run(repository: Workspace) -> None:
    program = repository.root / "evil"
    program.write_text(f"#!/bin/sh\ntouch {repository.root}/ran\n")
    program.chmod(0o755)
    git(repository.root, "config", "core.fsmonitor", str(program))
    await succeed(ListFiles(repository), recursive=True)
    assert not (repository.root / "ran").exists()


async def test_another_repository_in_the_environment_is_not_asked(
    repository: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    assert "new.py" in await succeed(ListFiles(repository), recursive=True)


@pytest.mark.parametrize("program", ["missing", "broken"])
async def test_without_a_git_that_works_the_directories_are_walked(
    repository: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    if program == "broken":
        (bin_ / "git").write_text("not a program")
        (bin_ / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(bin_))
    shown = await succeed(ListFiles(repository), recursive=True)
    assert "out/built.js" in shown
    assert ".git/" not in shown
    assert "node_modules" not in shown


async def test_a_long_list_is_cut_and_says_so(workspace: Workspace) -> None:
    fill(workspace.root, *(f"{number:04}.txt" for number in range(300)))
    shown = await succeed(ListFiles(workspace), limit=2)
    assert shown == "0000.txt\n0001.txt\n\n(2 of 300 entries; choose a path or a glob to see the others)"
    shown = await succeed(ListFiles(workspace, Limits(result_chars=1000)), recursive=True)
    assert len(shown) <= 1000
    assert shown.endswith("(88 of 300 files; choose a path or a glob to see the others)")


async def test_names_that_are_no_text_are_shown_safely(workspace: Workspace) -> None:
    try:
        (workspace.root / os.fsdecode(b"caf\xe9")).touch()
    except OSError:  # a file system that takes text only
        return
    assert await succeed(ListFiles(workspace)) == "caf\\xe9"
    assert await succeed(ListFiles(workspace), recursive=True) == "caf\\xe9"
    git(workspace.root, "init", "-q")
    assert await succeed(ListFiles(workspace), recursive=True) == "caf\\xe9"


async def test_what_cannot_be_listed_is_said(project: Workspace) -> None:
    tool = ListFiles(project)
    for more in ({}, {"recursive": True}):
        assert await fail(tool, path="b.py", **more) == "b.py is a file, not a directory. read_file shows it."
        assert await fail(tool, path="aa", **more) == "aa does not exist. Did you mean a?"
    with pytest.raises(InvalidArguments, match="`glob`: the pattern is empty"):
        tool.parse({"glob": ""})
    with pytest.raises(InvalidArguments, match="outside the workspace"):
        tool.parse({"path": ".."})


async def test_a_walk_can_be_cancelled(project: Workspace) -> None:
    with anyio.move_on_after(0) as scope:
        await succeed(ListFiles(project), recursive=True)
    assert scope.cancelled_caught
