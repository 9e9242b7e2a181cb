"""Whatever can go wrong on the way to a client can be played."""

import json
from typing import Any

import anthropic
import anyio
import httpx2
import pytest
from emulator_requests import Client, request

from antiphon.emulator import (
    After,
    Drop,
    Emulator,
    End,
    ErrorEvent,
    Insert,
    Pings,
    Raw,
    Refuse,
    Reply,
    ServerToolUse,
    Stall,
    Text,
    Thinking,
    ToolUse,
    reply,
)

ASKED = request("go", stream=True)
TWO_CALLS = ("Look.", ToolUse("read_file", {"path": "a.py"}), ToolUse("read_file", {"path": "b.py"}))


def events(text: str) -> list[dict[str, Any]]:
    """Return the data of the events in a stream."""
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: {")]


def kinds(text: str) -> list[str]:
    """Return the types of the events in a stream, deltas left out."""
    return [event["type"] for event in events(text) if event["type"] != "content_block_delta"]


def streamed(client: Client, said: Reply) -> str:
    """Return all of a streamed reply that is not broken."""
    with Emulator([said]) as emulator:
        return client(emulator).post("/v1/messages", json=ASKED).text


async def read_broken(emulator: Emulator, body: dict[str, Any] = ASKED) -> tuple[bytes, type[Exception] | None]:
    """Return what arrived of a reply, and how it broke."""
    arrived = bytearray()
    headers = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
    async with httpx2.AsyncClient(base_url=emulator.url, headers=headers, timeout=10) as client:
        try:
            async with client.stream("POST", "/v1/messages", json=body) as response:
                async for chunk in response.aiter_raw():
                    arrived += chunk
        except httpx2.TransportError as error:
            return bytes(arrived), type(error)
    return bytes(arrived), None


def test_a_reply_without_faults_follows_the_grammar(client: Client) -> None:
    text = streamed(client, reply(Thinking("hm"), *TWO_CALLS))
    block = ["content_block_start", "content_block_stop"]
    assert kinds(text) == ["message_start", "ping", *block * 4, "message_delta", "message_stop"]
    assert [event["index"] for event in events(text) if event["type"] == "content_block_start"] == [0, 1, 2, 3]
    assert all(f"event: {event['type']}\ndata: {{" in text for event in events(text))


@pytest.mark.parametrize(
    ("status", "error_type"),
    [
        (401, "authentication_error"), (402, "billing_error"), (403, "permission_error"), (404, "not_found_error"),
        (413, "request_too_large"), (429, "rate_limit_error"), (500, "api_error"), (504, "timeout_error"),
        (529, "overloaded_error"), (599, "api_error"),
    ],
)  # fmt: skip
def test_an_error_status_comes_with_the_type_that_the_api_gives_it(
    status: int, error_type: str, client: Client
) -> None:
    with Emulator([reply(faults=[Refuse(status)])]) as emulator:
        response = client(emulator).post("/v1/messages", json=ASKED)
    body = response.json()
    assert (response.status_code, body["type"], body["error"]["type"]) == (status, "error", error_type)
    assert body["request_id"] == response.headers["request-id"] == emulator.requests[0].request_id
    assert emulator.refused == []


def test_an_error_status_says_what_the_script_says(client: Client) -> None:
    spent = {"error_code": "enforced_spend_limit_reached"}
    fault = Refuse(429, retry_after=1.5, type="other", message="No.", details=spent, should_retry=False)
    with Emulator([reply(faults=[fault])]) as emulator:
        response = client(emulator).post("/v1/messages", json=ASKED)
    assert response.json()["error"] == {"type": "other", "message": "No.", "details": spent}
    assert (response.headers["retry-after"], response.headers["x-should-retry"]) == ("1.5", "false")
    assert int(response.headers["anthropic-ratelimit-requests-remaining"]) < 4000


async def test_a_client_that_retries_meets_the_next_reply() -> None:
    faults = [reply(faults=[Refuse(429, retry_after=0)]), reply(faults=[Refuse(529, retry_after=0)])]
    async with (
        Emulator([*faults, "done"]) as emulator,
        anthropic.AsyncAnthropic(base_url=emulator.url, api_key="any", max_retries=2) as client,
    ):
        message = await client.messages.create(
            model="claude-opus-5", max_tokens=10, messages=[{"role": "user", "content": "go"}]
        )
    assert message.content[0].model_dump()["text"] == "done"
    assert [record.status for record in emulator.requests] == [429, 529, 200]


def test_an_error_event_ends_the_stream(client: Client) -> None:
    text = streamed(client, reply(*TWO_CALLS, faults=[ErrorEvent(After(blocks=1))]))
    assert kinds(text) == ["message_start", "ping", "content_block_start", "content_block_stop", "error"]
    assert events(text)[-1] == {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def test_what_is_an_error_event_in_a_stream_is_a_status_without(client: Client) -> None:
    with Emulator([reply("hi", faults=[ErrorEvent()])]) as emulator:
        response = client(emulator).post("/v1/messages", json=request("go"))
    assert (response.status_code, response.json()["error"]["message"]) == (529, "Overloaded")


def test_a_stream_can_end_without_saying_so(client: Client) -> None:
    text = streamed(client, reply(*TWO_CALLS, faults=[End(After(blocks=3))]))
    assert kinds(text)[-1] == "content_block_stop"


@pytest.mark.parametrize(("reset", "error"), [(True, httpx2.ReadError), (False, httpx2.RemoteProtocolError)])
async def test_a_dropped_connection_is_really_gone(reset: bool, error: type[Exception]) -> None:  # noqa: FBT001  (a case)
    async with Emulator([reply(*TWO_CALLS, faults=[Drop(After(blocks=2), reset=reset)])]) as emulator:
        arrived, broken = await read_broken(emulator)
    assert (kinds(arrived.decode())[-1], broken) == ("content_block_stop", error)
    assert kinds(arrived.decode()).count("content_block_stop") == 2
    assert emulator.requests[0].outcome == "cut"


async def test_a_connection_can_drop_at_any_byte() -> None:
    async with Emulator([reply("A long text.", chunk=1, faults=[Drop(After(bytes=700), reset=False)])]) as emulator:
        arrived, broken = await read_broken(emulator)
    assert (len(arrived), broken) == (700, httpx2.RemoteProtocolError)


async def test_a_reply_in_one_piece_can_break_in_its_middle() -> None:
    async with Emulator([reply("hi", faults=[Drop(After(bytes=20))])]) as emulator:
        arrived, broken = await read_broken(emulator, request("go"))
    assert (len(arrived), broken) == (20, httpx2.ReadError)


async def test_a_connection_can_drop_before_anything_is_said() -> None:
    async with Emulator([reply("hi", faults=[Drop(After(bytes=0))])]) as emulator:
        assert await read_broken(emulator) == (b"", httpx2.ReadError)
    async with Emulator([reply("hi", faults=[Drop(After(bytes=0), reset=False)])] * 2) as emulator:
        for body in (ASKED, request("go")):
            with anyio.fail_after(5):
                assert await read_broken(emulator, body) == (b"", httpx2.RemoteProtocolError)
    assert [record.outcome for record in emulator.requests] == ["cut", "cut"]


async def test_a_large_reply_arrives_whole_before_its_connection_drops() -> None:
    size = 3_000_000
    text = Text("x" * size, chunk=size)
    async with Emulator([reply(text, faults=[Drop(After(blocks=1), reset=False)])]) as emulator:
        arrived, _ = await read_broken(emulator)
    assert arrived.count(b"x") >= size


async def test_a_stalled_stream_is_noticed_by_the_clients_timeout_and_the_emulator_notices_that() -> None:
    async with Emulator([reply(*TWO_CALLS, faults=[Stall(3600, After(blocks=1))])]) as emulator:
        headers = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
        async with httpx2.AsyncClient(base_url=emulator.url, headers=headers, timeout=0.2) as client:
            with pytest.raises(httpx2.ReadTimeout):
                await client.post("/v1/messages", json=ASKED)
        with anyio.fail_after(5):
            await emulator.until(lambda: emulator.requests[0].outcome != "pending")
    assert emulator.requests[0].outcome == "disconnected"


def test_what_does_not_belong_there_can_be_put_in(client: Client) -> None:
    unknown = {"type": "brand_new_event", "value": 1}
    text = streamed(
        client,
        reply(
            "hi",
            faults=[Insert(After(events=1), event=unknown), Insert(After(blocks=1), data="event: x\ndata: oops\n\n")],
        ),
    )
    assert events(text)[1] == unknown
    assert "event: x\ndata: oops\n\nevent: message_delta" in text
    assert kinds(text)[-1] == "message_stop"


def test_pings_may_flood(client: Client) -> None:
    text = streamed(client, reply("hi", pings=3, faults=[Pings(500, after=After(blocks=1))]))
    assert kinds(text)[:5] == ["message_start", "ping", "ping", "ping", "content_block_start"]
    assert kinds(text).count("ping") == 503


def inputs(text: str) -> list[str]:
    """Return the streamed arguments of each call, as text."""
    parts: dict[int, str] = {}
    for event in events(text):
        if event["type"] == "content_block_delta" and event["delta"]["type"] == "input_json_delta":
            parts[event["index"]] = parts.get(event["index"], "") + event["delta"]["partial_json"]
    return list(parts.values())


def test_a_call_can_be_cut_at_max_tokens(client: Client) -> None:
    cut = reply(ToolUse("read_file", {"path": "a.py"}), ToolUse("run", {"command": "rm -rf /tmp/x"}, cut_after=21))
    text = streamed(client, cut)
    assert inputs(text) == ['{"path": "a.py"}', '{"command": "rm -rf /']
    assert events(text)[-2]["delta"]["stop_reason"] == "max_tokens"
    assert kinds(text).count("content_block_stop") == 2


def test_a_cut_call_may_stay_open(client: Client) -> None:
    text = streamed(client, reply(ToolUse("run", {"command": "ls"}, cut_after=5, closes=False)))
    assert kinds(text)[-3:] == ["content_block_start", "message_delta", "message_stop"]


def test_arguments_may_be_no_json(client: Client) -> None:
    said = reply(ToolUse("run", input_json='{"command": '))
    assert inputs(streamed(client, said)) == ['{"command": ']
    with Emulator([said]) as emulator:
        whole = client(emulator).post("/v1/messages", json=request("go")).json()
    assert whole["content"][0]["input"] == {"INVALID_JSON": '{"command": '}


def test_arguments_of_a_call_without_any_are_an_empty_delta(client: Client) -> None:
    assert inputs(streamed(client, reply(ToolUse("run")))) == [""]


def test_ids_may_repeat_be_missing_or_hold_what_they_must_not(client: Client) -> None:
    calls = [ToolUse("run", id="a"), ToolUse("run", id="a"), ToolUse("run", id="functions.run:0")]
    text = streamed(client, reply(*calls, ToolUse("run", omit=["id"]), ToolUse("run")))
    starts = [event["content_block"].get("id") for event in events(text) if event["type"] == "content_block_start"]
    assert starts[:4] == ["a", "a", "functions.run:0", None]
    assert starts[4].startswith("toolu_01")


def test_the_model_may_refuse(client: Client) -> None:
    details = {"type": "refusal", "category": "cyber"}
    text = streamed(client, reply("I", stop_reason="refusal", stop_details=details))
    assert events(text)[-2]["delta"] == {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}


def test_a_server_tool_has_its_result_in_the_same_reply_or_leaves_the_turn_paused(client: Client) -> None:
    found = [{"type": "web_search_result", "url": "https://example.org", "title": "Example"}]
    done = streamed(client, reply(ServerToolUse("web_search", {"query": "q"}, result=found), "Found."))
    starts = [event["content_block"] for event in events(done) if event["type"] == "content_block_start"]
    assert [block["type"] for block in starts] == ["server_tool_use", "web_search_tool_result", "text"]
    assert starts[1] == {"type": "web_search_tool_result", "tool_use_id": starts[0]["id"], "content": found}
    assert starts[0]["id"].startswith("srvtoolu_01")
    assert events(done)[-2]["usage"]["server_tool_use"] == {"web_search_requests": 1}
    paused = streamed(client, reply(ServerToolUse("web_search", {"query": "q"}), stop_reason="pause_turn"))
    assert events(paused)[-2]["delta"]["stop_reason"] == "pause_turn"


def test_a_block_may_be_of_any_form(client: Client) -> None:
    start, delta = {"type": "hologram", "depth": 3}, {"type": "hologram_delta", "more": True}
    said = reply(Raw(start, [delta], {**start, "more": True}))
    text = streamed(client, said)
    assert events(text)[2]["content_block"] == start
    assert events(text)[3]["delta"] == delta
    with Emulator([said]) as emulator:
        whole = client(emulator).post("/v1/messages", json=request("go")).json()
    assert whole["content"] == [{**start, "more": True}]


def test_usage_may_be_anything(client: Client) -> None:
    with Emulator([reply("hi", usage={"output_tokens": 12345})]) as emulator:
        usage = client(emulator).post("/v1/messages", json=request("go")).json()["usage"]
    assert (usage["output_tokens"], usage["cache_read_input_tokens"]) == (12345, 0)


def test_a_script_that_fails_is_told_to_the_client_and_is_not_its_fault(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(body: dict[str, Any]) -> str:
        raise ValueError("no idea")

    with Emulator(broken) as emulator:
        response = client(emulator).post("/v1/messages", json=request("go"))
    assert (response.status_code, response.headers["x-should-retry"]) == (500, "false")
    assert response.json()["error"]["message"] == "The emulator's script failed: ValueError: no idea"
    assert emulator.refused == []
    assert "a function of the emulator's script failed" in caplog.text
