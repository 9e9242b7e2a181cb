"""The agents of the long run: ours as users build it, and a loop as people write it by hand, with one habit each."""

import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import anyio
from anthropic import AsyncAnthropic, BadRequestError

from antiphon import Agent
from antiphon.agent.clearing import clearable
from antiphon.providers.anthropic import AnthropicProvider
from long_script import PROMPT, SYSTEM, Work, tools_of

Json = dict[str, Any]
Working = Callable[[str, str, Work], Awaitable[None]]
"""An agent: does the work against this URL, with this model."""

MODEL = "claude-sonnet-5"
"""Not bound to what stood before its thinking, so that it takes a history that was edited."""
KEPT_TURNS = 10
PAUSE = 600.0
PAUSE_EVERY = 25
CLEARED = "[cleared: an old result]"
MARKER: Json = {"type": "ephemeral"}
FOR_AN_HOUR: Json = {"type": "ephemeral", "ttl": "1h"}
MAX_TOKENS = 4096


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


AGENTS: dict[str, Working] = {
    "ours": our_agent,
    "completion order": Loop(completion_order=True),
    "one breakpoint": Loop(marked=1),
    "reminder": Loop(edit=reminding),
    "clearing": Loop(edit=clearing),
    "clock": Loop(edit=telling_the_time),
}
