"""Each request reads everything from the prompt cache that the one before it held, however many calls a turn has."""

import json
from collections.abc import Sequence

import pytest

from antiphon import Agent, tool
from antiphon.emulator import Emulator, Record, Refuse, Reply, Thinking, ToolUse, reply
from antiphon.providers.anthropic import AnthropicProvider

SYSTEM = "Count carefully. " * 400
"""More than the least that is cached."""


@tool(early=True)
async def count(text: str) -> int:
    """Count the characters of a text."""
    return len(text)


def turn(calls: int, **settings: object) -> Reply:
    blocks = [ToolUse(name="count", input={"text": f"{number} " * 40}) for number in range(calls)]
    return reply(Thinking(thinking="Let me see."), "I count.", *blocks, **settings)


def tokens(record: Record, kind: str) -> int:
    assert record.message is not None
    return record.message["usage"][f"{kind}input_tokens"]


def in_all(record: Record) -> int:
    return sum(tokens(record, kind) for kind in ("", "cache_creation_", "cache_read_"))


def from_cache(record: Record) -> int:
    return tokens(record, "cache_read_")


async def requests_of(script: Sequence[Reply | str], prompts: Sequence[str]) -> list[Record]:
    """Return the requests that were answered while an agent followed these prompts."""
    async with Emulator(script) as emulator:
        provider = AnthropicProvider(api_key="any", base_url=emulator.url)
        async with Agent("claude-sonnet-5-5", tools=[count], provider=provider, system=SYSTEM) as agent:
            for prompt in prompts:
                await agent.run(prompt)
        return [record for record in emulator.requests if record.status == 200]


@pytest.mark.parametrize("calls", [[1, 1, 1], [8, 8, 8], [24, 1, 30, 24], [1, 64, 2]], ids=str)
async def test_a_request_reads_all_of_the_one_before(calls: list[int]) -> None:
    requests = await requests_of([*map(turn, calls), "Done."], ["Count."])
    assert len(requests) == len(calls) + 1
    assert [from_cache(each) for each in requests] == [0, *(in_all(each) for each in requests[:-1])]


async def test_so_does_the_next_prompt_and_a_request_that_is_made_again() -> None:
    script = [turn(24), "Done.", turn(3, faults=[Refuse(529, retry_after=0)]), turn(30), "Done."]
    requests = await requests_of(script, ["Count.", "Count again."])
    assert len(requests) == 4
    assert [from_cache(each) for each in requests] == [0, *(in_all(each) for each in requests[:-1])]


async def test_an_agent_that_goes_on_with_a_stored_conversation_reads_all_of_it() -> None:
    async with Emulator([turn(8), "Done.", turn(1), "Done."]) as emulator:
        stored = "[]"
        for prompt in ("Count.", "Count again."):
            provider = AnthropicProvider(api_key="any", base_url=emulator.url)
            messages = json.loads(stored)
            async with Agent(
                "claude-sonnet-5-5", tools=[count], provider=provider, system=SYSTEM, messages=messages
            ) as agent:
                await agent.run(prompt)
                stored = json.dumps(agent.messages)
        requests = emulator.requests
    assert len(requests) == 4
    assert [from_cache(each) for each in requests] == [0, *(in_all(each) for each in requests[:-1])]
