"""What would be refused is repaired, what is valid passes to the last byte, and people can see which was which."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import httpx2
import pytest
from talk import asked, calls, results, said, text
from upstreams import OK, Cut, upstream

import antiphon.proxy.judging
from antiphon.emulator import Refuse, ToolUse, reply
from antiphon.protocol.streaming import BlockClosed, ReplyReader, message_events
from antiphon.protocol.tool_definitions import derived_name
from antiphon.proxy import Exchange, Limits, Options, Proxy
from antiphon.testing.emulator import Emulator

MISSING = asked(calls("a", "b"), results("b"), calls("c"), results("c"))
VALID = asked(calls("a", "b"), results("a", "b"))


def odd(request: Any) -> bytes:
    """Write a request as no library here would."""
    return json.dumps(request, indent=1, ensure_ascii=True).replace('"go"', r'"g\u006f"').encode() + b" \n"


def answer(body: Any, status: bytes = b"400 Bad Request") -> bytes:
    data = json.dumps(body).encode()
    return b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (status, len(data), data)


def refusal(text: str, **details: str) -> bytes:
    error: dict[str, Any] = {"type": "invalid_request_error", "message": text}
    if details:
        error["details"] = details
    return answer({"type": "error", "error": error})


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages?beta=true", "/v1/messages/count_tokens", "/messages"])
@pytest.mark.parametrize(
    "request_",
    [
        VALID,
        asked(calls("a", "b"), results("b", "a")),
        asked(
            calls("a"),
            results("a"),
            model="claude-opus-4-6",
            thinking={"type": "adaptive"},
            unheard_of={"b": 1, "a": [None]},
        ),
        asked(calls("a"), results("a"), said("and?")),
        asked(
            {"role": "assistant", "content": [{"type": "from_the_future", "x": 1}]}, {"role": "user", "content": "so"}
        ),
    ],
)
async def test_a_valid_body_arrives_to_the_last_byte(client: httpx2.AsyncClient, path: str, request_: Any) -> None:
    body = odd(request_)
    async with upstream() as api, Proxy(api.url, profile="anthropic") as proxy:
        response = await client.post(f"{proxy.url}{path}", content=body)
        assert api.seen[0].body == body
        assert not [name for name in response.headers if name.startswith("antiphon")]
        assert not list(proxy.notes)


async def test_a_body_that_came_in_chunks_arrives_to_the_last_byte(client: httpx2.AsyncClient) -> None:
    body = odd(VALID)

    async def pieces() -> AsyncGenerator[bytes]:
        yield body[:10]
        yield body[10:]

    async with upstream() as api, Proxy(api.url, profile="anthropic") as proxy:
        await client.post(f"{proxy.url}/v1/messages", content=pieces())
        assert api.seen[0].body == body
        assert api.seen[0].header("content-length") == [str(len(body))]


async def test_a_large_body_is_judged_like_any_other(client: httpx2.AsyncClient) -> None:
    large = asked(calls("a"), said("x" * 3_000_000))
    async with upstream() as api, Proxy(api.url, profile="anthropic") as proxy:
        response = await client.post(f"{proxy.url}/v1/messages", json=large)
        assert response.headers["antiphon-repaired"].startswith("TU001")
        sent = json.loads(api.seen[0].body)
        assert sent["messages"][2]["content"][0]["tool_use_id"] == "a"
        assert sent["messages"][2]["content"][1] == text("x" * 3_000_000)


async def test_a_missing_result_is_put_in_and_the_client_is_told(
    client: httpx2.AsyncClient, start_emulator: type[Emulator]
) -> None:
    emulator = start_emulator(["Fine."])
    told: list[Exchange] = []
    async with Proxy(emulator.url, profile="anthropic", told=told.append) as proxy:
        response = await client.post(f"{proxy.url}/v1/messages", json=MISSING)
        assert (response.status_code, response.json()["content"]) == (200, [text("Fine.")])
        assert response.headers["antiphon-repaired"] == "TU001 messages.1"
        assert not emulator.refused
        ids = [block["tool_use_id"] for block in emulator.requests[0]["messages"][2]["content"]]
        assert ids == ["a", "b"]
        assert [one.rule for one in told[0].repaired] == ["TU001"]
        notes = (await client.get(f"{proxy.url}/antiphon/notes")).json()["notes"]
    assert [note["repaired"] for note in notes] == [
        [
            {
                "rule": "TU001",
                "name": "missing-tool-result",
                "where": "messages.1",
                "done": "answered the call with a note that no result was recorded",
            }
        ]
    ]
    assert "key-of-the-test" not in json.dumps(notes)


async def test_a_repair_gives_the_same_bytes_each_time(client: httpx2.AsyncClient) -> None:
    async with upstream() as api, Proxy(api.url, profile="anthropic") as proxy:
        for _ in range(2):
            await client.post(f"{proxy.url}/v1/messages", json=MISSING)
        assert api.seen[0].body == api.seen[1].body


async def test_a_fault_at_the_end_leaves_what_is_only_doubted_before_it_alone(client: httpx2.AsyncClient) -> None:
    doubted = {"role": "assistant", "content": [*calls("a")["content"], text("Reading.")]}
    async with upstream() as api, Proxy(api.url, profile="anthropic") as proxy:
        await client.post(f"{proxy.url}/v1/messages", json=asked(doubted, results("a"), calls("b")))
        messages = json.loads(api.seen[0].body)["messages"]
        assert messages[1] == doubted
        assert messages[-1]["content"][0]["tool_use_id"] == "b"


async def test_where_order_may_matter_results_are_sorted_from_the_first_request_on(client: httpx2.AsyncClient) -> None:
    async with upstream() as api, Proxy(api.url, profile="compatible") as proxy:
        await client.post(f"{proxy.url}/v1/messages", json=asked(calls("a", "b"), results("b", "a")))
        assert json.loads(api.seen[0].body)["messages"][2] == results("a", "b")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1]", b"nonsense", b'"text"', b"{" * 100_000, b'{"a":' * 50_000, b'{"messages":[{"role":NaN}]}'],
)
async def test_what_cannot_be_read_is_left_to_the_api(client: httpx2.AsyncClient, body: bytes) -> None:
    async with upstream() as api, Proxy(api.url, profile="anthropic") as proxy:
        response = await client.post(f"{proxy.url}/v1/messages", content=body)
        assert response.status_code == 200
        if b"NaN" not in body:
            assert api.seen[0].body == body


async def test_half_a_character_is_mended(client: httpx2.AsyncClient) -> None:
    async with upstream() as api, Proxy(api.url, profile="anthropic") as proxy:
        broken = json.dumps(VALID).replace('"go"', r'"g\ud83d"').encode()
        response = await client.post(f"{proxy.url}/v1/messages", content=broken)
        assert response.headers["antiphon-repaired"].startswith("RQ")
        assert json.loads(api.seen[0].body)["messages"][0]["content"] == "g\N{REPLACEMENT CHARACTER}"


async def test_a_compressed_body_passes_as_it_is(client: httpx2.AsyncClient) -> None:
    async with upstream() as api, Proxy(api.url, profile="anthropic") as proxy:
        await client.post(f"{proxy.url}/v1/messages", content=b"\x1f\x8bwhatever", headers={"content-encoding": "gzip"})
        assert (api.seen[0].body, api.seen[0].header("content-encoding")) == (b"\x1f\x8bwhatever", ["gzip"])


async def test_a_repair_that_fails_lets_the_request_through_and_says_so(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(antiphon.proxy.judging, "repair", fails)
    body = odd(MISSING)
    async with upstream() as api, Proxy(api.url, profile="anthropic") as proxy:
        response = await client.post(f"{proxy.url}/v1/messages", content=body)
        assert (response.status_code, response.headers["antiphon-failed"]) == (200, "ZeroDivisionError")
        assert api.seen[0].body == body
        assert proxy.metrics.failed_open == 1
        assert [note.failed_open for note in proxy.notes] == ["ZeroDivisionError"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_tool_that_goes_by_another_name_upstream_is_called_by_its_own(
    client: httpx2.AsyncClient, start_emulator: type[Emulator], *, stream: bool
) -> None:
    emulator = start_emulator([reply("Look.", ToolUse(derived_name("files.read"), {"path": "files.read"}))])
    tool = {"name": "files.read", "input_schema": {"type": "object"}}
    async with Proxy(emulator.url, profile="anthropic") as proxy:
        response = await client.post(f"{proxy.url}/v1/messages", json=asked(tools=[tool], stream=stream))
        assert response.headers["antiphon-repaired"] == "TO003"
    assert not emulator.refused
    events = ReplyReader().feed(response.content) if stream else message_events(response.json())
    called = [event.block for event in events if isinstance(event, BlockClosed)][1]
    assert (called["name"], called["input"]) == ("files.read", {"path": "files.read"})


async def test_a_thread_is_the_upstreams_business(client: httpx2.AsyncClient) -> None:
    going_on = {**asked(), "messages": [results("a")], "thread": {"type": "continue", "previous_message_id": "msg_1"}}
    body = odd(going_on)
    async with upstream() as api, Proxy(api.url, profile="anthropic") as proxy:
        await client.post(f"{proxy.url}/v1/messages", content=body)
        assert api.seen[0].body == body


async def test_an_upstream_without_threads_is_not_asked_for_one(client: httpx2.AsyncClient) -> None:
    async with upstream() as api, Proxy(api.url, profile="compatible") as proxy:
        response = await client.post(f"{proxy.url}/v1/messages", json={**asked(), "thread": {"type": "create"}})
        assert response.status_code == 400
        assert response.json()["error"]["details"] == {"error_code": "thread_unsupported_request"}
        assert not api.seen


STRICT = refusal(
    "messages.2.content.0: unexpected `tool_use_id` found in `tool_result` blocks: b."
    " Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
)


async def test_what_the_api_refuses_for_a_known_rule_is_repaired_further_and_sent_once_more(
    client: httpx2.AsyncClient,
) -> None:
    doubted = asked(calls("a", "b"), results("b", "a"))
    async with upstream([STRICT], [OK]) as api, Proxy(api.url, profile="anthropic") as proxy:
        response = await client.post(f"{proxy.url}/v1/messages", json=doubted)
        assert response.status_code == 200
        assert "TU003" in response.headers["antiphon-repaired"]
        assert [json.loads(seen.body)["messages"][2] for seen in api.seen] == [results("b", "a"), results("a", "b")]
        # From now on it is known.
        await client.post(f"{proxy.url}/v1/messages", json=doubted)
        assert json.loads(api.seen[2].body)["messages"][2] == results("a", "b")
        # Of this model, and of no other.
        await client.post(f"{proxy.url}/v1/messages", json={**doubted, "model": "claude-opus-4-5"})
        assert json.loads(api.seen[3].body)["messages"][2] == results("b", "a")
        assert proxy.metrics.resent == 1


async def test_what_cannot_be_repaired_comes_back_unchanged_with_a_hint(client: httpx2.AsyncClient) -> None:
    async with upstream([STRICT]) as api, Proxy(api.url, profile="anthropic") as proxy:
        response = await client.post(f"{proxy.url}/v1/messages", json=VALID)
        assert (response.status_code, response.content) == (400, STRICT.partition(b"\r\n\r\n")[2])
        assert response.headers["antiphon-hint"] == "TU004 orphan-tool-result"
        assert len(api.seen) == 1
        assert [note.hint for note in proxy.notes] == ["TU004"]


async def test_a_second_refusal_leaves_the_first_as_the_answer(client: httpx2.AsyncClient) -> None:
    other = refusal("something else")
    async with upstream([STRICT], [other]) as api, Proxy(api.url, profile="anthropic") as proxy:
        response = await client.post(f"{proxy.url}/v1/messages", json=asked(calls("a", "b"), results("b", "a")))
        assert (response.content, len(api.seen)) == (STRICT.partition(b"\r\n\r\n")[2], 2)
        assert "antiphon-repaired" not in response.headers


@pytest.mark.parametrize(
    "unknown",
    [
        refusal("prompt is too long: 200001 tokens > 200000 maximum"),
        answer("no object"),
        answer({"error": None}),
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000,
    ],
)
async def test_an_error_that_no_rule_knows_comes_back_as_it_is(client: httpx2.AsyncClient, unknown: bytes) -> None:
    async with upstream([unknown]) as api, Proxy(api.url, profile="anthropic") as proxy:
        response = await client.post(f"{proxy.url}/v1/messages", json=asked(calls("a", "b"), results("b", "a")))
        assert response.content == unknown.partition(b"\r\n\r\n")[2]
        assert "antiphon-hint" not in response.headers
        assert len(api.seen) == 1


async def test_a_field_that_the_api_does_not_know_is_left_out_from_then_on(client: httpx2.AsyncClient) -> None:
    unknown = refusal("tools.0.custom.from_tomorrow: Extra inputs are not permitted")
    tool = {"name": "a", "input_schema": {"type": "object"}, "from_tomorrow": True}
    request = asked(tools=[tool, {**tool, "name": "b", "type": "custom"}], kept_as_it_is=1)
    async with upstream([unknown], [OK]) as api, Proxy(api.url, profile="anthropic") as proxy:
        for seen in (2, 3):
            response = await client.post(f"{proxy.url}/v1/messages", json=request)
            assert (response.status_code, len(api.seen)) == (200, seen)
            assert response.headers["antiphon-repaired"] == "CO008"
            sent = json.loads(api.seen[-1].body)
            assert ["from_tomorrow" in tool for tool in sent["tools"]] == [False, False]
            assert sent["kept_as_it_is"] == 1


async def test_a_field_that_must_be_there_is_never_left_out(client: httpx2.AsyncClient) -> None:
    odd_error = refusal("messages.0.content: Extra inputs are not permitted")
    async with upstream([odd_error]) as api, Proxy(api.url, profile="anthropic") as proxy:
        assert (await client.post(f"{proxy.url}/v1/messages", json=VALID)).status_code == 400
        assert len(api.seen) == 1


async def test_overload_is_not_answered_by_more_requests(
    client: httpx2.AsyncClient, start_emulator: type[Emulator]
) -> None:
    emulator = start_emulator([reply(faults=[Refuse(529)]), "Fine."])
    async with Proxy(emulator.url, profile="anthropic") as proxy:
        assert (await client.post(f"{proxy.url}/v1/messages", json=VALID)).status_code == 529
    assert len(emulator.requests) == 1


async def test_overload_is_waited_out_where_that_is_asked_for(client: httpx2.AsyncClient) -> None:
    busy = b"HTTP/1.1 529 Overloaded\r\nretry-after-ms: 1\r\nContent-Length: 0\r\n\r\n"
    options = Options(retries=2)
    async with upstream([busy], [Cut()], [OK]) as api, Proxy(api.url, options=options) as proxy:
        response = await client.post(f"{proxy.url}/v1/messages", json=VALID)
        assert (response.status_code, len(api.seen), proxy.metrics.retried) == (200, 3, 2)


async def test_a_body_that_is_too_large_is_a_413_before_it_is_read(client: httpx2.AsyncClient) -> None:
    async with upstream() as api, Proxy(api.url, options=Options(limits=Limits(body=1000))) as proxy:

        async def pieces() -> AsyncGenerator[bytes]:
            for _ in range(20):
                yield b"x" * 100

        for body in (b"x" * 1001, pieces()):
            response = await client.post(f"{proxy.url}/v1/messages", content=body)
            assert (response.status_code, response.json()["error"]["type"]) == (413, "request_too_large")
        assert not api.seen


async def test_who_comes_when_it_is_full_waits_for_room_and_not_for_ever(client: httpx2.AsyncClient) -> None:
    going = anyio.Event()
    limits = Limits(in_flight=1000, admission=0.05)
    async with upstream([going, OK]) as api, Proxy(api.url, options=Options(limits=limits)) as proxy:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: client.post(f"{proxy.url}/v1/messages", content=b"x" * 900))
            with anyio.fail_after(5):
                while not api.seen:
                    await anyio.lowlevel.checkpoint()
            response = await client.post(f"{proxy.url}/v1/messages", content=b"y" * 900)
            assert (response.status_code, response.json()["error"]["type"]) == (503, "overloaded_error")
            going.set()
        assert (await client.post(f"{proxy.url}/v1/messages", content=b"z" * 900)).status_code == 200
