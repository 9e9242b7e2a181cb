"""Commands that try to see, stop or become other processes, to outlive their call, or to take the whole machine."""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from cells import Cell, Place

from antiphon.policy.sandbox.choosing import KeeperName, available
from antiphon.policy.workspace import Workspace
from antiphon.tools.processes.limits import ProcessLimits

pytestmark = pytest.mark.skipif(not Path("/proc/self/ns").exists(), reason="these sandboxes are Linux's")


@pytest.fixture
def stranger(ground: Place) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of the same user outside, with a secret in its environment."""
    argv = ground.as_owner(["sleep", "300"])
    with subprocess.Popen(argv, env={**os.environ, "CANARY": "secret"}) as process:
        yield process
        process.kill()


async def test_other_processes_cannot_be_read_or_stopped(jail: Cell, stranger: "subprocess.Popen[bytes]") -> None:
    peek = f"tr '\\0' '\\n' < /proc/{stranger.pid}/environ; ls -l /proc/{stranger.pid}/fd /proc/{stranger.pid}/cwd/"
    assert "CANARY=secret" in await jail.free(peek)
    assert "secret" not in await jail(f"{peek}; grep -asl CANARY=secret /proc/[0-9]*/environ")
    assert "failed" in await jail(f"kill -9 {stranger.pid}")
    assert "failed" in await jail(f"head -c 1 /proc/{stranger.pid}/mem")
    assert "failed" in await jail(
        _python(f"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
assert libc.ptrace(16, {stranger.pid}, 0, 0) == 0
""")
    )
    await jail(f"kill -9 {os.getpid()} {os.getppid()}; kill -9 -1")
    assert stranger.poll() is None
    await jail.free(f"kill -9 {stranger.pid}")
    assert stranger.wait(5) == -signal.SIGKILL


async def test_our_own_environment_and_memory_are_out_of_reach(jail: Cell) -> None:
    said = await jail(f"cat /proc/{os.getpid()}/environ /proc/{os.getppid()}/environ; cat /proc/$PPID/environ; true")
    assert "PYTEST_CURRENT_TEST" not in said


def _python(code: str) -> str:
    return f"python3 - <<'CODE'\n{code}\nCODE"


REFUSED = {
    "mounting": "mount -t tmpfs none /mnt",
    "mounting over": "mount --bind /tmp /etc",
    "unmounting": "umount -l /proc",
    "mounting in a namespace of its own": "unshare -rm mount -t tmpfs none /mnt",
    "changing the root": "chroot / true",
    "entering a namespace": "nsenter -t 1 -m true",
    "making a device": "mknod disk b 8 0",
    "setting the clock": "date -s @1",
    "loading a module": "modprobe dummy || insmod /dev/null",
    "another user": "setpriv --reuid=12345 true",
}


@pytest.mark.parametrize("way", REFUSED.values(), ids=REFUSED)
async def test_rights_are_not_to_be_had(jail: Cell, way: str) -> None:
    assert "failed" in await jail(way)


async def test_nor_are_they_by_programs_that_give_them(jail: Cell) -> None:
    status = await jail(
        "cp /bin/bash own && chmod 4755 own; ./own -pc 'grep -E \"NoNewPrivs|CapEff\" /proc/self/status'"
    )
    fields = dict(line.split(":\t") for line in status.splitlines())
    assert fields["NoNewPrivs"] == "1"
    # With Landlock root keeps the one without which it could not work in somebody else's directory.
    assert int(fields["CapEff"], 16) in ({0} if jail.kind == "bubblewrap" else {0, 2})


HIDING = {
    "in the background": "sleep {0} &",
    "in a session of its own": "setsid sleep {0} &",
    "as a daemon": "(setsid sleep {0} &) & ",
    "deaf": "(trap '' TERM HUP; sleep {0}) &",
    "with an empty environment": "env -i setsid sleep {0} &",
    "with an empty environment, adopted": "(env -i setsid /bin/sh -c 'sleep {0} & exit') & sleep 0.1;",
}


@pytest.mark.parametrize("way", HIDING.values(), ids=HIDING)
async def test_nothing_outlives_its_command(jail: Cell, way: str) -> None:
    if jail.kind == "landlock" and "env -i" in way:
        return  # It makes no process space; docs/sandbox.md says so.
    seconds = str(10_000_000 + uuid4().int % 10_000_000)
    assert await jail(way.format(seconds) + " echo started") == "started"
    assert _sleeping(seconds) == []


def _sleeping(seconds: str) -> list[str]:
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().split(b"\0")[:2] == [
                b"sleep",
                seconds.encode(),
            ]:
                found.append(entry.name)
    return found


AGENT = """
import os, sys, anyio
from pathlib import Path
from antiphon.policy.sandbox.choosing import open_sandbox
from antiphon.policy.workspace import Workspace
from antiphon.tools.processes.sandboxed import run_confined

async def main():
    async with open_sandbox("on", Workspace.at(sys.argv[1]), only=sys.argv[2]) as chosen:
        await run_confined(chosen.sandbox, ["bash", "-c", sys.argv[3]], cwd=Path(sys.argv[1]), env=dict(os.environ),
                           output=lambda data: os.write(1, data))

anyio.run(main)
"""


@pytest.mark.parametrize("name", ["bubblewrap", "landlock"])
def test_when_the_agent_is_killed_nothing_is_left(name: KeeperName, tmp_path: Path) -> None:
    if available(Workspace.at(tmp_path), name)[0] is None:
        pytest.skip(f"{name} does not work here")
    seconds = str(10_000_000 + uuid4().int % 10_000_000)
    clean = "env -i" if name == "bubblewrap" else ""
    script = f"trap '' TERM HUP; {clean} setsid sleep {seconds} & echo begun; sleep {seconds}"
    argv = [sys.executable, "-c", AGENT, str(tmp_path), name, script]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as agent:
        assert agent.stdout is not None
        assert agent.stdout.readline() == b"begun\n"
        agent.kill()
    deadline = time.monotonic() + 5
    while _sleeping(seconds) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert _sleeping(seconds) == []


TAKING = {
    "processes": ("renice 19 $$ >/dev/null; :(){ :|:& };:; sleep 50", ProcessLimits(processes=40), "40 processes"),
    "memory": (
        _python("x = bytearray()\nwhile True: x.extend(b'x' * 10**7)"),
        ProcessLimits(memory=10**8),
        "of memory",
    ),
    "disk": ("yes > big", ProcessLimits(written=10**8), "of the disk"),
    "disk, by what was removed": ("exec 3> big; rm big; yes >&3", ProcessLimits(written=10**8), "of the disk"),
    "disk, by an archive": ("gunzip -c bomb.gz > big", ProcessLimits(written=10**8), "of the disk"),
}


@pytest.mark.parametrize("what", TAKING)
async def test_a_command_that_takes_too_much_is_ended(jail: Cell, what: str) -> None:
    script, limits, said = TAKING[what]
    if jail.place.owner is not None:
        return  # Who it is makes no difference to those who count.
    (jail.place.root / "bomb.gz").write_bytes(gzip.compress(bytes(10**6)) * 1000)
    jail.limits = ProcessLimits(limits.processes, limits.memory, limits.written, 0, (jail.place.root,))
    await jail(script, 60)
    assert said in jail.last.ended.exceeded


async def test_no_memory_of_a_crashed_command_is_left(kind: tuple[KeeperName, bool], jail: Cell) -> None:
    del kind
    assert "failed" in await jail("ulimit -c; kill -SEGV $$")
    assert [path.name for path in jail.place.root.iterdir()] == []
