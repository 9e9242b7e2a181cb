"""When the agent itself is killed, what its calls started ends too."""

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from antiphon.tools.processes.guard import Guard

AGENT = """
import os, sys
from pathlib import Path
import anyio
from antiphon.tools.processes.running import run_process

anyio.run(lambda: run_process(["bash", "-c", sys.argv[1]], cwd=Path.cwd(), env=dict(os.environ), output=lambda data: (
    sys.stdout.buffer.write(data), sys.stdout.flush())))
"""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pids_of(command: str, count: int) -> tuple["subprocess.Popen[str]", list[int]]:
    """Start an agent that runs a command, which says the numbers of its processes."""
    process = subprocess.Popen([sys.executable, "-c", AGENT, command], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, [int(process.stdout.readline()) for _ in range(count)]


def all_end(pids: list[int], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(map(is_alive, pids)):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize(
    ("command", "count"),
    [
        ("echo $$; sleep 300", 1),
        ("sleep 300 & echo $!; trap '' TERM HUP; echo $$; sleep 300", 2),
        ("setsid bash -c 'echo $$; sleep 300' & echo $$; wait", 2),
    ],
    ids=["a command", "one that will not hear", "one that moved to a session of its own"],
)
def test_a_killed_agent_leaves_no_process_behind(command: str, count: int) -> None:
    process, pids = pids_of(command, count)
    with process:
        assert all(map(is_alive, pids))
        process.kill()
    try:
        assert all_end(pids)
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                subprocess.run(["kill", "-9", str(pid)], check=False, capture_output=True)


def test_a_guard_that_is_dismissed_ends_and_kills_nobody() -> None:
    with subprocess.Popen(["sleep", "300"], start_new_session=True) as stranger:
        guard = Guard("a mark that nobody has")
        guard.watch(stranger.pid)
        guard.dismiss()
        assert guard._process is not None
        assert guard._process.returncode == -signal.SIGKILL
        assert stranger.poll() is None
        stranger.kill()
