"""Other processes, sudden ends, full disks, files that change under our hands."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from anyio.abc import Process
from trees import below, git, put, snapshot, write

from antiphon.checkpoints import Checkpoints, Unfinished
from antiphon.checkpoints.lock import holding
from antiphon.errors import CheckpointError
from antiphon.tools.processes.starting import running

TAKING = """
import sys, anyio
from pathlib import Path
from antiphon.checkpoints import Checkpoints

async def main(root, directory, times, name):
    checkpoints = Checkpoints(root, directory)
    for number in range(int(times)):
        Path(root, name).write_text(str(number))
        print((await checkpoints.take(f"{name} {number}")).id, flush=True)

anyio.run(main, *sys.argv[1:])
"""
RESTORING = """
import sys, anyio
from antiphon.checkpoints import Checkpoints

async def main(root, directory, *ids):
    checkpoints = Checkpoints(root, directory)
    while True:
        for id in ids:
            await checkpoints.restore(id)
            print(id, flush=True)

anyio.run(main, *sys.argv[1:])
"""


def script(source: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", source, *map(str, arguments)]


def fake_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str) -> None:
    """Put a `git` before the real one that first does something else; `$command` is what it is asked for."""
    real = shutil.which("git")
    assert real is not None
    text = f"""#!/bin/sh
command=
skip=
for word in "$@"; do
    if [ -n "$skip" ]; then skip=; continue; fi
    case "$word" in -c) skip=1 ;; -*) ;; *) command="$word"; break ;; esac
done
{lines}
exec {real} "$@"
"""
    put(tmp_path, "bin/git", text).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")


def processes_about(directory: Path) -> list[str]:
    """Return the commands of running processes that name a directory."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(directory) in line]


async def test_several_processes_take_checkpoints_of_one_workspace(checkpoints: Checkpoints, work: Path) -> None:
    ids: list[str] = []

    async def take(name: str) -> None:
        ended = await anyio.run_process(script(TAKING, work, checkpoints.directory, 5, name))
        ids.extend(ended.stdout.decode().split())

    async with anyio.create_task_group() as tasks:
        for name in ("a", "b", "c"):
            tasks.start_soon(take, name)
    listed = await checkpoints.list()
    assert {one.id for one in listed} == set(ids)
    assert [one.number for one in listed] == list(range(1, len(listed) + 1))
    await checkpoints.restore(listed[-1].id)
    assert snapshot(work) == dict.fromkeys(("a", "b", "c"), (False, b"4"))


async def test_several_tasks_take_checkpoints_at_once(checkpoints: Checkpoints, work: Path) -> None:
    write(work, a="1")
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(checkpoints.take)
    assert len(await checkpoints.list()) == 1


async def test_who_waits_too_long_for_another_process_is_told(work: Path, tmp_path: Path) -> None:
    checkpoints = Checkpoints(work, tmp_path / "kept", wait=0.05)
    async with holding(checkpoints.directory / "lock", wait=1):
        with pytest.raises(CheckpointError, match="in use by another process"):
            await checkpoints.take()
    await checkpoints.take()


async def test_the_lock_is_held_for_as_long_as_a_program_lives_that_we_started(tmp_path: Path) -> None:
    sleeper = script("import sys; sys.stdin.read()")
    async with holding(tmp_path / "lock", wait=1) as lock:
        process = await _left_behind(sleeper, lock)
    with pytest.raises(CheckpointError, match="in use"):
        async with holding(tmp_path / "lock", wait=0.05):
            pass
    assert process.stdin is not None
    await process.stdin.aclose()
    async with holding(tmp_path / "lock", wait=10):
        pass
    await process.aclose()


async def _left_behind(argv: list[str], lock: int) -> Process:
    """Start a program that outlives us, as after a kill."""
    return await anyio.open_process(argv, pass_fds=(lock,))


async def test_the_lock_can_be_had_after_who_held_it_has_deleted_it(checkpoints: Checkpoints, work: Path) -> None:
    write(work, a="1")
    await checkpoints.take()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(checkpoints.delete)
        for _ in range(3):
            tasks.start_soon(checkpoints.take)
    assert (await checkpoints.take()).number == 1


async def test_a_killed_process_leaves_checkpoints_that_can_be_used(checkpoints: Checkpoints, work: Path) -> None:
    chance = random.Random(4)
    for number in range(40):
        put(work, f"many/{number}", str(number))
    first, then = await checkpoints.take(), snapshot(work)
    for round_ in range(6):
        async with running(script(TAKING, work, checkpoints.directory, 1000, "busy")) as process:
            assert process.stdout is not None
            said = b""
            for _ in range(chance.randint(1, 3)):
                said += await process.stdout.receive()
            await anyio.sleep(chance.random() * 0.05)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        known = {one.id for one in await checkpoints.list()}
        assert set(said.decode().split()) <= known
        put(work, f"new {round_}", "1")
        assert (await checkpoints.take()).new
        assert (await checkpoints.restore(first.id)).kept == ()
        assert snapshot(work) == then


async def test_a_process_killed_while_it_restores_can_be_followed_by_another_restore(
    checkpoints: Checkpoints, work: Path
) -> None:
    chance = random.Random(5)
    states: list[dict[str, object]] = []
    ids: list[str] = []
    for number in range(2):
        for name in range(30):
            put(work, f"{number if name % 3 == 0 else 'same'}/{name}", f"{number} {name}")
        ids.append((await checkpoints.take()).id)
        states.append(snapshot(work))
    for _ in range(6):
        async with running(script(RESTORING, work, checkpoints.directory, *ids)) as process:
            assert process.stdout is not None
            await process.stdout.receive()
            await anyio.sleep(chance.random() * 0.1)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        for id_, state in zip(ids, states, strict=True):
            assert (await checkpoints.restore(id_)).kept == ()
            assert snapshot(work) == state
        assert checkpoints.unfinished() is None


async def test_a_restore_that_was_cut_short_is_told(
    checkpoints: Checkpoints, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(work, a="1")
    first, then = await checkpoints.take(), snapshot(work)
    (work / "a").unlink()
    write(work, b="2")
    with monkeypatch.context() as patch:
        fake_git(tmp_path, patch, '[ "$command" = cat-file ] && kill -9 $PPID')
        ended = await anyio.run_process(script(RESTORING, work, checkpoints.directory, first.id), check=False)
    assert ended.returncode == -signal.SIGKILL
    unfinished = checkpoints.unfinished()
    assert unfinished is not None
    before = (await checkpoints.list())[-1]
    assert unfinished == Unfinished(first.id, before.id)
    assert snapshot(work) == {}
    put(work, ".antiphon-restore-0123.tmp", "half writ")
    await checkpoints.restore(unfinished.to)
    assert snapshot(work) == then
    assert checkpoints.unfinished() is None
    await checkpoints.restore(unfinished.before)
    assert snapshot(work) == {"b": (False, b"2")}


async def test_a_git_that_ends_while_files_are_written_is_an_error_that_is_remembered(
    checkpoints: Checkpoints, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(work, a="1", b="2")
    first, then = await checkpoints.take(), snapshot(work)
    write(work, a="3", b="4", c="5")
    with monkeypatch.context() as patch:
        fake_git(tmp_path, patch, '[ "$command" = cat-file ] && echo "fatal: something odd" >&2 && exit 3')
        with pytest.raises(CheckpointError, match=r"git cat-file failed \(3\).*something odd"):
            await checkpoints.restore(first.id)
    assert checkpoints.unfinished() is not None
    assert (await checkpoints.restore(first.id)).kept == ()
    assert snapshot(work) == then
    assert checkpoints.unfinished() is None


@pytest.mark.parametrize("damage", [b"", b"\0\0\0", b"{"])
async def test_a_note_of_a_restore_that_cannot_be_read_is_none(
    checkpoints: Checkpoints, work: Path, damage: bytes
) -> None:
    write(work, a="1")
    first = await checkpoints.take()
    put(checkpoints.directory, "restoring", damage)
    assert checkpoints.unfinished() is None
    await checkpoints.restore(first.id)


async def test_lock_files_that_git_left_behind_are_removed(checkpoints: Checkpoints, work: Path) -> None:
    write(work, a="1")
    await checkpoints.take()
    repository = checkpoints.directory / "repository"
    for name in ("packed-refs.lock", "HEAD.lock", "refs/checkpoints/00000002.lock", "worktrees/root/index.lock"):
        put(repository, name, "")
    write(work, a="2")
    assert (await checkpoints.take()).number == 2


@pytest.mark.parametrize("name", ["index", "HEAD", "users-index"])
@pytest.mark.parametrize("damage", [b"", b"DIRC garbage", b"\0" * 400])
async def test_what_a_power_cut_left_of_our_notes_is_made_anew(
    checkpoints: Checkpoints, work: Path, name: str, damage: bytes
) -> None:
    write(work, a="1", b__c="2")
    first = await checkpoints.take()
    put(checkpoints.directory, f"repository/worktrees/root/{name}", damage)
    assert (await checkpoints.take()).id == first.id
    write(work, a="2")
    assert (await checkpoints.take()).number == 2
    await checkpoints.restore(first.id)
    assert (work / "a").read_text() == "1"


async def test_a_content_that_is_lost_is_told_and_the_rest_comes_back(checkpoints: Checkpoints, work: Path) -> None:
    write(work, a="1", b="2", c="3")
    first = await checkpoints.take()
    write(work, a="4", b="5", c="6")
    await checkpoints.take()
    lost = hashlib.sha1(b"blob 1\x002").hexdigest()
    (checkpoints.directory / "repository/objects" / lost[:2] / lost[2:]).unlink()
    restored = await checkpoints.restore(first.id)
    assert [(one.path, one.reason) for one in restored.kept] == [("b", "its content is lost from the checkpoint")]
    assert restored.written == ("a", "c")


@pytest.mark.parametrize("words", ["fatal: write error: No space left on device", "sha1 file: Out of diskspace"])
async def test_a_full_disk_is_told_before_anything_is_touched(
    checkpoints: Checkpoints, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    write(work, a="1")
    first = await checkpoints.take()
    write(work, a="2")
    half = put(checkpoints.directory, "repository/objects/pack/tmp_pack_1234", "half writ")
    full = f'if [ "$command" = update-index ]; then echo "{words}" >&2; exit 128; fi'
    with monkeypatch.context() as patch:
        fake_git(tmp_path, patch, full)
        for call in (checkpoints.take, lambda: checkpoints.restore(first.id)):
            with pytest.raises(CheckpointError, match="no space left on the disk"):
                await call()
    assert (work / "a").read_text() == "2"
    assert not half.exists()
    assert (await checkpoints.take()).number == 2


async def test_files_that_vanish_or_change_while_they_are_added_are_no_failure(
    checkpoints: Checkpoints, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(work, stays="1", vanishes="1", becomes_directory="1", grows="1")
    meanwhile = f"""
if [ "$command" = update-index ] && [ -f {work}/becomes_directory ]; then
    cd {work}; rm vanishes becomes_directory; mkdir becomes_directory; echo 2 >> grows
fi
"""
    with monkeypatch.context() as patch:
        fake_git(tmp_path, patch, meanwhile)
        first = await checkpoints.take()
    assert [(one.path, one.reason) for one in first.left_out] == [("becomes_directory", "unreadable")]
    second = await checkpoints.take()
    assert second.left_out == ()
    assert await checkpoints.changes(first.id, second.id) == []
    assert await checkpoints.changes(second.id) == []


async def test_a_repository_that_vanishes_while_we_look_is_no_failure(
    checkpoints: Checkpoints, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(work, a="1", clone__b="1")
    git("init", "-q", cwd=work / "clone")
    with monkeypatch.context() as patch:
        fake_git(tmp_path, patch, f'[ "$command" = status ] && [ "$PWD" = {work}/clone ] && rm -r {work}/clone')
        first = await checkpoints.take()
    write(work, a="2")
    assert [change.path for change in await checkpoints.changes(first.id)] == ["a"]


async def test_an_older_git_keeps_many_files_without_a_pack_for_each(
    checkpoints: Checkpoints, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(600):
        put(work, str(number), str(number))
    fake_git(tmp_path, monkeypatch, '[ "$command" = version ] && echo "git version 2.30.2" && exit 0')
    await checkpoints.take()
    assert list((checkpoints.directory / "repository/objects/pack").glob("*.pack")) == []


async def test_git_failing_for_every_file_is_an_error_and_not_a_checkpoint_of_nothing(
    checkpoints: Checkpoints, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(200):
        put(work, str(number), "1")
    fake_git(tmp_path, monkeypatch, '[ "$command" = update-index ] && echo "fatal: something odd" >&2 && exit 128')
    with pytest.raises(CheckpointError, match=r"git update-index failed.*something odd"):
        await checkpoints.take()
    assert await checkpoints.list() == []


async def test_a_cancelled_checkpoint_leaves_no_process_and_no_damage(
    checkpoints: Checkpoints, work: Path, tmp_path: Path
) -> None:
    for number in range(600):
        put(work, f"{number % 20}/{number}", os.urandom(500))
    then = snapshot(work)
    chance = random.Random(6)
    for _ in range(15):
        with anyio.move_on_after(chance.random() * 0.3):
            await checkpoints.take()
        assert processes_about(tmp_path) == []
    first = await checkpoints.take()
    for path in below(work):
        if path.is_file():
            path.unlink()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await checkpoints.restore(first.id)
    assert (await checkpoints.restore(first.id)).kept == ()
    assert snapshot(work) == then
