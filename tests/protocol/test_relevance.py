"""Rules that are not asked would have found nothing."""

import copy
import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from conversations import JUNK_REQUESTS, damaged_conversations
from hypothesis import given, settings

from antiphon.protocol.context import Context
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.dialects import DIALECTS
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.registry import RULES
from antiphon.protocol.relevance import silent

CASES: list[Json] = json.loads(Path(__file__, "../../corpus/requests.json").resolve().read_text(encoding="utf-8"))
SENT = Context(version="2023-06-01", betas=frozenset())
KINDS = (
    {"tool_use"},
    {"tool_result"},
    {"image", "document"},
    {"thinking", "redacted_thinking"},
)
FIELDS = (
    {"tools"},
    {"tools", "tool_choice"},
    {"tool_choice"},
    {"temperature", "top_p", "top_k"},
    {"stop_sequences"},
    {"system"},
    {"metadata", "stream"},
    {"container"},
    {"context_management"},
    {"thinking"},
)


def assert_silence(request: Any) -> None:
    for upstream in DIALECTS.values():
        for dialect in (upstream, upstream.cautious()):
            for context in (Context(), SENT):
                conversation = Conversation(request, dialect, context=context)
                ids = silent(conversation)
                loud = {rule.id for rule in RULES if rule.id in ids and any(rule.check(conversation))}
                assert not loud, (dialect.name, request)


def poorer(request: Json) -> Iterator[Json]:
    """Yield the request without some of what it is made of, in all combinations."""
    for number in range(len(KINDS) + 1):
        for gone in combinations(KINDS, number):
            changed: Any = copy.deepcopy(request)
            for message in changed["messages"] if is_array(changed.get("messages")) else ():
                if is_object(message) and is_array(message.get("content")):
                    content: list[Any] = message["content"]
                    message["content"] = [
                        block
                        for block in content
                        if not (is_object(block) and any(block.get("type") in kinds for kinds in gone))
                    ]
            yield changed
            for names in FIELDS:
                if names & changed.keys():
                    yield {name: value for name, value in changed.items() if name not in names}


def test_the_rules_it_names_exist() -> None:
    known = {rule.id for rule in RULES}
    empty = Conversation({"messages": []}, DIALECTS["anthropic"])
    assert sorted(silent(empty) - known) == []
    assert len(silent(empty)) > len(known) / 3


@pytest.mark.parametrize("case", [case for case in CASES if is_object(case["request"])], ids=lambda case: case["id"])
def test_a_rule_that_is_not_asked_finds_nothing_in_the_corpus_or_in_parts_of_it(case: Json) -> None:
    for request in poorer(case["request"]):
        assert_silence(request)


MANY = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 10,
    "tools": 5,
    "tool_choice": 5,
    "temperature": "hot",
    "top_p": 7,
    "top_k": -1,
    "stop_sequences": [" "],
    "system": " ",
    "metadata": 5,
    "stream": "yes",
    "container": 5,
    "context_management": {"edits": [{"type": "clear_thinking_20251015"}]},
    "thinking": {"type": "enabled", "budget_tokens": 1},
    "messages": [{"role": "user", "content": "hi"}],
}


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-opus-5", "claude-3-haiku-20240307", "deepseek-chat", 7])
def test_a_rule_about_a_parameter_finds_nothing_where_that_is_not_given(model: Any) -> None:
    for number in range(4):
        for kept in combinations(sorted(MANY.keys() - {"model", "messages"}), number):
            assert_silence({name: MANY[name] for name in (*kept, "messages")} | {"model": model})


@settings(deadline=None, max_examples=50)
@given(request=JUNK_REQUESTS)
def test_a_rule_that_is_not_asked_finds_nothing_in_junk(request: Any) -> None:
    assert_silence(request)


@settings(deadline=None, max_examples=50)
@given(request=damaged_conversations())
def test_a_rule_that_is_not_asked_finds_nothing_in_what_was_damaged(request: Json) -> None:
    assert_silence(request)
