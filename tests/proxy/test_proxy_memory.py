"""What the proxy remembers of replies, and what that is good for."""

from typing import Any

import httpx2
import pytest
from talk import asked, calls, results, text

from antiphon.emulator import Text, Thinking, ToolUse, reply
from antiphon.protocol.streaming import ReplyEnded, ReplyReader
from antiphon.proxy import Options, Proxy
from antiphon.proxy.memory import Memory
from antiphon.testing.emulator import Emulator

BOUND = "claude-opus-5-5"
Json = dict[str, Any]


def thinks(*paths: str) -> Any:
    """Return a reply that thinks and then reads some files."""
    return reply(Thinking(f"I read {paths}."), *(ToolUse("read_file", {"path": path}) for path in paths))


async def post(client: httpx2.AsyncClient, proxy: Proxy, request: Json, **headers: str) -> tuple[httpx2.Response, Json]:
    """Send a request and return the answer and the message it holds, streamed or not."""
    response = await client.post(f"{proxy.url}/v1/messages", json=request, headers=headers)
    if response.headers["content-type"].startswith("application/json"):
        return response, response.json()
    ends = [event for event in ReplyReader().feed(response.content) if isinstance(event, ReplyEnded)]
    return response, ends[0].message


def assistant(message: Json) -> Json:
    return {"role": "assistant", "content": message["content"]}


def call_ids(message: Json) -> list[str]:
    return [block["id"] for block in message["content"] if block["type"] == "tool_use"]


@pytest.mark.parametrize("stream", [True, False])
async def test_thinking_made_behind_a_repair_is_kept_as_long_as_the_repair_is_the_same(
    client: httpx2.AsyncClient, start_emulator: type[Emulator], *, stream: bool
) -> None:
    emulator = start_emulator([thinks("a", "b"), thinks("c"), "Done."])
    settings = {"model": BOUND, "thinking": {"type": "adaptive"}, "stream": stream}
    async with Proxy(emulator.url, profile="anthropic") as proxy:
        _, first = await post(client, proxy, asked(**settings))
        # The client loses a result, and never sends it again.
        damaged = [assistant(first), results(call_ids(first)[1])]
        response, second = await post(client, proxy, asked(*damaged, **settings))
        assert response.headers["antiphon-repaired"].startswith("TU001")
        response, third = await post(
            client, proxy, asked(*damaged, assistant(second), results(*call_ids(second)), **settings)
        )
        assert third["content"] == [{"type": "text", "text": "Done."}]
        assert "TH" not in response.headers["antiphon-repaired"]
    assert not emulator.refused
    kinds = [block["type"] for message in emulator.requests[2]["messages"] for block in _blocks(message)]
    assert kinds.count("thinking") == 2


async def test_thinking_that_was_made_behind_something_else_is_left_out(
    client: httpx2.AsyncClient, start_emulator: type[Emulator]
) -> None:
    emulator = start_emulator([thinks("a", "b"), thinks("c"), "Done."])
    settings = {"model": BOUND, "thinking": {"type": "adaptive"}}
    async with Proxy(emulator.url, profile="anthropic") as proxy:
        _, first = await post(client, proxy, asked(**settings))
        whole = [assistant(first), results(*call_ids(first))]
        _, second = await post(client, proxy, asked(*whole, **settings))
        # Only now is the result lost: what was thought after it was bound to it.
        damaged = [assistant(first), results(call_ids(first)[1]), assistant(second), results(*call_ids(second))]
        response, _ = await post(client, proxy, asked(*damaged, **settings))
        assert response.status_code == 200
        assert "TH007" in response.headers["antiphon-repaired"]
    assert not emulator.refused


async def test_a_client_that_edits_history_unseen_meets_no_refusal(
    client: httpx2.AsyncClient, start_emulator: type[Emulator]
) -> None:
    emulator = start_emulator([thinks("a"), "Fine.", "Still fine."])
    settings = {"model": BOUND, "thinking": {"type": "adaptive"}}
    async with Proxy(emulator.url, profile="anthropic") as before:
        _, first = await post(client, before, asked(**settings))
    edited = [assistant(first), results(*call_ids(first))]
    async with Proxy(emulator.url, profile="anthropic") as proxy:
        for seen in (3, 4):
            response, _ = await post(client, proxy, asked(*edited, system="Something new.", **settings))
            assert response.status_code == 200
            # The first time the API has to say it, after that it is known.
            assert len(emulator.requests) == seen
        assert proxy.metrics.resent == 1
    assert len(emulator.refused) == 1


async def test_what_one_key_was_told_never_comes_to_another() -> None:
    memory = Memory(100_000)
    content = [{"type": "thinking", "thinking": "secret", "signature": "s"}, *calls("a")["content"]]
    mine, other = (memory.of("https://a.io", {"x-api-key": key}) for key in ("one", "two"))
    mine.remember(content, 100, [("s", b"prefix")])
    assert mine.reply_with("a") == content
    assert mine.fits("s", b"prefix") is True
    assert mine.fits("s", b"else") is False
    assert other.reply_with("a") is None
    assert other.fits("s", b"prefix") is None
    assert memory.of("https://b.io", {"x-api-key": "one"}).reply_with("a") is None


def test_what_was_not_asked_for_longest_is_forgotten_first() -> None:
    memory = Memory(3_000)
    view = memory.of("https://a.io", {})
    for call_id in ("a", "b", "a", "c", "d"):
        if call_id == "a" and len(memory):
            assert view.reply_with("a")
            continue
        thought = {"type": "thinking", "thinking": "x", "signature": call_id}
        view.remember([thought, *calls(call_id)["content"]], 500, ())
    assert [call_id for call_id in "abcd" if view.reply_with(call_id)] == ["a", "c", "d"]
    assert memory.taken <= 3_000


async def test_replies_without_thinking_are_not_remembered(
    client: httpx2.AsyncClient, start_emulator: type[Emulator]
) -> None:
    emulator = start_emulator([reply(ToolUse("read_file", {"path": "a"})), reply(Text("x"))])
    async with Proxy(emulator.url, profile="anthropic") as proxy:
        await post(client, proxy, asked(stream=True))
        metrics = (await client.get(f"{proxy.url}/antiphon/metrics")).text
        assert "antiphon_remembered_bytes 0" in metrics


async def test_results_in_completion_order_stay_as_they_are_unless_the_client_is_known_for_it(
    client: httpx2.AsyncClient, start_emulator: type[Emulator]
) -> None:
    emulator = start_emulator(["x"] * 9)
    request = asked(calls("a", "b"), results("b", "a"), model="claude-sonnet-4-6")
    claude_code = {"user-agent": "claude-cli/2.1.228 (external, cli)"}

    def order() -> list[str]:
        return [block["tool_use_id"] for block in emulator.requests[-1]["messages"][2]["content"]]

    async with Proxy(emulator.url, profile="anthropic") as proxy:
        await post(client, proxy, request)
        assert order() == ["b", "a"]
        response, _ = await post(client, proxy, request, **claude_code)
        assert (order(), response.headers["antiphon-sorted"]) == (["a", "b"], "1")
        await post(client, proxy, {**request, "model": BOUND}, **claude_code)
        assert order() == ["b", "a"]
    async with Proxy(emulator.url, profile="anthropic", options=Options(sort="never")) as proxy:
        await post(client, proxy, request, **claude_code)
        assert order() == ["b", "a"]
    async with Proxy(emulator.url, profile="anthropic", options=Options(sort="always")) as proxy:
        await post(client, proxy, request)
        assert order() == ["a", "b"]


async def test_thinking_behind_results_that_are_always_sorted_stays_valid(
    client: httpx2.AsyncClient, start_emulator: type[Emulator]
) -> None:
    emulator = start_emulator([thinks("a", "b"), thinks("c"), "Done."])
    settings = {"model": BOUND, "thinking": {"type": "adaptive"}}
    async with Proxy(emulator.url, profile="anthropic", options=Options(sort="always")) as proxy:
        _, first = await post(client, proxy, asked(**settings))
        answered = [assistant(first), results(*reversed(call_ids(first)))]
        _, second = await post(client, proxy, asked(*answered, **settings))
        response, _ = await post(
            client, proxy, asked(*answered, assistant(second), results(*call_ids(second)), **settings)
        )
        assert response.status_code == 200
        assert "antiphon-repaired" not in response.headers
    assert not emulator.refused


def _blocks(message: Json) -> list[Json]:
    content: Any = message["content"]
    return [text(content)] if isinstance(content, str) else content
