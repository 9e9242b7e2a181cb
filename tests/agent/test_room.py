"""Room in the context: when a conversation is summed up, from what, and what happens when that fails."""

from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from working_model import ASKED, MODEL, WorkingModel, look_tool, say, stretches, tokens_of, use, window_of

from antiphon import Agent
from antiphon.agent.compaction import LAST_WORDS, SUMMARY, is_stretch
from antiphon.agent.events import (
    AgentEvent,
    CompactionSkipped,
    CompactionStarted,
    ContextCompacted,
    ContextMeasured,
    ResultsReady,
    Retrying,
    RunEnded,
)
from antiphon.agent.room import FILLS_UP, NOT_SHORTER, NOTHING_YET, SWITCHED_OFF, TOO_LARGE
from antiphon.errors import CompactionFailed, Overloaded, ProviderError, Rejected, Unreachable
from antiphon.providers.models import using
from antiphon.tools.todos import UpdateTodos, todos_in

Json = dict[str, Any]

WINDOW = 10_000
OTHER = "claude-haiku-4-5"


@pytest.fixture(autouse=True)
def _small_window() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]  (pytest uses it)
    with using(window_of(WINDOW, OTHER)):
        yield


def agent_for(model: WorkingModel, *, size: int = 4000, **options: Any) -> Agent:
    return Agent(MODEL, tools=[look_tool(size)], provider=model.provider(), max_tokens=1000, **options)


def looks(turn: int, *names: str, **arguments: Any) -> list[Json]:
    return [use(f"t{turn}{name}", "look", name=name, **arguments) for name in names]


def six_turns() -> list[Any]:
    """Turns of about 2,000 tokens each: the fifth request would have more than 85 percent of the room."""
    return [*(looks(turn, "a", "b") for turn in range(6)), [say("There are 12.")]]


async def events_of(agent: Agent, prompt: str = "Count the houses.") -> list[AgentEvent]:
    return [event async for event in agent.stream(prompt)]


def the(kind: type[Any], events: list[AgentEvent]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def result_of(events: list[AgentEvent]) -> Any:
    last = events[-1]
    assert isinstance(last, RunEnded)
    return last.result


def unmarked(message: Json) -> Json:
    content = [{key: value for key, value in block.items() if key != "cache_control"} for block in message["content"]]
    return {**message, "content": content}


# By itself


async def test_a_full_context_is_summed_up_between_turns_and_the_run_goes_on() -> None:
    model = WorkingModel(six_turns())
    agent = agent_for(model, system="Be brief.")
    events = await events_of(agent)
    assert result_of(events).text == "There are 12."
    assert stretches(model.worked) == [False, False, False, False, True, True, True]
    (compacted,) = the(ContextCompacted, events)
    assert compacted.before > 0.85 * (WINDOW - 1000) > 2 * compacted.after
    assert compacted.summary == "The gist."
    first = model.worked[4]["messages"][0]["content"]
    assert first[0] == say(f"{SUMMARY}\n\nThe gist.")
    assert first[1:3] == [say(f"\n\n{LAST_WORDS}\n\n"), say("Count the houses.")]


async def test_the_summary_is_asked_of_the_same_conversation_with_one_more_text_at_its_end() -> None:
    model = WorkingModel(six_turns())
    await agent_for(model, system="Be brief.").run("go")
    (asked,), before = model.asked, model.worked[3]
    assert {**asked, "messages": 0} == {**before, "messages": 0}
    kept = len(before["messages"])
    assert list(map(unmarked, asked["messages"][:kept])) == list(map(unmarked, before["messages"]))
    last = asked["messages"][-1]["content"]
    assert [block["type"] for block in last] == ["tool_result", "tool_result", "text"]
    assert last[-1]["text"].startswith(ASKED)
    marked = [index for index, message in enumerate(asked["messages"]) if message != unmarked(message)]
    assert marked == [kept - 1], "what the request before wrote to the cache is read, and nothing is written"


async def test_what_summing_up_used_is_part_of_what_the_run_used() -> None:
    model = WorkingModel(six_turns())
    result = await agent_for(model).run("go")
    assert result.turns == 7
    assert result.usage.input_tokens == sum(map(tokens_of, (*model.worked, *model.asked)))


async def test_surfaces_are_told_how_full_the_context_is_after_each_reply() -> None:
    model = WorkingModel([looks(0, "a"), [say("done")]])
    agent = agent_for(model)
    events = await events_of(agent)
    first, second = the(ContextMeasured, events)
    used = [tokens_of(body) for body in model.worked]
    assert (first.window, second.window) == (WINDOW, WINDOW)
    assert used[0] < first.used == pytest.approx(used[1], abs=100)
    assert used[1] < second.used < used[1] + 50
    assert agent.context.budget.used == second.used == agent.context.parts.total
    assert agent.context.parts.results > 900


async def test_calls_in_the_place_of_a_summary_are_not_carried_out() -> None:
    model = WorkingModel(six_turns(), summaries=[looks(9, "never"), "The gist."])
    agent = agent_for(model)
    events = await events_of(agent)
    assert result_of(events).text == "There are 12."
    assert "never" not in str([event.message for event in the(ResultsReady, events)])
    asked = model.asked[1]
    assert list(asked) == ["model", "max_tokens", "system", "messages"], "where there are no tools, none is asked for"


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [say(" \n")],
        {"content": [say("I cannot")], "stop_reason": "refusal"},
        {"content": [say("## Task: it is cut")], "stop_reason": "max_tokens"},
        Rejected(400, "something that no model likes"),
    ],
    ids=["nothing", "blank", "refused", "cut", "rejected"],
)
async def test_where_there_is_no_summary_the_text_of_the_conversation_is_summed_up(bad: Any) -> None:
    model = WorkingModel(six_turns(), summaries=[bad, "The gist of the text."])
    agent = agent_for(model)
    events = await events_of(agent)
    assert result_of(events).text == "There are 12."
    text = model.asked[1]["messages"][0]["content"][0]["text"]
    assert text.startswith("<conversation>\n# User\nCount the houses.\n\n# Assistant\n(calls look")
    assert the(ContextCompacted, events)[0].summary == "The gist of the text."


async def test_another_model_sums_up_from_the_text_without_tools_and_thinking() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "SIGNED"}
    model = WorkingModel([[thought, *turn] if turn[0]["type"] == "tool_use" else turn for turn in six_turns()])
    result = await agent_for(model, compact_model=OTHER, params={"thinking": {"type": "adaptive"}}).run("go")
    assert result.text == "There are 12."
    (asked,) = model.asked
    assert (asked["model"], set(asked)) == (OTHER, {"model", "max_tokens", "system", "messages"})
    assert "SIGNED" not in str(asked["messages"])
    assert model.worked[-1]["model"] == MODEL


async def test_where_the_other_model_is_not_there_its_own_sums_up() -> None:
    model = WorkingModel(six_turns(), summaries=[Rejected(404, "model: not found"), "The gist."])
    result = await agent_for(model, compact_model=OTHER).run("go")
    assert result.text == "There are 12."
    assert [asked["model"] for asked in model.asked] == [OTHER, MODEL]


async def test_nothing_is_summed_up_while_there_is_room_or_when_it_is_switched_off() -> None:
    model = WorkingModel([*six_turns()[:3], [say("done")]])
    await agent_for(model).run("go")
    assert model.asked == []
    model = WorkingModel([looks(0, "a", "b"), [say("done")]])
    await agent_for(model, compact_at=10).run("go")
    assert len(model.asked) == 1
    model = WorkingModel([*six_turns()[:4], [say("done")]], window=WINDOW)
    await agent_for(model, compact_at=0).run("go")
    assert (model.asked, model.refused) == ([], [])


async def test_a_new_conversation_is_never_summed_up_however_much_it_begins_with() -> None:
    model = WorkingModel([[say("done")]])
    await agent_for(model, system="s" * 4 * WINDOW).run("go")
    assert (len(model.worked), model.asked) == (1, [])


async def test_of_a_model_whose_window_nobody_knows_nothing_is_summed_up_by_itself() -> None:
    model = WorkingModel(six_turns())
    await Agent("my-model", tools=[look_tool(4000)], provider=model.provider(), max_tokens=1000).run("go")
    assert model.asked == []


# When it does not fit


async def test_a_prompt_that_is_too_long_is_summed_up_once_and_sent_again() -> None:
    model = WorkingModel([looks(0, "a"), looks(1, *"abcdefghij"), [say("done")]], window=WINDOW)
    agent = Agent("my-model", tools=[look_tool(4000)], provider=model.provider(), max_tokens=1000)
    events = await events_of(agent)
    assert result_of(events).text == "done"
    assert len(model.refused) == 1
    assert stretches(model.worked) == [False, False, True]
    (started,) = the(CompactionStarted, events)
    assert started.reason == "the context is full"
    assert the(ContextCompacted, events)[0].summary == "The gist."


async def test_what_the_server_says_of_its_window_is_believed() -> None:
    model = WorkingModel([looks(0, "a"), looks(1, *"abcdefghij"), *six_turns()], window=WINDOW)
    with using(window_of(1_000_000)):
        agent = agent_for(model)
        events = await events_of(agent)
    assert result_of(events).text == "There are 12."
    assert len(model.refused) == 1, "after the first refusal it is summed up in time"
    assert len(model.asked) == 2
    assert agent.context.budget.window == WINDOW


async def test_a_first_prompt_that_does_not_fit_alone_is_told_and_taken_back() -> None:
    model = WorkingModel([[say("never")], [say("fine")]], window=WINDOW)
    agent = agent_for(model)
    with pytest.raises(CompactionFailed) as caught:
        await agent.run("x" * 5 * WINDOW)
    assert str(caught.value) == TOO_LARGE
    assert (agent.messages, model.asked) == ([], [])
    model = WorkingModel([[say("fine")]], window=WINDOW)
    events = await events_of(agent_for(model), "y" * 5 * WINDOW)
    assert (result_of(events).stop_reason, result_of(events).error) == ("context_window", TOO_LARGE)


async def test_a_later_prompt_that_does_not_fit_is_taken_back_and_the_conversation_stays() -> None:
    model = WorkingModel([looks(0, "a"), [say("one")], [say("two")]], window=WINDOW)
    agent = agent_for(model)
    await agent.run("go")
    before = agent.messages
    events = await events_of(agent, "x" * 5 * WINDOW)
    assert (result_of(events).stop_reason, result_of(events).error) == ("context_window", TOO_LARGE)
    assert (agent.messages, model.asked) == (before, [])
    assert (await agent.run("and now?")).text == "two"


async def test_where_the_last_prompt_leaves_no_room_for_a_summary_the_api_decides_what_still_fits() -> None:
    model = WorkingModel([looks(0, "a"), looks(1, "b", chars=3500), [say("done")]], window=WINDOW)
    events = await events_of(agent_for(model), "x" * 28_000)
    assert result_of(events).text == "done"
    assert [event.reason for event in the(CompactionSkipped, events)] == [TOO_LARGE] * 2
    assert (model.asked, model.refused) == ([], [])


async def test_where_it_is_switched_off_what_does_not_fit_ends_the_run_until_somebody_asks_for_a_summary() -> None:
    model = WorkingModel([*six_turns()[:5], [say("done")]], window=WINDOW)
    agent = agent_for(model, compact_at=0)
    events = await events_of(agent)
    assert (result_of(events).stop_reason, result_of(events).error) == ("context_window", SWITCHED_OFF)
    assert (model.asked, len(model.refused)) == ([], 1)
    await agent.compact()
    assert (await agent.run(None)).text == "done"


async def test_a_reply_that_ends_at_the_end_of_the_window_goes_on_in_a_new_stretch() -> None:
    cut: Json = {"content": [say("Half of the ans")], "stop_reason": "model_context_window_exceeded"}
    model = WorkingModel([looks(0, "a", "b"), cut, [say("The answer.")]])
    result = await agent_for(model).run("go")
    assert (result.text, result.stop_reason) == ("The answer.", "end_turn")
    assert stretches(model.worked) == [False, False, True]


async def test_replies_that_always_end_at_the_end_of_the_window_end_the_run() -> None:
    cut: Json = {"content": [say("Half of the answer, " * 40)], "stop_reason": "model_context_window_exceeded"}
    model = WorkingModel([cut] * 99)
    events = await events_of(agent_for(model))
    assert (result_of(events).stop_reason, result_of(events).error) == ("context_window", FILLS_UP)
    assert len(model.worked) == 4


async def test_a_context_that_fills_up_after_every_reply_ends_the_run_and_not_the_conversation() -> None:
    model = WorkingModel([*(looks(turn, *"abcdefgh") for turn in range(99)), [say("done")]])
    agent = agent_for(model)
    events = await events_of(agent)
    assert (result_of(events).stop_reason, result_of(events).error) == ("context_window", FILLS_UP)
    assert len(model.asked) == 3
    with pytest.raises(CompactionFailed):
        await agent.run("Look at all of them again.")
    assert len(model.asked) == 5, "each prompt may try it anew"


async def test_when_nobody_sums_up_the_run_goes_on_until_it_is_full_and_then_without_a_summary() -> None:
    model = WorkingModel([*(looks(turn, "a") for turn in range(12)), [say("done")]], summaries=[[]])
    agent = agent_for(model, size=1500)
    events = await events_of(agent_for(model, size=3000))
    assert result_of(events).text == "done"
    skipped = the(CompactionSkipped, events)
    assert [event.reason for event in skipped] == [
        "The conversation could not be summed up. The model answered with an empty summary."
    ] * len(skipped)
    assert 1 <= len(skipped) <= 4
    compacted = the(ContextCompacted, events)
    assert "No summary could be made: The model answered with an empty summary." in compacted[0].summary
    assert "User: Count the houses." in compacted[0].summary
    assert agent.messages == []


async def test_an_overload_while_summing_up_is_waited_for_and_else_the_run_goes_on() -> None:
    overloaded = Overloaded(529, "Overloaded")
    overloaded.retry_after = 0.001
    model = WorkingModel(six_turns(), summaries=[overloaded, "The gist."])
    events = await events_of(agent_for(model))
    assert [event.attempt for event in the(Retrying, events)] == [1]
    assert len(the(ContextCompacted, events)) == 1
    model = WorkingModel([*six_turns()[:4], [say("done")]], summaries=[overloaded])
    events = await events_of(agent_for(model))
    assert len(model.asked) == 3
    assert [event.reason for event in the(CompactionSkipped, events)] == [
        "The conversation could not be summed up. Overloaded"
    ]


@pytest.mark.parametrize(
    ("error", "times"),
    [
        (Overloaded(529, "Overloaded"), 6),
        (Unreachable("nobody is there"), 6),
        (Rejected(401, "invalid x-api-key"), 2),
        (Rejected(400, "Your credit balance is too low to access the Anthropic API."), 2),
    ],
)
async def test_where_there_is_no_room_and_nobody_serves_the_run_ends_and_the_conversation_stays(
    error: ProviderError, times: int
) -> None:
    if error.retryable:
        error.retry_after = 0.001
    model = WorkingModel(six_turns(), summaries=[error] * times + ["The gist."])
    agent = agent_for(model)
    events = await events_of(agent)
    assert (result_of(events).stop_reason, result_of(events).error) == ("error", str(error))
    assert len(model.asked) == times
    assert len(agent.messages) == 11
    assert (await agent.run(None)).text == "There are 12."


async def test_a_prompt_that_is_refused_behind_a_new_summary_is_taken_back_all_the_same() -> None:
    refused: Json = {"content": [say("No.")], "stop_reason": "refusal"}
    model = WorkingModel([*six_turns()[:3], [say("one")], refused, [say("two")]])
    agent = agent_for(model)
    await agent.run("Count the houses.")
    events = await events_of(agent, "Now this:" + " x" * 4000)
    assert len(the(ContextCompacted, events)) == 1
    assert result_of(events).stop_reason == "refusal"
    assert "Now this:" in str(model.worked[-1]["messages"])
    assert "Now this:" not in str(agent.messages)
    assert agent.messages[0]["content"][2] == say("Count the houses.")
    assert (await agent.run("Something else.")).text == "two"


# On demand


async def test_on_demand_a_conversation_is_summed_up_with_what_the_user_wants_to_keep() -> None:
    model = WorkingModel([looks(0, "a"), [say("one")], [say("two")]])
    agent = agent_for(model)
    await agent.run("Count the houses.")
    told: list[AgentEvent] = []
    compacted = await agent.compact("the colours", emit=told.append)
    assert the(ContextCompacted, told) == [compacted]
    assert model.asked[0]["messages"][-1]["content"][-1]["text"].endswith("keep above all: the colours")
    (only,) = agent.messages
    assert is_stretch(only)
    await agent.run("And the trees?")
    assert len(model.worked[-1]["messages"]) == 1, "the next prompt stands behind the summary"
    assert model.worked[-1]["messages"][0]["content"][-1]["text"] == "And the trees?"
    assert agent.messages[-1]["content"] == [say("two")]


async def test_there_must_be_something_to_sum_up() -> None:
    agent = agent_for(WorkingModel([[say("hi")]]))
    with pytest.raises(CompactionFailed, match=NOTHING_YET):
        await agent.compact()
    await agent.run("hello")
    before = agent.messages
    with pytest.raises(CompactionFailed, match=NOT_SHORTER):
        await agent.compact()
    assert agent.messages == before


async def test_what_fails_on_demand_leaves_the_conversation_as_it_was() -> None:
    model = WorkingModel([looks(0, "a"), [say("one")], [say("two")]], summaries=[[]])
    agent = agent_for(model)
    await agent.run("go")
    before = agent.messages
    with pytest.raises(CompactionFailed, match="empty summary"):
        await agent.compact()
    assert agent.messages == before
    assert (await agent.run("and?")).text == "two"


async def test_summing_up_can_be_stopped() -> None:
    model = WorkingModel([looks(0, "a"), [say("one")]], summaries=[{"content": [say("slow")], "delays": [3600.0]}])
    agent = agent_for(model)
    await agent.run("go")
    before = agent.messages
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:

            async def stop() -> None:
                while not model.asked:
                    await anyio.lowlevel.checkpoint()
                with pytest.raises(RuntimeError, match="running already"):
                    await agent.compact()
                agent.cancel()

            tasks.start_soon(stop)
            with pytest.raises(CompactionFailed, match="Stopped"):
                await agent.compact()
    assert agent.messages == before


async def test_a_run_that_is_stopped_while_it_sums_up_keeps_its_results() -> None:
    model = WorkingModel(six_turns(), summaries=[{"content": [say("slow")], "delays": [3600.0]}])
    agent = agent_for(model)
    with anyio.fail_after(5):
        async for event in agent.stream("go"):
            if isinstance(event, CompactionStarted):
                agent.cancel()
            if isinstance(event, RunEnded):
                assert event.result.stop_reason == "cancelled"
    assert len(agent.messages) == 9
    assert [block["type"] for block in agent.messages[-1]["content"]] == ["tool_result", "tool_result"]


# What goes on


async def test_the_todo_list_goes_on_from_stretch_to_stretch() -> None:
    todos = use("todo", "update_todos", todos=[{"text": "count", "status": "in_progress"}, {"text": "report"}])
    turns = [[todos], *(looks(turn, "a", "b") for turn in range(9)), [say("done")]]
    model = WorkingModel(turns)
    agent = Agent(MODEL, tools=[look_tool(4000), UpdateTodos()], provider=model.provider(), max_tokens=1000)
    await agent.run("go")
    assert len(model.asked) == 2
    assert [todo.text for todo in todos_in(agent.messages)] == ["count", "report"]


async def test_calls_and_results_stay_together_where_many_run_at_once() -> None:
    turns = [looks(turn, *"abcdef"[: turn % 6 + 1], chars=2000 + 100 * turn) for turn in range(40)]
    model = WorkingModel([*turns, [say("done")]])
    # The provider refuses what breaks a rule, so that it is enough to come to the end.
    events = await events_of(agent_for(model))
    assert result_of(events).text == "done"
    assert [len(event.message["content"]) for event in the(ResultsReady, events)] == [
        turn % 6 + 1 for turn in range(40)
    ]
    assert len(model.asked) > 5
