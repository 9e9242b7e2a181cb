"""`antiphon proxy`, as a process."""

import errno
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from talk import asked, calls

from antiphon.testing.emulator import Emulator

HEADERS = {"x-api-key": "canary", "anthropic-version": "2023-06-01"}


def environment(place: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(place), "PYTHONWARNINGS": "error", **more}


@contextmanager
def serving(place: Path, *arguments: str) -> Generator[tuple[str, "subprocess.Popen[str]"]]:
    """Run the command on a free port; yields the first line it says and the process, and ends it."""
    command = [sys.executable, "-m", "antiphon", "proxy", "--port", "0", *arguments]
    with subprocess.Popen(
        command, cwd=place, env=environment(place), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline(), process
        finally:
            process.kill()


def ended(process: "subprocess.Popen[str]", number: signal.Signals) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_what_to_do_tells_what_it_repaired_and_stops_cleanly(
    tmp_path: Path, start_emulator: type[Emulator], number: signal.Signals
) -> None:
    emulator = start_emulator(["Fine."] * 2)
    with serving(tmp_path, "--upstream", f"{emulator.url} as anthropic") as (greeting, process):
        url = greeting.removeprefix("Listening on ").strip()
        for request in (asked(), asked(calls("a"))):
            assert httpx2.post(f"{url}/v1/messages", json=request, headers=HEADERS).status_code == 200
        assert process.stdout is not None
        told = [process.stdout.readline().rstrip("\n") for _ in range(4)]
        code, rest, err = ended(process, number)
    assert (code, err) == (0, "")
    assert told == [
        f"  requests go to {emulator.url} (anthropic)",
        "What would be refused there is repaired; all else passes untouched. Tell your client:",
        f"  export ANTHROPIC_BASE_URL={url}",
        f"What was repaired: {url}/antiphon/    Ctrl-C stops it.",
    ]
    repaired = "POST /v1/messages 200: TU001 messages.1: answered the call with a note that no result was recorded"
    line, farewell = rest.splitlines()
    assert line.partition(" ")[2] == repaired
    assert farewell == "Stopped after 2 requests, 1 of them repaired."


def test_machines_get_a_line_of_json_for_every_request(tmp_path: Path, start_emulator: type[Emulator]) -> None:
    emulator = start_emulator(["Fine."])
    with serving(tmp_path, "--upstream", emulator.url, "--log-format", "json") as (first, process):
        url = json.loads(first)["url"]
        httpx2.post(f"{url}/v1/messages", json=asked(), headers=HEADERS)
        _, out, err = ended(process, signal.SIGTERM)
    lines = [json.loads(line) for line in out.splitlines()]
    assert err == ""
    assert [(line["event"], line["path"], line["status"]) for line in lines] == [("request", "/v1/messages", 200)]
    assert "canary" not in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "0.0.0.0"), "give it a token"),
        (("--upstream", "nonsense"), "wanted is http://HOST"),
        (("--host", "192.0.2.1", "--token", "x"), "cannot listen on 192.0.2.1"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_exit_code_2(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    command = [sys.executable, "-m", "antiphon", "proxy", "--port", "0", *arguments]
    run = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, check=False, timeout=20)
    assert (run.returncode, run.stdout) == (2, "")
    assert said in run.stderr
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--port", "http"), "--port: 'http' is no port: 0 to 65535 are"),
        (("--port", "65536"), "--port: '65536' is no port: 0 to 65535 are"),
        (("--max-body", "0.5"), "--max-body: '0.5' is no whole number above 0"),
        (("--read-timeout", "inf"), "--read-timeout: 'inf' is no number above 0"),
        (("--read-timeout", "soon"), "--read-timeout: 'soon' is no number above 0"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_wanted(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    command = [sys.executable, "-m", "antiphon", "proxy", *arguments]
    run = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, check=False, timeout=20)
    assert run.returncode == 2
    assert said in run.stderr


def test_a_port_that_is_taken_says_how_to_get_a_free_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "antiphon", "proxy", "--port", str(port)]
        run = subprocess.run(
            command, env=environment(tmp_path), capture_output=True, text=True, check=False, timeout=20
        )
    assert (run.returncode, run.stdout) == (2, "")
    reason = os.strerror(errno.EADDRINUSE)
    assert run.stderr == f"antiphon: cannot listen on 127.0.0.1 port {port}: {reason} (port 0 takes a free one)\n"


def test_on_all_addresses_it_names_one_that_a_client_can_use(tmp_path: Path) -> None:
    with serving(tmp_path, "--host", "0.0.0.0", "--token", "t", "--allow-host", "build-host") as (greeting, process):
        assert process.stdout is not None
        rest = "".join(process.stdout.readline() for _ in range(5))
        _, farewell, _ = ended(process, signal.SIGTERM)
    port = greeting.strip().rpartition(":")[2]
    assert greeting == f"Listening on http://0.0.0.0:{port}\n"
    assert f"  export ANTHROPIC_BASE_URL=http://build-host:{port}\n" in rest
    assert "What was repaired: http://build-host:" in rest
    assert "header antiphon-token" in rest
    assert farewell == "Stopped after 0 requests.\n"


def test_on_a_terminal_repairs_are_green_and_failures_red(tmp_path: Path, start_emulator: type[Emulator]) -> None:
    emulator = start_emulator(["Fine."])
    ours, theirs = pty.openpty()
    upstreams = ["--upstream", f"{emulator.url} as anthropic", "--upstream", "/gone=http://127.0.0.1:9 as anthropic"]
    command = [sys.executable, "-m", "antiphon", "proxy", "--port", "0", *upstreams]
    with (
        os.fdopen(ours, encoding="utf-8", errors="replace") as terminal,
        subprocess.Popen(command, env=environment(tmp_path, TERM="xterm"), stdout=theirs, stderr=theirs) as process,
    ):
        os.close(theirs)
        try:
            url = re.sub(r"\x1b\[\d+m", "", terminal.readline()).removeprefix("Listening on ").strip()
            httpx2.post(f"{url}/v1/messages", json=asked(calls("a")), headers=HEADERS)
            httpx2.post(f"{url}/gone/v1/messages", json=asked(), headers=HEADERS)
            lines = [next(line for line in terminal if "POST" in line) for _ in range(2)]
        finally:
            process.terminate()
            process.wait()
    assert "\x1b[32mTU001 messages.1: answered the call" in lines[0]
    assert f"\x1b[31mfailed: http://127.0.0.1:9 cannot be reached: {os.strerror(errno.ECONNREFUSED)}" in lines[1]


def test_without_aiohttp_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "aiohttp.py").write_text("raise ModuleNotFoundError('No module named aiohttp', name='aiohttp')")
    run = subprocess.run(
        [sys.executable, "-m", "antiphon", "proxy"],
        env=environment(tmp_path, PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == 'antiphon: the proxy needs aiohttp: pip install "antiphon[proxy]"\n'
