"""Limits of a run: turns, calls and money. It stops behind the results, or a person lets it go on."""

from collections.abc import Iterable
from typing import Any

import pytest

from antiphon import Agent, tool
from antiphon.agent.events import CallChanged, RunEnded, Usage, Warned
from antiphon.agent.limits import PRICE_UNKNOWN, RunBounds, RunLimits
from antiphon.agent.turn import TOO_MANY
from antiphon.errors import StreamBroken
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import dialect
from antiphon.providers.models import Model, Models, Price, using
from antiphon.providers.scripted import ScriptedProvider

Json = dict[str, Any]
PRICED = Models([Model("priced", price=Price(input=1_000_000, output=0, cache_read=0, cache_write_5m=0))])
"""A token of input costs a dollar."""


def use(call_id: str, tool_name: str = "echo") -> Json:
    return {"type": "tool_use", "id": call_id, "name": tool_name, "input": {"text": call_id}}


def costing(dollars: int, *content: Json) -> Json:
    return {"content": list(content), "usage": {"input_tokens": dollars, "output_tokens": 1}}


DONE: Json = {"type": "text", "text": "done"}


class Person:
    """Answers the question whether to go on."""

    def __init__(self, answers: Iterable[bool]) -> None:
        self.questions: list[str] = []
        self._answers = iter(answers)

    async def go_on(self, text: str) -> bool:
        self.questions.append(text)
        return next(self._answers)


class Echo:
    """A tool that remembers what it did."""

    def __init__(self) -> None:
        self.said: list[str] = []

    @property
    def tool(self) -> Any:
        @tool(early=True)
        async def echo(text: str) -> str:
            """Echo."""
            self.said.append(text)
            return text

        return echo


def contents(message: Json) -> list[str]:
    return [block["content"] for block in message["content"]]


def assert_valid(agent: Agent) -> None:
    assert check({"model": "m", "max_tokens": 1, "messages": agent.messages}, dialect("anthropic")) == []


async def test_a_run_stops_behind_the_results_of_the_turn_that_cost_too_much() -> None:
    provider = ScriptedProvider([costing(1, use("a")), costing(2, use("b")), costing(1, DONE)])
    agent = Agent("priced", tools=[Echo().tool], provider=provider, max_budget_usd=3)
    with using(PRICED):
        result = await agent.run("go")
        assert (result.stop_reason, result.turns, result.usage.cost) == ("max_budget", 2, 3)
        assert result.error == (
            "Stopped at the limit set by max_budget_usd: the run has cost $3.00 of $3.00. "
            "The next prompt goes on from here."
        )
        assert contents(agent.messages[-1]) == ["b"]
        assert_valid(agent)
        assert (await agent.run("go on")).stop_reason == "end_turn", "each run has its own limit"


async def test_a_model_that_is_done_is_done_whatever_it_cost() -> None:
    agent = Agent("priced", provider=ScriptedProvider([costing(5, DONE)]), max_budget_usd=3)
    with using(PRICED):
        assert (await agent.run("go")).stop_reason == "end_turn"


async def test_a_person_may_let_a_run_go_on_by_the_same_amount_again() -> None:
    costs = [2, 1, 1, 7, 1]
    provider = ScriptedProvider([costing(cost, use(f"c{index}")) for index, cost in enumerate(costs)])
    person = Person([True, True, False])
    agent = Agent("priced", tools=[Echo().tool], provider=provider, max_budget_usd=2, go_on=person.go_on)
    with using(PRICED):
        result = await agent.run("go")
    assert person.questions == [
        "The run has cost $2.00 of $2.00. Go on?",
        "The run has cost $4.00 of $4.00. Go on?",
        "The run has cost $11.00 of $6.00. Go on?",
    ]
    assert (result.stop_reason, len(provider.requests)) == ("max_budget", 4)


async def test_a_cost_that_is_not_known_is_told_once_and_does_not_count() -> None:
    provider = ScriptedProvider([costing(1, use("a")), costing(1, DONE), costing(1, DONE)])
    agent = Agent("nobody-knows", tools=[Echo().tool], provider=provider, max_budget_usd=0.01)
    warned: list[str] = []
    for _ in range(2):
        events = [event async for event in agent.stream("go")]
        warned += [event.text for event in events if isinstance(event, Warned)]
        assert isinstance(events[-1], RunEnded)
        assert events[-1].result.stop_reason == "end_turn"
    assert warned == [PRICE_UNKNOWN]


async def test_calls_beyond_the_limit_are_answered_with_an_error_and_the_run_stops_behind_them() -> None:
    echo = Echo()
    provider = ScriptedProvider([[use("a"), use("b")], [use("c"), use("d"), use("e")], [DONE]])
    agent = Agent(tools=[echo.tool], provider=provider, max_tool_calls=3)
    result = await agent.run("go")
    assert (result.stop_reason, result.turns) == ("max_calls", 2)
    assert sorted(echo.said) == ["a", "b", "c"]
    assert contents(agent.messages[-1]) == ["c", TOO_MANY, TOO_MANY]
    assert_valid(agent)


async def test_whoever_made_the_last_call_may_still_say_what_came_of_it() -> None:
    agent = Agent(tools=[Echo().tool], provider=ScriptedProvider([[use("a")], [DONE]]), max_tool_calls=1)
    result = await agent.run("go")
    assert (result.stop_reason, result.text) == ("end_turn", "done")


async def test_calls_of_a_reply_that_broke_off_do_not_count() -> None:
    broken: Json = {"content": [use("x"), use("y")], "break": StreamBroken("gone")}
    agent = Agent(
        tools=[Echo().tool], provider=ScriptedProvider([broken, [use("a"), use("b")], [DONE]]), max_tool_calls=2
    )
    events = [event async for event in agent.stream("go")]
    assert isinstance(events[-1], RunEnded)
    assert events[-1].result.stop_reason == "end_turn"
    failed = [event for event in events if isinstance(event, CallChanged) and event.state == "failed"]
    assert failed == []


async def test_with_a_person_the_calls_of_a_reply_are_carried_out_before_the_question() -> None:
    echo, person = Echo(), Person([True, False])
    replies = [[use(f"{turn}{call}") for call in range(3)] for turn in range(3)]
    agent = Agent(tools=[echo.tool], provider=ScriptedProvider(replies), max_tool_calls=2, go_on=person.go_on)
    result = await agent.run("go")
    assert result.stop_reason == "max_calls"
    assert len(echo.said) == 6
    assert person.questions == [
        "The run has asked for 3 tool calls and may make 2. Go on?",
        "The run has asked for 6 tool calls and may make 4. Go on?",
    ]


async def test_a_person_is_asked_about_turns_too() -> None:
    person = Person([True, False])
    replies = [[use(f"c{turn}")] for turn in range(6)]
    agent = Agent(tools=[Echo().tool], provider=ScriptedProvider(replies), max_turns=2, go_on=person.go_on)
    result = await agent.run("go")
    assert (result.stop_reason, result.turns) == ("max_turns", 4)
    assert person.questions[0] == "The run has taken 2 of 2 turns. Go on?"


async def test_money_that_a_summary_cost_may_be_the_last() -> None:
    limits = RunLimits(RunBounds(dollars=2))
    limits.spent(Usage(cost=1.5))
    assert await limits.reached(before_request=True) is None
    limits.spent(Usage(cost=0.5))
    reached = await limits.reached(before_request=True)
    assert reached is not None
    assert reached.reason == "max_budget"


@pytest.mark.parametrize("used", [2.0, 3.9, 100.0])
async def test_a_raised_limit_is_above_what_was_used_and_by_whole_steps(used: float) -> None:
    person = Person([True, False])
    limits = RunLimits(RunBounds(dollars=2), person.go_on)
    limits.spent(Usage(cost=used))
    assert await limits.reached() is None
    assert await limits.reached() is None
    assert len(person.questions) == 1
    limits.spent(Usage(cost=2.0))
    assert await limits.reached() is not None
    assert len(person.questions) == 2
