"""How the answer of a hook's program is read, and what several come to."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.agent.hooks.outcome import INPUT_CHANGED, LONGEST_TEXT, HookOutcome, combined, read_outcome
from antiphon.policy.hooks import HookEvent

EVENTS: tuple[HookEvent, ...] = ("PreToolUse", "PostToolUse", "UserPromptSubmit", "Stop", "SessionStart")


def said(event: HookEvent, **answer: Any) -> HookOutcome:
    return read_outcome(event, 0, json.dumps(answer).encode(), b"chatter")


@pytest.mark.parametrize("event", EVENTS)
def test_a_hook_that_says_nothing_has_no_opinion(event: HookEvent) -> None:
    assert read_outcome(event, 0, b" \n", b"chatter") == said(event) == HookOutcome()


@pytest.mark.parametrize(
    ("event", "context"),
    [
        ("UserPromptSubmit", "on main"),
        ("SessionStart", "on main"),
        ("PreToolUse", ""),
        ("PostToolUse", ""),
        ("Stop", ""),
    ],
)
def test_plain_text_is_context_for_a_prompt_and_nothing_elsewhere(event: HookEvent, context: str) -> None:
    assert read_outcome(event, 0, b"on main\n", b"") == HookOutcome(context=context)


@pytest.mark.parametrize("event", EVENTS)
def test_code_2_blocks_what_can_be_blocked(event: HookEvent) -> None:
    outcome = read_outcome(event, 2, b'{"decision": "approve"}', b"no\n")
    expected = HookOutcome(messages=("no",)) if event == "SessionStart" else HookOutcome("deny", "no")
    assert outcome == expected


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ({"decision": "approve"}, "allow"),
        ({"decision": "block"}, "deny"),
        ({"decision": "block", "hookSpecificOutput": {"permissionDecision": "allow"}}, "allow"),
        ({"hookSpecificOutput": {"permissionDecision": "defer"}}, ""),
        ({"hookSpecificOutput": None, "decision": None, "reason": None, "continue": None}, ""),
    ],
)
def test_older_and_newer_words_for_a_decision_are_read(answer: dict[str, Any], verdict: str) -> None:
    outcome = said("PreToolUse", **answer)
    assert (outcome.verdict, outcome.trouble) == (verdict, "")


@pytest.mark.parametrize("event", ["PostToolUse", "UserPromptSubmit", "Stop"])
def test_only_a_call_can_be_allowed_or_asked_about(event: HookEvent) -> None:
    assert said(event, decision="approve", reason="fine") == HookOutcome()
    assert said(event, decision="block", reason="no") == HookOutcome("deny", "no")


def test_a_call_with_other_arguments_is_denied_unless_it_is_anyway() -> None:
    def changed(decision: str) -> HookOutcome:
        specific: dict[str, Any] = {
            "permissionDecision": decision,
            "permissionDecisionReason": "why",
            "updatedInput": {},
        }
        return said("PreToolUse", hookSpecificOutput=specific)

    assert changed("allow") == HookOutcome("deny", INPUT_CHANGED)
    assert changed("deny") == HookOutcome("deny", "why")


def test_texts_are_bounded_and_hold_nothing_that_the_api_refuses() -> None:
    outcome = said("PreToolUse", additionalContext="\0" + "x" * 50_000, systemMessage="y" * 50_000)
    assert len(outcome.context) < LONGEST_TEXT + 100
    assert "\0" not in outcome.context
    assert all(len(message) < LONGEST_TEXT + 100 for message in outcome.messages)
    many = combined([HookOutcome("deny", "r" * LONGEST_TEXT, "c" * LONGEST_TEXT)] * 5)
    assert len(many.context) < LONGEST_TEXT + 100
    assert len(many.reason) < LONGEST_TEXT + 100


@given(
    event=st.sampled_from(EVENTS),
    code=st.sampled_from((0, 0, 1, 2, 255)),
    output=st.binary()
    | st.recursive(st.none() | st.text(), lambda inner: st.dictionaries(st.text(), inner)).map(
        lambda value: json.dumps(value).encode()
    ),
    errors=st.binary(),
)
def test_whatever_a_program_says_can_be_read(event: HookEvent, code: int, output: bytes, errors: bytes) -> None:
    outcome = read_outcome(event, code, output, errors)
    assert combined([outcome, HookOutcome()]).verdict == outcome.verdict
    # Without half characters, which no request could hold.
    f"{outcome.reason}{outcome.context}{outcome.trouble}".encode()


def test_of_the_reasons_those_of_the_strongest_verdict_count_in_order() -> None:
    outcomes = [
        HookOutcome("allow", "fine"),
        HookOutcome("deny", "one", "first"),
        HookOutcome("ask", "odd", stop=""),
        HookOutcome("deny", "two", "second", messages=("m",)),
    ]
    assert combined(outcomes) == HookOutcome("deny", "one\ntwo", "first\nsecond", "", ("m",))
