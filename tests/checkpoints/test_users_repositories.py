"""The user's own git: nothing of it is changed, and nothing of it changes what is kept."""

import os
import stat
from pathlib import Path

import pytest
from trees import below, git, put, remove, snapshot, write

from antiphon.checkpoints import Checkpoints, Kept


def everything(root: Path) -> dict[str, object]:
    """Return what is in a directory byte for byte, with times, modes and inodes."""
    return {
        str(path): (info.st_ino, info.st_mode, info.st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in below(root)
        for info in [path.lstat()]
    }


def repository(root: Path) -> Path:
    """Make a repository of the user's, with a commit, something staged and something changed."""
    root.mkdir(exist_ok=True)
    git("init", "-q", "-b", "main", cwd=root)
    write(root, committed="1\n", staged="1\n", changed="1\n")
    git("add", "-A", cwd=root)
    git("commit", "-q", "-m", "first", cwd=root)
    write(root, staged="2\n", changed="2\n", untracked="1\n")
    git("add", "staged", cwd=root)
    return root


async def use(checkpoints: Checkpoints, work: Path, *names: str) -> None:
    """Take, compare, bring back and prune, and see that files are what they were."""
    then = snapshot(work, without=(".git",))
    first = await checkpoints.take()
    for name in names:
        put(work, name, "changed by the agent\n")
        put(work, name + ".new", "new\n")
    assert [change.path for change in await checkpoints.changes(first.id)] == sorted(
        [*names, *(name + ".new" for name in names)]
    )
    assert (await checkpoints.diff(first.id)).count("+changed by the agent") == len(names)
    assert (await checkpoints.restore(first.id)).kept == ()
    assert snapshot(work, without=(".git",)) == then
    await checkpoints.prune(newest=1)
    assert (await checkpoints.take()).new


async def test_a_repository_of_the_user_stays_untouched(checkpoints: Checkpoints, work: Path) -> None:
    repository(work)
    before = everything(work / ".git")
    await use(checkpoints, work, "committed", "staged", "changed", "untracked")
    assert everything(work / ".git") == before


async def test_a_linked_worktree_stays_untouched(checkpoints: Checkpoints, work: Path, tmp_path: Path) -> None:
    main = repository(tmp_path / "main")
    git("worktree", "add", "-q", str(work), cwd=main)
    before = everything(main), (work / ".git").read_bytes()
    await use(checkpoints, work, "committed")
    assert (everything(main), (work / ".git").read_bytes()) == before


async def test_a_submodule_is_a_workspace_like_any_other(checkpoints: Checkpoints, work: Path, tmp_path: Path) -> None:
    outer = repository(tmp_path / "outer")
    git("submodule", "add", "-q", str(repository(tmp_path / "inner")), "sub", cwd=outer)
    checkpoints = Checkpoints(outer / "sub", tmp_path / "kept")
    before = everything(outer / ".git")
    await use(checkpoints, outer / "sub", "committed")
    assert everything(outer / ".git") == before


async def test_files_of_nested_repositories_are_kept_as_files(
    checkpoints: Checkpoints, work: Path, tmp_path: Path
) -> None:
    repository(work)
    repository(work / "clone")
    repository(work / "clone/deeper")
    (work / "dir with\nnewline").mkdir()
    git("init", "-q", cwd=work / "dir with\nnewline")  # without a commit
    put(work, "dir with\nnewline/file", "1\n")
    git("submodule", "add", "-q", str(repository(tmp_path / "inner")), "lib/sub", cwd=work)
    git("worktree", "add", "-q", "trees/one", cwd=work)
    places = [".git", "clone/.git", "clone/deeper/.git", "dir with\nnewline/.git"]
    before = [everything(work / place) for place in places]
    await use(
        checkpoints,
        work,
        *("clone/committed", "clone/deeper/changed", "dir with\nnewline/file", "lib/sub/staged", "trees/one/committed"),
        "committed",
    )
    assert [everything(work / place) for place in places] == before


async def test_a_nested_repository_ignores_by_its_own_rules(checkpoints: Checkpoints, work: Path) -> None:
    write(work, _dot_gitignore="*.log\n")
    repository(work / "clone")
    write(work, clone___dot_gitignore="*.tmp\n")
    for name in ("a.log", "clone/a.log", "clone/a.tmp"):
        put(work, name, "1")
    first = await checkpoints.take()
    for name in ("a.log", "clone/a.log", "clone/a.tmp"):
        put(work, name, "2")
    assert (await checkpoints.restore(first.id)).written == ("clone/a.log",)


async def test_a_repository_cloned_since_loses_its_files_but_not_its_git(checkpoints: Checkpoints, work: Path) -> None:
    write(work, a="1")
    first = await checkpoints.take()
    repository(work / "clone")
    before = everything(work / "clone/.git")
    restored = await checkpoints.restore(first.id)
    assert restored.deleted == ("clone/changed", "clone/committed", "clone/staged", "clone/untracked")
    assert restored.kept == (Kept("clone/.git", "it is a repository of its own, which was not there then"),)
    assert everything(work / "clone/.git") == before
    assert (await checkpoints.restore(restored.before.id)).kept == ()
    assert (await checkpoints.restore(first.id, ["a"])).kept == ()
    assert (work / "clone/changed").read_text() == "2\n"


async def test_files_of_a_repository_that_is_gone_come_back(checkpoints: Checkpoints, work: Path) -> None:
    repository(work / "clone")
    first, then = await checkpoints.take(), snapshot(work, without=(".git",))
    remove(*reversed(below(work)))
    restored = await checkpoints.restore(first.id)
    assert restored.kept == ()
    assert snapshot(work) == then


async def test_a_directory_may_become_a_repository_and_stop_being_one(checkpoints: Checkpoints, work: Path) -> None:
    write(work, lib__a="1", lib__b="1", other="1")
    first = await checkpoints.take()
    git("init", "-q", cwd=work / "lib")
    write(work, lib__a="2", lib__c="2")
    second = await checkpoints.take()
    assert [(one.path, one.kind) for one in await checkpoints.changes(first.id, second.id)] == [
        ("lib/a", "modified"),
        ("lib/c", "added"),
    ]
    await checkpoints.restore(first.id)
    assert snapshot(work, without=(".git",)) == dict.fromkeys(("lib/a", "lib/b", "other"), (False, b"1"))
    repository(work / "clone")
    third, then = await checkpoints.take(), snapshot(work, without=(".git",))
    remove(*reversed(below(work / "clone/.git")), work / "clone/.git")
    write(work, clone__changed="3", clone__created="3")
    assert [(one.path, one.kind) for one in await checkpoints.changes(third.id)] == [
        ("clone/changed", "modified"),
        ("clone/created", "added"),
    ]
    assert (await checkpoints.restore(third.id)).kept == ()
    assert snapshot(work, without=(".git",)) == then


async def test_more_repositories_than_can_be_kept_are_told(
    checkpoints: Checkpoints, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("antiphon.checkpoints.checkpoints._MOST_REPOSITORIES", 2)
    for name in ("a", "b"):
        repository(work / name)
    first = await checkpoints.take()
    assert [(one.path, one.reason) for one in first.left_out] == [("b/", "too many repositories")]
    write(work, b__committed="mine")
    assert (await checkpoints.restore(first.id)).written == ()


HOSTILE = """
[core]
    autocrlf = true
    safecrlf = true
    eol = crlf
    hooksPath = {bin}
    fsmonitor = {bin}/ran
    pager = {bin}/ran
    attributesFile = {bin}/attributes
    symlinks = false
    fileMode = false
    worktree = /nowhere
[filter "lfs"]
    clean = {bin}/ran
    smudge = {bin}/ran
    process = {bin}/ran
    required = true
[diff "textconv"]
    textconv = {bin}/ran
    command = {bin}/ran
[diff]
    external = {bin}/ran
    noprefix = true
    renames = copies
    mnemonicPrefix = true
[status]
    showUntrackedFiles = no
[commit]
    gpgSign = true
[gpg]
    program = {bin}/ran
[color]
    ui = always
[init]
    templateDir = {bin}
    defaultObjectFormat = sha256
[index]
    sparse = true
"""
ATTRIBUTES = """
* text=auto eol=crlf ident filter=lfs diff=textconv working-tree-encoding=UTF-16LE
*.bin binary
"""


async def test_nothing_the_user_has_set_up_changes_a_byte_or_runs(
    checkpoints: Checkpoints, work: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bin_ = tmp_path / "bin"
    ran = put(bin_, "ran", f'#!/bin/sh\necho "$0 $@" >> {tmp_path}/evidence\ncat\n')
    for hook in ("pre-commit", "post-index-change", "reference-transaction", "post-checkout", "update"):
        put(bin_, hook, ran.read_bytes()).chmod(0o755)
    ran.chmod(0o755)
    put(bin_, "attributes", ATTRIBUTES)
    repository(work)
    put(home, ".gitconfig", HOSTILE.format(bin=bin_))
    put(home, ".config/git/attributes", ATTRIBUTES)
    put(work, ".git/config", HOSTILE.format(bin=bin_))
    put(work, ".git/info/attributes", ATTRIBUTES)
    for name, value in {
        "GIT_DIR": "/nowhere", "GIT_WORK_TREE": "/nowhere", "GIT_INDEX_FILE": str(work / ".git/index"),
        "GIT_OBJECT_DIRECTORY": str(work / ".git/objects"), "GIT_EXTERNAL_DIFF": str(ran), "GIT_TRACE": "1",
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.autocrlf", "GIT_CONFIG_VALUE_0": "true",
        "GIT_DEFAULT_HASH": "sha256",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    write(
        work,
        _dot_gitattributes=ATTRIBUTES,
        crlf="a\r\nb\r\n",
        mixed="a\nb\r\nc",
        ident="$Id$\n",
        pointer="version https://git-lfs.github.com/spec/v1\n",
        utf16="x\n".encode("utf-16"),
        a_bin=b"\0\r\n",
    )
    sub = put(work, "sub/.gitattributes", "* -text !filter eol=lf\n").parent
    write(sub, crlf="\r\n")
    (work / "link").symlink_to("crlf")
    (work / "crlf").chmod(0o755)
    before = everything(work / ".git")
    then = snapshot(work, without=(".git",))
    first = await checkpoints.take()
    for path in below(work):
        if path.is_file() and not path.is_symlink() and ".git" not in path.parts:
            path.write_bytes(path.read_bytes() + b"x\r\n")
            path.chmod(0o644)
    remove(work / "link")
    assert "diff --git a/crlf b/crlf" in await checkpoints.diff(first.id)
    assert len(await checkpoints.changes(first.id)) == len(then)
    assert (await checkpoints.restore(first.id)).kept == ()
    assert snapshot(work, without=(".git",)) == then
    assert everything(work / ".git") == before
    assert not (tmp_path / "evidence").exists()


async def test_a_repository_that_belongs_to_somebody_else_is_a_workspace_too(
    checkpoints: Checkpoints, work: Path
) -> None:
    repository(work)
    if os.geteuid() == 0:  # only root can give things away; for others it is a repository like any other
        for path in [work, *below(work)]:
            os.chown(path, 12345, 12345)
    await use(checkpoints, work, "committed")
    assert stat.S_ISREG((work / "committed").stat().st_mode)
