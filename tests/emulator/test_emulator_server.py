"""Starting, stopping, recording, and what is left behind: nothing."""

import gc
import json
import socket
import threading
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from emulator_requests import Client, answers, asks, request

from antiphon.emulator import After, Drop, Emulator, Refuse, Stall, reply
from antiphon.emulator.app import ConnectionCut
from antiphon.errors import SettingsError

HEADERS = {"x-api-key": "any", "anthropic-version": "2023-06-01"}


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=5)


async def test_an_emulator_listens_only_while_it_is_open() -> None:
    async with Emulator() as emulator:
        url = emulator.url
        assert url.startswith("http://127.0.0.1:")
        connect(url).close()
    with pytest.raises(ConnectionRefusedError):
        connect(url)
    with pytest.raises(RuntimeError, match="the emulator is not started"):
        _ = emulator.url


def test_an_emulator_in_a_thread_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with Emulator() as emulator:
        connect(emulator.url).close()
    assert set(threading.enumerate()) == before


def test_many_emulators_start_and_stop_quickly() -> None:
    started = threading.Event()

    def start_all() -> None:
        for _ in range(50):
            with Emulator():
                pass
        started.set()

    thread = threading.Thread(target=start_all)
    thread.start()
    thread.join(timeout=10)
    assert started.is_set()


async def test_an_emulator_can_be_started_again_and_goes_on_with_its_script() -> None:
    emulator = Emulator(["one", "two"])
    said: list[str] = []
    for _ in range(2):
        async with emulator, httpx2.AsyncClient(base_url=emulator.url, headers=HEADERS) as client:
            response = await client.post("/v1/messages", json=request("go"))
            said.append(response.json()["content"][0]["text"])
    assert said == ["one", "two"]


async def test_stopping_ends_replies_that_are_being_sent_and_idle_connections() -> None:
    stalling = reply("hi", faults=[Stall(3600, After(events=1))])
    async with (
        Emulator(["quick", stalling]) as emulator,
        httpx2.AsyncClient(base_url=emulator.url, headers=HEADERS, timeout=10) as client,
    ):
        for name in ("other", "go"):
            await client.post("/v1/messages", json=request(name))
        async with client.stream("POST", "/v1/messages", json=request("go", stream=True)) as response:
            chunks = response.aiter_raw()
            assert b"message_start" in await anext(chunks)
            await emulator.stop()
            with pytest.raises(httpx2.TransportError):
                await anext(chunks)
    assert [record.outcome for record in emulator.records] == ["complete", "complete", "stopped"]


async def test_a_client_that_leaves_in_the_middle_is_noticed() -> None:
    async with Emulator([reply("hi", faults=[Stall(3600, After(events=1))])]) as emulator:
        async with (
            httpx2.AsyncClient(base_url=emulator.url, headers=HEADERS) as client,
            client.stream("POST", "/v1/messages", json=request("go", stream=True)) as response,
        ):
            await anext(response.aiter_raw())
        with anyio.fail_after(5):
            await emulator.until(lambda: emulator.requests[0].outcome != "pending")
        assert emulator.requests[0].outcome == "disconnected"


async def test_a_client_that_leaves_before_its_request_is_whole_is_noticed() -> None:
    async with Emulator() as emulator:
        with connect(emulator.url) as half:
            half.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
            with anyio.fail_after(5):
                await emulator.until(lambda: len(emulator.records) == 1)
        with anyio.fail_after(5):
            await emulator.until(lambda: emulator.requests[0].outcome != "pending")
    assert (emulator.requests[0].outcome, emulator.requests[0].status) == ("disconnected", 0)


async def test_replies_to_several_clients_are_sent_side_by_side() -> None:
    both = anyio.Event()
    arrived = 0

    def meet(body: dict[str, Any]) -> str:
        nonlocal arrived
        arrived += 1
        if arrived == 2:
            both.set()
        return "met"

    async with (
        Emulator(meet, latency=0.05) as emulator,
        httpx2.AsyncClient(base_url=emulator.url, headers=HEADERS) as client,
        anyio.create_task_group() as tasks,
    ):
        began = anyio.current_time()
        for name in ("a", "b"):
            tasks.start_soon(lambda name=name: client.post("/v1/messages", json=request(name)))
        await both.wait()
        assert anyio.current_time() - began < 0.05
    assert [record.outcome for record in emulator.records] == ["complete", "complete"]


def test_a_port_that_is_taken_is_named() -> None:
    with Emulator() as emulator:
        port = int(emulator.url.rsplit(":", 1)[1])
        with pytest.raises(SettingsError, match=f"cannot listen on 127.0.0.1 port {port}: "), Emulator(port=port):
            pass


def test_requests_are_recorded_with_verdict_and_times(client: Client) -> None:
    times = iter(range(100))
    with Emulator(["fine"], clock=lambda: float(next(times))) as emulator:
        client(emulator).post("/v1/messages", json=request("go", asks("a"), answers("b")))
        client(emulator).post("/v1/messages", json=request("go"))
    refused, answered = emulator.requests
    assert refused["messages"][2] == answers("b")
    assert (refused.status, refused.refused, refused.rules[:1], refused.message) == (400, True, ("TU001",), None)
    assert (answered.status, answered.refused, answered.text) == (200, False, None)
    assert answered.message is not None
    assert answered.message["content"] == [{"type": "text", "text": "fine"}]
    for record in (refused, answered):
        assert record.first_byte is not None
        assert record.finished is not None
        assert record.received < record.first_byte < record.finished


def test_the_log_holds_a_line_for_each_request_and_no_secrets(client: Client, tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    with Emulator([reply(faults=[Refuse(529)]), "f\u00fcr dich"], log=log) as emulator:
        client(emulator).post("/v1/messages", json=request("go"))
        client(emulator).post("/v1/messages", json=request("go"))
        client(emulator).post("/v1/messages", json=request("go", asks("a")))
        lines = [json.loads(line) for line in log.read_text(encoding="ascii").splitlines()]
    verdicts = [(line["verdict"]["status"], line["verdict"]["refused"], line["verdict"]["rules"]) for line in lines]
    assert verdicts == [(529, False, []), (200, False, []), (400, True, ["TU001"])]
    assert lines[1]["request"]["body"] == request("go")
    assert lines[1]["reply"]["content"][0]["text"] == "f\u00fcr dich"
    assert lines[1]["received"] <= lines[1]["first_byte"] <= lines[1]["finished"]
    assert lines[1]["request"]["headers"]["x-api-key"] == "***"
    assert '"any"' not in log.read_text()


def test_only_the_last_requests_are_kept_whole_where_that_is_asked(client: Client) -> None:
    with Emulator(["one", "two", "three"], keep=2) as emulator:
        for _ in range(3):
            client(emulator).post("/v1/messages", json=request("go"))
    assert [record.body is not None for record in emulator.requests] == [False, True, True]
    assert [record.status for record in emulator.requests] == [200, 200, 200]


def test_an_emulator_may_be_given_another_script(client: Client) -> None:
    with Emulator(["one"]) as emulator:
        first = client(emulator).post("/v1/messages", json=request("go")).json()
        emulator.play(["two"])
        second = client(emulator).post("/v1/messages", json=request("go")).json()
    assert [message["content"][0]["text"] for message in (first, second)] == ["one", "two"]


def test_ids_are_the_same_in_every_run_and_never_twice_in_one(client: Client) -> None:
    def ids() -> list[str]:
        with Emulator(["one", "two"]) as emulator:
            return [client(emulator).post("/v1/messages", json=request("go")).json()["id"] for _ in range(2)]

    assert ids() == ids()
    assert len(set(ids())) == 2


async def test_the_application_runs_without_the_server() -> None:
    emulator = Emulator(["one", reply("two", faults=[Drop()])])
    transport = httpx2.ASGITransport(app=emulator.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://emulator", headers=HEADERS) as client:
        assert (await client.post("/v1/messages", json=request("go"))).status_code == 200
        with pytest.raises(ConnectionCut):
            await client.post("/v1/messages", json=request("go"))
    assert [record.outcome for record in emulator.records] == ["complete", "cut"]


async def test_a_connection_cut_leaves_nothing_open() -> None:
    async with Emulator([reply("hi", faults=[Drop()])] * 3) as emulator:
        for _ in range(3):
            async with httpx2.AsyncClient(base_url=emulator.url, headers=HEADERS) as client:
                with pytest.raises(httpx2.TransportError):
                    await client.post("/v1/messages", json=request("go"))
    gc.collect()
