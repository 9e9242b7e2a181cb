"""What holds for every repair, whatever the damage: valid, idempotent, deterministic, and no result lost or crossed."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from conversations import JUNK_REQUESTS, damaged_conversations, valid_conversations
from hypothesis import assume, example, given, settings
from wire_talk import assistant, call, result, text, user

from antiphon.protocol.checking import check, repair
from antiphon.protocol.context import Dialect
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.dialects import DIALECTS, in_strict_order
from antiphon.protocol.messages import Json, is_array, is_object, kind_of, role_of
from antiphon.protocol.registry import SHAPE
from antiphon.testing.second_opinion import second_opinion

_ALL = [*DIALECTS.values(), in_strict_order(DIALECTS["anthropic"])]
SYSTEM_FIRST: Json = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 4096,
    "messages": [{"role": "system", "content": "be careful"}, {"role": "user", "content": "go"}],
}
every_dialect = pytest.mark.parametrize("dialect", _ALL, ids=lambda d: d.name + "-ordered" * d.strict_order)


@every_dialect
@settings(deadline=None)
@given(request=valid_conversations())
def test_a_valid_conversation_is_returned_as_it_was(request: Json, dialect: Dialect) -> None:
    before = json.dumps(request)
    outcome = repair(request, dialect)
    assert check(request, dialect) == []
    assert outcome.request is request
    assert (outcome.violations, outcome.remaining) == ((), ())
    assert json.dumps(request) == before


@every_dialect
@settings(deadline=None)
@given(request=damaged_conversations())
@example(request=SYSTEM_FIRST)
def test_a_repaired_conversation_breaks_no_rule_and_stays_as_it_is(request: Json, dialect: Dialect) -> None:
    before = json.dumps(request)
    outcome = repair(request, dialect)
    assert json.dumps(request) == before
    if not outcome.request["messages"]:
        assert [violation.rule for violation in outcome.remaining] == ["MS001"]
        return
    assert outcome.remaining == ()
    assert check(outcome.request, dialect) == []
    assert check(outcome.request, dialect.cautious()) == []
    assert second_opinion(outcome.request, dialect) == []
    assert repair(outcome.request, dialect).request is outcome.request
    assert (outcome.request is request) == (not outcome.violations)
    assert json.dumps(repair(copy.deepcopy(request), dialect).request) == json.dumps(outcome.request)


# Local servers refuse next to nothing; what a repair keeps to there is judged above.
every_strict_dialect = pytest.mark.parametrize(
    "dialect", [d for d in _ALL if d.name != "template"], ids=lambda d: d.name + "-ordered" * d.strict_order
)
UNKNOWN_TO_THE_ORACLE = {"TU012", "TU013", "TU014", "MS010", "MS011", "CO004", "CO006", "CO012"}
_KNOWN_FAMILIES = ("TU", "MS", "CO")


@every_strict_dialect
@settings(deadline=None)
@given(request=damaged_conversations())
def test_a_second_opinion_refuses_the_same_conversations(request: Json, dialect: Dialect) -> None:
    conversation = Conversation(request, dialect)
    shapely = not any(violation for rule in SHAPE for violation in rule.check(conversation))
    assume(shapely and all(role_of(message) in {"user", "assistant"} for message in request["messages"]))
    rules = {violation.rule for violation in check(request, dialect)} - UNKNOWN_TO_THE_ORACLE
    found = {rule for rule in rules if rule.startswith(_KNOWN_FAMILIES)}
    opinion = second_opinion(request, dialect)
    assert bool(found) == bool(opinion), (found, opinion)


@settings(deadline=None)
@given(request=damaged_conversations())
def test_no_result_is_lost_and_none_is_given_to_another_call(request: Json) -> None:
    # What a result says, with the ids it had; and which numbers the calls of an id had.
    said: dict[str, set[str]] = {}
    for block_id, number in _results(request):
        said.setdefault(number, set()).add(block_id)
    asked: dict[str, set[Any]] = {}
    # A block that lost its type and still has the fields of a call is one.
    for block in [*_blocks(request, "tool_use"), *_blocks(request, None)]:
        arguments: Any = block.get("input")
        number: Any = arguments.get("number") if is_object(arguments) else None
        asked.setdefault(json.dumps(block.get("id")), set()).add(json.dumps(number))
    repaired = repair(request, DIALECTS["anthropic"]).request
    whole = json.dumps(repaired["messages"])
    for number in said:
        assert json.dumps(number)[1:-1] in whole
    calls = {json.dumps(block["id"]): block for block in _blocks(repaired, "tool_use")}
    for block_id, number in _results(repaired):
        owner = calls[block_id]["input"].get("number")
        if number in said:
            assert json.dumps(owner) in {n for i in said[number] for n in asked.get(i, ())}


def _blocks(request: Json, kind: str | None) -> Iterator[Json]:
    """Yield the blocks of a type, or those without one that could be."""
    messages: list[Any] = request["messages"]
    for message in messages:
        content: Any = message.get("content") if is_object(message) else None
        for block in content if is_array(content) else ():
            if is_object(block) and (kind_of(block) or None) == kind:
                yield block


def _results(request: Json) -> Iterator[tuple[str, str]]:
    """Yield id and number (`<7>`) of the results that say one."""
    for block in _blocks(request, "tool_result"):
        content = json.dumps(block.get("content"))
        if "<" in content:
            yield json.dumps(block.get("tool_use_id")), content[content.index("<") : content.index(">") + 1]


@every_dialect
@settings(deadline=None)
@given(request=JUNK_REQUESTS)
def test_any_json_is_checked_and_repaired_without_an_exception(request: Any, dialect: Dialect) -> None:
    before = json.dumps(request)
    check(request, dialect)
    outcome = repair(request, dialect)
    # No messages at all, and a model that is no name: nobody knows what was meant.
    assert {violation.rule for violation in outcome.remaining} <= {"MS001", "RQ008"}
    assert repair(outcome.request, dialect).request is outcome.request
    assert json.dumps(request) == before


@settings(deadline=None)
@given(request=damaged_conversations())
def test_safe_repairs_alone_break_nothing_that_was_whole(request: Json) -> None:
    anthropic = DIALECTS["anthropic"]
    outcome = repair(request, anthropic, lossy=False)
    assert list(outcome.remaining) == check(outcome.request, anthropic)
    assert repair(outcome.request, anthropic, lossy=False).request is outcome.request
    whole = json.dumps(outcome.request["messages"])
    for _, number in _results(request):
        assert json.dumps(number)[1:-1] in whole


@every_dialect
@settings(deadline=None)
@given(request=damaged_conversations())
def test_a_damaged_beginning_is_repaired_to_the_same_bytes_however_the_conversation_goes_on(
    request: Json, dialect: Dialect
) -> None:
    # Caches and signed thinking live on the bytes of the beginning, and clients send their damaged history again with
    # each request.
    messages: list[Any] = [*request["messages"], assistant("answer 1"), user("next 1")]
    first = repair({**request, "messages": messages}, dialect).request["messages"]
    grown = [*messages, assistant("look", call("toolu_new")), user(result("toolu_new")), assistant("so"), user("?")]
    again = repair({**request, "messages": grown}, dialect).request["messages"]
    assert json.dumps(again[: len(first)]) == json.dumps(first)


@settings(deadline=None)
@given(request=damaged_conversations())
def test_what_is_not_at_fault_is_passed_on_as_the_same_objects(request: Json) -> None:
    finished = [user("before"), assistant("look", call("toolu_new")), user(result("toolu_new"), text("and"))]
    outcome = repair({**request, "messages": [*finished, assistant("ok"), *request["messages"]]}, DIALECTS["anthropic"])
    assert all(kept is given for kept, given in zip(outcome.request["messages"], finished, strict=False))
    # A reply that lost its thinking cannot go on with a thinking budget.
    unthinking = any(violation.rule.startswith("TH") for violation in outcome.violations)
    at_fault = {"messages", "system"} | ({"thinking"} if unthinking else set[str]())
    others = {key: value for key, value in outcome.request.items() if key not in at_fault}
    assert others == {key: value for key, value in request.items() if key not in at_fault}
