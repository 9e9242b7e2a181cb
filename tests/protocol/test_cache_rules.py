"""Cache markers: how many there may be, where, for how long, and which of them are worth keeping."""

import copy
import json
from typing import Any

import pytest
from conversations import JUNK, damaged_conversations, valid_conversations
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_talk import assistant, call, request, result, text, thinking, user

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import DIALECTS, dialect
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.prefix import pieces

ANTHROPIC = dialect("anthropic")
SHORT = {"type": "ephemeral"}
LONG = {"type": "ephemeral", "ttl": "1h"}
TOOL: Json = {"name": "read_file", "input_schema": {"type": "object"}}


def marked(block: Json | str, marker: Any = SHORT) -> Json:
    return {**(text(block) if isinstance(block, str) else block), "cache_control": marker}


def told(given_request: Json, upstream: str = "anthropic", start: int = 0) -> list[tuple[str, int | None]]:
    return [(found.rule, found.message) for found in check(given_request, dialect(upstream), start=start)]


def repaired(given_request: Json, upstream: str = "anthropic") -> Json:
    outcome = repair(given_request, dialect(upstream), lossy=False)
    assert outcome.remaining == ()
    assert repair(outcome.request, dialect(upstream)).request is outcome.request
    # Markers say nothing to the model: what it reads, and what its thinking is bound to, stays as it is.
    assert [piece.data for piece in pieces(outcome.request)] == [piece.data for piece in pieces(given_request)]
    return outcome.request


def places(given_request: Json) -> list[str]:
    """Return where the markers of a request stand."""
    found: list[str] = []

    def look(value: Any, where: str) -> None:
        if is_object(value):
            found.extend([where] if value.get("cache_control") is not None else [])
            for key, item in value.items():
                look(item, f"{where}.{key}")
        elif is_array(value):
            for index, item in enumerate(value):
                look(item, f"{where}.{index}")

    look(given_request, "")
    return sorted(found)


@pytest.mark.parametrize(
    "given_request",
    [
        request(user(*(marked(str(n)) for n in range(4)), "last")),
        request(user(marked("a")), cache_control=SHORT, system=[marked("b")]),
        request(user(marked("a"), marked("b"), marked("c"), marked("d")), cache_control=SHORT),
        request(user(marked("a", LONG), marked("b", LONG), marked("c"), "d"), system=[marked("s", LONG)]),
        request(
            user(marked("a", {"type": "ephemeral", "ttl": "5m"})), cache_control={"type": "ephemeral", "ttl": None}
        ),
        request(user("hi"), cache_control=None, tools=[{**TOOL, "cache_control": None}]),
        request(user(marked("a", {"type": "ephemeral", "scope": "global", "brand_new": 1}))),
        request(user("go"), assistant(call("a")), user(result("a", [marked("x"), text("y")]))),
        request(user("go"), assistant(call("a")), user(marked(result("a", [text(""), text("y")])))),
        request(user(marked("a")), max_tokens=0, cache_control=SHORT),
    ],
)
def test_markers_as_they_may_be_are_left_alone(given_request: Json) -> None:
    assert told(given_request) == []
    assert repair(given_request, ANTHROPIC).request is given_request


@pytest.mark.parametrize(
    ("given_request", "expected"),
    [
        (
            request(user(*(marked(str(n)) for n in range(6)))),
            [".messages.0.content.2", ".messages.0.content.3", ".messages.0.content.4", ".messages.0.content.5"],
        ),
        (
            request(
                *[
                    user(marked("a")),
                    assistant(marked("b")),
                    user(marked("c")),
                    assistant(marked("d")),
                    user(marked("e")),
                ],
                tools=[{**TOOL, "cache_control": LONG}],
                system=[marked("x", LONG), marked("y", LONG)],
            ),
            [".messages.3.content.0", ".messages.4.content.0", ".system.1", ".tools.0"],
        ),
        (
            request(user(marked("a")), system=[marked(c) for c in "uvwxyz"]),
            [".messages.0.content.0", ".system.0", ".system.4", ".system.5"],
        ),
        (
            request(user(marked("a"), marked("b"), marked("c"), marked("d"), "e"), cache_control=SHORT),
            [".messages.0.content.0", ".messages.0.content.1", ".messages.0.content.2", ".messages.0.content.3"],
        ),
        (
            request(
                user("go"),
                assistant(call("a")),
                user(marked(result("a", [marked("x"), marked("y"), marked("z")])), marked("v")),
            ),
            [
                ".messages.2.content.0",
                ".messages.2.content.0.content.1",
                ".messages.2.content.0.content.2",
                ".messages.2.content.1",
            ],
        ),
    ],
)
def test_of_too_many_markers_those_are_kept_that_are_worth_most(given_request: Json, expected: list[str]) -> None:
    assert [rule for rule, _ in told(given_request)] == ["CC001"]
    assert places(repaired(given_request)) == expected


def test_a_fifth_marker_is_told_where_it_stands_and_only_when_it_is_new() -> None:
    messages = [user(marked("a")), assistant(marked("b")), user(marked("c"))]
    four = request(*messages, system=[marked("s")])
    assert told(four) == []
    five = request(*messages, assistant("d"), user(marked("e")), system=[marked("s")])
    for start in range(5):
        assert told(five, start=start) == [("CC001", 4)]
    assert told(five, start=5) == []
    by_itself = request(*messages, assistant("d"), user("e"), system=[marked("s")], cache_control=SHORT)
    for start in range(5):
        assert told(by_itself, start=start) == [("CC001", 4)]
    assert told(request(user("a"), system=[marked(c) for c in "vwxyz"]), start=1) == [("CC001", None)]


def test_an_hour_behind_five_minutes_is_told_in_the_order_in_which_the_api_reads() -> None:
    given_request = request(
        user(marked("a", LONG)), assistant("b"), user(marked("c", LONG)), tools=[{**TOOL, "cache_control": SHORT}]
    )
    texts = [found.text for found in check(given_request, ANTHROPIC)]
    assert [text.partition(":")[0] for text in texts] == [
        "messages.0.content.0.cache_control.ttl",
        "messages.2.content.0.cache_control.ttl",
    ]
    assert told(given_request, start=1) == [("CC003", 2)]
    messages = repaired(given_request)["messages"]
    assert [block["cache_control"] for m in (0, 2) for block in messages[m]["content"]] == [
        {"type": "ephemeral", "ttl": "5m"}
    ] * 2
    assert messages[1] is given_request["messages"][1]


@pytest.mark.parametrize(
    ("marker", "problem", "expected"),
    [
        (True, ": Input should be a valid dictionary or object to extract fields from", SHORT),
        ("ephemeral", ": Input should be a valid dictionary or object to extract fields from", SHORT),
        ([], ": Input should be a valid dictionary or object to extract fields from", None),
        ({}, ": Unable to extract tag using discriminator 'type'", SHORT),
        (
            {"type": "persistent", "x": 1},
            ": Input tag 'persistent' found using 'type' does not match any of the expected tags: 'ephemeral'",
            {"type": "ephemeral", "x": 1},
        ),
        ({"type": "ephemeral", "ttl": "24h"}, ".ephemeral.ttl: Input should be '5m' or '1h'", {**SHORT, "ttl": "5m"}),
        ({"type": "ephemeral", "ttl": 300}, ".ephemeral.ttl: Input should be '5m' or '1h'", {**SHORT, "ttl": "5m"}),
    ],
)
def test_a_marker_of_another_kind_becomes_a_usual_one(marker: Any, problem: str, expected: Any) -> None:
    carriers: list[tuple[str, Json]] = [
        ("messages.0.content.0.text.cache_control", request(user(marked("a", marker)))),
        ("tools.0.custom.cache_control", request(user("a"), tools=[{**TOOL, "cache_control": marker}])),
        ("system.0.cache_control", request(user("a"), system=[marked("s", marker)])),
        ("cache_control", request(user("a"), cache_control=marker)),
    ]
    for where, given_request in carriers:
        assert [found.text for found in check(given_request, ANTHROPIC)] == [where + problem]
        assert json.dumps(expected) in json.dumps(repaired(given_request)) or expected is None
        assert bool(places(repaired(given_request))) == (expected is not None)


@pytest.mark.parametrize(
    ("given_request", "rule", "expected"),
    [
        (request(user("a", "b"), assistant(marked(thinking()), "c"), user("d")), "CC004", [".messages.0.content.1"]),
        (
            request(user("a", marked("b")), assistant(marked(thinking()), "c"), user("d")),
            "CC004",
            [".messages.0.content.1"],
        ),
        (request(user("a"), assistant(marked(thinking()), "c"), user("d")), "CC004", []),
        (
            request(user("go"), assistant(text("a"), marked(thinking("x")), marked(thinking("y")), "c"), user("d")),
            "CC004",
            [".messages.1.content.0"],
        ),
        (
            request(user("go"), assistant(call("a")), user(result("a", [text("x"), marked("")]))),
            "CC005",
            [".messages.1.content.0"],
        ),
        (
            request(user("a"), tools=[TOOL, {**TOOL, "name": "b", "defer_loading": True, "cache_control": SHORT}]),
            "CC007",
            [".tools.0"],
        ),
        (
            request(
                user("a"),
                tools=[
                    {**TOOL, "cache_control": LONG},
                    {**TOOL, "name": "b", "defer_loading": True, "cache_control": SHORT},
                ],
            ),
            "CC007",
            [".tools.0"],
        ),
        (request(user(marked("a", LONG)), cache_control=SHORT), "CC006", [".messages.0.content.0"]),
    ],
)
def test_a_marker_where_none_may_be_moves_to_the_nearest_place(
    given_request: Json, rule: str, expected: list[str]
) -> None:
    assert {found for found, _ in told(given_request)} == {rule}
    assert places(repaired(given_request)) == expected


def test_bedrock_understands_less_and_older_models_less_still() -> None:
    scoped = request(user(marked("a", {**LONG, "scope": "global"})), cache_control=SHORT)
    assert told(scoped) != [("CC008", 0)]
    texts = [found.text for found in check(scoped, dialect("bedrock"))]
    assert texts == [
        "messages.0.content.0.text.cache_control.ephemeral.scope: Extra inputs are not permitted",
        "cache_control: Extra inputs are not permitted",
    ]
    assert places(repaired(scoped, "bedrock")) == [".messages.0.content.0"]
    older = request(user(marked("a", LONG)), model="anthropic.claude-3-5-haiku-20241022-v1:0")
    assert [found.text for found in check(older, dialect("bedrock"))] == [
        "messages.0.content.0.text.cache_control.ephemeral.ttl: Extra inputs are not permitted"
    ]
    assert repaired(older, "bedrock")["messages"] == [user(marked("a"))]
    newer = request(user(marked("a")), cache_control=SHORT, model="anthropic.claude-opus-5-v1:0")
    assert told(newer, "bedrock") == []


MARKERS = st.sampled_from([SHORT, SHORT, LONG, {"type": "ephemeral", "ttl": "5m"}, None, True, {"type": "x"}]) | JUNK


@st.composite
def sprinkled(draw: st.DrawFn, conversations: st.SearchStrategy[Json]) -> Json:
    """A conversation with markers anywhere, right and wrong."""
    given_request = copy.deepcopy(draw(conversations))
    tools = [{**TOOL, "name": f"tool_{n}"} for n in range(draw(st.integers(0, 3)))]
    given_request.update({"tools": tools, "system": [text(c) for c in draw(st.sampled_from(["", "a", "abc"]))]})
    holders: list[Any] = [given_request, *tools, *given_request["system"]]
    for message in given_request["messages"]:
        content: Any = message.get("content") if is_object(message) else None
        for block in content if is_array(content) else ():
            inner: Any = block.get("content") if is_object(block) else None
            holders += [block, *(inner if is_array(inner) else ())]
    for holder in holders:
        if is_object(holder) and draw(st.integers(0, 2)) == 0:
            holder["cache_control"] = draw(MARKERS)
    return given_request


@pytest.mark.parametrize("upstream", [found for found in DIALECTS.values() if found.form is None], ids=lambda d: d.name)
@settings(deadline=None, max_examples=50)
@given(given_request=sprinkled(valid_conversations()))
def test_wherever_markers_stand_they_are_put_right_and_nothing_else_is_touched(
    given_request: Json, upstream: Any
) -> None:
    outcome = repair(given_request, upstream, lossy=False)
    assert outcome.remaining == ()
    assert {found.rule[:2] for found in outcome.violations} <= {"CC"}
    assert repair(outcome.request, upstream).request is outcome.request
    assert [piece.data for piece in pieces(outcome.request)] == [piece.data for piece in pieces(given_request)]


@settings(deadline=None, max_examples=50)
@given(given_request=sprinkled(damaged_conversations()))
def test_markers_in_a_damaged_conversation_are_put_right_with_it(given_request: Json) -> None:
    outcome = repair(given_request, ANTHROPIC)
    assert {found.rule for found in outcome.remaining} <= {"MS001"}
    assert repair(outcome.request, ANTHROPIC).request is outcome.request


@settings(deadline=None, max_examples=50)
@given(given_request=sprinkled(valid_conversations()))
def test_a_conversation_that_grew_is_judged_from_where_it_grew_as_in_the_whole(given_request: Json) -> None:
    whole = check(given_request, ANTHROPIC)
    for start in range(len(given_request["messages"]) + 1):
        if all(found.message is None or found.message >= start for found in whole):
            assert check(given_request, ANTHROPIC, start=start) == whole
