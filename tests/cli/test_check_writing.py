import contextlib
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from antiphon.cli.checking.writing import NotWritten, in_use, read_file, write_file
from antiphon.cli.main import main

OLD, NEW = b"old" * 1000, b"new" * 2000
NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.json"
    path.write_bytes(OLD)
    return path


def rewritten(path: Path, *, backup: bool = True) -> Path | None:
    _, snapshot = read_file(path)
    return write_file(snapshot, NEW, backup=backup)


def names(path: Path) -> list[str]:
    return sorted(found.name for found in path.parent.iterdir())


def test_the_new_content_is_there_and_the_old_beside_it(path: Path) -> None:
    kept = rewritten(path)
    assert kept
    assert kept == path.with_name("a.json.antiphon-backup")
    assert (path.read_bytes(), kept.read_bytes()) == (NEW, OLD)
    assert names(path) == ["a.json", "a.json.antiphon-backup"]


def test_no_backup_is_ever_overwritten(path: Path) -> None:
    kept = [rewritten(path) for _ in range(3)]
    assert [found and found.name for found in kept] == [
        "a.json.antiphon-backup",
        "a.json.antiphon-backup-2",
        "a.json.antiphon-backup-3",
    ]
    assert path.with_name("a.json.antiphon-backup").read_bytes() == OLD


def test_a_backup_can_be_done_without(path: Path) -> None:
    assert rewritten(path, backup=False) is None
    assert (path.read_bytes(), names(path)) == (NEW, ["a.json"])


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_the_mode_stays_for_the_file_and_its_backup(path: Path, mode: int) -> None:
    path.chmod(mode)
    kept = rewritten(path)
    assert kept
    assert [stat.S_IMODE(found.stat().st_mode) for found in (path, kept)] == [mode, mode]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_stays(path: Path) -> None:
    os.chown(path, NOBODY, NOBODY)
    kept = rewritten(path)
    assert kept
    assert [(found.stat().st_uid, found.stat().st_gid) for found in (path, kept)] == [(NOBODY, NOBODY)] * 2


def test_a_link_stays_a_link_and_its_target_is_written(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere/link.json"
    link.symlink_to(path)
    assert rewritten(link) == path.with_name("a.json.antiphon-backup")
    assert (link.readlink(), path.read_bytes()) == (path, NEW)
    assert [found.name for found in link.parent.iterdir()] == ["link.json"]


def change_content(path: Path) -> None:
    path.write_bytes(OLD + b"more")


def change_content_unseen(path: Path) -> None:
    # As long as before, and at the same time: a clock that is coarse, or was set back.
    found = path.stat()
    path.write_bytes(b"Old" * 1000)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def put_another_in_its_place(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(OLD)
    other.replace(path)


@pytest.mark.parametrize("change", [change_content, change_content_unseen, put_another_in_its_place])
def test_a_file_that_changed_since_it_was_read_is_left_alone(path: Path, change: object) -> None:
    _, snapshot = read_file(path)
    assert callable(change)
    change(path)
    meanwhile = path.read_bytes()
    with pytest.raises(NotWritten, match="it has changed since it was read"):
        write_file(snapshot, NEW)
    assert (path.read_bytes(), names(path)) == (meanwhile, ["a.json"])


def test_a_file_that_is_gone_is_not_made_again(path: Path) -> None:
    _, snapshot = read_file(path)
    path.unlink()
    with pytest.raises(NotWritten, match="No such file or directory"):
        write_file(snapshot, NEW)
    assert names(path) == []


def test_a_pipe_is_read_and_not_written(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", f"printf hello > '{pipe}'"]) as writer:
        data, snapshot = read_file(pipe)
        writer.wait(timeout=20)
    assert data == b"hello"
    with pytest.raises(NotWritten, match="not a regular file"):
        write_file(snapshot, NEW)
    assert names(pipe) == ["pipe"]


@contextlib.contextmanager
def full_disk(size: int) -> Generator[None]:
    """No file may grow beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 2000, 4000])
def test_a_full_disk_leaves_the_file_as_it_was_and_nothing_beside_it(path: Path, size: int) -> None:
    _, snapshot = read_file(path)
    with full_disk(size), pytest.raises(NotWritten, match=r"could not be written .* and is as it was"):
        write_file(snapshot, NEW)
    assert (path.read_bytes(), names(path)) == (OLD, ["a.json"])


def test_no_room_for_the_backup_leaves_the_file_as_it_was(path: Path) -> None:
    _, snapshot = read_file(path)
    with full_disk(1000), pytest.raises(NotWritten, match="could not be written"):
        write_file(snapshot, b"short")
    assert (path.read_bytes(), names(path)) == (OLD, ["a.json"])


@pytest.fixture
def open_directory() -> Generator[Path]:
    """A directory that everybody may look into, and nobody but its owner may write to."""
    directory = Path(tempfile.mkdtemp(prefix="antiphon-test-"))
    try:
        yield directory
    finally:
        directory.chmod(0o700)
        shutil.rmtree(directory)


def test_a_directory_that_cannot_be_written_to_is_told(open_directory: Path) -> None:
    path = open_directory / "a.json"
    path.write_bytes(OLD)
    path.chmod(0o666)
    open_directory.chmod(0o555)
    _, snapshot = read_file(path)
    with unprivileged(), pytest.raises(NotWritten, match=r"could not be written \(Permission denied\)"):
        write_file(snapshot, NEW)
    assert (path.read_bytes(), names(path)) == (OLD, ["a.json"])


def test_a_directory_that_cannot_be_looked_into_is_told(
    open_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_directory.chmod(0o755)
    secret = open_directory / "secret"
    secret.mkdir(mode=0o700)
    if os.geteuid() != 0:
        secret.chmod(0)
    with unprivileged():
        code = main(["check", str(open_directory)])
    secret.chmod(0o700)
    assert (code, capsys.readouterr().err) == (
        2,
        f"antiphon: {secret}: it cannot be looked into (Permission denied)\n",
    )


@contextlib.contextmanager
def unprivileged() -> Generator[None]:
    """Root may write everywhere; be somebody else for a moment."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(mine)


CRASHING = """
import os, signal, sys
from pathlib import Path
from antiphon.cli.checking.writing import read_file, write_file

_, snapshot = read_file(Path(sys.argv[1]))
left = int(sys.argv[2])

def crash(event, arguments):
    global left
    if event.split(".")[0] in {"os", "open"} or event == "tempfile.mkstemp":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(crash)
write_file(snapshot, b"new" * 2000)
"""


def test_a_crash_at_any_step_leaves_all_of_the_old_or_all_of_the_new(tmp_path: Path) -> None:
    outcomes: list[bytes] = []
    for step in range(1, 100):
        path = tmp_path / str(step) / "a.json"
        path.parent.mkdir()
        path.write_bytes(OLD)
        ended = subprocess.run([sys.executable, "-c", CRASHING, path, str(step)], check=False, timeout=60)
        outcomes.append(path.read_bytes())
        if path.read_bytes() == NEW:
            assert path.with_name("a.json.antiphon-backup").read_bytes() == OLD
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
    assert set(outcomes) == {OLD, NEW}
    assert outcomes == sorted(outcomes, reverse=True)


def ago(path: Path, seconds: float) -> Path:
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def test_a_session_that_was_just_written_is_in_use_and_a_request_is_not(path: Path) -> None:
    assert "its session may be going on" in in_use(path, session=True)
    assert in_use(path, session=False) == ""
    assert in_use(ago(path, 60), session=True) == ""


def test_a_fresh_lock_beside_a_file_is_respected_and_an_abandoned_one_is_not(path: Path) -> None:
    ago(path, 60)
    lock = path.with_name("a.json.lock")
    lock.mkdir()
    assert in_use(path, session=True) == "its program holds the lock a.json.lock"
    ago(lock, 40)
    assert in_use(path, session=True) == ""


def test_a_database_whose_log_holds_changes_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / "opencode.db"
    path.write_bytes(OLD)
    ago(path, 60)
    log = tmp_path / "opencode.db-wal"
    log.write_bytes(b"")
    assert in_use(path, session=True) == ""
    log.write_bytes(b"x" * 100)
    assert "opencode.db-wal holds changes that are not in it yet" in in_use(path, session=True)
