"""Thinking that is bound to what stands before it: what a repair drops of it, and what it may keep."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from conversations import damaged_conversations, valid_conversations
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from seen import Seen
from wire_talk import assistant, call, request, result, text, thinking, user

from antiphon.emulator.signing import Signer
from antiphon.protocol.checking import check, repair
from antiphon.protocol.context import Context
from antiphon.protocol.dialects import dialect
from antiphon.protocol.messages import Json, blocks_of, is_array
from antiphon.protocol.models import binds_thinking
from antiphon.protocol.prefix import pieces, reply_prefixes
from antiphon.protocol.thinking import BINDING_BETA
from antiphon.testing import mint

ANTHROPIC = dialect("anthropic")
BOUND = "claude-opus-5-5"
A, B, C = call("a"), call("b"), call("c")
FIRST, SECOND, THIRD = (
    thinking("one", signature="s1"),
    thinking("two", signature="s2"),
    thinking("three", signature="s3"),
)


def _talk(*messages: Json, **params: Any) -> Json:
    return request(*messages, **({"model": BOUND, "thinking": {"type": "adaptive"}} | params))


WHOLE = _talk(
    user("go"),
    assistant(FIRST, A, B),
    user(result("a"), result("b")),
    assistant(SECOND, C),
    user(result("c")),
    assistant(THIRD, text("done")),
    user("and?"),
)


def _thoughts(given: Json) -> list[str]:
    return [block["signature"] for message in given["messages"] for block in blocks_of(message) if "signature" in block]


def _changed(index: int, *blocks: Json, **params: Any) -> Json:
    """Return the conversation with other content in one of its messages."""
    messages = list(WHOLE["messages"])
    messages[index] = {**messages[index], "content": list(blocks)}
    return {**WHOLE, **params, "messages": messages}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-fable-5-1", True),
        ("claude-fable-5", False),
        ("claude-mythos-5-1", False),
        ("claude-mythos-5-2", True),
        ("claude-opus-5-5", True),
        ("claude-opus-5", False),
        ("claude-sonnet-5-5@20261001", True),
        ("us.anthropic.claude-haiku-5-5-v1:0", True),
        ("someone/else", False),
    ],
)
def test_which_models_bind_their_thinking(model: str, *, expected: bool) -> None:
    assert binds_thinking(model) is expected


def test_a_repair_drops_the_thinking_behind_what_it_changed_and_no_other() -> None:
    given_request = _changed(2, text("[reminder]"), result("a"), result("b"))
    outcome = repair(given_request, ANTHROPIC)
    assert [found.rule for found in outcome.violations] == ["TU002", "TH007", "TH007"]
    assert outcome.violations[1].text == (
        "messages.3.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation."
        ' Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to "drop_block". That setting'
        " requires the `thinking-binding-controls-2026-08-01` value in the `anthropic-beta` header."
    )
    assert _thoughts(outcome.request) == ["s1"]
    assert outcome.request["messages"][3] == assistant(C)
    assert repair(outcome.request, ANTHROPIC).request is outcome.request


def test_what_is_changed_behind_all_thinking_drops_none() -> None:
    given_request = _changed(6, text(""), text("and?"))
    outcome = repair(given_request, ANTHROPIC)
    assert [found.rule for found in outcome.violations] == ["CO001"]
    assert _thoughts(outcome.request) == ["s1", "s2", "s3"]


def test_thinking_that_goes_takes_with_it_what_was_made_behind_it() -> None:
    unsigned = {"type": "thinking", "thinking": "one"}
    outcome = repair(_changed(1, unsigned, A, B), ANTHROPIC)
    assert [found.rule for found in outcome.violations] == ["TH001", "TH007", "TH007"]
    assert _thoughts(outcome.request) == []


def test_a_model_that_binds_nothing_keeps_its_thinking() -> None:
    given_request = _changed(2, text("[reminder]"), result("a"), result("b"), model="claude-opus-5")
    assert _thoughts(repair(given_request, ANTHROPIC).request) == ["s1", "s2", "s3"]


def test_a_message_that_held_nothing_but_dropped_thinking_goes() -> None:
    messages = [user(text(""), text("go")), assistant(FIRST), user("and?")]
    assert repair(_talk(*messages), ANTHROPIC).request["messages"] == [user(text("go")), user("and?")]


def test_where_messages_end_is_not_read_by_the_model() -> None:
    split = [*WHOLE["messages"][:2], user(result("a")), user(result("b", [text("x")])), *WHOLE["messages"][3:]]
    outcome = repair({**WHOLE, "messages": split}, dialect("compatible"))
    assert _thoughts(outcome.request) == ["s1", "s2", "s3"]
    merged = repair({**WHOLE, "messages": split}, dialect("bedrock"))
    assert {found.rule for found in merged.violations} == {"TU006"}
    assert _thoughts(merged.request) == ["s1", "s2", "s3"]


# What is remembered


def test_a_conversation_that_is_not_the_one_the_thinking_was_made_in_is_refused_if_somebody_remembers() -> None:
    context = Context(memory=Seen(WHOLE), betas=frozenset({BINDING_BETA}))
    assert check(WHOLE, ANTHROPIC, context=context) == []
    edited = {**WHOLE, "system": "Be thorough."}
    assert check(edited, ANTHROPIC) == []
    assert repair(edited, ANTHROPIC).request is edited
    found = check(edited, ANTHROPIC, context=context)
    assert [(one.rule, one.message) for one in found] == [("TH007", 1), ("TH007", 3), ("TH007", 5)]
    assert found[0].text.endswith('to "drop_block".')
    assert _thoughts(repair(edited, ANTHROPIC, context=context).request) == []


def test_thinking_behind_some_that_does_not_fit_goes_though_nobody_remembers_it() -> None:
    known = Seen({**WHOLE, "messages": WHOLE["messages"][:2]})
    outcome = repair({**WHOLE, "system": "Be thorough."}, ANTHROPIC, context=Context(memory=known))
    assert _thoughts(outcome.request) == []
    elsewhere = Seen({"messages": []})
    same = repair({**WHOLE, "system": "Be thorough."}, ANTHROPIC, context=Context(memory=elsewhere))
    assert _thoughts(same.request) == ["s1", "s2", "s3"]


@pytest.mark.parametrize(
    ("thinking_field", "betas", "left"),
    [
        ({"type": "adaptive"}, {BINDING_BETA}, False),
        ({"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "error"}}, {BINDING_BETA}, False),
        ({"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}, set[str](), False),
        ({"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}, {BINDING_BETA}, True),
        ({"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}, None, True),
    ],
)
def test_what_the_api_was_asked_to_drop_is_left_to_it(
    thinking_field: Json, betas: set[str] | None, *, left: bool
) -> None:
    given_request = _changed(2, text("[reminder]"), result("a"), result("b"), thinking=thinking_field)
    context = Context(betas=None if betas is None else frozenset(betas))
    outcome = repair(given_request, ANTHROPIC, context=context)
    assert _thoughts(outcome.request) == (["s1", "s2", "s3"] if left else ["s1"])


class _Recorder:
    """Remembers signatures and prefixes as a proxy does, reply by reply."""

    def __init__(self) -> None:
        self.prefixes: dict[str, bytes] = {}

    def record(self, sent: Json, content: Sequence[Json]) -> None:
        self.prefixes.update(reply_prefixes(sent, content))

    def reply_with(self, call_id: str) -> Sequence[Json] | None:
        return None

    def fits(self, signature: str, prefix: bytes) -> bool | None:
        known = self.prefixes.get(signature)
        return None if known is None else known == prefix


def test_a_client_that_sends_the_same_damage_each_time_loses_no_thinking() -> None:
    # The model thinks behind what was repaired; the same repair makes the same of it next time.
    memory = _Recorder()
    messages: list[Json] = [user("go")]
    for number in range(6):
        sent = repair(_talk(*messages), ANTHROPIC, context=Context(memory=memory)).request
        assert _thoughts(sent) == [f"s{n}" for n in range(number)]
        reply = [thinking("hm", signature=f"s{number}"), call(f"a{number}"), call(f"b{number}")]
        memory.record(sent, reply)
        results = [result(f"b{number}"), text("[reminder]"), result(f"a{number}"), text("")]
        messages += [assistant(*reply), user(*results)]


def test_a_history_that_was_edited_loses_the_thinking_behind_the_edit_once() -> None:
    memory = Seen(WHOLE)
    edited = _changed(2, result("a", "shorter"), result("b"))
    outcome = repair(edited, ANTHROPIC, context=Context(memory=memory))
    assert _thoughts(outcome.request) == ["s1"]


# Whatever the damage


def _signed(given_request: Json) -> Json:
    """Return a conversation of a model that binds its thinking, all of it genuine."""
    talk = json.loads(json.dumps({**given_request, "model": BOUND, "thinking": {"type": "adaptive"}}))
    for message in talk["messages"]:
        for block in message["content"] if is_array(message["content"]) else ():
            if block["type"] == "thinking":
                block["signature"] = "$sig:ok"
    return mint(talk)


@settings(deadline=None)
@given(data=st.data())
def test_no_damage_that_is_repaired_leaves_thinking_that_the_api_refuses(data: st.DataObject) -> None:
    whole = data.draw(valid_conversations().map(_signed))
    outcome = repair(data.draw(damaged_conversations(st.just(whole))), ANTHROPIC, context=Context(memory=Seen(whole)))
    assume(outcome.request["messages"])
    # Thinking that comes from nowhere is no thinking of this model, and no repair can tell.
    genuine = set(_thoughts(whole))
    assume(genuine.issuperset(_thoughts(outcome.request)))
    assert outcome.remaining == ()
    Signer().verify(outcome.request, tuple(pieces(outcome.request)), ())
    assert repair(outcome.request, ANTHROPIC, context=Context(memory=Seen(whole))).request is outcome.request


@settings(deadline=None)
@given(whole=valid_conversations().map(_signed))
def test_a_valid_conversation_of_a_model_that_binds_its_thinking_is_returned_as_it_was(whole: Json) -> None:
    for context in (Context(), Context(memory=Seen(whole))):
        assert check(whole, ANTHROPIC, context=context) == []
        assert repair(whole, ANTHROPIC, context=context).request is whole
