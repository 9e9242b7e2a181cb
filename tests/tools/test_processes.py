import os
import signal
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import anyio
import pytest
from process_table import carrying, open_files, until, zombies_of_ours
from sandboxes import sandbox_of

from antiphon.policy.sandbox.base import Sandbox
from antiphon.policy.workspace import Workspace
from antiphon.tools.processes.family import MARK, Group, marked
from antiphon.tools.processes.running import Ended, run_process
from antiphon.tools.processes.sandboxed import run_confined

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes through /proc")


class Ground:
    """A directory, an environment with a token to find processes by, and what they wrote."""

    def __init__(self, path: Path, sandbox: Sandbox | None = None) -> None:
        self.path = path
        self.sandbox = sandbox
        self.token = uuid4().hex
        self.env = {"PATH": os.environ["PATH"], "STARTED_BY": self.token}
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    async def run(self, script: str, seconds: float | None = None) -> Ended:
        told = await run_confined(
            self.sandbox, ["bash", "-c", script], cwd=self.path, env=self.env, output=self.write, timeout=seconds
        )
        return told.ended


@pytest.fixture(params=["none", "bubblewrap"])  # Landlock changes nothing about processes
async def ground(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ground]:
    async with sandbox_of(request.param, Workspace.at(tmp_path)) as sandbox:
        yield Ground(tmp_path, sandbox)


@pytest.fixture
def free(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


async def test_output_of_both_streams_and_the_exit_code_arrive(ground: Ground) -> None:
    ended = await ground.run("echo out; echo err >&2; exit 3")
    assert ended == Ended(3)
    assert ground.written == b"out\nerr\n"


async def test_a_signal_that_ends_the_child_is_told(ground: Ground) -> None:
    assert await ground.run("kill -SEGV $$") == Ended(-signal.SIGSEGV)


async def test_output_is_told_while_the_child_still_runs(ground: Ground) -> None:
    ground.env["GATE"] = str(ground.path / "gate")
    os.mkfifo(ground.env["GATE"])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ground.run, 'echo first; read line < "$GATE"; echo $line')
        await until(lambda: ground.written == b"first\n")
        await anyio.Path(ground.env["GATE"]).write_text("second\n")
    assert ground.written == b"first\nsecond\n"


async def test_a_child_reads_an_empty_input(ground: Ground) -> None:
    assert await ground.run("cat; read line || echo nothing", 10) == Ended(0)
    assert ground.written == b"nothing\n"


async def test_a_child_that_closes_its_output_is_still_waited_for(ground: Ground) -> None:
    assert await ground.run("exec >&- 2>&-; touch done; exit 4", 10) == Ended(4)
    assert (ground.path / "done").exists()


async def test_a_program_that_is_not_there_is_an_error_and_leaks_nothing(ground: Ground) -> None:
    before = open_files()
    with pytest.raises(FileNotFoundError):
        await run_process(["/no/such/program"], cwd=ground.path, env=ground.env, output=ground.write)
    assert open_files() == before


async def test_when_time_is_up_everything_stops_and_output_so_far_is_kept(ground: Ground) -> None:
    began = time.monotonic()
    ended = await ground.run("echo before; sleep 600 | sleep 600 & sleep 600", 0.3)
    assert ended == Ended(-signal.SIGTERM, timed_out=True)
    assert ground.written == b"before\n"
    assert time.monotonic() - began < 2.3
    assert carrying(ground.token) == []


async def test_a_child_deaf_to_sigterm_is_killed_within_two_seconds(ground: Ground) -> None:
    began = time.monotonic()
    ended = await ground.run("trap '' TERM; while :; do sleep 600; done", 0.2)
    assert ended == Ended(-signal.SIGKILL, timed_out=True)
    assert time.monotonic() - began < 2.2
    assert carrying(ground.token) == []


async def test_a_child_may_tidy_up_and_say_much_when_its_time_is_up(ground: Ground) -> None:
    # More than a pipe holds: somebody must go on reading meanwhile.
    script = "trap 'head -c 300000 /dev/zero; touch tidy; exit 7' TERM; while :; do sleep 0.01; done 2>/dev/null"
    assert await ground.run(script, 0.2) == Ended(7, timed_out=True)
    assert len(ground.written) == 300000
    assert (ground.path / "tidy").exists()


async def test_a_grandchild_that_holds_the_output_open_does_not_hold_the_call(ground: Ground) -> None:
    with anyio.fail_after(5):
        ended = await ground.run("sleep 600 & echo started")
    assert ended == Ended(0, left=1)
    assert ground.written == b"started\n"
    assert carrying(ground.token) == []


async def test_a_grandchild_that_writes_for_ever_does_not_hold_the_call(ground: Ground) -> None:
    count = 0

    def write(data: bytes) -> None:
        nonlocal count
        count += len(data)

    with anyio.fail_after(5):
        ended = await run_process(["bash", "-c", "yes & :"], cwd=ground.path, env=ground.env, output=write)
    assert ended == Ended(0, left=1)
    assert count > 0
    assert carrying(ground.token) == []


async def test_a_grandchild_about_to_end_may_finish_its_work(ground: Ground) -> None:
    ended = await ground.run("echo hello > >(sleep 0.05; sed s/h/H/)")
    assert ended == Ended(0)
    assert ground.written == b"Hello\n"


ESCAPES = {
    "a background job": "sleep 600 &",
    "nohup": "nohup sleep 600 >/dev/null 2>&1 &",
    "a session of its own": "setsid sleep 600 &",
    "a daemon (double fork, own session, closed files)": (
        "(setsid bash -c 'sleep 600 </dev/null >/dev/null 2>&1 & exec >&- 2>&-' &) ; sleep 0.05"
    ),
    "a session of its own, deaf": "setsid bash -c 'trap \"\" TERM HUP INT; while :; do sleep 600; done' &",
    "a clean environment under a known parent": "setsid bash -c 'env -i sleep 600; :' &",
    "a clean environment in the session": "env -i sleep 600 &",
}


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES.keys())
@pytest.mark.parametrize("how", ["exit", "timeout", "cancel"])
async def test_whatever_way_a_descendant_hides_it_is_stopped(ground: Ground, escape: str, how: str) -> None:
    # Only this call's processes sleep this long, whatever their environment says.
    seconds = str(10_000_000 + uuid4().int % 10_000_000)
    script = escape.replace("600", seconds) + " echo ready" + ("" if how == "exit" else "; sleep 600")
    with anyio.move_on_after(5) as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ground.run, script, 0.4 if how == "timeout" else None)
            if how == "cancel":
                await until(lambda: b"ready" in ground.written and _sleepers(seconds))
                tasks.cancel_scope.cancel()
    assert not scope.cancelled_caught
    assert _sleepers(seconds) == []
    assert carrying(ground.token) == []
    assert zombies_of_ours() == []


def _sleepers(seconds: str) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if arguments[:2] == [b"sleep", seconds.encode()]:
                found.append(int(entry.name))
    return found


async def test_one_that_is_a_stranger_is_left_alone(ground: Ground) -> None:
    other = Ground(ground.path, ground.sandbox)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(other.run, "echo here; sleep 600")
        await until(lambda: other.written == b"here\n")
        await ground.run("setsid sleep 600 &")
        assert carrying(ground.token) == []
        assert len(carrying(other.token)) >= 1
        tasks.cancel_scope.cancel()
    assert carrying(other.token) == []


async def test_cancelled_at_any_moment_nothing_is_left(ground: Ground) -> None:
    script = "echo a; setsid sleep 600 & sleep 600 & echo b; sleep 0.05; echo c; sleep 600"
    await ground.run("true")  # whatever a first run opens once and keeps
    files, threads = open_files(), threading.active_count()
    for moment in range(40):
        with anyio.move_on_after(moment * 0.004):
            await ground.run(script)
        assert carrying(ground.token) == [], f"cancelled after {moment * 4} ms"
        assert zombies_of_ours() == []
    assert open_files() == files
    assert threading.active_count() == threads


async def test_cancelled_before_the_first_await_nothing_is_left(ground: Ground) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await ground.run("sleep 600")
    assert scope.cancelled_caught
    assert carrying(ground.token) == []
    assert zombies_of_ours() == []


async def test_many_at_once_do_not_disturb_each_other(ground: Ground) -> None:
    grounds = [Ground(ground.path, ground.sandbox) for _ in range(20)]
    endings: dict[int, Ended] = {}

    async def run(number: int) -> None:
        endings[number] = await grounds[number].run(f"sleep 0.0{number % 10}; echo {number}; exit {number}")

    files = open_files()
    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(run, number)
    assert endings == {number: Ended(number) for number in range(20)}
    assert [g.written for g in grounds] == [f"{number}\n".encode() for number in range(20)]
    assert open_files() == files


async def test_a_failing_watcher_of_the_output_leaves_no_process(ground: Ground) -> None:
    def fail(_data: bytes) -> None:
        raise RuntimeError("nobody can show this")

    with pytest.RaisesGroup(RuntimeError):
        await run_process(["bash", "-c", "echo hi; sleep 600"], cwd=ground.path, env=ground.env, output=fail)
    assert carrying(ground.token) == []
    assert zombies_of_ours() == []


def test_a_command_inside_a_command_carries_both_marks() -> None:
    outer = marked({}, "outer")
    assert marked(outer, "inner") == {MARK: "outer:inner"}


async def test_where_only_the_group_is_known_it_is_stopped(free: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    # As on systems without /proc and pidfd.
    def group_of(leader: int, _mark: str) -> Group:
        return Group(leader)

    monkeypatch.setattr("antiphon.tools.processes.child.family_of", group_of)
    monkeypatch.delattr("os.pidfd_open")
    assert await free.run("sleep 600 & echo hi") == Ended(0, left=1)
    assert await free.run("sleep 600 & sleep 600", 0.2) == Ended(-signal.SIGTERM, timed_out=True)
    threads = threading.active_count()
    for moment in range(2):
        with anyio.move_on_after(moment * 0.05):
            await free.run("sleep 600 & sleep 600")
    await until(lambda: carrying(free.token) == [])
    assert zombies_of_ours() == []
    assert threading.active_count() <= threads + 1
