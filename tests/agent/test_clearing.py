"""Clearing old results: only where nothing bound or cached is lost by it."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.agent.clearing import CACHE_SECONDS, Cleared, clearable
from antiphon.agent.context import estimate
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import ANTHROPIC

Json = dict[str, Any]

FREE, BOUND = "claude-opus-4-6", "claude-opus-5-5"


def turn(number: int, *sizes: int, thinks: bool = False, failed: bool = False) -> list[Json]:
    """A reply with calls, and results of these sizes in characters."""
    thought = [{"type": "thinking", "thinking": "hm", "signature": "s"}] if thinks else []
    ids = [f"t{number}_{index}" for index in range(len(sizes))]
    calls: list[Json] = [{"type": "tool_use", "id": call_id, "name": "look", "input": {}} for call_id in ids]
    results = [
        {"type": "tool_result", "tool_use_id": call_id, "content": "x" * size, "is_error": failed}
        for call_id, size in zip(ids, sizes, strict=True)
    ]
    return [{"role": "assistant", "content": [*thought, *calls]}, {"role": "user", "content": results}]


def conversation(*turns: list[Json]) -> list[Json]:
    return [{"role": "user", "content": "go"}, *(message for turn in turns for message in turn)]


def applied(messages: list[Json], cleared: list[Cleared]) -> list[Json]:
    changed = list(messages)
    for each in cleared:
        changed[each.index] = each.message
    return changed


LONG = conversation(*(turn(number, 40_000, 100, 40_000) for number in range(6)))


def test_large_results_of_old_turns_are_cleared_and_all_else_stays() -> None:
    found = clearable(LONG, FREE, math.inf, turns=2)
    assert [each.index for each in found] == [2, 4, 6, 8]
    assert [each.results for each in found] == [2, 2, 2, 2]
    changed = applied(LONG, found)
    assert [message for index, message in enumerate(changed) if index not in (2, 4, 6, 8)] == [
        message for index, message in enumerate(LONG) if index not in (2, 4, 6, 8)
    ]
    large, small, _ = changed[2]["content"]
    assert small == LONG[2]["content"][1]
    assert large == {
        "type": "tool_result",
        "tool_use_id": "t0_0",
        "content": "[A result of 40,000 characters stood here and was cleared to make room; "
        "search_history finds its text.]",
        "is_error": False,
    }
    assert estimate(LONG) - estimate(changed) == sum(each.tokens for each in found)


def test_what_was_cleared_is_not_cleared_again() -> None:
    once = applied(LONG, clearable(LONG, FREE, math.inf, turns=2))
    assert clearable(once, FREE, math.inf, turns=2) == []


@pytest.mark.parametrize(("idle", "expected"), [(0, 0), (CACHE_SECONDS, 0), (CACHE_SECONDS + 1, 4), (math.inf, 4)])
def test_nothing_is_cleared_while_the_cache_is_warm(idle: float, expected: int) -> None:
    assert len(clearable(LONG, FREE, idle, turns=2)) == expected


def test_nothing_is_cleared_that_is_not_worth_it() -> None:
    assert clearable(LONG, FREE, math.inf, turns=2, worth=10**6) == []
    assert clearable(conversation(*(turn(number, 4000) for number in range(20))), FREE, math.inf) != []
    assert clearable(conversation(*(turn(number, 1000) for number in range(99))), FREE, math.inf) == []


def test_before_bound_thinking_nothing_is_touched_but_behind_it_results_may_go() -> None:
    thinking_early = conversation(turn(0, 40_000, thinks=True), *(turn(number, 40_000) for number in range(1, 8)))
    thinking_late = conversation(*(turn(number, 40_000) for number in range(7)), turn(7, 10, thinks=True))
    assert [each.index for each in clearable(thinking_early, BOUND, math.inf, turns=2)] == [2, 4, 6, 8, 10, 12]
    assert clearable(thinking_late, BOUND, math.inf, turns=2) == []
    assert len(clearable(thinking_late, FREE, math.inf, turns=2)) == 6


def test_of_a_model_that_nobody_knows_thinking_counts_as_bound() -> None:
    thinking = conversation(*(turn(number, 40_000, thinks=True) for number in range(6)))
    assert clearable(thinking, "my-model", math.inf, turns=2) == []
    assert len(clearable(LONG, "my-model", math.inf, turns=2)) == 4


def test_pictures_are_cleared_and_named() -> None:
    picture = {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}
    messages = conversation(*(turn(number, 40_000) for number in range(6)))
    messages[2]["content"][0]["content"] = [{"type": "text", "text": "a picture"}, picture]
    found = clearable(messages, FREE, math.inf, turns=2)
    assert "9 characters and 1 image stood here" in found[0].message["content"][0]["content"]


@given(
    st.lists(st.tuples(st.lists(st.integers(1, 30_000), min_size=1, max_size=4), st.booleans(), st.booleans())),
    st.sampled_from([FREE, BOUND, "my-model"]),
    st.integers(1, 5),
)
def test_whatever_is_cleared_the_conversation_stays_valid_and_bound_thinking_keeps_its_prefix(
    shape: list[tuple[list[int], bool, bool]], model: str, turns: int
) -> None:
    messages = conversation(
        *(turn(number, *sizes, thinks=thinks, failed=failed) for number, (sizes, thinks, failed) in enumerate(shape))
    )
    found = clearable(messages, model, math.inf, turns=turns, worth=0)
    changed = applied(messages, found)
    assert check({"model": model, "max_tokens": 9, "messages": changed}, ANTHROPIC) == []
    assert all(each.tokens > 0 for each in found)
    thinking = [
        index
        for index, message in enumerate(messages)
        if message["role"] == "assistant" and message["content"][0]["type"] == "thinking"
    ]
    if model != FREE and thinking:
        assert changed[: thinking[-1] + 1] == messages[: thinking[-1] + 1]
    recent = [index for index, message in enumerate(messages) if message["role"] == "assistant"][-turns:]
    if recent:
        assert changed[recent[0] :] == messages[recent[0] :]
