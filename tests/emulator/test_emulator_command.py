"""`antiphon emulator`, as a process."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from emulator_requests import answers, asks, request

GREETING = """\
Listening on {url}
  export ANTHROPIC_BASE_URL={url}
  export ANTHROPIC_API_KEY=any
Ctrl-C stops it.
"""
HEADERS = {"x-api-key": "any", "anthropic-version": "2023-06-01"}


@contextmanager
def serving(place: Path, *arguments: str) -> Generator[tuple[str, "subprocess.Popen[str]"]]:
    """Run the command on a free port; yields its URL and the process, and ends it."""
    command = [sys.executable, "-m", "antiphon", "emulator", "--port", "0", *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": str(place), "PYTHONWARNINGS": "error"}
    with subprocess.Popen(
        command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            greeting = "".join(process.stdout.readline() for _ in range(4))
            url = greeting.partition("\n")[0].removeprefix("Listening on ")
            assert greeting in {"", GREETING.format(url=url)}
            yield url, process
        finally:
            process.kill()


def ended(process: "subprocess.Popen[str]", number: signal.Signals) -> tuple[int, str, str]:
    """End the process as people do, and return its exit code and what it still said."""
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_what_to_export_shows_what_it_is_asked_and_stops_cleanly(
    tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "script.yaml").write_text("[hello]")
    with serving(tmp_path, "--script", "script.yaml") as (url, process):
        with httpx2.Client(base_url=url, headers=HEADERS) as client:
            said = client.post("/v1/messages", json=request("go")).json()
            client.post("/v1/messages", json=request("go", asks("a"), answers("\x1b[31mb")))
        code, out, err = ended(process, number)
    assert (code, err) == (0, "")
    assert said["content"][0]["text"] == "hello"
    lines = out.splitlines()
    assert lines[0] == "POST /v1/messages 200"
    assert re.match(r"POST /v1/messages 400 TU\d{3} (TU\d{3} )*messages\.", lines[1])
    assert len(lines) == 2
    assert "\x1b" not in out


def test_it_takes_a_dialect_strict_order_latency_and_a_log(tmp_path: Path) -> None:
    flags = ("--dialect", "bedrock", "--strict-order", "--latency", "0.05", "--log", "log.jsonl", "--quiet")
    with serving(tmp_path, *flags) as (url, process):
        with httpx2.Client(base_url=url, headers=HEADERS) as client:
            client.post("/v1/messages", json=request("go", asks("a", "b"), answers("b", "a")))
        code, out, _ = ended(process, signal.SIGINT)
    assert (code, out) == (0, "")
    (line,) = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert line["verdict"]["rules"] == ["TU003"]
    assert line["first_byte"] - line["received"] >= 0.05


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--script", "missing.yaml"], "antiphon: missing.yaml: No such file or directory\n"),
        (["--script", "broken.yaml"], "antiphon: broken.yaml: Expected `array`, got `int` - at `$.replies`\n"),
        (["--log", "missing/log"], "antiphon: cannot write the log missing/log: No such file or directory\n"),
        (["--host", "192.0.2.1"], "antiphon: cannot listen on 192.0.2.1 port 0: "),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    (tmp_path / "broken.yaml").write_text("replies: 7")
    with serving(tmp_path, *arguments) as (_, process):
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (2, "")
    assert err.startswith(complaint)
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--port", "x"], ["--latency", "-1"]])
def test_a_flag_that_makes_no_sense_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    with serving(tmp_path, *arguments) as (_, process):
        _, err = process.communicate(timeout=10)
    assert process.returncode == 2
    assert f"argument {arguments[0]}: " in err


def test_nobody_needs_to_read_what_it_shows(tmp_path: Path) -> None:
    with serving(tmp_path) as (url, process), httpx2.Client(base_url=url, headers=HEADERS) as client:
        assert process.stdout is not None
        process.stdout.close()
        assert [client.post("/v1/messages", json=request("go")).status_code for _ in range(2)] == [200, 200]
