"""What 200 turns with parallel calls cost, and how much of their input comes from the prompt cache.

One script of a long piece of work, played by the emulator over HTTP to each agent. Ours is the agent as users build it.
The others are one hand-written loop with the same cache breakpoints as ours (at the end of the system prompt and of the
last two user messages), and one habit each:

- completion order: results stand in the order in which the calls were done;
- one breakpoint: only the last user message is marked, not the one before it as well;
- reminder: a text at the end of each request, which is not there any more in the next;
- clearing: what results said is left out as soon as ten turns have passed;
- clock: the system prompt says what time it is.

The emulator counts tokens as the API does: an entry for each breakpoint, found again at a breakpoint or up to 20 blocks
before one. "best" is what could have come from the cache if each request had read all that was the same in the one
before it. Money is by the table of `antiphon models`. Goal for ours: at least 95 percent, and the best.

The second table is about work in which every fifth turn has 12 to 24 calls: there a second breakpoint is needed, since
more than 20 blocks come between the last ones of two requests. The third is about pauses so long that nothing is left
in the cache: what it saves to clear old results then, which is the only time the agent does (`agent/clearing.py`), and
what it saves to have the cache keep everything for an hour. The last says from which request on an API refuses each
agent that binds thinking to what stood before it (as for Sonnet 5.5), or that wants results in the order of the calls.

    python dev.py bench long_run
    python bench/long_run.py --turns 40
"""

import argparse
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
from anthropic import AsyncAnthropic, BadRequestError

from antiphon import Agent
from antiphon.agent.clearing import clearable
from antiphon.agent.events import Usage
from antiphon.agent.prices import add, usage_of
from antiphon.emulator import Emulator, Record, Script
from antiphon.emulator.usage import tokens_of
from antiphon.protocol.prefix import pieces
from antiphon.providers.anthropic import AnthropicProvider
from long_script import PROMPT, SYSTEM, Work, tools_of
from measuring import Table

Json = dict[str, Any]

MODEL = "claude-sonnet-5"
"""Not bound to what stood before its thinking, so that it takes a history that was edited."""
BOUND_MODEL = "claude-sonnet-5-5"
GOAL = 0.95
KEPT_TURNS = 10
PAUSE = 600.0
PAUSE_EVERY = 25
CLEARED = "[cleared: an old result]"
MARKER: Json = {"type": "ephemeral"}
FOR_AN_HOUR: Json = {"type": "ephemeral", "ttl": "1h"}
MAX_TOKENS = 4096


@dataclass
class Ledger:
    """What the emulator saw of one agent.

    Attributes:
        usage: of all replies.
        total: input tokens of all requests.
        unchanged: those of them that stood at the beginning of the request before, just so.
        requests: that were answered.
        refused: the number of the first request that was not, or None.
    """

    model: str
    usage: Usage = field(default_factory=Usage)
    total: int = 0
    unchanged: int = 0
    requests: int = 0
    refused: int | None = None
    _before: list[bytes] = field(default_factory=list[bytes])

    def told(self, record: Record) -> None:
        """Take note of a request and its reply."""
        if record.message is None:
            self.refused = self.refused or self.requests + 1
            return
        self.requests += 1
        usage = usage_of(record.message, self.model)
        self.usage = add(self.usage, usage)
        self.total += usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
        read = list(pieces(record.body or {}))
        same = itertools.takewhile(lambda pair: pair[0].data == pair[1], zip(read, self._before, strict=False))
        self.unchanged += sum(tokens_of(piece) for piece, _ in same)
        self._before = [piece.data for piece in read]

    @property
    def share(self) -> float:
        """Which part of the input came from the cache."""
        return self.usage.cache_read_input_tokens / self.total

    @property
    def best(self) -> float:
        """Which part could have."""
        return self.unchanged / self.total

    @property
    def dollars(self) -> float:
        """What it cost, replies included."""
        if self.usage.cost is None:
            raise RuntimeError(f"there is no price for {self.model}")
        return self.usage.cost


async def our_agent(url: str, model: str, work: Work) -> None:
    """Do the work with the agent as a user builds it."""
    provider = AnthropicProvider(api_key="bench", base_url=url)
    agent = Agent(model, tools=tools_of(work), provider=provider, system=SYSTEM, max_tokens=MAX_TOKENS)
    async with agent:
        await agent.run(PROMPT)


@dataclass
class Loop:
    """A loop as people write it by hand, with a habit.

    Attributes:
        completion_order: results stand in the order in which the calls were done.
        marked: how many of the last user messages end with a cache breakpoint.
        marker: the breakpoint.
        edit: changes the system prompt and the messages that are sent, by the number of the request; what it does to
            the messages themselves stays.
        clock: the time by which caches end.
    """

    completion_order: bool = False
    marked: int = 2
    marker: Json = field(default_factory=lambda: MARKER)
    edit: Callable[[int, str, list[Json]], tuple[str, list[Json]]] = lambda _, system, messages: (system, messages)
    clock: Callable[[], float] = time.monotonic

    async def __call__(self, url: str, model: str, work: Work) -> None:
        """Do the work, until it is done or a request is refused."""
        tools: Any = [
            {"name": each.name, "description": each.description, "input_schema": each.input_schema}
            for each in tools_of(work)
        ]
        messages: list[Json] = [{"role": "user", "content": [{"type": "text", "text": PROMPT}]}]
        async with AsyncAnthropic(api_key="bench", base_url=url, max_retries=0) as client:
            for number in itertools.count(1):
                system, sent = self.edit(number, SYSTEM, messages)
                prompt: Any = [{"type": "text", "text": system, "cache_control": self.marker}]
                marked: Any = list(self._marked(sent))
                try:
                    answer = await client.messages.create(
                        model=model, max_tokens=MAX_TOKENS, tools=tools, system=prompt, messages=marked
                    )
                except BadRequestError:
                    return
                content = [block.model_dump(exclude_none=True) for block in answer.content]
                messages.append({"role": "assistant", "content": content})
                calls = [block for block in content if block["type"] == "tool_use"]
                if not calls:
                    return
                messages.append({"role": "user", "content": await self._results(work, calls)})

    def _marked(self, messages: list[Json]) -> Iterator[Json]:
        users = [index for index, message in enumerate(messages) if message["role"] == "user"]
        for index, message in enumerate(messages):
            if index in users[-self.marked :]:
                last = {**message["content"][-1], "cache_control": self.marker}
                yield {**message, "content": [*message["content"][:-1], last]}
            else:
                yield message

    async def _results(self, work: Work, calls: list[Json]) -> list[Json]:
        results: dict[str, Json] = {}

        async def run(call: Json) -> None:
            text = await work.done(call["input"])
            results[call["id"]] = {"type": "tool_result", "tool_use_id": call["id"], "content": text}

        async with anyio.create_task_group() as tasks:
            for call in calls:
                tasks.start_soon(run, call)
        return list(results.values()) if self.completion_order else [results[call["id"]] for call in calls]


def reminding(number: int, system: str, messages: list[Json]) -> tuple[str, list[Json]]:
    """Say something at the end that is not kept."""
    reminder = {
        "type": "text",
        "text": f"<reminder>{number} steps so far; the list of what is open has 3 points.</reminder>",
    }
    return system, [*messages[:-1], {**messages[-1], "content": [*messages[-1]["content"], reminder]}]


def clearing(number: int, system: str, messages: list[Json]) -> tuple[str, list[Json]]:
    """Leave out what results said that are older than some turns."""
    del number
    for message in messages[: -2 * KEPT_TURNS]:
        for block in message["content"]:
            if block["type"] == "tool_result":
                block["content"] = CLEARED
    return system, messages


def telling_the_time(number: int, system: str, messages: list[Json]) -> tuple[str, list[Json]]:
    """Say in the system prompt what time it is."""
    return f"{system}\nIt is {9 + number // 60 % 12:02}:{number % 60:02}.", messages


@dataclass
class Pauses:
    """A pause of ten minutes before every twenty-fifth request: a clock, and what is done then.

    Attributes:
        clears: whether old results are cleared after a pause.
        now: seconds.
    """

    clears: bool
    now: float = 0.0

    def time(self) -> float:
        """Return the time."""
        return self.now

    def edit(self, number: int, system: str, messages: list[Json]) -> tuple[str, list[Json]]:
        """Let time pass, and clear what may be cleared."""
        if number % PAUSE_EVERY == 0:
            self.now += PAUSE
            if self.clears:
                for cleared in clearable(messages, MODEL, PAUSE):
                    messages[cleared.index] = cleared.message
        return system, messages


def with_pauses(*, clears: bool = False, marker: Json = MARKER) -> Loop:
    """Return an agent whose user is away now and then."""
    pauses = Pauses(clears)
    return Loop(edit=pauses.edit, clock=pauses.time, marker=marker)


Working = Callable[[str, str, Work], Awaitable[None]]

AGENTS: dict[str, Working] = {
    "ours": our_agent,
    "completion order": Loop(completion_order=True),
    "one breakpoint": Loop(marked=1),
    "reminder": Loop(edit=reminding),
    "clearing": Loop(edit=clearing),
    "clock": Loop(edit=telling_the_time),
}


def played(agent: Working, model: str, work: Work, *, strict: bool = False) -> Ledger:
    """Let one agent do the work, and return what the emulator saw."""
    ledger = Ledger(model)
    clock = agent.clock if isinstance(agent, Loop) else time.monotonic
    script = Script(work.replies, shared=True)
    with Emulator(script, told=ledger.told, keep=1, strict_order=strict, clock=clock) as emulator:
        anyio.run(agent, emulator.url, model, work)
    return ledger


def costs(work: Work, agents: Mapping[str, Working]) -> list[Ledger]:
    """Print what the work costs with each agent, and return what the emulator saw of each.

    Raises:
        RuntimeError: an agent did not do all of it.
    """
    print(f"\n{work.turns} turns with {work.calls} calls, {MODEL}")
    table = Table("agent", "input tokens", "from cache", "best", "written", "fresh", "$/turn", "$", "ratio")
    ledgers: list[Ledger] = []
    for name, agent in agents.items():
        ledger = played(agent, MODEL, work)
        if ledger.requests != work.turns + 1 or ledger.refused:
            raise RuntimeError(f"{name}: {ledger.requests} requests were answered, not {work.turns + 1}")
        ledgers.append(ledger)
        table.row(
            name,
            f"{ledger.total:,}",
            f"{ledger.share:.1%}",
            f"{ledger.best:.1%}",
            f"{ledger.usage.cache_creation_input_tokens:,}",
            f"{ledger.usage.input_tokens:,}",
            f"{ledger.dollars / ledger.requests:.4f}",
            f"{ledger.dollars:.2f}",
            f"{ledger.dollars / ledgers[0].dollars:.2f}",
        )
    table.print()
    return ledgers


def reads_all_it_can(ledger: Ledger) -> bool:
    """Say whether an agent reaches the goal. In a short conversation even the best is less than 95 percent."""
    return ledger.share >= min(GOAL, ledger.best) and ledger.usage.cache_read_input_tokens == ledger.unchanged


def refusals(work: Work) -> bool:
    """Print which request of each agent is the first to be refused; say whether none of ours is."""
    print(f"\nfirst request that is refused, in {work.turns} turns")
    table = Table("agent", "bound thinking", "order wanted")
    ours_passes = True
    for name, agent in AGENTS.items():
        found = [played(agent, BOUND_MODEL, work).refused, played(agent, MODEL, work, strict=True).refused]
        table.row(name, *("never" if number is None else f"request {number}" for number in found))
        ours_passes = ours_passes and (name != "ours" or found == [None, None])
    table.print()
    return ours_passes


def main() -> int:
    """Run the comparison; the exit code says whether ours reaches its goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=200)
    turns = parser.parse_args().turns
    wide = {name: AGENTS[name] for name in ("ours", "one breakpoint")}
    paused = {
        "nothing done": with_pauses(),
        "cleared after pauses": with_pauses(clears=True),
        "cached for an hour": with_pauses(marker=FOR_AN_HOUR),
    }
    good = [
        reads_all_it_can(costs(Work(turns), AGENTS)[0]),
        reads_all_it_can(costs(Work(-(-turns // 4), wide=True), wide)[0]),
    ]
    print(f"\na pause of {PAUSE / 60:.0f} minutes before every {PAUSE_EVERY}th request:", end="")
    costs(Work(turns), paused)
    good.append(refusals(Work(max(turns // 8, KEPT_TURNS + 2))))
    print("\ngoal reached" if all(good) else "goal missed")
    return not all(good)


if __name__ == "__main__":
    raise SystemExit(main())
