"""Cache breakpoints for clients whose own do not move."""

import json
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from talk import READ_FILE, asked, calls, results, said, text

from antiphon.protocol.checking import check
from antiphon.protocol.dialects import ANTHROPIC
from antiphon.protocol.messages import is_array, is_object
from antiphon.proxy import Options, Proxy
from antiphon.proxy.caching import with_breakpoints
from antiphon.testing.emulator import Emulator

Json = dict[str, Any]
MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}


def marked(block: Json, marker: Json = MARK) -> Json:
    return {**block, "cache_control": marker}


def places(request: Json) -> list[str]:
    """Return where the breakpoints of a request are."""
    found = [f"tools.{n}" for n, tool in enumerate(request.get("tools", ())) if "cache_control" in tool]
    system: Any = request.get("system")
    if is_array(system):
        found += [f"system.{n}" for n, block in enumerate(system) if "cache_control" in block]
    for index, message in enumerate(request["messages"]):
        if isinstance(message["content"], list):
            found += [f"{index}.{n}" for n, block in enumerate(message["content"]) if "cache_control" in block]
    return found


TALK = (calls("a"), results("a"), calls("b", "c"), results("b", "c"))


def test_the_last_two_turns_of_the_user_and_what_is_fixed_are_marked() -> None:
    request, added = with_breakpoints(asked(*TALK, system="Be brief."))
    assert (places(request), added) == (["system.0", "2.0", "4.1"], 3)
    assert request["system"] == [marked(text("Be brief."))]


def test_without_a_system_prompt_the_last_tool_is_marked() -> None:
    request, _ = with_breakpoints(asked(*TALK))
    assert places(request) == ["tools.0", "2.0", "4.1"]


def test_the_first_prompt_is_marked_though_it_is_a_string() -> None:
    request, _ = with_breakpoints(asked())
    assert request["messages"] == [{"role": "user", "content": [marked(text("go"))]}]


@pytest.mark.parametrize(
    "request_",
    [
        asked(calls("a"), {"role": "user", "content": [marked(results("a")["content"][0])]}),
        asked(*TALK[:2], calls("b"), {"role": "user", "content": [*results("b")["content"], marked(text("and"))]}),
        asked(*TALK, cache_control=MARK),
        asked(*TALK, system=[marked(text(str(n))) for n in range(4)]),
        {"model": "x", "max_tokens": 1, "messages": []},
        {"model": "x", "messages": None},
    ],
)
def test_a_client_that_sees_to_it_itself_is_left_alone(request_: Json) -> None:
    assert with_breakpoints(request_) == (request_, 0)
    assert with_breakpoints(request_)[0] is request_


def test_a_breakpoint_that_never_moves_is_kept_and_others_are_added() -> None:
    cline = asked(*TALK, system=[marked(text("sys"))])
    cline["messages"][0] = {"role": "user", "content": [marked(text("go"))]}
    request, added = with_breakpoints(cline)
    assert (places(request), added) == (["system.0", "0.0", "2.0", "4.1"], 2)


def test_never_more_than_four() -> None:
    tools = [marked({**READ_FILE, "name": str(n)}) for n in range(3)]
    request, added = with_breakpoints(asked(*TALK, tools=tools))
    assert (places(request), added) == (["tools.0", "tools.1", "tools.2", "4.1"], 1)


def test_what_lives_longer_stays_before_what_lives_shorter() -> None:
    request, _ = with_breakpoints(asked(*TALK, system=[marked(text("sys"), HOUR)]))
    assert [block["cache_control"] for block in (request["system"][0], request["messages"][4]["content"][1])] == [
        HOUR,
        HOUR,
    ]
    assert not check(request, ANTHROPIC)


def test_thinking_and_empty_text_are_not_marked() -> None:
    blocks = [text("so"), text(""), text(" ")]
    request, _ = with_breakpoints({**asked(), "messages": [{"role": "user", "content": blocks}]})
    assert places(request) == ["tools.0", "0.0"]


def test_a_deferred_tool_is_not_marked() -> None:
    request, _ = with_breakpoints(asked(tools=[READ_FILE, {**READ_FILE, "name": "later", "defer_loading": True}]))
    assert places(request) == ["0.0"]


turns = st.lists(st.sampled_from(["text", "calls", "blank"]), max_size=6)


systems = st.sampled_from([None, "s", [text("s")], [marked(text("s"), HOUR)], [marked(text("s"))] * 3])


@given(kinds=turns, system=systems, marks=st.booleans())
def test_what_is_added_is_breakpoints_only_and_is_valid(kinds: list[str], system: Any, *, marks: bool) -> None:
    messages: list[Json] = []
    for number, kind in enumerate(kinds):
        ids = (f"a{number}", f"b{number}")
        answer = results(*ids) if kind == "calls" else said("so")
        messages += [calls(*ids) if kind == "calls" else {"role": "assistant", "content": "yes"}, answer]
    request = asked(*messages, **({} if system is None else {"system": system}))
    if marks:
        request["messages"][0] = {"role": "user", "content": [marked(text("go"))]}
    before = json.dumps(request)
    marked_, _ = with_breakpoints(request)
    assert json.dumps(request) == before
    assert len(places(marked_)) <= 4
    assert _bare(marked_) == _bare(request)
    if not check(request, ANTHROPIC):
        assert not check(marked_, ANTHROPIC)


def _bare(value: Any) -> Any:
    """Return a request without its breakpoints, and strings as the text blocks they stand for."""
    if is_array(value):
        return [_bare(item) for item in value]
    if not is_object(value):
        return value
    bare: Json = {key: _bare(item) for key, item in value.items() if key != "cache_control"}
    for key in ("content", "system"):
        if isinstance(bare.get(key), str) and bare.get("type") != "tool_result":
            bare[key] = [text(bare[key])]
    return bare


async def test_a_session_without_breakpoints_of_its_own_reads_most_of_its_input_from_the_cache(
    client: httpx2.AsyncClient, start_emulator: type[Emulator]
) -> None:
    emulator = start_emulator(["x"] * 20)
    long = "word " * 3000
    async with Proxy(emulator.url, profile="anthropic", options=Options(cache=True)) as proxy:
        request = asked(system=long)
        for number in range(10):
            response = await client.post(f"{proxy.url}/v1/messages", json=request)
            assert response.status_code == 200
            talk = [
                calls(f"a{number}"),
                {"role": "user", "content": [{**results(f"a{number}")["content"][0], "content": long}]},
            ]
            request = {**request, "messages": [*request["messages"], *talk]}
        status = (await client.get(f"{proxy.url}/antiphon/status")).json()
    assert status["cached_requests"] == 10
    assert status["cache_share"] > 0.7
    assert status["cache_saved"] > 0.5
