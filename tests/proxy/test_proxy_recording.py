"""Recordings for reports of bugs: what they hold, what they never hold, and that nobody has to wait for them."""

import errno
import gzip
import json
import logging
import os
import signal
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
from talk import asked, calls, results, said
from upstreams import OK, upstream

import antiphon.proxy.judging
import antiphon.proxy.recorder
from antiphon.cli.main import main
from antiphon.errors import SettingsError
from antiphon.protocol.checking import check
from antiphon.protocol.context import Context
from antiphon.protocol.dialects import dialect
from antiphon.proxy import Options, Proxy, Recording
from antiphon.proxy.metrics import exposition
from antiphon.proxy.recorder import Recorder
from antiphon.proxy.recording import Case, rendered
from antiphon.testing.damages import damaged
from antiphon.testing.emulator import Emulator
from antiphon.transcripts.detecting import read

Json = dict[str, Any]
TORN = asked(calls("a", "b"), results("b"), said("and now?"))
VALID = asked(calls("a"), results("a"))
REFUSED: Json = {"type": "error", "error": {"type": "invalid_request_error", "message": "messages: never heard of Zoe"}}


def answer(body: bytes, status: str = "400 Bad Request", *fields: str) -> bytes:
    head = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(head).encode() + body


async def recorded(
    where: Path,
    client: httpx2.AsyncClient,
    *bodies: Json | bytes,
    answers: Sequence[Sequence[bytes]] = ((OK,),),
    path: str = "/v1/messages",
    profile: str = "anthropic",
    headers: dict[str, str] | None = None,
    **options: Any,
) -> list[Json]:
    """Send requests through a proxy that records, and return the recordings."""
    record = Recording(directory=where, **options)
    async with upstream(*answers) as api, Proxy(api.url, profile=profile, options=Options(record=record)) as proxy:
        for body in bodies:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            await client.post(f"{proxy.url}{path}", content=data, headers=headers)
    return [json.loads(file.read_text()) for file in files(where)]


def files(where: Path) -> list[Path]:
    return sorted(where.iterdir())


async def test_what_was_repaired_is_recorded_without_what_was_said(tmp_path: Path, client: httpx2.AsyncClient) -> None:
    (made,) = await recorded(tmp_path / "r", client, VALID, TORN)
    assert (made["status"], made["dialect"], made["redacted"], made["error"]) == (200, "anthropic", True, None)
    assert [(one["rule"], one["where"]) for one in made["repaired"]] == [("TU001", "messages.1")]
    assert [message["role"] for message in made["request"]["messages"]] == ["user", "assistant", "user", "user"]
    assert made["request"]["messages"][1]["content"][0]["id"] == "a"
    assert [block["tool_use_id"] for block in made["sent"]["messages"][2]["content"]] == ["a", "b"]
    assert "and now?" not in files(tmp_path / "r")[0].read_text()


async def test_a_recording_breaks_the_rules_that_the_request_broke(
    tmp_path: Path, client: httpx2.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await recorded(tmp_path, client, TORN)
    (path,) = files(tmp_path)
    assert main(["check", "--format", "json", str(path)]) == 1
    assert [found["code"] for found in json.loads(capsys.readouterr().out)] == ["TU001"]


async def test_a_recording_knows_its_dialect_and_its_headers(tmp_path: Path, client: httpx2.AsyncClient) -> None:
    headers = {"anthropic-beta": "interleaved-thinking-2025-05-14, another-1", "x-api-key": "secret"}
    await recorded(tmp_path, client, TORN, headers=headers, profile="compatible", path="/v1/messages/count_tokens")
    (path,) = files(tmp_path)
    (stored,) = read(path, path.read_bytes()).conversations
    assert stored.dialect == "compatible"
    assert stored.context.betas == {"interleaved-thinking-2025-05-14", "another-1"}
    assert (stored.context.version, stored.context.counting) == ("2023-06-01", True)


async def test_half_a_character_is_still_half_in_the_recording(
    tmp_path: Path, client: httpx2.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await recorded(tmp_path, client, json.dumps(VALID).replace('"go"', r'"g\ud83d"').encode())
    (path,) = files(tmp_path)
    assert main(["check", "--format", "json", str(path)]) == 1
    assert [found["code"] for found in json.loads(capsys.readouterr().out)] == ["RQ005"]


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_what_was_refused_is_recorded_with_the_error_and_the_client_gets_all_of_it(
    tmp_path: Path, client: httpx2.AsyncClient, encoding: str
) -> None:
    data = json.dumps(REFUSED).encode()
    error = answer(gzip.compress(data), "400 Bad Request", "Content-Encoding: gzip") if encoding else answer(data)
    record = Recording(directory=tmp_path)
    async with upstream((error,)) as api, Proxy(api.url, profile="anthropic", options=Options(record=record)) as proxy:
        response = await client.post(f"{proxy.url}/v1/messages", json=VALID)
        assert response.json() == REFUSED
    (made,) = [json.loads(file.read_text()) for file in files(tmp_path)]
    assert (made["status"], made["repaired"], made["sent"]) == (400, [], None)
    assert made["error"]["error"]["type"] == "invalid_request_error"
    assert "Zoe" not in made["error"]["error"]["message"]
    assert made["error"]["error"]["message"].startswith("messages: ")


async def test_what_a_repair_failed_at_is_recorded(
    tmp_path: Path, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(antiphon.proxy.judging, "repair", fails)
    (made,) = await recorded(tmp_path, client, TORN)
    assert (made["failed_open"], made["sent"]) == ("ZeroDivisionError", None)


async def test_a_thread_that_is_not_held_upstream_is_recorded(tmp_path: Path, client: httpx2.AsyncClient) -> None:
    (made,) = await recorded(tmp_path, client, {**VALID, "thread": {"id": "t"}}, profile="compatible")
    assert made["status"] == 400


@pytest.mark.parametrize("status", ["401 Unauthorized", "429 Too Many Requests", "529 Overloaded"])
async def test_what_no_other_request_would_have_helped_is_not_recorded(
    tmp_path: Path, client: httpx2.AsyncClient, status: str
) -> None:
    assert await recorded(tmp_path, client, VALID, answers=((answer(b"{}", status),),)) == []


async def test_a_recording_that_is_larger_than_all_may_be_is_told_and_none_is_lost_for_it(
    tmp_path: Path, client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    large = asked(calls("a"), *[said("x")] * 300)
    assert [one["number"] for one in await recorded(tmp_path, client, TORN, large, TORN, size=20_000)] == [1, 3]
    assert [entry.message for entry in caplog.records if entry.name == "antiphon.proxy"] == [
        f"cannot record in {tmp_path}: one is larger than all of them may be. Requests go on; this is not told again."
    ]


async def test_every_exchange_is_recorded_on_demand(tmp_path: Path, client: httpx2.AsyncClient) -> None:
    made = await recorded(tmp_path, client, VALID, TORN, b"no json", every=True)
    assert [one["number"] for one in made] == [1, 2, 3]
    assert [bool(one["repaired"]) for one in made] == [False, True, False]
    assert made[2]["request"] == "<7 bytes that are no JSON>"


async def test_content_is_kept_on_demand_and_keys_are_not(tmp_path: Path, client: httpx2.AsyncClient) -> None:
    (made,) = await recorded(tmp_path, client, TORN, content=True)
    assert (made["redacted"], made["request"]) == (False, TORN)
    assert "key-of-the-test" not in files(tmp_path)[0].read_text()


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
async def test_other_protocols_are_recorded_in_their_own_form(
    tmp_path: Path, client: httpx2.AsyncClient, path: str
) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "read", "arguments": '{"path": "a.py"}'}}
    item = {"type": "function_call", "call_id": "a", "name": "read", "arguments": '{"path": "a.py"}'}
    user = {"role": "user", "content": "go"}
    body: Json = {"model": "gpt-6"}
    if path.endswith("responses"):
        body["input"] = [user, item, user]
    else:
        body["messages"] = [user, {"role": "assistant", "content": None, "tool_calls": [call]}, user]
    (made,) = await recorded(tmp_path, client, body, path=path, profile="openai")
    assert made["path"] == path
    assert "a.py" not in json.dumps(made)
    (file,) = files(tmp_path)
    (stored,) = read(file, file.read_bytes()).conversations
    assert stored.dialect == made["dialect"]
    assert [one["rule"] for one in made["repaired"]] == ["TU001"]


CORPUS: list[Json] = json.loads(Path(__file__, "../../corpus/requests.json").resolve().read_text(encoding="utf-8"))


def as_found(path: Path) -> list[tuple[str, int | None, int | None]]:
    (stored,) = read(path, path.read_bytes()).conversations
    return broken(stored.request, stored.dialect, stored.context)


def broken(request: Json, name: str, context: Context) -> list[tuple[str, int | None, int | None]]:
    return [(found.rule, found.message, found.block) for found in check(request, dialect(name), context=context)]


@pytest.mark.parametrize("name", ["anthropic", "compatible"])
def test_whatever_is_wrong_in_a_request_is_wrong_in_its_recording(tmp_path: Path, name: str) -> None:
    path = tmp_path / "r.json"
    betas = frozenset({"context-management-2025-06-27"})
    headers = [("anthropic-version", "2023-06-01"), ("anthropic-beta", ",".join(betas))]
    found = [one["request"] for one in CORPUS if one["request"]] + [damaged(Random(seed)) for seed in range(300)]
    for request in found:
        body = json.dumps(request).encode()
        made = replace(case(1, body), dialect=name, headers=headers)
        path.write_bytes(rendered(made, b"salt"))
        assert as_found(path) == broken(request, name, Context("2023-06-01", betas)), request


SECRET = "canary-9b1deb4d-3b7d"


async def test_no_secret_is_in_any_file_log_note_metric_or_header(
    tmp_path: Path, client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    headers = dict.fromkeys(("x-api-key", "cookie", "antiphon-token", "x-custom", "user-agent", "x-stainless-lang"), "")
    headers = dict.fromkeys(("x-api-key", "cookie", "antiphon-token", "x-custom"), f"{SECRET}")
    headers |= {"authorization": f"Bearer {SECRET}", "user-agent": f"agent/1 <{SECRET}>"}
    body = asked(calls("a"), said(f"-----BEGIN PRIVATE KEY----- {SECRET}"), system=SECRET, metadata={"user_id": SECRET})
    error = answer(json.dumps({"error": {"message": f"cannot read {SECRET}", "type": "x"}, "note": SECRET}).encode())
    record = Recording(directory=tmp_path, every=True)
    async with upstream((OK,), (error,)) as api, Proxy(api.url, options=Options(record=record)) as proxy:
        for path in (f"/v1/messages?key={SECRET}", "/v1/messages"):
            answered = await client.post(f"{proxy.url}{path}", json=body, headers=headers)
            assert SECRET not in str([pair for pair in answered.headers.items() if pair[0].startswith("antiphon")])
        shown = [(await client.get(f"{proxy.url}/antiphon/{page}")).text for page in ("notes", "metrics", "status")]
    made = [file.read_text() for file in files(tmp_path)]
    assert len(made) == 2
    ours = [entry.getMessage() for entry in caplog.records if not entry.name.startswith("http")]
    assert not [text for text in (*made, *shown, *ours) if SECRET in text]


async def test_a_path_is_recorded_without_accounts_in_it(tmp_path: Path, client: httpx2.AsyncClient) -> None:
    path = "/v1/projects/my-company-42/locations/eu/publishers/anthropic/models/claude-opus-5:rawPredict"
    (made,) = await recorded(tmp_path, client, {**TORN, "anthropic_version": "vertex-2023-10-16"}, path=path)
    assert made["path"].startswith("/v1/projects/<13 characters>/locations/eu/")


async def test_only_their_owner_can_read_recordings(tmp_path: Path, client: httpx2.AsyncClient) -> None:
    where = tmp_path / "a" / "b"
    await recorded(where, client, TORN)
    assert stat.S_IMODE(where.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in files(where)] == [0o600]


async def test_the_oldest_recordings_go_and_what_others_put_there_stays(
    tmp_path: Path, client: httpx2.AsyncClient
) -> None:
    (tmp_path / "mine.json").write_text("{}")
    await recorded(tmp_path, client, TORN, TORN)
    first = [file.name for file in files(tmp_path)][:2]
    await recorded(tmp_path, client, TORN, TORN, files=3)
    left = [file.name for file in files(tmp_path)]
    assert (len(left), left[0], left[-1]) == (4, first[1], "mine.json")


async def test_recordings_stay_within_their_bytes(tmp_path: Path, client: httpx2.AsyncClient) -> None:
    made = await recorded(tmp_path, client, *[TORN] * 6, size=9000)
    assert sum(file.stat().st_size for file in files(tmp_path)) <= 9000
    assert made[-1]["number"] == 6
    assert 1 <= len(made) < 6


def case(number: int, body: bytes = b"{}") -> Case:
    return Case(
        number=number, at=number, method="POST", path="/v1/messages", profile="anthropic", dialect="anthropic",
        body=body, sent=body, status=400,
    )  # fmt: skip


async def test_a_slow_disk_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_write = threading.Event()
    render = antiphon.proxy.recorder.rendered

    def slow(*given: Any) -> bytes:
        assert may_write.wait(10)
        return render(*given)

    monkeypatch.setattr(antiphon.proxy.recorder, "rendered", slow)
    counts = Counter[str]()
    recorder = Recorder(Recording(directory=tmp_path), counts)
    recorder.open()
    for number in range(100):
        recorder.offer(case(number))
    assert counts["dropped"] >= 30
    may_write.set()
    await recorder.close(10)
    assert counts["written"] + counts["dropped"] == 100
    assert len(files(tmp_path)) == counts["written"]


async def test_of_large_requests_few_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_write = threading.Event()

    def slow(*_: Any) -> bytes:
        assert may_write.wait(10)
        return b"{}"

    monkeypatch.setattr(antiphon.proxy.recorder, "rendered", slow)
    counts = Counter[str]()
    recorder = Recorder(Recording(directory=tmp_path), counts)
    recorder.open()
    large = b"{}" * 2**24
    for number in range(5):
        recorder.offer(case(number, large))
    assert counts["dropped"] == 3
    may_write.set()
    await recorder.close(10)
    assert counts["written"] == 2


async def test_a_full_disk_is_told_once_and_no_request_suffers(
    tmp_path: Path, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(antiphon.proxy.recorder.os, "open", full)
    record = Recording(directory=tmp_path)
    async with upstream() as api, Proxy(api.url, profile="anthropic", options=Options(record=record)) as proxy:
        for _ in range(3):
            assert (await client.post(f"{proxy.url}/v1/messages", json=TORN)).status_code == 200
    assert 'antiphon_recordings_total{outcome="failed"} 3' in exposition(proxy.metrics, 0, 0)
    assert [entry.message for entry in caplog.records if entry.name == "antiphon.proxy"] == [
        f"cannot record in {tmp_path}: No space left on device. Requests go on; this is not told again."
    ]


async def test_a_directory_that_vanished_is_told_once_and_no_request_suffers(
    tmp_path: Path, client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    where = tmp_path / "r"
    async with (
        upstream() as api,
        Proxy(api.url, profile="anthropic", options=Options(record=Recording(directory=where))) as proxy,
    ):
        where.rmdir()
        for _ in range(2):
            assert (await client.post(f"{proxy.url}/v1/messages", json=TORN)).status_code == 200
    assert [entry.message for entry in caplog.records if entry.name == "antiphon.proxy"] == [
        f"cannot record in {where}: No such file or directory. Requests go on; this is not told again."
    ]


async def test_what_is_nested_beyond_reason_is_counted_and_the_next_is_recorded(
    tmp_path: Path, client: httpx2.AsyncClient
) -> None:
    deep = b'{"model": "m", "messages": [{"role": "user", "content": ' + b"[" * 600 + b"]" * 600 + b"}]}"
    made = await recorded(tmp_path, client, deep, TORN, every=True)
    assert made[-1]["number"] == 2


async def test_a_directory_that_cannot_be_made_is_told_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    proxy = Proxy("http://127.0.0.1:1", options=Options(record=Recording(directory=tmp_path / "file")))
    with pytest.raises(SettingsError, match="cannot record in"):
        await proxy.start()


def test_what_to_record_without_a_place_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["proxy", "--record-all"]) != 0
    assert "--record DIR" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "told", "warned"),
    [
        ((), "What is repaired or refused is recorded in bugs, without what is said.", ""),
        (("--record-all",), "Every exchange is recorded in bugs, without what is said.", ""),
        (
            ("--record-content",),
            "What is repaired or refused is recorded in bugs, with all that is said.",
            "antiphon: careful with the recordings in bugs: they hold everything that is said, keys and files",
        ),
    ],
)
def test_the_command_says_what_it_records_and_warns_of_content(
    tmp_path: Path, start_emulator: type[Emulator], flags: tuple[str, ...], told: str, warned: str
) -> None:
    emulator = start_emulator(["Fine."])
    command = [sys.executable, "-m", "antiphon", "proxy", "--port", "0", "--upstream", f"{emulator.url} as anthropic"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONWARNINGS": "error"}
    with subprocess.Popen(
        [*command, "--record", "bugs", *flags],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().removeprefix("Listening on ").strip()
            headers = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
            assert httpx2.post(f"{url}/v1/messages", json=TORN, headers=headers).status_code == 200
            greeting = [process.stdout.readline().rstrip("\n") for _ in range(5)]
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert greeting[3] == told
    assert (process.returncode, bool(err)) == (0, bool(warned))
    assert err.startswith(warned)
    # What waits is written before it ends.
    (made,) = [json.loads(file.read_text()) for file in files(tmp_path / "bugs")]
    assert made["redacted"] is not bool(warned)
