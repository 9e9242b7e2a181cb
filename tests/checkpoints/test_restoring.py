"""Making files what they were."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trees import at, below, put, remove, snapshot, write

from antiphon.checkpoints import Checkpoints, Kept, Restored
from antiphon.errors import CheckpointError


async def test_changed_created_and_deleted_files_are_what_they_were(checkpoints: Checkpoints, work: Path) -> None:
    write(work, changed="1\n", deleted="2\n", deep__er__deleted="3\n", same="4\n", empty="")
    then = snapshot(work)
    first = await checkpoints.take("first")
    write(work, changed="one\n", created="5\n", new__deep__created="6\n")
    (work / "deleted").unlink()
    (work / "deep/er/deleted").unlink()
    (work / "deep/er").rmdir()
    (work / "deep").rmdir()
    restored = await checkpoints.restore(first.id[:10])
    assert restored == Restored(
        first,
        restored.before,
        ("changed", "deep/er/deleted", "deleted"),
        ("created", "new/deep/created"),
        (),
    )
    assert snapshot(work) == then
    assert not (work / "new").exists()


async def test_a_restore_is_undone_by_bringing_back_the_state_before(checkpoints: Checkpoints, work: Path) -> None:
    write(work, a="1", b="2")
    first = await checkpoints.take()
    (work / "b").unlink()
    write(work, a="3", c="4")
    now = snapshot(work)
    restored = await checkpoints.restore(first.id)
    assert (restored.before.new, restored.before.label) == (True, "before going back to 1")
    await checkpoints.restore(restored.before.id)
    assert snapshot(work) == now


async def test_only_the_paths_asked_for_are_touched(checkpoints: Checkpoints, work: Path) -> None:
    write(work, a="1", sub__b="1", sub__c="1", subway="1")
    first = await checkpoints.take()
    write(work, a="2", sub__b="2", sub__d="2", subway="2")
    (work / "sub/c").unlink()
    restored = await checkpoints.restore(first.id, ["sub"])
    assert (restored.written, restored.deleted) == (("sub/b", "sub/c"), ("sub/d",))
    assert [(work / name).read_text() for name in ("a", "sub/b", "sub/c", "subway")] == ["2", "1", "1", "2"]
    assert (await checkpoints.restore(first.id, [work / "a"])).written == ("a",)
    assert (await checkpoints.restore(first.id, [])).written == ()
    assert (await checkpoints.restore(first.id, ["."])).written == ("subway",)
    with pytest.raises(CheckpointError, match="outside of the workspace"):
        await checkpoints.restore(first.id, ["sub/../../elsewhere"])


async def test_paths_may_be_given_by_another_name_of_the_workspace(
    checkpoints: Checkpoints, work: Path, tmp_path: Path
) -> None:
    write(work, a="1", sub__b="1")
    first = await checkpoints.take()
    write(work, a="2", sub__b="2")
    (tmp_path / "other").symlink_to(work)
    assert (await checkpoints.restore(first.id, [tmp_path / "other/sub"])).written == ("sub/b",)
    (tmp_path / "inside").symlink_to(work / "a")
    with pytest.raises(CheckpointError, match="outside of the workspace"):
        await checkpoints.restore(first.id, [tmp_path / "inside"])


async def test_many_files_go_through_packs_byte_for_byte(
    checkpoints: Checkpoints, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("antiphon.checkpoints.scanning._MANY", 5)
    monkeypatch.setattr("antiphon.checkpoints.scanning._BATCH", 20)
    for number in range(70):
        put(work, f"{number % 7}/{number}", os.urandom(number * 50) + b"\r\n")
    put(work, ".gitattributes", "* text eol=crlf ident filter=lfs\n")
    (work / "link").symlink_to("1/1")
    first, then = await checkpoints.take(), snapshot(work)
    assert len(list((checkpoints.directory / "repository/objects/pack").glob("*.pack"))) == 4
    for path in below(work):
        if path.is_file() and not path.is_symlink():
            path.write_bytes(b"changed\n")
    assert (await checkpoints.restore(first.id)).kept == ()
    assert snapshot(work) == then


async def test_modes_and_links_come_back(checkpoints: Checkpoints, work: Path) -> None:
    write(work, tool="#!\n", text="t\n", private="p\n")
    (work / "tool").chmod(0o755)
    (work / "private").chmod(0o600)
    (work / "link").symlink_to("text")
    (work / "dangling").symlink_to("nowhere/at all\n")
    first = await checkpoints.take()
    then = snapshot(work)
    (work / "tool").chmod(0o644)
    (work / "text").chmod(0o755)
    write(work, private="other\n")
    for name in ("link", "dangling"):
        (work / name).unlink()
        write(work, **{name: "a file now\n"})
    restored = await checkpoints.restore(first.id)
    assert restored.written == ("dangling", "link", "private", "text", "tool")
    assert snapshot(work) == then
    assert [(work / name).stat().st_mode & 0o777 for name in ("tool", "text", "private")] == [0o755, 0o644, 0o600]


async def test_files_directories_and_links_take_each_others_places(checkpoints: Checkpoints, work: Path) -> None:
    write(work, a="file", b__c="in a directory", d__e="1", f="file")
    (work / "g").symlink_to("d")
    first, then = await checkpoints.take(), snapshot(work)
    for name in ("a", "b/c", "d/e", "f", "g"):
        (work / name).unlink()
    for name in ("b", "d"):
        (work / name).rmdir()
    write(work, a__x="now a directory", b="now a file", g__h__i="now a directory")
    (work / "d").symlink_to("a")
    (work / "f").symlink_to(".")
    second, now = await checkpoints.take(), snapshot(work)
    assert (await checkpoints.restore(first.id)).kept == ()
    assert snapshot(work) == then
    assert (await checkpoints.restore(second.id)).kept == ()
    assert snapshot(work) == now


async def test_a_link_that_leads_outside_is_never_followed(
    checkpoints: Checkpoints, work: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    write(outside, a="precious", b="precious")
    write(work, sub__a="1", top="1", _dot_gitignore="ignored\n")
    first = await checkpoints.take()
    (work / "sub/a").unlink()
    (work / "sub").rmdir()
    (work / "sub").symlink_to(outside)
    (work / "top").unlink()
    (work / "top").symlink_to(outside / "b")
    assert (await checkpoints.restore(first.id)).kept == ()
    assert snapshot(outside) == {"a": (False, b"precious"), "b": (False, b"precious")}
    assert snapshot(work / "sub") == {"a": (False, b"1")}
    assert (work / "top").read_text() == "1"


async def test_an_ignored_link_in_the_way_is_left_and_told(
    checkpoints: Checkpoints, work: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    write(work, sub__a="1")
    first = await checkpoints.take()
    (work / "sub/a").unlink()
    (work / "sub").rmdir()
    await checkpoints.take()
    write(work, _dot_gitignore="sub\n")
    (work / "sub").symlink_to(outside)
    (kept,) = (await checkpoints.restore(first.id)).kept
    assert kept.path == "sub/a"
    assert snapshot(outside) == {}


async def test_ignored_files_are_neither_deleted_nor_overwritten(checkpoints: Checkpoints, work: Path) -> None:
    write(work, a="1", log="kept once")
    first = await checkpoints.take()
    (work / "log").unlink()
    await checkpoints.take()
    write(work, _dot_gitignore="log\nbuild/\n", log="precious", build__out="precious", a="2")
    restored = await checkpoints.restore(first.id)
    assert restored.kept == (
        Kept("log", "what is there now is ignored, so it is not kept anywhere and is not overwritten"),
    )
    assert snapshot(work) == {
        "a": (False, b"1"),
        "log": (False, b"precious"),
        "build/out": (False, b"precious"),
    }


async def test_what_was_ignored_then_is_not_taken_for_created_since(checkpoints: Checkpoints, work: Path) -> None:
    write(work, _dot_gitignore="*.env\n!open.env\n", sub___dot_gitignore="cache/\n", a="1")
    write(work, secret_env="x")
    (work / "secret_env").rename(work / "secret.env")
    put(work, "sub/cache/c", "precious")
    first = await checkpoints.take()
    (work / ".gitignore").unlink()
    (work / "sub/.gitignore").unlink()
    put(work, "open.env", "created")
    write(work, b="created")
    restored = await checkpoints.restore(first.id)
    reason = "it was ignored then, so nobody knows whether it was there"
    assert restored.kept == (Kept("secret.env", reason), Kept("sub/cache/c", reason))
    assert restored.deleted == ("b", "open.env")
    assert sorted(snapshot(work)) == [".gitignore", "a", "secret.env", "sub/.gitignore", "sub/cache/c"]


async def test_what_was_too_large_then_or_is_now_is_left(work: Path, tmp_path: Path) -> None:
    checkpoints = at(tmp_path, largest=100)
    write(work, shrinks="x" * 101, grows="small")
    first = await checkpoints.take()
    assert [(one.path, one.reason) for one in first.left_out] == [("shrinks", "too large")]
    write(work, shrinks="small", grows="y" * 101)
    second = await checkpoints.take()
    assert [(one.path, one.reason) for one in second.left_out] == [("grows", "too large")]
    restored = await checkpoints.restore(first.id)
    assert restored.kept == (
        Kept("grows", "what is there now is too large, so it is not kept anywhere and is not overwritten"),
        Kept("shrinks", "it was too large then, so nobody knows whether it was there"),
    )
    assert (restored.written, restored.deleted) == ((), ())


async def test_a_directory_that_holds_something_else_is_not_removed_for_a_file(
    checkpoints: Checkpoints, work: Path
) -> None:
    write(work, a="1", _dot_gitignore="ignored\n")
    first = await checkpoints.take()
    (work / "a").unlink()
    write(work, a__ignored="precious", a__b="created")
    restored = await checkpoints.restore(first.id)
    assert restored.kept == (Kept("a", "Directory not empty"),)
    assert restored.deleted == ("a/b",)
    assert (work / "a/ignored").read_text() == "precious"


async def test_empty_directories_are_forgotten(checkpoints: Checkpoints, work: Path) -> None:
    (work / "empty").mkdir()
    write(work, a="1", was__file="1")
    first = await checkpoints.take()
    (work / "empty").rmdir()
    (work / "later").mkdir()
    await checkpoints.restore(first.id)
    assert [path.name for path in below(work) if path.parent == work] == ["a", "later", "was"]


async def test_odd_names_and_contents_come_back_byte_for_byte(checkpoints: Checkpoints, work: Path) -> None:
    names = [
        b"new\nline", b'tab\tand "quotes"', b"back\\slash", b"\xff\xfe not text", b"-dash", b":colon", b"!bang",
        b"*", b"[a]", b" space ", b"#hash", b"git~1", "é ü 漢".encode(), b"e\xcc\x81",
    ]  # fmt: skip
    for directory in (b"", b"dir \n\xff/"):
        for name in names:
            put(work, os.fsdecode(directory + name), name + b"\r\n\0\xff\r\n")
    then = snapshot(work)
    first = await checkpoints.take()
    for path in below(work):
        if path.is_file():
            path.write_bytes(b"changed")
    changes = await checkpoints.changes(first.id)
    assert [change.path for change in changes] == sorted(then)
    assert (await checkpoints.restore(first.id)).kept == ()
    assert snapshot(work) == then


_NAMES = st.sampled_from(["a", "b", "a.txt", "c d", ".hidden", "é"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_THINGS = st.one_of(
    st.binary(max_size=12).map(lambda content: ("file", content)),
    st.binary(max_size=3).map(lambda content: ("program", content)),
    st.sampled_from(["a", "../outside", "nowhere"]).map(lambda target: ("link", target)),
)
_TREES = st.dictionaries(_PATHS, _THINGS, max_size=8)


def _make(root: Path, tree: dict[str, tuple[str, bytes | str]]) -> dict[str, object]:
    """Make the workspace hold this and nothing else; where paths are in each other's way the first one wins."""
    remove(*reversed(below(root)))
    for name, (kind, content) in tree.items():
        path = root / name
        if any(parent.is_symlink() or parent.is_file() for parent in path.parents if parent != root):
            continue
        if path.is_dir() or path.is_symlink():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.symlink_to(content)
        else:
            path.write_bytes(content)
            path.chmod(0o755 if kind == "program" else 0o644)
    return snapshot(root)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trees=st.lists(_TREES, min_size=2, max_size=4))
async def test_any_state_can_be_reached_from_any_other(
    trees: list[dict[str, tuple[str, bytes | str]]], tmp_path: Path, work: Path
) -> None:
    outside = tmp_path / "outside"
    write(outside, precious="p")
    checkpoints = at(tmp_path)
    states: list[tuple[str, dict[str, object]]] = []
    for tree in trees:
        held = _make(work, tree)
        states.append(((await checkpoints.take()).id, held))
    for name, held in [*states, *reversed(states)]:
        assert (await checkpoints.restore(name)).kept == ()
        assert snapshot(work) == held
        assert await checkpoints.changes(name) == []
    assert snapshot(outside) == {"precious": (False, b"p")}
