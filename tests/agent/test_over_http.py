"""The agent with its real client against the strict emulator: every request must be one that the API takes."""

from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

import anyio
import pytest
from anthropic import AsyncAnthropic

from antiphon import Agent, Calls, run_calls, tool
from antiphon.agent.events import Retrying, RunEnded, TurnDiscarded
from antiphon.emulator import After, Drop, Emulator, End, ErrorEvent, Refuse, Script, Text, Thinking, ToolUse, reply
from antiphon.errors import Overloaded, StreamBroken
from antiphon.providers.anthropic import AnthropicProvider

Json = dict[str, Any]


@tool(early=True)
async def look(name: str) -> str:
    """Look at something."""
    return f"{name}: " + "seen " * 30


@tool
async def write(name: str) -> str:
    """Write something."""
    return f"{name} written"


def asks(*names: str, tool_name: str = "look") -> list[ToolUse]:
    return [ToolUse(tool_name, {"name": name}) for name in names]


def connect(emulator: Emulator) -> AnthropicProvider:
    return AnthropicProvider(api_key="any", base_url=emulator.url)


def answered(record: Any) -> list[str]:
    return [str(block["content"]).split(":")[0] for block in record["messages"][-1]["content"]]


async def run(script: Any, *, emulator_options: Json | None = None, **options: Any) -> tuple[RunEnded, Emulator]:
    """Play a script with an agent; nothing it sends may be refused."""
    async with Emulator(script, **(emulator_options or {})) as emulator:
        async with Agent(tools=[look, write], provider=connect(emulator), **options) as agent:
            events = [event async for event in agent.stream("go")]
        assert emulator.refused == []
        last = events[-1]
        assert isinstance(last, RunEnded)
        return last, emulator


async def test_parallel_calls_with_bound_thinking_over_many_turns_are_never_refused() -> None:
    turns = [reply(Thinking(f"turn {turn}"), Text("I look."), *asks("a", "b", "c")) for turn in range(6)]
    ended, emulator = await run([*turns, "done"], model="claude-opus-5-5")
    assert ended.result.text == "done"
    assert [answered(record) for record in emulator.requests[1:]] == [["a", "b", "c"]] * 6


@pytest.mark.parametrize("dialect", ["anthropic", "bedrock", "compatible"])
async def test_what_is_sent_is_valid_for_every_dialect_and_in_strict_order(dialect: str) -> None:
    script = [reply(*asks("a", "b")), reply("then", *asks("c", tool_name="write")), "done"]
    ended, _ = await run(script, emulator_options={"dialect": dialect, "strict_order": True})
    assert ended.result.text == "done"


async def test_every_turn_reads_what_the_turn_before_wrote_to_the_cache() -> None:
    turns = [reply(*asks(*"abcdefghijklmnopqrstuvwxyz")) for _ in range(4)]
    _, emulator = await run([*turns, "done"], system="word " * 2000)
    usages = [(record.message or {})["usage"] for record in emulator.requests]
    for earlier, later in pairwise(usages):
        written = earlier["cache_read_input_tokens"] + earlier["cache_creation_input_tokens"]
        assert later["cache_read_input_tokens"] == written


FAULTS: list[Callable[[], Any]] = [
    lambda: Refuse(429, retry_after=0.01),
    lambda: Refuse(529),
    lambda: Refuse(500),
    lambda: ErrorEvent(After(blocks=1)),
    lambda: Drop(After(blocks=1)),
    lambda: End(After(blocks=2)),
]


@pytest.mark.parametrize("fault", FAULTS, ids=["429", "529", "500", "error event", "dropped", "no message_stop"])
async def test_a_passing_fault_is_asked_again_with_the_same_body_and_leaves_nothing_behind(fault: Any) -> None:
    script = [reply(*asks("a", "b"), faults=[fault()]), reply(*asks("a", "b")), "done"]
    async with Emulator(script) as emulator:
        async with Agent(tools=[look], provider=connect(emulator)) as agent:
            events = [event async for event in agent.stream("go")]
        assert emulator.refused == []
        assert emulator.requests[0].body == emulator.requests[1].body
        assert answered(emulator.requests[2]) == ["a", "b"]
    assert [type(event) for event in events if isinstance(event, TurnDiscarded | Retrying)] == [TurnDiscarded, Retrying]


async def test_an_overload_that_stays_is_told_after_the_last_attempt_and_the_conversation_goes_on() -> None:
    script = Script([reply(faults=[Refuse(529)], times=3), "back"], shared=True)
    async with Emulator(script) as emulator, Agent(provider=connect(emulator)) as agent:
        with pytest.raises(Overloaded):
            await agent.run("go")
        assert len(emulator.requests) == 3
        assert (await agent.run("again")).text == "back"
        assert emulator.refused == []


async def test_broken_arguments_are_answered_and_kept_in_the_form_the_api_takes() -> None:
    broken = ToolUse("look", input_json='{"name": "a')
    ended, emulator = await run([reply(broken, *asks("b")), "done"])
    assert ended.result.text == "done"
    (first, second) = emulator.requests[1]["messages"][1]["content"]
    assert first["input"] == {"INVALID_JSON": '{"name": "a'}
    assert second["input"] == {"name": "b"}
    (answer, _) = emulator.requests[1]["messages"][2]["content"]
    assert answer["is_error"] is True


HARD_IDS = [
    ["same", "same", "same"],
    ["functions.look:0", "functions.look_0", "functions:look.0"],
    ["", "x" * 300, "é"],
]


@pytest.mark.parametrize("ids", HARD_IDS, ids=["one id for all", "forbidden characters that collide", "odd lengths"])
async def test_hard_ids_lose_no_result_and_give_none_to_another_call(ids: list[str]) -> None:
    calls = [ToolUse("look", {"name": f"n{number}"}, id=each) for number, each in enumerate(ids)]
    ended, emulator = await run([reply(*calls), "done"])
    assert ended.result.text == "done"
    assistant, user = emulator.requests[1]["messages"][1:]
    by_id = {block["tool_use_id"]: block["content"] for block in user["content"]}
    assert len(by_id) == 3
    for block in assistant["content"]:
        assert by_id[block["id"]].startswith(block["input"]["name"] + ":")


@pytest.fixture
async def asking() -> AsyncIterator[Emulator]:
    slow_first = reply("I look.", *asks("a", "b", "c"))
    async with Emulator([slow_first, "done"]) as emulator:
        yield emulator


MODEL = "claude-sonnet-5-5"
TOOLS: list[Any] = [
    {"name": each.name, "description": each.description, "input_schema": each.input_schema} for each in (look, write)
]


async def test_the_calls_of_a_reply_run_inside_a_loop_built_on_the_sdk_stream_helper(asking: Emulator) -> None:
    messages: list[Any] = [{"role": "user", "content": "go"}]
    async with AsyncAnthropic(api_key="any", base_url=asking.url) as client:
        async with Calls([look, write], messages=messages) as calls:
            async with client.messages.stream(messages=messages, tools=TOOLS, model=MODEL, max_tokens=1000) as stream:
                async for event in stream:
                    calls.feed(event)
            messages += (await calls.exchange()).messages
        await client.messages.create(messages=messages, tools=TOOLS, model=MODEL, max_tokens=1000)
    assert answered(asking.requests[1]) == ["a", "b", "c"]
    assert asking.refused == []


async def test_the_calls_of_a_reply_run_inside_a_loop_on_the_raw_stream(asking: Emulator) -> None:
    messages: list[Any] = [{"role": "user", "content": "go"}]
    async with AsyncAnthropic(api_key="any", base_url=asking.url) as client:
        async with Calls([look, write]) as calls:
            async for event in await client.messages.create(
                messages=messages, tools=TOOLS, stream=True, model=MODEL, max_tokens=1000
            ):
                calls.feed(event)
            messages += (await calls.exchange()).messages
        await client.messages.create(messages=messages, tools=TOOLS, model=MODEL, max_tokens=1000)
    assert answered(asking.requests[1]) == ["a", "b", "c"]


async def test_the_calls_of_a_whole_reply_run_in_one_step(asking: Emulator) -> None:
    messages: list[Any] = [{"role": "user", "content": "go"}]
    async with AsyncAnthropic(api_key="any", base_url=asking.url) as client:
        message: Any = await client.messages.create(messages=messages, tools=TOOLS, model=MODEL, max_tokens=1000)
        messages += (await run_calls(message, [look, write], messages=messages)).messages
        await client.messages.create(messages=messages, tools=TOOLS, model=MODEL, max_tokens=1000)
    assert answered(asking.requests[1]) == ["a", "b", "c"]
    assert asking.refused == []


async def test_a_message_of_a_conversation_is_a_reply_too() -> None:
    content = [{"type": "tool_use", "id": "a", "name": "look", "input": {"name": "x"}}]
    exchange = await run_calls({"role": "assistant", "content": content}, [look])
    assert exchange.assistant == {"role": "assistant", "content": content}
    assert [block["tool_use_id"] for block in (exchange.user or {})["content"]] == ["a"]


async def test_a_reply_that_breaks_off_inside_your_loop_raises_and_runs_nothing_that_writes() -> None:
    ran: list[str] = []

    @tool
    async def store(name: str) -> str:
        """Store."""
        ran.append(name)
        return name

    async with Calls([store]) as calls:
        calls.feed({"type": "message_start", "message": {"content": [], "usage": {}}})
        block: Json = {"type": "tool_use", "id": "a", "name": "store", "input": {}}
        calls.feed({"type": "content_block_start", "index": 0, "content_block": block})
        delta = {"type": "input_json_delta", "partial_json": '{"name": "x"}'}
        calls.feed({"type": "content_block_delta", "index": 0, "delta": delta})
        calls.feed({"type": "content_block_stop", "index": 0})
        await anyio.lowlevel.checkpoint()
        with pytest.raises(StreamBroken):
            await calls.exchange()
    assert ran == []


async def test_calls_that_are_cancelled_inside_your_loop_leave_messages_that_go_on(asking: Emulator) -> None:
    messages: list[Any] = [{"role": "user", "content": "go"}]

    @tool(name="look", early=True)
    async def never(name: str) -> str:
        """Look for ever."""
        await anyio.sleep_forever()
        return name

    async with AsyncAnthropic(api_key="any", base_url=asking.url) as client:
        message: Any = await client.messages.create(messages=messages, tools=TOOLS, model=MODEL, max_tokens=1000)
        async with Calls([never]) as calls:
            calls.take_message(message)
            await anyio.lowlevel.checkpoint()
            messages += calls.cancel().messages
        await client.messages.create(messages=messages, tools=TOOLS, model=MODEL, max_tokens=1000)
    assert len(answered(asking.requests[1])) == 3
    assert asking.refused == []
