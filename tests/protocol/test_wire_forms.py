"""What holds for repairs in every wire form: valid, a fixed point, the same each time, no result lost or crossed."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from conversations import JUNK, damaged_conversations, valid_conversations
from hypothesis import given, settings
from hypothesis import strategies as st
from test_named_damages import DAMAGES
from wire_forms import (
    chat_refuses,
    converse_refuses,
    gemini_refuses,
    responses_refuse,
    to_chat,
    to_converse,
    to_gemini,
    to_responses,
)
from wire_talk import assistant, call, result, text, user

from antiphon.protocol.checking import check, repair
from antiphon.protocol.context import Dialect
from antiphon.protocol.dialects import dialect
from antiphon.protocol.dialects.forms import FORMS
from antiphon.protocol.messages import Json, blocks_of, is_object, tool_results, tool_uses


@dataclass(frozen=True)
class Wire:
    """A wire form, as these tests see it.

    Attributes:
        name: of the dialect.
        messages: the key of the list of messages.
        translate: says a request of the Messages API in this form.
        refuses: what the API says of the pairs of a request.
        named: whether calls and results carry ids.
    """

    name: str
    messages: str
    translate: Callable[[Json], Json]
    refuses: Callable[[Json], list[str]]
    named: bool = True

    @property
    def dialect(self) -> Dialect:
        return FORMS[self.name]

    def canonical(self, request: Json) -> Json:
        assert self.dialect.form is not None
        return self.dialect.form.read(request).request


def _gemini_with_ids(request: Json) -> Json:
    return to_gemini(request, ids=True)


WIRES = [
    Wire("bedrock-converse", "messages", to_converse, converse_refuses),
    Wire("openai-chat", "messages", to_chat, chat_refuses),
    Wire("openai-responses", "input", to_responses, responses_refuse),
    Wire("gemini", "contents", to_gemini, gemini_refuses, named=False),
    Wire("gemini", "contents", _gemini_with_ids, gemini_refuses),
]
every_wire = pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name + "-with-ids" * (wire is WIRES[-1]))


@every_wire
@settings(deadline=None)
@given(conversation=valid_conversations())
def test_a_valid_request_of_any_form_is_returned_as_it_was(conversation: Json, wire: Wire) -> None:
    request = wire.translate(conversation)
    before = json.dumps(request)
    assert wire.refuses(request) == []
    assert check(request, wire.dialect) == []
    outcome = repair(request, wire.dialect)
    assert outcome.violations == ()
    assert outcome.request is request
    assert json.dumps(request) == before


@every_wire
@settings(deadline=None)
@given(conversation=damaged_conversations())
def test_a_repaired_request_of_any_form_breaks_no_rule_and_stays_as_it_is(conversation: Json, wire: Wire) -> None:
    request = wire.translate(conversation)
    before = json.dumps(request)
    outcome = repair(request, wire.dialect)
    assert json.dumps(request) == before
    assert (outcome.request is request) == (not outcome.violations)
    assert {found.rule for found in outcome.remaining} <= {"MS001"}
    if outcome.remaining:
        return
    assert check(outcome.request, wire.dialect.cautious()) == []
    assert wire.refuses(outcome.request) == []
    written = json.dumps(outcome.request)
    assert not any(private in written for private in ('"wire"', '"fault"', '"(within)"', '"(role)"'))
    assert repair(outcome.request, wire.dialect).request is outcome.request
    assert json.dumps(repair(copy.deepcopy(request), wire.dialect).request) == json.dumps(outcome.request)


@every_wire
@settings(deadline=None)
@given(conversation=damaged_conversations())
def test_no_result_of_any_form_is_lost_and_none_is_given_to_another_call(conversation: Json, wire: Wire) -> None:
    request = wire.translate(conversation)
    said: dict[str, set[str]] = {}
    for call_id, number in _results(wire.canonical(request)):
        said.setdefault(number, set()).add(call_id)
    asked: dict[str, set[str]] = {}
    for block in _calls(wire.canonical(request)):
        asked.setdefault(json.dumps(block.get("id")), set()).add(_number(block))
    repaired = repair(request, wire.dialect).request
    whole = json.dumps(repaired)
    for number in said:
        assert number in whole
    if not wire.named:
        return
    owners: dict[str, set[str]] = {}
    for block in _calls(wire.canonical(repaired)):
        owners.setdefault(json.dumps(block["id"]), set()).add(_number(block))
    for call_id, number in _results(wire.canonical(repaired)):
        assert owners[call_id] & {n for i in said[number] for n in asked.get(i, ())}


@every_wire
@settings(deadline=None)
@given(conversation=damaged_conversations())
def test_a_damaged_beginning_of_any_form_keeps_its_bytes_however_the_conversation_goes_on(
    conversation: Json, wire: Wire
) -> None:
    messages = [*conversation["messages"], assistant("answer 1"), user("next 1")]
    grown = [*messages, assistant("look", call("toolu_new")), user(result("toolu_new")), assistant("so"), user("?")]
    first = repair(wire.translate({**conversation, "messages": messages}), wire.dialect).request[wire.messages]
    again = repair(wire.translate({**conversation, "messages": grown}), wire.dialect).request[wire.messages]
    assert json.dumps(again[: len(first)]) == json.dumps(first)


def _calls(canonical: Json) -> Iterator[Json]:
    for message in canonical.get("messages") or ():
        if is_object(message):
            yield from tool_uses(message)


def _number(block: Json) -> str:
    arguments: Any = block.get("input")
    return json.dumps(arguments.get("number") if is_object(arguments) else None)


def _results(canonical: Json) -> Iterator[tuple[str, str]]:
    """Yield id and number (`<7>`) of the results that say one."""
    for message in canonical.get("messages") or ():
        for block in tool_results(message) if is_object(message) else ():
            content = json.dumps(block.get("content"))
            if "<" in content:
                yield json.dumps(block.get("tool_use_id")), content[content.index("<") : content.index(">") + 1]


@every_wire
@pytest.mark.parametrize("messages", [pytest.param(given, id=name) for name, (given, _) in DAMAGES.items()])
def test_every_kind_of_damage_that_has_a_name_is_repaired_in_every_form(messages: list[Any], wire: Wire) -> None:
    request = wire.translate({"messages": messages})
    outcome = repair(request, wire.dialect)
    assert outcome.remaining == ()
    assert check(outcome.request, wire.dialect.cautious()) == []
    assert wire.refuses(outcome.request) == []
    assert "42" in json.dumps(outcome.request) or "42" not in json.dumps(request)


@every_wire
def test_what_is_not_at_fault_is_written_as_the_same_objects(wire: Wire) -> None:
    sound = [user("before"), assistant("look", call("a"), call("b")), user(result("a"), result("b")), assistant("ok")]
    damaged = [user("on"), assistant(text("look"), {**call("c"), "brand_new": 1}), user("stop")]
    request = wire.translate({"messages": [*sound, *damaged], "brand_new": {"x": 1}})
    outcome = repair(request, wire.dialect)
    assert [found.rule for found in outcome.violations] == ["TU001"]
    given_items, items = request[wire.messages], outcome.request[wire.messages]
    count = len(wire.translate({"messages": sound})[wire.messages])
    assert all(kept is given for kept, given in zip(items[:count], given_items[:count], strict=True))
    assert items[count] is given_items[count]
    assert all(any(kept is given for kept in items) for given in given_items[:-1])
    assert outcome.request["brand_new"] is request["brand_new"]


@pytest.mark.parametrize("wire", [wire for wire in WIRES if wire.named], ids=lambda wire: wire.name)
def test_fields_nobody_has_heard_of_survive_in_what_is_rewritten(wire: Wire) -> None:
    asked = {**call(5, path="a"), "brand_new": "of the call"}
    answer = {**result(5, "found"), "brand_new": "of the result"}
    request = wire.translate({"messages": [user("go"), assistant(asked), user(answer)]})
    for number, message in enumerate(request[wire.messages]):
        message["of_tomorrow"] = number
    outcome = repair(request, wire.dialect)
    assert {found.rule for found in outcome.violations} == {"TU021"}
    kept = json.dumps(outcome.request)
    assert '"brand_new": "of the call"' in kept
    assert '"brand_new": "of the result"' in kept
    assert [message["of_tomorrow"] for message in outcome.request[wire.messages]] == [0, 1, 2]


_FORM_KEYS = st.sampled_from(
    [
        *("role", "type", "content", "parts", "text", "id", "name", "input", "args", "arguments", "call_id", "output"),
        *("toolUse", "toolResult", "toolUseId", "status", "json", "functionCall", "functionResponse", "response"),
        *("tool_calls", "tool_call_id", "function", "function_call", "custom", "thoughtSignature"),
    ]
)
_FORM_VALUES = st.sampled_from(
    [
        *("user", "assistant", "model", "tool", "function", "system", "developer", "ai", "error", "text", "a"),
        *("function_call", "function_call_output", "message", "reasoning", "item_reference", "computer_call", "{}"),
        *("shell_call", "custom_tool_call", "local_shell_call_output"),
    ]
)
_JUNK_ITEMS: st.SearchStrategy[Any] = st.recursive(
    _FORM_VALUES | JUNK, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_FORM_KEYS, inner, max_size=5)
)


@every_wire
@settings(deadline=None)
@given(items=_JUNK_ITEMS | st.lists(st.dictionaries(_FORM_KEYS, _FORM_VALUES | _JUNK_ITEMS, max_size=6), max_size=6))
def test_any_json_in_any_form_is_checked_and_repaired_without_an_exception(items: Any, wire: Wire) -> None:
    for request in (
        items,
        {wire.messages: items},
        {wire.messages: items, "conversation": "conv_1", "toolConfig": items, "model": "gemini-3-pro"},
    ):
        before = json.dumps(request)
        check(request, wire.dialect)
        outcome = repair(request, wire.dialect)
        assert json.dumps(request) == before
        # No conversation, and a signature that only the model can make.
        assert {found.rule for found in outcome.remaining} <= {"MS001", "TH031"}
        assert repair(outcome.request, wire.dialect).request is outcome.request


@every_wire
def test_a_violation_is_told_where_it_stands_in_the_request_as_it_came(wire: Wire) -> None:
    sound = [user("go"), assistant(call("a")), user(result("a")), assistant("ok")]
    request = wire.translate({"messages": [*sound, user("on"), assistant(call("b")), user("stop")]})
    place = next(n for n, item in enumerate(request[wire.messages]) if '"b"' in json.dumps(item)) if wire.named else 5
    assert [found.message for found in check(request, wire.dialect)] == [place]
    assert [found.message for found in repair(request, wire.dialect).violations] == [place]


@every_wire
def test_junk_is_told_where_it_stands(wire: Wire) -> None:
    request = wire.translate({"messages": [user("go"), assistant("ok"), user("on"), assistant("well")]})
    request[wire.messages].insert(2, 5)
    request[wire.messages].insert(4, None)
    assert [(found.rule, found.message) for found in check(request, wire.dialect)] == [("MS002", 2), ("MS002", 4)]


@pytest.mark.parametrize("name", FORMS)
def test_dialects_of_other_forms_are_found_by_name(name: str) -> None:
    assert dialect(name) is FORMS[name]


@pytest.mark.parametrize("name", FORMS)
def test_what_is_doubtful_in_a_form_can_hold_there(name: str) -> None:
    only = FORMS[name].only_rules
    assert only is not None
    assert FORMS[name].doubtful_rules <= only


def test_every_form_says_that_no_result_was_recorded_in_a_way_that_it_reads_again() -> None:
    for wire in WIRES:
        request = wire.translate({"messages": [user("go"), assistant(call("a")), user("stop")]})
        repaired = wire.canonical(repair(request, wire.dialect).request)
        (found,) = [b for m in repaired["messages"] for b in blocks_of(m) if b["type"] == "tool_result"]
        assert found["content"].startswith("No result of this tool call was recorded.")
