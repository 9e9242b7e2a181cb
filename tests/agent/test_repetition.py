"""A model that goes round in circles is noticed: once a turn, and never inside the results."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from antiphon import Agent, tool
from antiphon.agent.events import RunResult
from antiphon.agent.repetition import NOTE_BEGINS, Repetition, repetition
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import dialect
from antiphon.providers.scripted import ScriptedProvider
from antiphon.sessions.store import Sessions

Json = dict[str, Any]
Named = tuple[str, str]
DONE: Json = {"type": "text", "text": "done"}


def prompt(text: str = "go") -> Json:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def turn(number: int, calls: Sequence[Named], *, failed: bool = False, note: str = "") -> list[Json]:
    uses = [
        {"type": "tool_use", "id": f"t{number}_{index}", "name": name, "input": {"command": command}}
        for index, (name, command) in enumerate(calls)
    ]
    results: list[Json] = [
        {"type": "tool_result", "tool_use_id": use["id"], "content": "x", "is_error": failed} for use in uses
    ]
    notes = [{"type": "text", "text": note}] if note else []
    return [{"role": "assistant", "content": uses}, {"role": "user", "content": [*results, *notes]}]


def seen(*turns: Sequence[Named], failed: bool = False) -> Repetition | None:
    messages = [prompt()]
    for number, calls in enumerate(turns):
        messages += turn(number, calls, failed=failed)
    return repetition(messages)


TEST, LINT, READ = ("run_command", "npm test"), ("run_command", "npm run lint"), ("read_file", "a.py")


def counts(found: Repetition | None) -> tuple[int, int, int] | None:
    return None if found is None else (found.same, found.failed, found.turns)


def test_the_same_call_for_the_third_time_in_a_row_is_noticed() -> None:
    assert counts(seen([TEST], [TEST])) == (2, 0, 0)
    found = seen([TEST], [TEST], [TEST])
    assert counts(found) == (3, 0, 3)
    assert found is not None
    assert found.text == "run_command `npm test` is called for the third time in a row, with the same arguments"


def test_the_same_call_that_fails_each_time_is_one_thing_to_notice() -> None:
    found = seen([TEST], [TEST], [TEST], failed=True)
    assert counts(found) == (3, 3, 3)
    assert found is not None
    assert found.text == "run_command `npm test` fails for the third time in a row, with the same arguments"


def test_different_calls_that_all_fail_are_noticed() -> None:
    found = seen([TEST], [LINT, READ], [READ], failed=True)
    assert counts(found) == (1, 3, 3)
    assert found is not None
    assert found.text == "In the last 3 turns every tool call failed, the last one being read_file `a.py`"


def test_a_turn_counts_once_however_many_equal_calls_it_has() -> None:
    assert counts(seen([TEST] * 8)) == (1, 0, 0)
    assert counts(seen([TEST] * 8, [TEST], [TEST] * 2)) == (3, 0, 3)


def test_the_order_of_calls_does_not_matter() -> None:
    found = seen([TEST, LINT], [LINT, TEST], [TEST, LINT])
    assert counts(found) == (3, 0, 3)
    assert found is not None
    assert found.text.startswith("run_command `npm test` and 1 more is called")


@pytest.mark.parametrize("between", [[LINT], [TEST, LINT], [("update_todos", "x")]])
def test_any_other_work_in_between_begins_the_count_anew(between: Sequence[Named]) -> None:
    assert counts(seen([TEST], [TEST], between, [TEST])) == (1, 0, 0)


def test_what_may_be_asked_again_is_not_counted() -> None:
    look = ("background_command", "bg_1")
    assert seen([look], [look], [look], failed=True) is None
    assert counts(seen([look, TEST], [TEST], [look, TEST])) == (3, 0, 3)


def test_words_of_the_user_begin_the_count_anew_and_notes_do_not() -> None:
    twice = [*turn(0, [TEST]), *turn(1, [TEST], note=f"{NOTE_BEGINS}something]")]
    assert counts(repetition([prompt(), *twice, *turn(2, [TEST])])) == (3, 0, 3)
    spoken = [*turn(0, [TEST]), *turn(1, [TEST], note="try it again")]
    assert counts(repetition([prompt(), *spoken, *turn(2, [TEST])])) == (1, 0, 0)
    answered: list[Json] = [{"role": "assistant", "content": [DONE]}, prompt("again")]
    assert counts(repetition([prompt(), *turn(0, [TEST]), *turn(1, [TEST]), *answered, *turn(2, [TEST])])) == (1, 0, 0)


@pytest.mark.parametrize("messages", [[], [prompt()], [prompt(), {"role": "assistant", "content": [DONE]}]])
def test_a_conversation_that_does_not_end_with_results_has_nothing_to_notice(messages: list[Json]) -> None:
    assert repetition(messages) is None


def test_it_is_noticed_again_after_as_many_turns() -> None:
    assert [counts(seen(*[[TEST]] * count)) for count in (4, 5, 6)] == [(4, 0, 0), (5, 0, 0), (6, 0, 6)]
    sixth = seen(*[[TEST]] * 6)
    assert sixth is not None
    assert sixth.is_again


# In runs.


def use(call_id: str, name: str = "same") -> Json:
    return {"type": "tool_use", "id": call_id, "name": "look", "input": {"name": name}}


@tool(early=True)
async def look(name: str) -> str:
    """Look."""
    return f"nothing at {name}"


class Person:
    """Answers the question whether to go on."""

    def __init__(self, *answers: bool) -> None:
        self.questions: list[str] = []
        self._answers = iter(answers)

    async def go_on(self, text: str) -> bool:
        self.questions.append(text)
        return next(self._answers)


async def result_of(replies: Sequence[Any], **options: Any) -> tuple[RunResult, ScriptedProvider, Agent]:
    provider = ScriptedProvider(replies)
    agent = Agent(tools=[look], provider=provider, watch_repetition=True, **options)
    result = await agent.run("go")
    assert check({"model": "m", "max_tokens": 1, "messages": agent.messages}, dialect("anthropic")) == []
    return result, provider, agent


async def test_a_person_is_asked_once_about_eight_equal_calls_at_the_same_time() -> None:
    person = Person(False)
    batch = [[use(f"t{turn}_{call}") for call in range(8)] for turn in range(4)]
    result, provider, _ = await result_of(batch, go_on=person.go_on)
    question = "look `same` is called for the third time in a row, with the same arguments"
    assert person.questions == [f"{question}. Go on?"]
    assert (result.stop_reason, len(provider.requests)) == ("repetition", 3)
    assert result.error is not None
    assert result.error.startswith(f"Stopped: {question}. Say what is to be done differently")


async def test_a_person_who_says_yes_is_asked_again_only_after_as_many_turns() -> None:
    person = Person(True, False)
    result, provider, agent = await result_of([[use(f"t{turn}")] for turn in range(9)], go_on=person.go_on)
    assert (len(person.questions), result.stop_reason, len(provider.requests)) == (2, "repetition", 6)
    assert all(len(message["content"]) == 1 for message in agent.messages), "the model was told nothing"


async def test_without_a_person_the_model_is_told_first_and_then_the_run_stops() -> None:
    result, provider, agent = await result_of([[use(f"t{turn}"), use(f"u{turn}")] for turn in range(9)])
    assert (result.stop_reason, result.turns) == ("repetition", 6)
    answers = [message["content"] for message in agent.messages[2::2]]
    assert [[block["type"] for block in answer] for answer in answers] == [
        ["tool_result", "tool_result", *(["text"] if turn == 2 else [])] for turn in range(6)
    ]
    assert answers[2][-1]["text"].startswith(f"{NOTE_BEGINS}look `same` is called")
    assert provider.requests[3]["messages"][-1]["content"][-1]["text"] == answers[2][-1]["text"]


async def test_a_model_that_heeds_the_note_goes_on() -> None:
    replies = [*([use(f"t{turn}")] for turn in range(4)), [use("x", "other")], [use("y")], [DONE]]
    result, _, _ = await result_of(replies)
    assert result.stop_reason == "end_turn"


async def test_nothing_is_noticed_unless_it_is_wanted() -> None:
    replies = [*([use(f"t{turn}")] for turn in range(7)), [DONE]]
    agent = Agent(tools=[look], provider=ScriptedProvider(replies))
    assert (await agent.run("go")).stop_reason == "end_turn"


async def test_a_session_that_is_gone_on_with_has_lost_no_count(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    with sessions.create(tmp_path) as session:
        name = session.id
        first = ScriptedProvider([[use("a")], [use("b")]])
        agent = Agent(tools=[look], provider=first, session=session, max_turns=2, watch_repetition=True)
        assert (await agent.run("go")).stop_reason == "max_turns"
    with sessions.open(name) as session:
        second = ScriptedProvider([[use("c")], [DONE]])
        agent = Agent(tools=[look], provider=second, session=session, watch_repetition=True)
        await agent.run(None)
    assert second.requests[1]["messages"][-1]["content"][-1]["text"].startswith(NOTE_BEGINS)
