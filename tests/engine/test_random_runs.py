"""Whole runs of the agent under random schedules: the provider refuses what the API would, and refuses nothing."""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import pairwise
from random import Random
from typing import Any

import anyio

from antiphon import Agent, Permissions
from antiphon.engine.events import Access, Result
from antiphon.errors import Overloaded, StreamBroken
from antiphon.policy import Approval, ApprovalRequest
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import ANTHROPIC, in_strict_order
from antiphon.protocol.messages import Json, tool_results, tool_uses
from antiphon.providers.scripted import ScriptedProvider
from antiphon.testing.plans import PlannedCall, PlannedReply, draw_plan
from antiphon.testing.schedules import explore
from antiphon.testing.virtual_time import at_step, running_loop
from antiphon.testing.witness import pause
from antiphon.tools.base import InvalidArguments, ToolContext

DIALECT = in_strict_order(ANTHROPIC)


class Planned:
    """A tool that does what the plan of its call says."""

    name = "work"
    description = "Works."
    input_schema: Json = {"type": "object"}  # noqa: RUF012  (never changed)
    timeout = None

    def __init__(self) -> None:
        self.calls: list[PlannedCall] = []
        self.began: Counter[int] = Counter()
        self.returned: dict[int, str] = {}
        self.running = 0

    def parse(self, arguments: Json) -> tuple[int, PlannedCall]:
        number = arguments.get("number")
        if not isinstance(number, int):
            raise InvalidArguments("`number`: wanted a number")
        return number, self.calls[number]

    def access(self, arguments: tuple[int, PlannedCall]) -> Access:
        return arguments[1].access

    async def run(self, arguments: tuple[int, PlannedCall], context: ToolContext) -> Result:
        number, planned = arguments
        self.began[number] += 1
        self.running += 1
        try:
            await pause(planned.working)
            if planned.ending == "hang":
                await anyio.sleep_forever()
            if planned.ending == "raise":
                raise ValueError(f"{number} in vain")
            self.returned[number] = f"result of {number}"
            return Result(self.returned[number], is_error=planned.ending == "report failure")
        finally:
            self.running -= 1


def script_of(replies: Iterable[PlannedReply], tool: Planned, chance: Random) -> list[Any]:
    """Return planned replies as the scripted provider takes them; their calls are added to the tool."""
    script: list[Any] = []
    for planned in replies:
        if chance.random() < 0.1:
            script.append(Overloaded(529, "Overloaded"))
        content: list[Json] = []
        for block in planned.blocks:
            if not isinstance(block, PlannedCall):
                if block == "text":
                    content.append({"type": "text", "text": "so"})
                continue
            use: Json = {"type": "tool_use", "name": block.name, "input": {"number": len(tool.calls)}}
            tool.calls.append(block)
            if block.broken:
                use["input"] = '{"number": '
            content.append(use if block.sent_id is None else {**use, "id": block.sent_id})
        reply: Json = {"content": content, "delays": [sum(waits) for waits in planned.pauses]}
        if planned.ending == "broken":
            reply["break"] = StreamBroken("gone")
        elif planned.ending != "complete":
            reply["stop_reason"] = "max_tokens" if planned.ending == "cut" else "refusal"
        script.append(reply)
    return [*script, [{"type": "text", "text": "done"}]]


async def random_runs(chance: Random) -> None:
    """Prompt one agent several times, stop it now and then, and read its conversation after each run."""
    tool = Planned()
    replies: list[Any] = []
    provider = ScriptedProvider(iter(lambda: replies.pop(0), None), dialect=DIALECT)

    async def approve(request: ApprovalRequest) -> Approval:
        number: int = request.call.input["number"]
        planned = tool.calls[number]
        await pause(planned.thinking)
        if planned.ask == "raise":
            raise RuntimeError("nobody is there")
        return Approval(allowed=planned.ask != "deny", reason="no")

    agent = Agent(
        tools=[tool],
        provider=provider,
        permissions=Permissions.of(allow=["work"] if chance.random() < 0.5 else []),
        approve=approve,
        max_parallel=draw_plan(chance).limit,
    )
    sent: list[Json] = []
    for prompt in range(3):
        plan = draw_plan(chance)
        replies[:] = script_of(plan.replies, tool, chance)
        scope = anyio.CancelScope()
        if plan.stop is not None:
            stop: Callable[[], object] = agent.cancel if plan.stop.how == "told" else scope.cancel
            if plan.stop.steps is not None:
                at_step(plan.stop.steps, stop)
            else:
                running_loop().call_later(plan.stop.seconds, stop)
        # These were tried three times. A request that is refused is another error, and fails the test.
        with scope, suppress(StreamBroken, Overloaded):
            await agent.run(f"prompt {prompt}")
        assert tool.running == 0
        check_conversation(agent.messages, tool)
        # What was sent once is never edited; only the last message may have grown at its end.
        assert [message["role"] for message in agent.messages[: len(sent)]] == [message["role"] for message in sent]
        sent = agent.messages[:-1]


def check_conversation(messages: list[Json], tool: Planned) -> None:
    """Every call is answered by its own result, once and in order, and the API would take it all."""
    # Where the last word is the model's, the next prompt follows.
    prompt: list[Json] = [{"role": "user", "content": "go on"}] if messages and messages[-1]["role"] != "user" else []
    if messages:
        assert check({"model": "m", "max_tokens": 1, "messages": [*messages, *prompt]}, DIALECT) == []
    assert all(count == 1 for count in tool.began.values())
    for asked, told in pairwise(messages):
        if asked["role"] != "assistant":
            continue
        for use, result in zip(tool_uses(asked), tool_results(told), strict=True):
            assert result["tool_use_id"] == use["id"]
            number = use["input"].get("number")
            if number in tool.returned and "Stopped" not in result["content"] and "cut off" not in result["content"]:
                assert result["content"] == tool.returned[number]
            else:
                assert result["is_error"], result


def test_an_agent_that_is_prompted_and_stopped_at_random_always_has_a_valid_conversation() -> None:
    assert explore(random_runs, range(200)) == 200
