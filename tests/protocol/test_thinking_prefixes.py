"""What stands before thinking, as a digest: the same in a request as behind the request whose reply it came with."""

import json
from typing import Any

from wire_talk import assistant, call, request, result, system, text, thinking, user

from antiphon.protocol.messages import Json
from antiphon.protocol.prefix import reply_prefixes, thinking_prefixes

TOOL: Json = {"name": "read_file", "input_schema": {"type": "object"}}
REPLY: list[Json] = [
    thinking("one", signature="s1"),
    text("look"),
    {"type": "redacted_thinking", "data": "d2"},
    call("a"),
]
NEXT: list[Json] = [thinking("three", signature="s3"), call("b")]


def _prefixes(given: Any) -> dict[str, bytes]:
    return {found.signature: found.prefix for found in thinking_prefixes(given)}


def _asked(*more: Json, **params: Any) -> Json:
    return request(user("go"), *more, **({"tools": [TOOL], "system": "be brief"} | params))


def test_thinking_has_the_same_prefix_in_the_reply_and_in_every_later_request() -> None:
    asked = _asked()
    first = dict(reply_prefixes(asked, REPLY))
    asked_again = _asked(assistant(*REPLY), user(result("a")))
    second = dict(reply_prefixes(asked_again, NEXT))
    assert list(first) == ["s1", "d2"]
    assert list(second) == ["s3"]
    later = _asked(assistant(*REPLY), user(result("a")), assistant(*NEXT), user(result("b")))
    assert _prefixes(later) == first | second
    assert [(found.message, found.block) for found in thinking_prefixes(later)] == [(1, 0), (1, 2), (3, 0)]


def test_a_reply_that_goes_on_behind_a_pause_counts_as_one_turn() -> None:
    paused = _asked(assistant(*REPLY[:2]))
    rest = dict(reply_prefixes(paused, REPLY[2:]))
    assert rest["d2"] == _prefixes(_asked(assistant(*REPLY)))["d2"]


def test_a_change_reaches_the_thinking_behind_it_and_no_other() -> None:
    whole = _asked(assistant(*REPLY), user(result("a")), assistant(*NEXT), user(result("b")))
    before = _prefixes(whole)
    changed = json.loads(json.dumps(whole))
    changed["messages"][1]["content"][1]["text"] = "Look!"
    after = _prefixes(changed)
    assert [name for name in before if before[name] == after[name]] == ["s1"]
    other_heads: list[Json] = [{"system": "be loud"}, {"tools": []}]
    for params in other_heads:
        after = _prefixes(whole | params)
        assert all(before[name] != after[name] for name in before)
    assert _prefixes(whole | {"max_tokens": 9, "metadata": {}}) == before


def test_thinking_that_is_missing_changes_the_prefix_of_what_follows() -> None:
    whole = _asked(assistant(*REPLY), user(result("a")), assistant(*NEXT))
    without = _asked(assistant(*REPLY[1:]), user(result("a")), assistant(*NEXT))
    assert all(_prefixes(without)[name] != _prefixes(whole)[name] for name in ("d2", "s3"))


def test_what_the_model_does_not_read_changes_nothing() -> None:
    plain = _asked(assistant(text("hi")), user("go on"), assistant(*NEXT))
    marked = _asked(
        assistant("hi"),
        user(text("go on", cache_control={"type": "ephemeral"}, citations=None)),
        assistant(*NEXT),
        system=[text("be brief", cache_control={"type": "ephemeral"})],
    )
    assert _prefixes(plain) == _prefixes(marked)


def test_what_is_left_out_before_a_fallback_does_not_count() -> None:
    taken_over: list[Json] = [{"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}, *NEXT]
    as_replied = (thinking("old", signature="s0"), text("part"), call("old"), *taken_over)
    assert dict(reply_prefixes(_asked(), as_replied)) == _prefixes(_asked(assistant(text("part"), *taken_over)))


def test_thinking_that_is_not_kept_counts_as_absent() -> None:
    whole = _asked(assistant(*REPLY), user(result("a")), assistant(*NEXT))
    found = list(thinking_prefixes(whole, keeps=lambda one: one.signature != "d2"))
    without = _asked(assistant(*REPLY[:2], *REPLY[3:]), user(result("a")), assistant(*NEXT))
    assert [one.signature for one in found] == ["s1", "d2", "s3"]
    assert {one.signature: one.prefix for one in found if one.signature != "d2"} == _prefixes(without)


def test_a_reply_that_a_client_took_apart_and_put_together_again_is_the_same() -> None:
    asked = {**call("a"), "input": {"b": 1.0, "a": [2.5, {"c": 1e3}]}, "caller": {"type": "direct"}}
    as_sent = {"type": "tool_use", "name": "read_file", "id": "a", "input": {"a": [2.5, {"c": 1000}], "b": 1}}
    plain = _asked(assistant(text("x", citations=[]), asked), user(result("a", is_error=False)), assistant(*NEXT))
    again = _asked(assistant("x", as_sent), user(result("a", [text("result of a")])), assistant(*NEXT))
    assert _prefixes(plain) == _prefixes(again)
    changed = {**as_sent, "input": {"a": [2.5, {"c": 1000}], "b": 2}}
    assert _prefixes(_asked(assistant("x", changed), user(result("a")), assistant(*NEXT))) != _prefixes(plain)


def test_the_line_that_tells_who_pays_is_another_one_each_time_and_does_not_count() -> None:
    def sent(mark: str) -> Json:
        line = f"x-anthropic-billing-header: cc_version=2.1.177.01c; cc_entrypoint=cli; cch={mark};"
        return _asked(assistant(*NEXT), system=[text(line), text("You are Claude Code.")])

    assert _prefixes(sent("36ee5")) == _prefixes(sent("0aaa9"))


def test_who_said_it_counts() -> None:
    by_user = request(user("go"), user("careful"), assistant(*NEXT))
    by_system = request(user("go"), system("careful"), assistant(*NEXT))
    assert _prefixes(by_user) != _prefixes(by_system)


def test_places_are_those_in_the_arrays_as_sent_and_junk_does_not_hurt() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    given: Any = {
        "messages": [
            None,
            {"role": "assistant", "content": [7, {"type": "x", "deep": deep}, {"type": "thinking"}]},
            {"role": ["?"], "content": [{"type": "redacted_thinking", "data": 5}]},
        ]
    }
    found = list(thinking_prefixes(given))
    assert [(one.message, one.block, one.signature) for one in found] == [(1, 2, ""), (2, 0, "")]
    assert list(thinking_prefixes({"messages": 7, "system": {}, "tools": "x"})) == []
