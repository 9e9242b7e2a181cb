"""The scripted provider: what it answers, what it records, what it refuses."""

from typing import Any

import anyio
import pytest

from antiphon.errors import Rejected, SettingsError, StreamBroken
from antiphon.protocol.dialects import BEDROCK
from antiphon.protocol.encoding import Request
from antiphon.protocol.streaming import BlockClosed, InputDelta, ReplyEnded, ReplyEvent, ReplyStarted, TextDelta
from antiphon.providers.scripted import ScriptedProvider

PROMPT = {"role": "user", "content": "Hi"}
REQUEST = Request({"model": "claude-opus-4-8", "max_tokens": 9}, [PROMPT])
TEXT = {"type": "text", "text": "Hello"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "read_file", "input": {"path": "a"}}


async def told(provider: ScriptedProvider, request: Request = REQUEST) -> list[ReplyEvent]:
    async with provider.stream(request) as events:
        return [event async for event in events]


async def message(provider: ScriptedProvider) -> dict[str, Any]:
    last = (await told(provider))[-1]
    assert isinstance(last, ReplyEnded)
    return last.message


async def test_blocks_are_told_as_a_server_tells_them() -> None:
    found = await told(ScriptedProvider([[TEXT, CALL]]))
    assert isinstance(found[0], ReplyStarted)
    assert [event for event in found if isinstance(event, TextDelta | InputDelta | BlockClosed)] == [
        TextDelta(0, "Hello"),
        BlockClosed(0, TEXT),
        InputDelta(1, '{"path": "a"}'),
        BlockClosed(1, CALL),
    ]
    last = found[-1]
    assert isinstance(last, ReplyEnded)
    assert last.message["content"] == [TEXT, CALL]
    assert (last.message["model"], last.message["stop_reason"]) == ("claude-opus-4-8", "tool_use")


async def test_replies_are_given_in_order_and_then_the_script_is_over() -> None:
    provider = ScriptedProvider([[TEXT], [CALL]])
    assert (await message(provider))["stop_reason"] == "end_turn"
    assert (await message(provider))["stop_reason"] == "tool_use"
    with pytest.raises(SettingsError, match="ends after 2 replies"):
        await told(provider)


async def test_a_message_may_say_how_it_ends_and_what_it_cost() -> None:
    reply = {"content": [TEXT], "stop_reason": "max_tokens", "usage": {"input_tokens": 3}, "id": "msg_x", "extra": 1}
    found = await message(ScriptedProvider([reply]))
    assert {key: found[key] for key in reply} == reply


async def test_every_kind_of_block_comes_out_as_it_went_in() -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": "hm", "signature": "x=="},
        {"type": "redacted_thinking", "data": "y=="},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
        {"type": "text", "text": "", "citations": []},
        {"type": "tool_use", "id": "t", "name": "n", "input": {}, "caller": {"type": "direct"}},
        {"type": "invented", "field": [1]},
    ]
    assert (await message(ScriptedProvider([blocks])))["content"] == blocks


async def test_broken_arguments_can_be_played() -> None:
    found = await told(ScriptedProvider([[{**CALL, "input": '{"path": "a'}]]))
    [closed] = [event for event in found if isinstance(event, BlockClosed)]
    assert closed.block["input"] == {"INVALID_JSON": '{"path": "a'}
    assert closed.problem is not None


async def test_a_function_sees_the_request_and_makes_the_reply() -> None:
    def echo(request: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"type": "text", "text": request["messages"][0]["content"].upper()}]

    assert (await message(ScriptedProvider([echo])))["content"] == [{"type": "text", "text": "HI"}]


async def test_an_error_of_the_script_is_raised() -> None:
    provider = ScriptedProvider([Rejected(413, "too large"), [TEXT]])
    with pytest.raises(Rejected, match="too large"):
        await told(provider)
    assert (await message(provider))["content"] == [TEXT]


async def test_a_reply_can_break_after_its_blocks() -> None:
    provider = ScriptedProvider([{"content": [TEXT], "break": StreamBroken("gone")}])
    found: list[ReplyEvent] = []
    async with provider.stream(REQUEST) as events:
        with pytest.raises(StreamBroken, match="gone"):
            await _gather(events, found)
    assert found[-1] == BlockClosed(0, TEXT)


async def _gather(events: Any, found: list[ReplyEvent]) -> None:
    async for event in events:
        found.append(event)  # noqa: PERF401  (what came before a failure is to be kept)


async def test_delays_are_waited_for_before_each_block_and_before_the_end() -> None:
    steps: list[Any] = []

    async def sleep(seconds: float) -> None:
        steps.append(seconds)

    reply = {"content": [TEXT, CALL], "delays": [0.5, 0, 3]}
    provider = ScriptedProvider([reply], sleep=sleep)
    async with provider.stream(REQUEST) as events:
        async for event in events:
            steps += [type(event).__name__] if isinstance(event, BlockClosed | ReplyEnded) else []
    assert steps == [0.5, "BlockClosed", "BlockClosed", 3, "ReplyEnded"]


async def test_what_is_recorded_does_not_change_with_the_conversation() -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    provider = ScriptedProvider([[TEXT]])
    await told(provider, Request({"model": "m", "max_tokens": 1}, messages))
    messages[0]["content"][0]["text"] = "changed"
    messages.append({})
    assert provider.requests == [
        {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}
    ]


UNANSWERED = Request(REQUEST.params, [PROMPT, {"role": "assistant", "content": [CALL]}, PROMPT])


async def test_a_request_that_breaks_a_rule_is_refused_in_the_rules_words_and_uses_up_no_reply() -> None:
    provider = ScriptedProvider([[TEXT]])
    with pytest.raises(Rejected, match="`tool_use` ids were found without `tool_result` blocks") as caught:
        await told(provider, UNANSWERED)
    assert caught.value.details["rule"].startswith("TU")
    assert not caught.value.retryable
    assert (await message(provider))["content"] == [TEXT]
    assert len(provider.requests) == 2


async def test_rules_can_be_left_out() -> None:
    assert await told(ScriptedProvider([[TEXT]], strict=False), UNANSWERED)


async def test_the_rules_are_those_of_the_dialect() -> None:
    split = Request(
        REQUEST.params,
        [
            PROMPT,
            {"role": "assistant", "content": [CALL, {**CALL, "id": "toolu_2"}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_2", "content": "x"}]},
        ],
    )
    assert await told(ScriptedProvider([[TEXT]]), split)
    provider = ScriptedProvider([[TEXT]], dialect=BEDROCK)
    assert provider.dialect is BEDROCK
    with pytest.raises(Rejected):
        await told(provider, split)


async def test_two_replies_at_once_are_told_side_by_side() -> None:
    provider = ScriptedProvider([[TEXT], [CALL]])
    async with provider.stream(REQUEST) as first, provider.stream(REQUEST) as second:
        with anyio.fail_after(5):
            assert len([event async for event in second]) == len([event async for event in first])
    await provider.aclose()
