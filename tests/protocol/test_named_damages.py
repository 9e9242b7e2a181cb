"""The kinds of damage that clients, crashes and other repairers are known to make, each with what a repair makes of it.

All but the last few are judged by the first-party API. What is real stays, with its own call; what is lost is said so.
"""

from typing import Any

import pytest
from wire_talk import assistant, call, found, image, lost, request, result, search, system, text, thinking, user

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import dialect
from antiphon.protocol.ids import derived_id
from antiphon.protocol.messages import Json
from antiphon.testing.second_opinion import refuses

A, B, C = call("a"), call("b"), call("c")
DAMAGES: dict[str, tuple[list[Any], list[Any]]] = {
    "interrupted before any result": (
        [user("go"), assistant(A), user("stop")],
        [user("go"), assistant(A), user(lost("a"), text("stop"))],
    ),
    "interrupted between two results": (
        [user("go"), assistant(A, B), user(result("b"), text("stop"))],
        [user("go"), assistant(A, B), user(lost("a"), result("b"), text("stop"))],
    ),
    "crashed while calls ran": (
        [user("go"), assistant("Running.", A, B)],
        [user("go"), assistant("Running.", A, B), user(lost("a"), lost("b"))],
    ),
    "the message with the results is gone": (
        [user("go"), assistant(A), assistant(text("done")), user("thanks")],
        [user("go"), assistant(A), user(lost("a")), assistant(text("done")), user("thanks")],
    ),
    "the message with the calls is gone": (
        [user("go"), user(result("a", "42"), text("and?"))],
        [user("go"), user(text("[Result of tool call a]\n42"), text("and?"))],
    ),
    "cut off by compaction, at a result": (
        [user(result("a", "42")), assistant("ok"), user("next")],
        [user(text("[Result of tool call a]\n42")), assistant("ok"), user("next")],
    ),
    "cut off by compaction, at a call": (
        [assistant(A), user(result("a"))],
        [user("(The beginning of this conversation is not part of it any more.)"), assistant(A), user(result("a"))],
    ),
    "a reminder before the results": (
        [user("go"), assistant(A), user(text("[reminder]"), result("a"))],
        [user("go"), assistant(A), user(result("a"), text("[reminder]"))],
    ),
    "the image of a result between the results": (
        [user("go"), assistant(A, B), user(result("a"), image(), result("b"))],
        [user("go"), assistant(A, B), user(result("a"), result("b"), image())],
    ),
    "a reminder as a message of its own before the results": (
        [user("go"), assistant(A), user("[reminder]"), user(result("a"))],
        [user("go"), assistant(A), user(result("a"), text("[reminder]"))],
    ),
    "results behind a user's message and the answer to it": (
        [user("go"), assistant(A), user("wait"), assistant("waiting"), user(result("a"), text("now"))],
        [user("go"), assistant(A), user(result("a"), text("wait")), assistant("waiting"), user(text("now"))],
    ),
    "a result that came after everything else": (
        [user("go"), assistant(A), user("wait"), assistant("waiting"), user(result("a"))],
        [
            user("go"),
            assistant(A),
            user(result("a"), text("wait")),
            assistant("waiting"),
            user(text("(What stood here was moved up to the tool call it belongs to.)")),
        ],
    ),
    "a result before its call": (
        [user("go"), user(result("a")), assistant(A), user("and?")],
        [user("go"), assistant(A), user(result("a"), text("and?"))],
    ),
    "the results of two turns swapped": (
        [user("go"), assistant(A), user(result("b")), assistant(B), user(result("a"))],
        [user("go"), assistant(A), user(result("a")), assistant(B), user(result("b"))],
    ),
    "all results gathered at the end": (
        [user("go"), assistant(A), assistant(B), user(result("a"), result("b"))],
        [user("go"), assistant(A, B), user(result("a"), result("b"))],
    ),
    "a call in a user message": (
        [user("go"), user(text("hm"), A, text("so")), user(result("a"))],
        [user("go"), user(text("hm")), assistant(A), user(result("a"), text("so"))],
    ),
    "results in an assistant message": (
        [user("go"), assistant(text("look"), A, result("a"), text("done")), user("thanks")],
        [user("go"), assistant(text("look"), A), user(result("a")), assistant(text("done")), user("thanks")],
    ),
    "several rounds flattened into one assistant message": (
        [user("go"), assistant(thinking("1"), A, result("a"), thinking("2"), B, result("b")), user("thanks")],
        [
            user("go"),
            assistant(thinking("1"), A),
            user(result("a")),
            assistant(thinking("2"), B),
            user(result("b")),
            user("thanks"),
        ],
    ),
    "a result sent twice": (
        [user("go"), assistant(A), user(result("a"), result("a"))],
        [user("go"), assistant(A), user(result("a"))],
    ),
    "a result sent again later": (
        [user("go"), assistant(A), user(result("a")), assistant("ok"), user(result("a"), text("next"))],
        [user("go"), assistant(A), user(result("a")), assistant("ok"), user(text("next"))],
    ),
    "two results that differ": (
        [user("go"), assistant(A, B), user(result("a", "1"), result("a", "2"), result("b"))],
        [user("go"), assistant(A, B), user(result("a", "1"), result("b"), text("[Result of tool call a]\n2"))],
    ),
    "a real result behind the note that there is none": (
        [user("go"), assistant(A), user(lost("a"), result("a"))],
        [user("go"), assistant(A), user(result("a"))],
    ),
    "a real result long after the note that there is none": (
        [user("go"), assistant(A), user(lost("a"), text("stop")), assistant("ok"), user(result("a"), text("here"))],
        [user("go"), assistant(A), user(result("a"), text("stop")), assistant("ok"), user(text("here"))],
    ),
    "a stream replayed": (
        [user("go"), assistant(A, A), user(result("a"))],
        [user("go"), assistant(A), user(result("a"))],
    ),
    "one id for two calls, one result": (
        [user("go"), assistant(call("a", x=1), call("a", x=2)), user(result("a"))],
        [
            user("go"),
            assistant(call("a", x=1), call(derived_id("a", 1), x=2)),
            user(result("a"), lost(derived_id("a", 1))),
        ],
    ),
    "one id for two calls, two results": (
        [user("go"), assistant(call("a", x=1), call("a", x=2)), user(result("a", "1"), result("a", "2"))],
        [
            user("go"),
            assistant(call("a", x=1), call(derived_id("a", 1), x=2)),
            user(result("a", "1"), result(derived_id("a", 1), "2")),
        ],
    ),
    "the same ids in every reply": (
        [user("go"), assistant(A), user(result("a", "1")), assistant(A), user(result("a", "2"))],
        [
            user("go"),
            assistant(A),
            user(result("a", "1")),
            assistant(call(derived_id("a", 1))),
            user(result(derived_id("a", 1), "2")),
        ],
    ),
    "ids with forbidden characters that would collide": (
        [user("go"), assistant(call("a.b"), call("a|b")), user(result("a|b", "2"), result("a.b", "1"))],
        [
            user("go"),
            assistant(call(derived_id("a.b")), call(derived_id("a|b"))),
            user(result(derived_id("a|b"), "2"), result(derived_id("a.b"), "1")),
        ],
    ),
    "a call and a result without id": (
        [
            user("go"),
            assistant({"type": "tool_use", "name": "read_file", "input": {}}),
            user({"type": "tool_result", "content": "ok"}),
        ],
        [
            user("go"),
            assistant({"type": "tool_use", "name": "read_file", "input": {}, "id": derived_id(None)}),
            user({"type": "tool_result", "content": "ok", "tool_use_id": derived_id(None)}),
        ],
    ),
    "input as a string": (
        [user("go"), assistant({**A, "input": '{"path": "a.py"}'}), user(result("a"))],
        [user("go"), assistant(call("a", path="a.py")), user(result("a"))],
    ),
    "input cut off": (
        [user("go"), assistant({**A, "input": '{"path": "a'}), user(result("a"))],
        [user("go"), assistant(call("a", INVALID_JSON='{"path": "a')), user(result("a"))],
    ),
    "an empty text before a call": (
        [user("go"), assistant(text(""), A), user(result("a"))],
        [user("go"), assistant(A), user(result("a"))],
    ),
    "an empty text alone in an assistant message": (
        [user("go"), assistant(text("")), user("and?")],
        [user("go"), assistant(), user("and?")],
    ),
    "an empty user message between calls and results": (
        [user("go"), assistant(A), user(""), user(result("a"))],
        [user("go"), assistant(A), user(result("a"))],
    ),
    "an error without a word": (
        [user("go"), assistant(A), user({"type": "tool_result", "tool_use_id": "a", "is_error": True})],
        [
            user("go"),
            assistant(A),
            user(
                {
                    "type": "tool_result",
                    "tool_use_id": "a",
                    "is_error": True,
                    "content": "(The tool reported an error without details.)",
                }
            ),
        ],
    ),
    "an error with a picture": (
        [user("go"), assistant(A, B), user(result("a", [text("no"), image()], is_error=True), result("b"))],
        [user("go"), assistant(A, B), user(result("a", [text("no")], is_error=True), result("b"), image())],
    ),
    "a server tool behind a call": (
        [user("go"), assistant(A, search("srvtoolu_1"), found("srvtoolu_1")), user(result("a"))],
        [user("go"), assistant(search("srvtoolu_1"), found("srvtoolu_1"), A), user(result("a"))],
    ),
    "text behind a call": (
        [user("go"), assistant(A, text("I read it.")), user(result("a"))],
        [user("go"), assistant(text("I read it."), A), user(result("a"))],
    ),
    "a result in another API's words": (
        [user("go"), assistant(A), {"role": "tool", "tool_call_id": "a", "content": "ok"}],
        [user("go"), assistant(A), user(result("a", "ok"))],
    ),
    "a system message between call and result": (
        [user("go"), assistant(A), system("be careful"), user(result("a"))],
        [user("go"), assistant(A), user(result("a"), text("be careful"))],
    ),
    "a system message first": (
        [system("be brief"), user("go")],
        [user("go")],
    ),
    "a result that is an object": (
        [user("go"), assistant(A), user(result("a", {"code": 0}))],
        [user("go"), assistant(A), user(result("a", '{"code":0}'))],
    ),
    "nothing but a call": (
        [assistant(A)],
        [user("(The beginning of this conversation is not part of it any more.)"), assistant(A), user(lost("a"))],
    ),
    "everything at once": (
        [
            user(result("z", "old")),
            assistant(A, B, A),
            user(text("[reminder]"), result("b"), text("")),
            assistant(text(""), C),
            user(result("c"), result("c"), result("a")),
        ],
        [
            user(text("[Result of tool call z]\nold")),
            assistant(A, B),
            user(result("a"), result("b"), text("[reminder]")),
            assistant(C),
            user(result("c")),
        ],
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_known_damage_is_repaired_as_a_careful_person_would(name: str) -> None:
    damaged, expected = DAMAGES[name]
    outcome = repair(request(*damaged), dialect("anthropic"))
    assert outcome.request["messages"] == expected
    assert outcome.violations
    assert outcome.remaining == ()
    assert refuses(outcome.request) == []


STRICT: dict[str, tuple[list[Json], list[Json]]] = {
    "results in the order they finished": (
        [user("go"), assistant(A, B, C), user(result("b"), result("c"), result("a"), text("and?"))],
        [user("go"), assistant(A, B, C), user(result("a"), result("b"), result("c"), text("and?"))],
    ),
    "one user message for each result": (
        [user("go"), assistant(A, B), user(result("b")), user(result("a"))],
        [user("go"), assistant(A, B), user(result("a"), result("b"))],
    ),
    "one assistant message for each call": (
        [user("go"), assistant(A), assistant(B), user(result("a"), result("b"))],
        [user("go"), assistant(A, B), user(result("a"), result("b"))],
    ),
    "an assistant message without content": (
        [user("go"), assistant(""), user("and?")],
        [user("go"), user("and?")],
    ),
}


@pytest.mark.parametrize("upstream", ["bedrock", "compatible"])
@pytest.mark.parametrize("name", STRICT)
def test_upstreams_that_count_messages_get_them_whole_and_in_order(name: str, upstream: str) -> None:
    damaged, expected = STRICT[name]
    outcome = repair(request(*damaged), dialect(upstream))
    assert outcome.request["messages"] == expected
    assert check(outcome.request, dialect(upstream).cautious()) == []


def test_new_ids_are_the_same_on_every_machine_and_in_every_version() -> None:
    # Whoever repaired a conversation before and resumes it with a later version must not lose cache and signatures.
    assert derived_id("functions.read_file:0") == "functions_read_file_0_3810a20246"
    assert derived_id("a", 1) == "a_03a95b5f06"
    assert derived_id(None) == "call_11503a5f65"


def test_what_is_nothing_but_a_turn_of_server_tools_is_left_alone() -> None:
    paused = request(user("go"), assistant(search("srvtoolu_1")), model="claude-opus-5")
    assert repair(paused, dialect("anthropic")).request is paused
    pending = request(user("go"), assistant(search("srvtoolu_1"), A), user(result("a")))
    assert repair(pending, dialect("anthropic")).request is pending


def test_a_reply_of_a_fallback_model_needs_no_results_of_the_calls_that_were_made_void() -> None:
    fallback = {"type": "fallback", "from": {"model": "claude-opus-5"}, "to": {"model": "claude-opus-4-8"}}
    replayed = request(user("go"), assistant(A, fallback, text("again"), B), user(result("b")))
    assert check(replayed, dialect("anthropic")) == []
    repaired = repair(replayed, dialect("anthropic")).request
    assert repaired["messages"] == [user("go"), assistant(fallback, text("again"), B), user(result("b"))]


def test_fields_of_messages_that_become_one_are_kept() -> None:
    first, second = {**assistant(A), "brand_new": 1}, {**assistant(B), "brand_new": 2, "newer": 3}
    outcome = repair(request(user("go"), first, second, user(result("a"), result("b"))), dialect("bedrock"))
    assert outcome.request["messages"][1] == {**assistant(A, B), "brand_new": 1, "newer": 3}


@pytest.mark.parametrize(
    "field", ["type", "id", "name", "input", "tool_use_id", "content", "text", "is_error", "source"]
)
@pytest.mark.parametrize("role", ["user", "assistant", "system"])
def test_json_nested_too_deeply_to_be_written_does_no_harm(role: str, field: str) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for block in (A, result("a"), image(), {"type": "image", "source": {"type": "base64", "media_type": deep}}):
        given = request(
            user("go"), {"role": role, "content": [{**block, field: deep}, A, {**result("a"), field: deep}]}
        )
        outcome = repair(given, dialect("anthropic"))
        assert check(outcome.request, dialect("anthropic")) == []
