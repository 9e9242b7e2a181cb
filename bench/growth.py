"""Cost of a turn at turn 10, 100 and 1000 of one conversation, beside the cost of encoding its request.

One conversation, one call a turn. The goal is flat: what a turn costs beyond writing the request to the socket must not
depend on how long the conversation is. "encode" is what turning the whole request into JSON costs at that turn, for a
client that does it on every request; ours encodes each message once.

    python dev.py bench growth
"""

import json
import statistics
import time

import anyio

from antiphon import Agent, tool
from antiphon.protocol.encoding import encode
from antiphon.providers.anthropic import AnthropicProvider
from measuring import Table, serving


@tool(early=True)
async def nap() -> str:
    """Do nothing."""
    return "ok, and some words so that a result has a size: " + "x" * 200


async def grow(url: str) -> None:
    """Run one long conversation, and measure at three places of it."""
    provider = AnthropicProvider(api_key="bench", base_url=url)
    agent = Agent("claude-sonnet-5-5", tools=[nap], provider=provider)
    table = Table("turn", "CPU us/turn", "encode us", "request bytes")
    places = {10, 100, 1000}
    prompt = json.dumps({"calls": [{}]})
    for turn in range(1, 1021):
        started = time.process_time()
        await agent.run(prompt)
        if turn - 1 in places:
            costs = [time.process_time() - started]
            for _ in range(9):
                started = time.process_time()
                await agent.run(prompt)
                costs.append(time.process_time() - started)
            body = {"messages": agent.messages}
            encoding = [_seconds_to_encode(body) for _ in range(9)]
            cost, encoded = statistics.median(costs) / 2, statistics.median(encoding)  # two requests a run
            size = len(encode(body))
            table.row(turn - 1, f"{cost * 1e6:.0f}", f"{encoded * 1e6:.0f}", size)
    table.print()
    await provider.aclose()


def _seconds_to_encode(body: object) -> float:
    started = time.process_time()
    encode(body)
    return time.process_time() - started


def main() -> None:
    """Run the conversation."""
    with serving() as url:
        anyio.run(grow, url)


if __name__ == "__main__":
    main()
