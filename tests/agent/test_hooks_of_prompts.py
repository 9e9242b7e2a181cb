"""Hooks at prompts, at the start of a session and where the model wants to stop."""

import json
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from antiphon import Agent
from antiphon.agent.events import AgentEvent, ResultsReady, RunEnded, RunResult, Warned
from antiphon.agent.going_on import MOST_TIMES_SENT_BACK
from antiphon.errors import Rejected
from antiphon.policy.hooks import HookEvent, HookSetting
from antiphon.providers.scripted import ScriptedProvider
from antiphon.sessions.store import Sessions
from antiphon.testing.leftovers import Leftovers

Json = dict[str, Any]


def say(text: str) -> list[Json]:
    return [{"type": "text", "text": text}]


def texts(message: Json) -> list[str]:
    return [block["text"] for block in message["content"]]


def shell(event: HookEvent, command: str) -> HookSetting:
    return HookSetting(event=event, command=command)


def answers(event: HookEvent, **answer: Any) -> HookSetting:
    return shell(event, f"echo {shlex.quote(json.dumps(answer))}")


async def test_context_for_a_prompt_stands_behind_its_text() -> None:
    provider = ScriptedProvider([say("done")])
    hooks = [
        shell("UserPromptSubmit", "echo 'on branch main'"),
        answers("UserPromptSubmit", hookSpecificOutput={"additionalContext": "it is Monday"}),
    ]
    async with Agent(provider=provider, hooks=hooks) as agent:
        await agent.run("go")
    note = "[A hook of the user says about this prompt:]\non branch main\nit is Monday"
    assert texts(provider.requests[0]["messages"][0]) == ["go", note]


async def test_a_prompt_that_a_hook_blocks_is_not_sent_and_the_user_is_told_why() -> None:
    provider = ScriptedProvider([say("done")])
    block = shell("UserPromptSubmit", "grep -q password && { echo 'no secrets' >&2; exit 2; }; true")
    async with Agent(provider=provider, hooks=[block]) as agent:
        refused = await agent.run("my password is x")
        assert (refused.stop_reason, agent.messages) == ("hook", [])
        assert refused.error == "A hook did not let the prompt through, and it was not sent: no secrets"
        assert (await agent.run("hello")).text == "done"
    assert [texts(message) for message in provider.requests[0]["messages"]] == [["hello"]]


async def test_what_a_hook_says_when_the_session_starts_goes_with_the_first_prompt_that_is_sent(
    tmp_path: Path,
) -> None:
    count = tmp_path / "count"
    starts = shell("SessionStart", f'echo started >> {count}; grep -o \'"source":"[a-z]*"\'')
    block = shell("UserPromptSubmit", "grep -q bad && exit 2; true")
    provider = ScriptedProvider([say("one"), say("two"), say("three")])
    sessions = Sessions(tmp_path / "sessions")
    with sessions.create(tmp_path) as session:
        async with Agent(provider=provider, hooks=[starts, block], session=session) as agent:
            await agent.run("bad")
            await agent.run("first")
            await agent.run("second")
        name = session.id
    with sessions.open(name) as session:
        async with Agent(provider=provider, hooks=[starts], session=session) as agent:
            await agent.run("third")
            messages = agent.messages
        assert [prompt.text for prompt in session.found.prompts] == ["first", "second"]
    says = "[A hook of the user says about the session:]\n"
    assert [texts(message) for message in messages if message["role"] == "user"] == [
        ["first", f'{says}"source":"startup"'],
        ["second"],
        ["third", f'{says}"source":"resume"'],
    ]
    assert count.read_text().splitlines() == ["started", "started"]
    assert provider.requests[-1]["messages"] != []


async def test_a_session_with_what_hooks_said_is_read_again_as_it_was_sent(tmp_path: Path) -> None:
    provider = ScriptedProvider([say("one"), say("two")])
    sessions = Sessions(tmp_path / "sessions")
    hooks = [shell("UserPromptSubmit", "echo context"), shell("Stop", "grep -q two || { echo more >&2; exit 2; }")]
    with sessions.create(tmp_path) as session:
        async with Agent(provider=provider, hooks=hooks, session=session) as agent:
            await agent.run("go")
            messages = agent.messages
        name = session.id
    with sessions.open(name) as session:
        assert session.found.messages == messages
        assert [prompt.text for prompt in session.found.prompts] == ["go"]


async def test_a_prompt_that_is_taken_back_takes_what_hooks_said_with_it(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "sessions")
    refused = Rejected(400, "no")
    provider = ScriptedProvider([refused, say("one"), refused])
    hooks = [shell("UserPromptSubmit", "echo context")]
    with sessions.create(tmp_path) as session:
        async with Agent(provider=provider, hooks=hooks, session=session) as agent:
            for prompt in ("first", "second", "third"):
                with suppress(Rejected):
                    await agent.run(prompt)
            messages = agent.messages
        name = session.id
    assert [texts(message)[0] for message in messages] == ["second", "one"]
    with sessions.open(name) as session:
        assert session.found.messages == messages
        assert [prompt.text for prompt in session.found.prompts] == ["second"]


async def test_a_hook_can_send_the_model_back_to_work() -> None:
    stop = shell("Stop", "grep -q '\"stop_hook_active\":true' || { echo 'run the tests' >&2; exit 2; }")
    provider = ScriptedProvider([say("done"), say("tested")])
    events: list[AgentEvent] = []
    async with Agent(provider=provider, hooks=[stop]) as agent:
        events = [event async for event in agent.stream("go")]
    note = "[A hook of the user says about stopping here:]\nrun the tests"
    assert [texts(message) for message in agent.messages] == [["go"], ["done"], [note], ["tested"]]
    assert [texts(event.message) for event in events if isinstance(event, ResultsReady)] == [[note]]
    assert isinstance(events[-1], RunEnded)
    assert events[-1].result.stop_reason == "end_turn"


async def test_a_hook_that_never_lets_the_model_stop_is_heard_only_so_often() -> None:
    replies = [say(f"{number}") for number in range(MOST_TIMES_SENT_BACK + 2)]
    provider = ScriptedProvider(replies)
    async with Agent(provider=provider, hooks=[answers("Stop", decision="block", reason="more")]) as agent:
        events = [event async for event in agent.stream("go")]
    assert len(provider.requests) == MOST_TIMES_SENT_BACK + 1
    assert ["kept the model from stopping 10 times" in event.text for event in events if isinstance(event, Warned)] == [
        True
    ]


@pytest.mark.parametrize("event", ["SessionStart", "UserPromptSubmit", "Stop"])
async def test_a_hook_of_any_event_can_end_the_run(event: HookEvent) -> None:
    provider = ScriptedProvider([say("done"), say("never")])
    stop = answers(event, **{"continue": False, "stopReason": "enough", "decision": "block"})
    async with Agent(provider=provider, hooks=[stop]) as agent:
        result = await agent.run("go")
    if event == "Stop":
        assert (result.stop_reason, len(provider.requests)) == ("end_turn", 1)
    else:
        assert (result.stop_reason, agent.messages) == ("hook", [])


@pytest.mark.parametrize("event", ["SessionStart", "UserPromptSubmit", "Stop"])
async def test_a_run_can_be_stopped_while_its_hooks_run_and_leaves_no_process(tmp_path: Path, event: HookEvent) -> None:
    begun, left = tmp_path / "begun", Leftovers()
    hang = shell(event, f"touch {begun}; sleep 3600")
    results: list[RunResult] = []
    async with Agent(provider=ScriptedProvider([say("done"), say("more")]), hooks=[hang]) as agent:
        async with anyio.create_task_group() as tasks:

            async def run() -> None:
                results.append(await agent.run("go"))

            tasks.start_soon(run)
            with anyio.fail_after(30):
                while not begun.exists():  # noqa: ASYNC110  (a program of its own tells no event)
                    await anyio.sleep(0.01)
            agent.cancel()
        assert await left.after(5) == ""
        assert [result.stop_reason for result in results] == ["cancelled"]
        sent = event == "Stop"
        assert [texts(message) for message in agent.messages] == ([["go"], ["done"]] if sent else [])
        assert results[0].error == (
            "Stopped. The conversation is valid and can go on." if sent else "Stopped before the prompt was sent."
        )
