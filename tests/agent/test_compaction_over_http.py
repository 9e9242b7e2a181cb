"""Compaction with the real client against the strict emulator: bound thinking, caches, and what does not fit."""

from pathlib import Path
from typing import Any

import pytest
from working_model import ASKED, look_tool, stretches, window_of

from antiphon import Agent
from antiphon.agent.events import ContextCompacted, ContextMeasured, RunEnded
from antiphon.emulator import Emulator, Script, Text, Thinking, ToolUse, reply
from antiphon.emulator.script import When
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.providers.models import Model, Models, using
from antiphon.sessions import Sessions
from antiphon.sessions.replay import replay
from antiphon.tools.base import Limits
from antiphon.tools.search_history import SearchHistory
from antiphon.tools.todos import UpdateTodos

Json = dict[str, Any]

BOUND = "claude-opus-5-5"
FREE = "claude-haiku-4-5"
SUMMARY = reply(Thinking("What matters?"), Text("The gist."), when=When(text=ASKED))


def scripted(*replies: Any) -> Script:
    return Script([SUMMARY, *replies], shared=True)


def looking(turn: int, *names: str, chars: int = 4000) -> Any:
    calls = [ToolUse("look", {"name": name, "chars": chars}) for name in names]
    return reply(Thinking(f"turn {turn}"), Text("I look."), *calls)


def models(window: int) -> Models:
    return Models([*window_of(window), Model(BOUND, window=window), Model(FREE, window=window)])


def connect(emulator: Emulator) -> AnthropicProvider:
    return AnthropicProvider(api_key="any", base_url=emulator.url)


def split(emulator: Emulator) -> tuple[list[Any], list[Any]]:
    """The requests for a summary, and all others."""
    asked = [record for record in emulator.requests if ASKED in str(record["messages"][-1])]
    return asked, [record for record in emulator.requests if record not in asked]


async def test_a_long_session_with_bound_thinking_is_summed_up_again_and_again_and_never_refused() -> None:
    turns = [looking(turn, *"abc"[: turn % 3 + 1]) for turn in range(40)]
    async with Emulator(scripted(*turns, "done")) as emulator:
        with using(models(20_000)):
            tools = [look_tool(4000), UpdateTodos()]
            agent = Agent(BOUND, tools=tools, provider=connect(emulator), max_tokens=2000, system="word " * 400)
            async with agent:
                events = [event async for event in agent.stream("go")]
        assert emulator.refused == []
        last = events[-1]
        assert isinstance(last, RunEnded)
        assert (last.result.text, last.result.turns) == ("done", 41)
        asked, worked = split(emulator)
        assert len(asked) == len([event for event in events if isinstance(event, ContextCompacted)]) == 5
        assert len(worked) == 41
        # What the emulator says a request held is what the surfaces were told before it.
        measured = [event.used for event in events if isinstance(event, ContextMeasured)]
        assert len(measured) == 41
        assert max(measured) < 0.95 * 18_000


async def test_the_request_for_a_summary_is_read_from_the_cache() -> None:
    async with Emulator(scripted(*(looking(turn, "a", "b") for turn in range(12)), "done")) as emulator:
        with using(models(20_000)):
            agent = Agent(BOUND, tools=[look_tool(4000)], provider=connect(emulator), max_tokens=2000)
            async with agent:
                assert (await agent.run("go")).text == "done"
        asked, _ = split(emulator)
        usage = asked[0].message["usage"]
    total = usage["input_tokens"] + usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"]
    assert usage["cache_creation_input_tokens"] == 0
    # Only the results of the last turn, and the text that asks, are new.
    assert usage["input_tokens"] < 2 * 1010 + 600
    assert usage["cache_read_input_tokens"] > 0.8 * total


async def test_results_that_do_not_fit_the_window_of_the_api_are_summed_up_from_the_text() -> None:
    turns = [looking(0, "a"), looking(1, *"abcdefgh", chars=110_000)]
    async with Emulator(scripted(*turns, "done")) as emulator:
        # The client takes the window to be larger than it is.
        with using(models(1_000_000)):
            agent = Agent(
                FREE,
                tools=[look_tool(4000)],
                provider=connect(emulator),
                max_tokens=2000,
                limits=Limits(result_chars=200_000),
            )
            async with agent:
                result = await agent.run("go")
        assert result.text == "done"
        (refused,) = emulator.refused
        assert "prompt is too long" in str(refused.text)
        asked, worked = split(emulator)
        assert len(asked) == 1
        assert asked[0]["messages"][0]["content"][0]["text"].startswith("<conversation>")
        assert stretches(record.body for record in worked) == [False, False, False, True]
        assert agent.context.budget.window == 200_000
        # This one refusal was wanted.
        emulator.records.remove(refused)


async def test_a_session_that_was_summed_up_goes_on_in_another_process_and_finds_what_was_before(
    tmp_path: Path,
) -> None:
    sessions = Sessions(tmp_path)
    first = [looking(turn, f"house {turn}") for turn in range(10)]
    then = [reply(Thinking("Which?"), ToolUse("search_history", {"query": "house 3"})), "It was red."]
    async with Emulator(scripted(*first, "counted", *then)) as emulator:
        with using(models(9_000)):
            for prompt in ("Count the houses.", "And the third?"):
                opened = sessions.create("/w", id="s") if prompt[0] == "C" else sessions.open("s")
                with opened as session:
                    tools = [look_tool(4000), SearchHistory(session.history)]
                    agent = Agent(BOUND, tools=tools, provider=connect(emulator), max_tokens=1000, session=session)
                    async with agent:
                        result = await agent.run(prompt)
                    assert replay(session.entries()).messages == agent.messages
        assert result.text == "It was red."
        assert emulator.refused == []
        asked, worked = split(emulator)
        assert asked
        (found,) = worked[-1]["messages"][-1]["content"]
        assert 'result of look {"name": "house 3", "chars": 4000}' in found["content"]


@pytest.mark.parametrize("model", [BOUND, FREE])
async def test_on_demand_between_two_prompts(model: str) -> None:
    async with Emulator(scripted(looking(0, "a", "b"), "one", looking(1, "c"), "two")) as emulator:
        agent = Agent(model, tools=[look_tool(4000)], provider=connect(emulator), max_tokens=2000)
        async with agent:
            await agent.run("First.")
            compacted = await agent.compact("the names")
            assert compacted.after < compacted.before / 3
            assert (await agent.run("Second.")).text == "two"
        assert emulator.refused == []
        assert [len(record["messages"]) for record in emulator.requests] == [1, 3, 5, 1, 3]


async def test_a_large_session_that_goes_on_is_counted_by_the_api_before_it_is_summed_up(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    async with Emulator(scripted(*(looking(turn, "a") for turn in range(9)), "one", "two")) as emulator:
        for window, prompt in ((1_000_000, "First."), (16_000, "Second.")):
            opened = sessions.create("/w", id="s") if prompt == "First." else sessions.open("s")
            with opened as session, using(models(window)):
                agent = Agent(
                    BOUND, tools=[look_tool(4000)], provider=connect(emulator), max_tokens=1000, session=session
                )
                async with agent:
                    events = [event async for event in agent.stream(prompt)]
        assert emulator.refused == []
        counted = [record for record in emulator.records if record.path.endswith("/count_tokens")]
        asked, worked = split(emulator)
        assert (len(counted), len(asked), len(worked)) == (1, 0, 11)
        # What was counted is what the request then held: the thinking in it is still good, and nothing was summed up.
        usage = worked[-1].message["usage"]
        held = usage["input_tokens"] + usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"]
        (measured,) = [event for event in events if isinstance(event, ContextMeasured)]
        assert measured.used == held + usage["output_tokens"]
        assert len(counted[0]["messages"]) == len(worked[-1]["messages"])
