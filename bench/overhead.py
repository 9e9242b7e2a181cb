"""CPU per streamed tool call: the whole agent against a hand-written gather loop on the official SDK's stream helper.

One prompt, one reply with N calls of a tool that does nothing, the follow-up request, the answer. Both loops run in
turns in this process against one server process; ratios of one run are what counts. Goal: at most 0.5 times the
loop's CPU, and wall time never above it.

    python dev.py bench overhead
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from anthropic import AsyncAnthropic

from antiphon import Agent, tool
from antiphon.providers.anthropic import AnthropicProvider
from measuring import Table, serving

MODEL = "claude-sonnet-5-5"


@tool(early=True)
async def nap() -> str:
    """Do nothing."""
    return "ok"


class RawLoop:
    """What people write by hand: stream, collect, gather, append."""

    def __init__(self, url: str) -> None:
        """Talk to this server."""
        self._client = AsyncAnthropic(api_key="bench", base_url=url)
        self._tools: Any = [{"name": nap.name, "description": nap.description, "input_schema": nap.input_schema}]

    async def run(self, prompt: str) -> None:
        """Answer one prompt."""
        messages: list[Any] = [{"role": "user", "content": prompt}]
        while True:
            async with self._client.messages.stream(
                model=MODEL, max_tokens=1000, tools=self._tools, messages=messages
            ) as stream:
                async for _ in stream:
                    pass
                reply = await stream.get_final_message()
            messages.append({"role": "assistant", "content": reply.content})
            calls = [block for block in reply.content if block.type == "tool_use"]
            if not calls:
                return
            outcomes = await asyncio.gather(*(nap() for _ in calls))  # noqa: TID251  (the loop that is compared)
            results = [
                {"type": "tool_result", "tool_use_id": call.id, "content": outcome}
                for call, outcome in zip(calls, outcomes, strict=True)
            ]
            messages.append({"role": "user", "content": results})

    async def aclose(self) -> None:
        """Close connections."""
        await self._client.close()


class OurAgent:
    """The agent as a user builds it."""

    def __init__(self, url: str) -> None:
        """Talk to this server."""
        self._provider = AnthropicProvider(api_key="bench", base_url=url)

    async def run(self, prompt: str) -> None:
        """Answer one prompt, in a conversation of its own."""
        result = await Agent(MODEL, tools=[nap], provider=self._provider).run(prompt)
        if result.text != "done":
            raise RuntimeError(f"the run went wrong: {result}")

    async def aclose(self) -> None:
        """Close connections."""
        await self._provider.aclose()


async def measured(work: Callable[[str], Awaitable[None]], prompt: str, times: int) -> tuple[float, float]:
    """Return CPU and wall seconds of one run, averaged over some."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(times):
        await work(prompt)
    return (time.process_time() - cpu) / times, (time.perf_counter() - wall) / times


async def compare(url: str, rounds: int) -> None:
    """Measure both in turns and print the ratios."""
    raw, ours = RawLoop(url), OurAgent(url)
    table = Table("calls", "ours us/call", "loop us/call", "CPU ours/loop", "wall ours/loop", "goal CPU")
    for calls in (1, 8, 64, 256):
        prompt = json.dumps({"calls": [{}] * calls})
        times = max(2, 128 // calls)
        figures: list[tuple[float, float, float, float]] = []
        for number in range(rounds + 1):
            ours_cpu, ours_wall = await measured(ours.run, prompt, times)
            raw_cpu, raw_wall = await measured(raw.run, prompt, times)
            if number:  # the first round warms up
                figures.append((ours_cpu, raw_cpu, ours_cpu / raw_cpu, ours_wall / raw_wall))
        ours_us, raw_us = (statistics.median(column) / calls * 1e6 for column in list(zip(*figures, strict=True))[:2])
        cpu, wall = (statistics.median(column) for column in list(zip(*figures, strict=True))[2:])
        table.row(calls, f"{ours_us:.0f}", f"{raw_us:.0f}", f"{cpu:.2f}", f"{wall:.2f}", "<= 0.50")
    table.print()
    await raw.aclose()
    await ours.aclose()


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    with serving() as url:
        anyio.run(compare, url, arguments.rounds)


if __name__ == "__main__":
    main()
