"""What is kept and what is not."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from trees import at, below, git, put, write

from antiphon.checkpoints import Checkpoints
from antiphon.checkpoints.ignoring import inherited
from antiphon.errors import CheckpointError


async def kept(checkpoints: Checkpoints) -> list[str]:
    """Return which files a checkpoint of the present holds."""
    taken = await checkpoints.take()
    for path in below(checkpoints.root):
        if path.is_file() and ".git" not in path.parts:
            path.write_bytes(path.read_bytes() + b"changed")
    return [change.path for change in await checkpoints.changes(taken.id)]


async def test_what_gitignore_files_say_is_not_kept_in_any_tree(checkpoints: Checkpoints, work: Path) -> None:
    write(work, _dot_gitignore="*.log\n/only_here\n!keep.log\n", sub___dot_gitignore="local\n")
    for name in ("a.log", "keep.log", "only_here", "sub/only_here", "sub/local", "local"):
        put(work, name, "1")
    assert await kept(checkpoints) == [
        ".gitignore", "keep.log", "local", "sub/.gitignore", "sub/only_here",
    ]  # fmt: skip


async def test_what_tools_make_again_is_not_kept(checkpoints: Checkpoints, work: Path) -> None:
    made = ("node_modules/x/i.js", "a/__pycache__/b.pyc", ".venv/bin/python", "target/debug/a", "venv/x", ".DS_Store")
    for name in (*made, "src/a.py", "build/b", "dist/c"):
        put(work, name, "1")
    assert await kept(checkpoints) == ["build/b", "dist/c", "src/a.py"]


async def test_a_gitignore_file_may_say_that_it_is_kept_all_the_same(checkpoints: Checkpoints, work: Path) -> None:
    write(work, _dot_gitignore="!target/\n", target__a="1", venv__b="1")
    assert await kept(checkpoints) == [".gitignore", "target/a"]


async def test_in_a_repository_only_names_that_mean_nothing_else_are_left_out(
    checkpoints: Checkpoints, work: Path
) -> None:
    git("init", "-q", cwd=work)
    write(work, target__a="1", venv__b="1", node_modules__c="1")
    assert await kept(checkpoints) == ["target/a", "venv/b"]


async def test_what_the_user_tracks_is_kept_though_it_is_ignored(checkpoints: Checkpoints, work: Path) -> None:
    git("init", "-q", cwd=work)
    write(work, _dot_gitignore="*.log\n", node_modules__patched="1", node_modules__other="1")
    for name in ("tracked.log", "other.log"):
        put(work, name, "1")
    git("add", "-f", "tracked.log", "node_modules/patched", cwd=work)
    assert await kept(checkpoints) == [".gitignore", "node_modules/patched", "tracked.log"]
    git("add", "-f", "other.log", cwd=work)
    assert "other.log" in await kept(checkpoints)


async def test_what_the_user_tracks_and_ignores_is_told_when_it_is_too_large(work: Path, tmp_path: Path) -> None:
    checkpoints = at(tmp_path, largest=10)
    git("init", "-q", cwd=work)
    write(work, _dot_gitignore="*.log\n")
    put(work, "a.log", "x" * 11)
    git("add", "-f", "a.log", cwd=work)
    first = await checkpoints.take()
    assert [(one.path, one.reason) for one in first.left_out] == [("a.log", "too large")]
    assert not (await checkpoints.take()).new
    put(work, "a.log", "x")
    second = await checkpoints.take()
    assert second.left_out == ()
    assert [change.path for change in await checkpoints.changes(first.id, second.id)] == ["a.log"]


async def test_excludes_of_the_user_and_of_the_repository_hold(
    checkpoints: Checkpoints, work: Path, home: Path
) -> None:
    git("init", "-q", cwd=work)
    put(work, ".git/info/exclude", "private\n")
    put(home, "patterns", "*.swp\n")
    put(home, ".gitconfig", "[core]\n\texcludesFile = ~/patterns\n")
    for name in ("private", "a.swp", "b"):
        put(work, name, "1")
    assert await kept(checkpoints) == ["b"]


async def test_excludes_of_the_user_are_found_where_git_looks_for_them(
    checkpoints: Checkpoints, work: Path, home: Path
) -> None:
    git("init", "-q", cwd=work)
    put(home, ".config/git/ignore", "*.swp\n")
    for name in ("a.swp", "b"):
        put(work, name, "1")
    assert await kept(checkpoints) == ["b"]


async def test_in_a_part_of_a_repository_the_rules_above_hold(tmp_path: Path) -> None:
    top = tmp_path / "top"
    write(top, _dot_gitignore="*.log\n/packages/*/dist\nsecret/\n", packages___dot_gitignore="x/generated\n!a.log\n")
    git("init", "-q", cwd=top)
    put(top, ".git/info/exclude", "/packages/x/private\n")
    work = top / "packages/x"
    for name in ("a.log", "b.log", "dist/1", "sub/dist/1", "generated", "private", "sub/private", "secret/1", "c"):
        put(work, name, "1")
    assert await kept(Checkpoints(work, tmp_path / "kept")) == ["a.log", "c", "sub/dist/1", "sub/private"]


@pytest.mark.parametrize("rule", ["*", "work/", "/down/work", "down/*"])
async def test_a_workspace_that_is_ignored_itself_is_kept(rule: str, tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    write(tmp_path, _dot_gitignore=f"{rule}\n*.log\n")
    work = tmp_path / "down/work"
    write(work, a="1", sub__b="1")
    assert await kept(Checkpoints(work, tmp_path / "kept")) == ["a", "sub/b"]


def test_rules_are_translated_for_a_directory_below() -> None:
    rules = {
        "*.log": ["*.log"],
        "# comment": [],
        "": [],
        "!keep": ["!keep"],
        "dist/": ["dist/"],
        "/a/b/c": ["/c"],
        "!/a/b/c/": ["!/c/"],
        "a/*/c/d": ["/c/d"],
        "/other/c": [],
        "/a": [],
        "/a/b": [],
        "**/c/d": ["/**/c/d"],
        "a/**": ["/**"],
        "a/**/d": ["/**/d"],
        "**/b/d": ["/**/b/d", "/d"],
    }
    assert {rule: list(inherited([rule], ["a", "b"])) for rule in rules} == rules


async def test_large_files_and_things_that_are_no_files_are_left_out(work: Path, tmp_path: Path) -> None:
    checkpoints = at(tmp_path, largest=1000)
    put(work, "large", b"x" * 1001)
    put(work, "just", b"x" * 1000)
    os.mkfifo(work / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(work / "socket"))
        taken = await checkpoints.take()
        assert [(one.path, one.reason) for one in taken.left_out] == [("large", "too large")]
        assert not (await checkpoints.take()).new
    write(work, file="1")
    before = await checkpoints.take()
    (work / "file").unlink()
    os.mkfifo(work / "file")
    after = await checkpoints.take()
    assert [change.path for change in await checkpoints.changes(before.id, after.id)] == ["file"]


async def test_more_than_can_be_kept_is_refused_with_advice(work: Path, tmp_path: Path) -> None:
    checkpoints = at(tmp_path, most=1000)
    for name in ("a", "b"):
        put(work, name, b"x" * 600)
    with pytest.raises(CheckpointError, match=r"in 2 files that were not kept yet.*\.gitignore"):
        await checkpoints.take()
    put(work, ".gitignore", "a\n")
    assert (await checkpoints.take()).number == 1


@contextmanager
def nobody(*owned: Path) -> Generator[None]:
    """Be somebody whom permissions hold for."""
    if os.geteuid() != 0:
        yield
        return
    owned[0].parent.chmod(0o755)
    for directory in owned:
        for path in [directory, *below(directory)]:
            os.chown(path, 65534, 65534)
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


async def test_unreadable_files_are_left_out_and_never_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    with TemporaryDirectory() as name:
        top = Path(name)
        write(top / "work", a="1", closed="1", closes="1", sub__b="1", locked__c="1")
        (top / "kept").mkdir()
        (top / "home").mkdir()
        monkeypatch.setenv("HOME", str(top / "home"))
        checkpoints = Checkpoints(top / "work", top / "kept")
        first = await checkpoints.take()
        await checkpoints.restore(first.id)
        with nobody(top / "work", top / "kept", top / "home"):
            put(top, "work/closed", "2").chmod(0)
            (top / "work/locked").chmod(0)
            try:
                second = await checkpoints.take()
                assert [(one.path, one.reason) for one in second.left_out] == [
                    ("closed", "unreadable"),
                    ("locked/", "unreadable"),
                ]
                restored = await checkpoints.restore(first.id)
                assert [one.path for one in restored.kept] == ["closed"]
                assert restored.written == restored.deleted == ()
            finally:
                (top / "work/locked").chmod(0o755)
                (top / "work/closed").chmod(0o644)
            assert (top / "work/closed").read_text() == "2"
