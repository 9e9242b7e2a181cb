"""Taking checkpoints, naming them, and seeing what differs."""

import os
import stat
from pathlib import Path

import pytest
from trees import git, put, remove, snapshot, write

from antiphon.checkpoints import Change, Checkpoint, Checkpoints, unsuitable
from antiphon.errors import CheckpointError, GitMissing


async def test_a_second_checkpoint_of_the_same_files_is_the_first(checkpoints: Checkpoints, work: Path) -> None:
    write(work, a="1\n")
    first = await checkpoints.take("first")
    second = await checkpoints.take("second")
    assert (first.new, second.new) == (True, False)
    assert (first, second.label) == (second, "first")
    assert await checkpoints.list() == [first]


async def test_checkpoints_are_listed_in_their_order_and_found_by_the_start_of_their_id(
    checkpoints: Checkpoints, work: Path
) -> None:
    taken: list[Checkpoint] = []
    for number in range(3):
        put(work, "a", str(number))
        taken.append(await checkpoints.take(f"label {number}\nwith 'quotes' and \udcff"))
    assert await checkpoints.list() == taken
    assert [one.number for one in taken] == [1, 2, 3]
    assert taken == sorted(taken, key=lambda one: one.at)
    assert await checkpoints.get(taken[1].id[:12]) == taken[1]
    with pytest.raises(CheckpointError, match="There is no checkpoint 'nope'"):
        await checkpoints.get("nope")
    with pytest.raises(CheckpointError, match="There is no checkpoint ''"):
        await checkpoints.get("")


async def test_an_older_state_that_comes_again_is_a_new_checkpoint(checkpoints: Checkpoints, work: Path) -> None:
    for content in ("1", "2", "1"):
        put(work, "a", content)
        await checkpoints.take()
    assert len(await checkpoints.list()) == 3


async def test_an_empty_workspace_has_a_checkpoint_too(checkpoints: Checkpoints, work: Path) -> None:
    empty = await checkpoints.take()
    assert not (await checkpoints.take()).new
    write(work, a="1\n", b__c="2\n")
    assert (await checkpoints.restore(empty.id)).deleted == ("a", "b/c")
    assert snapshot(work) == {}
    assert not (work / "b").exists()


async def test_nothing_is_written_before_the_first_checkpoint(checkpoints: Checkpoints) -> None:
    assert await checkpoints.list() == []
    assert await checkpoints.size() == 0
    assert checkpoints.unfinished() is None
    await checkpoints.delete()
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        await checkpoints.restore("abc")
    assert not checkpoints.directory.exists()


async def test_changes_are_told_with_their_lines(checkpoints: Checkpoints, work: Path) -> None:
    write(work, same="1\n", gone="1\n2\n", changed="a\nb\nc\n", picture=b"\0\1", mode="x\n")
    older = await checkpoints.take()
    (work / "gone").unlink()
    write(work, changed="a\nB\nc\nd\n", picture=b"\0\2", new__file="n\n")
    (work / "mode").chmod(0o755)
    expected = [
        Change("changed", "modified", 2, 1),
        Change("gone", "deleted", 0, 2),
        Change("mode", "modified", 0, 0),
        Change("new/file", "added", 1, 0),
        Change("picture", "modified", None, None),
    ]
    assert await checkpoints.changes(older.id) == expected
    newer = await checkpoints.take()
    assert await checkpoints.changes(older.id, newer.id) == expected
    assert await checkpoints.changes(newer.id) == []
    assert [change.kind for change in await checkpoints.changes(newer.id, older.id)] == [
        "modified", "added", "modified", "deleted", "modified",
    ]  # fmt: skip


async def test_looking_at_the_present_makes_no_checkpoint(checkpoints: Checkpoints, work: Path) -> None:
    write(work, a="1\n")
    first = await checkpoints.take()
    write(work, a="2\n")
    assert "-1\n+2\n" in await checkpoints.diff(first.id)
    assert await checkpoints.list() == [first]
    assert (await checkpoints.take()).new


async def test_a_diff_is_unified_text_of_all_or_some_files(checkpoints: Checkpoints, work: Path) -> None:
    write(work, a="1\n2\n", sub__b="x\r\n", sub__c=b"\xff\xfe\n")
    first = await checkpoints.take()
    write(work, a="1\n3\n", sub__b="y\r\n", sub__c=b"\xff\n")
    whole = await checkpoints.diff(first.id)
    assert "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n 1\n-2\n+3\n" in whole
    assert "-x\r\n+y\r\n" in whole
    for path in ("sub", work / "sub"):
        assert (await checkpoints.diff(first.id, path=path)).count("diff --git") == 2
    assert await checkpoints.diff(first.id, path=".") == whole
    assert (await checkpoints.diff(first.id, path="su")) == ""
    with pytest.raises(CheckpointError, match="outside of the workspace"):
        await checkpoints.diff(first.id, path="../other")


async def test_only_the_user_may_look_into_the_directory(checkpoints: Checkpoints, work: Path) -> None:
    write(work, secret="s")
    checkpoints.directory.mkdir(mode=0o755)
    await checkpoints.take()
    assert stat.S_IMODE(checkpoints.directory.stat().st_mode) == 0o700


async def test_pruning_keeps_what_it_is_told_to_and_gives_space_back(checkpoints: Checkpoints, work: Path) -> None:
    (work / "nested").mkdir()
    git("init", "-q", cwd=work / "nested")
    taken: list[Checkpoint] = []
    for number in range(6):
        put(work, "a", os.urandom(200_000))
        put(work, "nested/b", str(number))
        taken.append(await checkpoints.take(str(number)))
    before = await checkpoints.size()
    pruned = await checkpoints.prune(newest=2, keep=[taken[1].id])
    assert pruned.checkpoints == 3
    assert pruned.size == await checkpoints.size() == before - pruned.freed
    assert pruned.freed > 500_000
    assert await checkpoints.list() == [taken[1], taken[4], taken[5]]
    assert not (await checkpoints.take()).new
    await checkpoints.restore(taken[1].id)
    assert (work / "nested/b").read_text() == "1"
    assert (await checkpoints.prune(newest=0)).checkpoints == 2
    assert (await checkpoints.take()).number == taken[5].number + 1


async def test_what_was_only_looked_at_survives_pruning(checkpoints: Checkpoints, work: Path) -> None:
    write(work, a="1")
    first = await checkpoints.take()
    write(work, a="2", b="3")
    await checkpoints.changes(first.id)
    await checkpoints.prune(newest=1)
    second = await checkpoints.take()
    await checkpoints.restore(first.id)
    await checkpoints.restore(second.id)
    assert (work / "b").read_text() == "3"


async def test_deleting_leaves_nothing_and_one_can_begin_anew(checkpoints: Checkpoints, work: Path) -> None:
    write(work, a="1")
    await checkpoints.take()
    await checkpoints.delete()
    assert not checkpoints.directory.exists()
    assert (await checkpoints.take()).number == 1


def test_directories_of_everything_are_no_workspace(tmp_path: Path, home: Path) -> None:
    for name in ("Desktop", "Documents", "Downloads"):
        (home / name / "project").mkdir(parents=True)
        assert "collects files" in (unsuitable(home / name) or "")
        assert unsuitable(home / name / "project") is None
    (tmp_path / "link").symlink_to(home)
    refused = {
        home: "home directory",
        tmp_path / "link": "home directory",
        tmp_path: "holds home directories",
        Path("/"): "the whole file system",
        tmp_path / "missing": "not a directory",
    }
    for root, words in refused.items():
        assert words in (unsuitable(root) or "")
        with pytest.raises(CheckpointError, match=words):
            Checkpoints(root, tmp_path / "kept")


def test_checkpoints_are_kept_outside_of_the_workspace(work: Path, tmp_path: Path) -> None:
    for directory in (work, work / ".kept", tmp_path):
        with pytest.raises(CheckpointError, match="must be outside"):
            Checkpoints(work, directory)


async def test_without_git_the_error_says_so(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitMissing, match="no program `git`"):
        await checkpoints.take()


async def test_a_workspace_that_is_gone_is_told(checkpoints: Checkpoints, work: Path) -> None:
    await checkpoints.take()
    remove(work)
    with pytest.raises(CheckpointError, match="is gone"):
        await checkpoints.take()
