"""Hooks that are slow, fail, die, hang, talk nonsense or too much cannot tear a call and its result apart."""

import json
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import anyio

from antiphon import Agent, Permissions, tool
from antiphon.agent.events import AgentEvent, CallChanged, RunEnded
from antiphon.agent.hooks.calls import NOTE_BEGINS
from antiphon.agent.hooks.hooks import Hooks
from antiphon.agent.hooks.outcome import HookOutcome, read_outcome
from antiphon.errors import StreamBroken
from antiphon.policy import Approval, ApprovalRequest
from antiphon.policy.hooks import HookEvent, HookSetting
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import ANTHROPIC, in_strict_order
from antiphon.providers.scripted import ScriptedProvider
from antiphon.testing import virtual_time

Json = dict[str, Any]
EVENTS: tuple[HookEvent, ...] = ("PreToolUse", "PostToolUse", "UserPromptSubmit", "Stop", "SessionStart")
SAID: tuple[Json, ...] = (
    {},
    {"hookSpecificOutput": {"permissionDecision": "allow"}},
    {"hookSpecificOutput": {"permissionDecision": "deny", "permissionDecisionReason": "\0no\ud800"}},
    {"hookSpecificOutput": {"permissionDecision": "ask"}},
    {"hookSpecificOutput": {"additionalContext": "<tool_result>text\u2028 \0"}},
    {"hookSpecificOutput": {"updatedInput": {"name": "other"}}},
    {"decision": "block", "reason": ""},
    {"decision": "block", "reason": "r" * 50_000},
    {"additionalContext": " "},
    {"systemMessage": "\x1b[2J", "suppressOutput": True},
)
NONSENSE = b"", b"{", b"\xff\xfe{}", b"[]", b"{" * 100_000, b'{"continue": "no"}', b'{"decision": 1}', b"x" * 100_000


class RandomPrograms:
    """Stands for the programs of hooks on virtual time: what they answer is drawn, and read as a real answer is."""

    def __init__(self, chance: Random) -> None:
        self.running = 0
        self._chance = chance

    async def run(self, setting: HookSetting, told: Json, cwd: Path) -> HookOutcome:
        chance = self._chance
        self.running += 1
        try:
            if chance.random() < 0.1:
                await anyio.sleep(setting.timeout)
                return HookOutcome(trouble="was stopped")
            await anyio.sleep(chance.choice((0, 0, 0.01, 1, 20)))
            code = chance.choice((0, 0, 0, 0, 1, 2))
            if chance.random() < 0.3:
                return read_outcome(setting.event, code, chance.choice(NONSENSE), chance.choice(NONSENSE))
            answer: Json = dict(chance.choice(SAID))
            if chance.random() < 0.02:
                answer["continue"] = False
            return read_outcome(setting.event, code, json.dumps(answer).encode(), b"because")
        finally:
            self.running -= 1


def drawn_hooks(chance: Random) -> list[HookSetting]:
    kinds = [EVENTS[:2] if chance.random() < 0.8 else EVENTS for _ in range(chance.randint(1, 4))]
    events: list[HookEvent] = [chance.choice(each) for each in kinds]
    tools = ["", "look", "edit|nobody", "*"]
    return [HookSetting(event=event, command=event, tools=chance.choice(tools), timeout=5) for event in events]


def drawn_script(chance: Random) -> list[Any]:
    script: list[Any] = []
    number = 0
    for _ in range(chance.randint(1, 4)):
        calls: list[Json] = []
        for _ in range(chance.randint(1, 6)):
            number += 1
            name = chance.choice(("look", "look", "edit", "unknown"))
            calls.append({"type": "tool_use", "id": f"c{number}", "name": name, "input": {"name": f"c{number}"}})
        reply: Json = {"content": calls, "delays": [chance.choice((0, 0.1, 2)) for _ in range(len(calls) + 1)]}
        if chance.random() < 0.15:
            script.append({**reply, "break": StreamBroken("gone")})
        script.append(reply)
    return [*script, *([{"type": "text", "text": "done"}] for _ in range(40))]


class Tools:
    """Tools that note what they did."""

    def __init__(self, chance: Random) -> None:
        self.ended: dict[str, str] = {}
        self.running = 0
        self._chance = chance

    async def work(self, name: str) -> str:
        self.running += 1
        try:
            await anyio.sleep(self._chance.choice((0, 0.2, 3)))
            if self._chance.random() < 0.1:
                raise RuntimeError(name)
            self.ended[name] = f"result of {name}"
            return self.ended[name]
        finally:
            self.running -= 1

    def all(self) -> list[Any]:
        @tool(early=True)
        async def look(name: str) -> str:
            """Look."""
            return await self.work(name)

        @tool(writes=lambda: ("file", "a"))
        async def edit(name: str) -> str:
            """Edit."""
            return await self.work(name)

        return [look, edit]


async def one(seed: int) -> tuple[str, int]:
    """Run with what the seed draws, perhaps stop it somewhere; return how it ended and how many notes hooks left."""
    chance = Random(seed)
    programs, tools, ended = RandomPrograms(chance), Tools(chance), list[AgentEvent]()

    async def approve(request: ApprovalRequest) -> Approval:
        await anyio.sleep(chance.choice((0, 1)))
        return Approval(allowed=chance.random() < 0.7)

    provider = ScriptedProvider(drawn_script(chance), dialect=in_strict_order(ANTHROPIC))
    agent = Agent(tools=tools.all(), provider=provider, permissions=Permissions(), approve=approve)
    agent._hooks = Hooks(drawn_hooks(chance), dict[str, Any], Path(), run=programs.run)
    stop_at = chance.choice((None, chance.uniform(0, 3), chance.uniform(0, 40)))
    from_outside = chance.random() < 0.5

    async def run() -> None:
        async with aclosing(agent.stream("go")) as events:
            ended.extend([event async for event in events])

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            if stop_at is not None:
                await anyio.sleep(stop_at)
                if from_outside:
                    scope.cancel()
                else:
                    agent.cancel()
    assert (programs.running, tools.running) == (0, 0)
    notes = assert_whole(agent, tools)
    agent._hooks = Hooks([], dict[str, Any], Path())
    # The next prompt follows: the provider refuses what the API would.
    assert (await agent.run("and on")).stop_reason == "end_turn"
    done = [event for event in ended if isinstance(event, CallChanged) and event.state == "done"]
    assert {event.call.input["name"] for event in done} <= set(tools.ended)
    how = [event.result.stop_reason for event in ended if isinstance(event, RunEnded)]
    return (how[0] if how else "outside", notes)


def assert_whole(agent: Agent, tools: Tools) -> int:
    # Of a prompt that hooks did not let through there is nothing.
    messages = agent.messages or [{"role": "user", "content": "nothing"}]
    assert check({"model": "m", "max_tokens": 1, "messages": messages}, in_strict_order(ANTHROPIC)) == []
    notes = 0
    for reply, answer in pairwise(agent.messages):
        asked = {block["id"]: block["input"]["name"] for block in reply["content"] if block["type"] == "tool_use"}
        if not asked:
            continue
        results, behind = answer["content"][: len(asked)], answer["content"][len(asked) :]
        assert [block["tool_use_id"] for block in results] == list(asked)
        assert {block["type"] for block in behind} <= {"text"}
        notes += sum(block["text"].startswith(NOTE_BEGINS) for block in behind)
        for block in results:
            if not block.get("is_error"):
                assert block["content"] == tools.ended[asked[block["tool_use_id"]]], "no hook touches a result"
    return notes


def test_random_hooks_stopped_at_random_moments_leave_a_whole_conversation() -> None:
    seen: dict[str, int] = {}
    notes = 0
    for seed in range(250):
        how, said = virtual_time.run(one, seed, seed=seed)
        seen[how] = seen.get(how, 0) + 1
        notes += said
    assert notes > 100
    assert {"end_turn", "cancelled", "hook", "outside"} <= set(seen)
    assert seen["cancelled"] > 20
