"""The official SDK talks to the emulator as it talks to the API."""

from typing import Any, cast

import anthropic
import anyio
import pytest
from anthropic.types import Message
from emulator_requests import READ_FILE

from antiphon.emulator import Emulator, RedactedThinking, Reply, Text, Thinking, ToolUse, reply

TWO_CALLS = reply(
    Thinking("Two files, so two calls."),
    "I look at both.",
    ToolUse("read_file", {"path": "a.py"}),
    ToolUse("read_file", {"path": "b.py"}),
)


def contents(message: Message) -> list[tuple[str, object]]:
    shown = {"text": "text", "thinking": "thinking", "tool_use": "input"}
    return [(block.type, getattr(block, shown[block.type])) for block in message.content]


EXPECTED = [
    ("thinking", "Two files, so two calls."),
    ("text", "I look at both."),
    ("tool_use", {"path": "a.py"}),
    ("tool_use", {"path": "b.py"}),
]


def client_of(emulator: Emulator) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=emulator.url, api_key="any", max_retries=0)


async def ask(client: anthropic.AsyncAnthropic, **changes: Any) -> Message:
    return cast("Message", await client.messages.create(**asking(**changes)))


def asking(**changes: Any) -> dict[str, Any]:
    return {
        "model": "claude-opus-5",
        "max_tokens": 1024,
        "tools": [READ_FILE],
        "messages": [{"role": "user", "content": "compare a.py and b.py"}],
        **changes,
    }


async def test_the_asynchronous_client_reads_a_reply_streamed_or_whole() -> None:
    async with Emulator([TWO_CALLS, TWO_CALLS]) as emulator, client_of(emulator) as client:
        async with client.messages.stream(**asking()) as stream:
            streamed = await stream.get_final_message()
        whole = await ask(client)
    assert contents(streamed) == contents(whole) == EXPECTED
    assert streamed.stop_reason == whole.stop_reason == "tool_use"
    assert streamed.usage == whole.usage
    assert whole._request_id == emulator.requests[1].request_id


def test_the_synchronous_client_reads_a_reply_of_an_emulator_in_a_thread() -> None:
    with (
        Emulator([TWO_CALLS, TWO_CALLS]) as emulator,
        anthropic.Anthropic(base_url=emulator.url, api_key="k") as client,
    ):
        with client.messages.stream(**asking()) as stream:
            streamed = stream.get_final_message()
        whole = cast("Message", client.messages.create(**asking()))
    assert contents(streamed) == contents(whole) == EXPECTED


async def test_deltas_arrive_as_slowly_as_the_script_says() -> None:
    async with (
        Emulator([reply(Text("abcdef", chunk=2, pace=0.05))]) as emulator,
        client_of(emulator) as client,
        client.messages.stream(**asking()) as stream,
    ):
        arrived = [anyio.current_time() async for _ in stream.text_stream]
    assert len(arrived) == 3
    assert arrived[-1] - arrived[0] >= 0.09


async def test_the_client_meets_the_errors_it_has_names_for() -> None:
    async with Emulator() as emulator, client_of(emulator) as client:
        with pytest.raises(anthropic.BadRequestError, match="max_tokens: Input should be greater than or equal to 0"):
            await ask(client, max_tokens=-1)
    assert [(record.status, record.text) for record in emulator.refused] == [
        (400, "max_tokens: Input should be greater than or equal to 0")
    ]


async def test_what_the_client_sends_back_is_what_was_said_though_it_writes_it_differently() -> None:
    def round_of(number: int) -> Reply:
        looks = ToolUse("read_file", {"path": f"{number}.py", "also": None})
        return reply(Thinking(f"thought {number}"), RedactedThinking(), Text(f"say {number}"), looks)

    async with Emulator([*map(round_of, range(4)), "done"]) as emulator, client_of(emulator) as client:
        messages: list[Any] = [{"role": "user", "content": "go"}]
        said = await ask(client, messages=messages, model="claude-opus-5-5", thinking={"type": "adaptive"})
        for turn in range(4):
            calls = [block.id for block in said.content if block.type == "tool_use"]
            results = [{"type": "tool_result", "tool_use_id": call, "content": "ok"} for call in calls]
            messages += [{"role": "assistant", "content": said.content}, {"role": "user", "content": results}]
            options = asking(messages=messages, model="claude-opus-5-5", thinking={"type": "adaptive"})
            if turn % 2:
                said = await ask(client, **options)
            else:
                async with client.messages.stream(**options) as stream:
                    said = await stream.get_final_message()
    assert [record.text for record in emulator.requests] == [None] * 5
    assert [list(block) for block in emulator.requests[-1]["messages"][1]["content"]] != [
        list(block) for block in (emulator.requests[0].message or {})["content"]
    ]
