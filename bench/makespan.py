"""How close a turn comes to the shortest time it could take.

The ideal follows from the stream as it arrived and the calls alone: a call that only reads may start when its block
has closed, any other when the reply has ended, none before an earlier call it conflicts with is done. The makespan
runs from the first request to the moment the follow-up request goes out. Goals: at most 1.05 of the ideal for reads
over random workloads, at most 1.03 for eight even reads, and eight edits of one file beside seven sleeping reads keep
all edits.

    python dev.py bench makespan
"""

import json
import random
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from antiphon import Agent, tool
from antiphon.agent.events import CallChanged, ReplyReceived, TurnStarted
from antiphon.providers.anthropic import AnthropicProvider
from measuring import Table, serving

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One call of a workload: how long it takes, and which file it touches."""

    seconds: float
    file: str
    writes: bool = False

    def json(self) -> Json:
        """Return the call as the server is to ask for it."""
        return {"tool": "edit" if self.writes else "read", "seconds": self.seconds, "file": self.file}


def file_resource(file: str) -> tuple[str, ...]:
    """Return what a call on this file touches."""
    return ("file", file)


@tool(reads=file_resource)
async def read(seconds: float, file: str) -> str:
    """Read for some time."""
    await anyio.sleep(seconds)
    return file


@tool(writes=file_resource)
async def edit(seconds: float, file: str) -> str:
    """Read a file, take some time, write it with a line more."""
    path = anyio.Path(file)
    text = await path.read_text() if await path.exists() else ""
    await anyio.sleep(seconds)
    await path.write_text(text + "one line\n")
    return "edited"


def ideal(calls: Sequence[Call], closed: Sequence[float], stream_end: float) -> float:
    """Return the shortest time from the request to the follow-up request, for blocks that closed at these times."""
    ends: list[float] = []
    for at, call in zip(closed, calls, strict=True):
        start = stream_end if call.writes else at
        for other, end in zip(calls, ends, strict=False):
            if other.file == call.file and (other.writes or call.writes):
                start = max(start, end)
        ends.append(start + call.seconds)
    return max([stream_end, *ends])


async def play(url: str, calls: Sequence[Call], gap: float) -> float:
    """Run one workload and return its makespan over the ideal."""
    prompt = json.dumps({"calls": [call.json() for call in calls], "gap": gap})
    provider = AnthropicProvider(api_key="bench", base_url=url)
    starts: list[float] = []
    closed: dict[int, float] = {}
    stream_end = 0.0
    async with Agent(tools=[read, edit], provider=provider) as agent:
        async for event in agent.stream(prompt):
            if isinstance(event, TurnStarted):
                starts.append(event.at)
            elif isinstance(event, CallChanged):
                closed.setdefault(event.index, event.at - starts[0])
            elif isinstance(event, ReplyReceived) and not stream_end:
                stream_end = event.at - starts[0]
    arrived = [closed[index] for index in range(len(calls))]
    return (starts[1] - starts[0]) / ideal(calls, arrived, stream_end)


async def measure(url: str) -> None:
    """Run the workloads and print their ratios."""
    table = Table("workload", "runs", "makespan / ideal, median", "worst", "goal")
    dice = random.Random(1)
    mixes = {"random reads": 0.0, "random reads and edits": 0.3}
    await play(url, [Call(0.01, "warm-up")], 0.01)
    with tempfile.TemporaryDirectory() as directory:
        even = [Call(0.3, f"{index}") for index in range(8)]
        ratios = [await play(url, even, 0.1) for _ in range(3)]
        table.row("8 reads of 300 ms, 100 ms apart", 3, *_figures(ratios), "<= 1.03")
        for name, share in mixes.items():
            ratios = list[float]()
            for _ in range(12):
                files = [str(Path(directory, f"{dice.randrange(6)}")) for _ in range(dice.randint(4, 16))]
                calls = [Call(dice.uniform(0.02, 0.3), file, writes=dice.random() < share) for file in files]
                ratios.append(await play(url, calls, dice.uniform(0.005, 0.05)))
            table.row(name, len(ratios), *_figures(ratios), "<= 1.05")
        target = Path(directory, "edited.txt")
        mixed = [Call(0.02, str(target), writes=True)]
        for index in range(7):
            mixed += [Call(0.3, f"other {index}"), Call(0.02, str(target), writes=True)]
        ratio = await play(url, mixed, 0.005)
        table.row("8 edits of a file, 7 reads", 1, *_figures([ratio]), "<= 1.05")
        kept = len((await anyio.Path(target).read_text()).splitlines())
    table.print()
    print(f"edits kept: {kept} of 8")


def _figures(ratios: Sequence[float]) -> tuple[str, str]:
    return f"{statistics.median(ratios):.3f}", f"{max(ratios):.3f}"


def main() -> None:
    """Run the benchmark."""
    with serving() as url:
        anyio.run(measure, url)


if __name__ == "__main__":
    main()
