"""A run may be stopped at any step: the conversation is valid at once, and what was finished is kept."""

from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from antiphon import Agent, Permissions, tool
from antiphon.errors import Overloaded, StreamBroken
from antiphon.policy import Approval, ApprovalRequest
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import dialect
from antiphon.providers.scripted import ScriptedProvider
from antiphon.testing import virtual_time

Json = dict[str, Any]


class Counted:
    """Tools that note what began and what ended, so that nothing can be lost or run twice unseen."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.running = 0

    async def work(self, name: str, steps: int) -> str:
        self.running += 1
        try:
            for _ in range(steps):
                await anyio.sleep(0.5)
            self.ended.append(name)
            return f"result of {name}"
        finally:
            self.running -= 1

    def tools(self) -> list[Any]:
        @tool(early=True)
        async def look(name: str, steps: int) -> str:
            """Look."""
            return await self.work(name, steps)

        @tool(writes=lambda: ("file", "a"))
        async def edit(name: str, steps: int) -> str:
            """Edit."""
            return await self.work(name, steps)

        return [look, edit]


async def approve(request: ApprovalRequest) -> Approval:
    await anyio.sleep(0.3)
    return Approval(allowed=request.call.input["name"] != "denied", reason="no")


def use(tool_name: str, name: str, steps: int = 1) -> Json:
    return {"type": "tool_use", "id": name, "name": tool_name, "input": {"name": name, "steps": steps}}


def script() -> list[Any]:
    calls = [use("look", "a", 3), use("edit", "b", 2), use("edit", "c"), use("edit", "denied"), use("look", "d")]
    streamed: Json = {
        "content": [{"type": "text", "text": "I look."}, *calls],
        "delays": [0.2] * 8,
    }
    lost = [use("look", "lost", 3), use("edit", "never")]
    broken: Json = {"content": lost, "delays": [0.2] * 3, "break": StreamBroken("gone")}
    return [
        broken,
        Overloaded(529, "Overloaded"),
        streamed,
        [use("look", "e")],
        [{"type": "text", "text": "done"}],
    ]


async def stopped_after(steps: int, *, from_outside: bool) -> tuple[Agent, Counted, bool]:
    """Run, stop after so many steps of the loop, and return whether the run was still going."""
    counted = Counted()
    agent = Agent(
        tools=counted.tools(), provider=ScriptedProvider(script()), permissions=Permissions(), approve=approve
    )
    ended = anyio.Event()
    going = False

    async def run() -> None:
        await agent.run("go")
        ended.set()

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            for _ in range(steps):
                await checkpoint()
                if counted.running == 0 or ended.is_set():
                    await anyio.sleep(0.05)
                else:
                    await anyio.sleep(0.11)
            going = not ended.is_set()
            if from_outside:
                scope.cancel()
            else:
                agent.cancel()
    return agent, counted, going


@pytest.mark.parametrize("from_outside", [False, True], ids=["agent.cancel", "cancelled from outside"])
def test_a_run_can_be_stopped_after_any_number_of_steps(*, from_outside: bool) -> None:
    seen_going = seen_ended = 0
    for steps in range(160):
        agent, counted, going = virtual_time.run(lambda n=steps: stopped_after(n, from_outside=from_outside))
        seen_going += going
        seen_ended += not going
        messages = agent.messages
        assert check({"model": "m", "max_tokens": 1, "messages": messages}, dialect("anthropic")) == []
        assert counted.running == 0
        answers = {
            block["tool_use_id"]: block["content"]
            for message in messages
            for block in message["content"]
            if block["type"] == "tool_result"
        }
        asked = [block["id"] for m in messages for block in m["content"] if block["type"] == "tool_use"]
        assert list(answers) == asked
        assert [name for name in asked if answers[name] == f"result of {name}"] == [
            name for name in asked if name in counted.ended
        ]
        assert "never" not in counted.ended
    assert seen_going > 50
    assert seen_ended > 5
