"""Files are replaced in one step, and only those that were meant."""

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from calls import names_in

from antiphon.tools import files
from antiphon.tools.base import Workspace
from antiphon.tools.files import Changed, directory_at, open_file, replace_file, stamp_of


def test_a_new_file_gets_its_directories_and_the_usual_mode(workspace: Workspace) -> None:
    path = workspace.root / "a/b/c.txt"
    before = os.umask(0o027)
    try:
        replace_file(workspace, path, b"x", was=None)
    finally:
        os.umask(before)
    assert path.read_bytes() == b"x"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names_in(path.parent) == ["c.txt"]


def test_a_replaced_file_keeps_its_mode_and_other_names_of_it_their_content(workspace: Workspace) -> None:
    path = workspace.root / "run.sh"
    path.write_text("old")
    path.chmod(0o755)
    (workspace.root / "hard").hardlink_to(path)
    replace_file(workspace, path, b"new", was=stamp_of(workspace, path), durable=True)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o755)
    assert (workspace.root / "hard").read_text() == "old"


def test_a_secret_is_never_readable_by_others_on_its_way(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workspace.root / "secret"
    path.write_text("old")
    path.chmod(0o4600)
    modes: list[int] = []

    def fsync(descriptor: int) -> None:
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))

    real_open = os.open

    def opened(*args: Any, **kwargs: Any) -> int:
        descriptor = real_open(*args, **kwargs)
        if str(args[0]).endswith(".tmp"):
            modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    monkeypatch.setattr(files.os, "open", opened)
    monkeypatch.setattr(files.os, "fsync", fsync)
    replace_file(workspace, path, b"new", was=stamp_of(workspace, path), durable=True)
    assert modes == [0o600, 0o600]
    assert path.stat().st_mode & stat.S_ISUID == 0


@pytest.mark.parametrize("refused", [False, True])
def test_the_owner_is_kept_where_that_is_allowed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, *, refused: bool
) -> None:
    path = workspace.root / "theirs"
    path.write_text("old")
    was = stamp_of(workspace, path)
    assert was is not None
    given: list[tuple[int, int]] = []

    def fchown(_descriptor: int, owner: int, group: int) -> None:
        given.append((owner, group))
        if refused:
            raise PermissionError(errno.EPERM, "not permitted")

    def stat_by_another(descriptor: int) -> os.stat_result:
        info = list(real_fstat(descriptor))
        info[4] += 1  # the new file belongs to somebody else than the old one
        return os.stat_result(info)

    real_fstat = os.fstat
    monkeypatch.setattr(files.os, "fstat", stat_by_another)
    monkeypatch.setattr(files.os, "fchown", fchown)
    replace_file(workspace, path, b"new", was=was)
    assert given == [(was.owner, was.group)]
    assert path.read_text() == "new"


def test_a_read_only_file_is_left_alone(workspace: Workspace) -> None:
    path = workspace.root / "locked"
    path.write_text("old")
    path.chmod(0o444)
    with pytest.raises(Changed, match="read-only"):
        replace_file(workspace, path, b"new", was=stamp_of(workspace, path))
    assert path.read_text() == "old"


def test_who_reads_meanwhile_sees_the_old_content_or_the_new(workspace: Workspace) -> None:
    path = workspace.root / "a"
    path.write_bytes(b"old" * 1000)
    with open_file(workspace, path) as reader:
        replace_file(workspace, path, b"new", was=stamp_of(workspace, path))
        assert reader.read() == b"old" * 1000


def test_a_file_that_changed_since_is_left_alone(workspace: Workspace) -> None:
    path = workspace.root / "a"
    path.write_text("old")
    was = stamp_of(workspace, path)
    path.write_text("by somebody else")
    with pytest.raises(Changed, match="changed by somebody else"):
        replace_file(workspace, path, b"ours", was=was)
    with pytest.raises(Changed, match="created by somebody else"):
        replace_file(workspace, path, b"ours", was=None)
    assert path.read_text() == "by somebody else"
    path.unlink()
    with pytest.raises(Changed, match="deleted by somebody else"):
        replace_file(workspace, path, b"ours", was=was)
    assert names_in(workspace.root) == []


def test_a_file_that_became_a_link_is_not_written_through(workspace: Workspace, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("theirs")
    path = workspace.root / "a"
    path.symlink_to(outside)
    with pytest.raises(Changed, match="become a link"):
        replace_file(workspace, path, b"ours", was=None)
    with pytest.raises(OSError, match="symbolic links") as error:
        open_file(workspace, path)
    assert error.value.errno == errno.ELOOP
    assert outside.read_text() == "theirs"


def test_a_directory_that_became_a_link_is_not_entered(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("theirs")
    (workspace.root / "dir").symlink_to(tmp_path / "outside")
    path = workspace.root / "dir/secret"
    with pytest.raises(NotADirectoryError):
        open_file(workspace, path)
    with pytest.raises(NotADirectoryError):
        replace_file(workspace, path, b"ours", was=None)
    with pytest.raises(NotADirectoryError), directory_at(workspace, workspace.root / "dir"):
        pass
    assert (tmp_path / "outside/secret").read_text() == "theirs"


def test_a_pipe_is_refused_and_not_waited_for(workspace: Workspace) -> None:
    path = workspace.root / "pipe"
    os.mkfifo(path)
    with pytest.raises(Changed, match="not a regular file"):
        open_file(workspace, path)
    with pytest.raises(Changed, match="not a regular file"):
        replace_file(workspace, path, b"x", was=None)


def test_the_workspace_itself_is_no_file(workspace: Workspace) -> None:
    with pytest.raises(IsADirectoryError):
        open_file(workspace, workspace.root)
    with pytest.raises(IsADirectoryError):
        stamp_of(workspace, workspace.root)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_when_the_disk_fails_nothing_has_changed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = workspace.root / "a"
    path.write_text("old")
    was = stamp_of(workspace, path)

    def full(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match=os.strerror(number)):
        replace_file(workspace, path, b"new", was=was, durable=True)
    assert (path.read_text(), names_in(workspace.root)) == ("old", ["a"])


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EACCES])
def test_a_file_that_cannot_be_replaced_is_written_in_place(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = workspace.root / "mounted"
    path.write_text("something longer")
    inode = path.stat().st_ino

    def busy(*_paths: object, **_descriptors: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, "replace", busy)
    replace_file(workspace, path, b"new", was=stamp_of(workspace, path))
    assert (path.read_text(), path.stat().st_ino, names_in(workspace.root)) == ("new", inode, ["mounted"])


def test_no_descriptor_stays_open(workspace: Workspace) -> None:
    (workspace.root / "d").mkdir()
    first = os.dup(0)
    os.close(first)
    for number in range(20):
        path = workspace.root / "d" / str(number)
        replace_file(workspace, path, b"x", was=None)
        with open_file(workspace, path):
            pass
        with pytest.raises(FileNotFoundError):
            open_file(workspace, workspace.root / "d/none")
        with pytest.raises(IsADirectoryError):
            open_file(workspace, workspace.root / "d")
    # The lowest free number is taken for a new descriptor, so one that stayed open would show.
    last = os.dup(0)
    os.close(last)
    assert last == first
