"""Rules about tools that the server runs: calls without result, results without call, and what may wait."""

import time
from typing import Any

import pytest
from conversations import damaged_conversations
from hypothesis import given, settings
from wire_talk import assistant, call, found, request, result, search, system, text, thinking, user

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import dialect
from antiphon.protocol.messages import Json, is_array, is_object

ANTHROPIC = dialect("anthropic")
A = call("a")
READ_FILE: Json = {"name": "read_file", "input_schema": {"type": "object"}}
WEB_SEARCH: Json = {"type": "web_search_20260318", "name": "web_search"}
S1, S2 = "srvtoolu_1", "srvtoolu_2"


def _mcp(call_id: str) -> Json:
    return {"type": "mcp_tool_use", "id": call_id, "name": "rooms", "server_name": "office", "input": {}}


def _mcp_result(call_id: str, content: Any = "two rooms") -> Json:
    return {"type": "mcp_tool_result", "tool_use_id": call_id, "content": content}


def _run(name: str, call_id: str = S1) -> Json:
    return {"type": "server_tool_use", "id": call_id, "name": name, "input": {}}


def _told(given_request: Json, start: int = 0) -> list[tuple[str, int | None]]:
    return [(one.rule, one.message) for one in check(given_request, ANTHROPIC, start=start)]


def _repaired(given_request: Json) -> list[Json]:
    outcome = repair(given_request, ANTHROPIC)
    assert outcome.remaining == ()
    assert repair(outcome.request, ANTHROPIC).request is outcome.request
    return outcome.request["messages"]


# A call without result


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([user("go"), assistant(search(S1))], id="the reply was paused"),
        pytest.param([user("go"), assistant(text("let me see"), search(S1), search(S2))], id="with two calls open"),
        pytest.param([user("go"), assistant(search(S1)), assistant(found(S1), text("so"))], id="a pause that went on"),
        pytest.param([user("go"), assistant(search(S1), A), user(result("a"))], id="it waits for a client tool"),
        pytest.param(
            [user("go"), assistant(search(S1), A, call("b")), user(result("a")), user(result("b"))],
            id="the results come in two messages",
        ),
        pytest.param(
            [user("go"), assistant(search(S1), A), user(result("a")), assistant(found(S1), text("so")), user("ok")],
            id="its result begins the next reply",
        ),
        pytest.param([user("go"), assistant(_mcp("mcptoolu_1"), _mcp_result("mcptoolu_1")), user("ok")], id="of MCP"),
    ],
)
def test_a_server_call_may_wait_for_its_result(messages: list[Json]) -> None:
    given_request = request(*messages)
    for start in range(len(messages) + 1):
        assert _told(given_request, start) == []
    assert repair(given_request, ANTHROPIC).request is given_request


@pytest.mark.parametrize(
    ("messages", "went_on"),
    [
        pytest.param([user("go"), assistant(search(S1)), user("and?")], 2, id="the user went on"),
        pytest.param([user("go"), assistant(search(S1)), assistant("well"), user("and?")], 2, id="the model went on"),
        pytest.param([user("go"), assistant(search(S1), A), user(result("a"), text("hurry"))], 2, id="a reminder"),
        pytest.param(
            [user("go"), assistant(search(S1), A), user(result("a")), user("hurry")], 3, id="a reminder of its own"
        ),
        pytest.param(
            [user("go"), assistant(search(S1), A), user(result("a")), assistant("done"), user("ok")],
            3,
            id="the next reply came without it",
        ),
        pytest.param([user("go"), assistant(_mcp("mcptoolu_1")), user("and?")], 2, id="of MCP"),
    ],
)
def test_once_the_conversation_goes_on_the_result_must_be_there(messages: list[Json], went_on: int) -> None:
    given_request = request(*messages)
    for start in range(len(messages)):
        # The message that goes on is at fault, wherever checking begins.
        assert _told(given_request, start) == ([("SV001", went_on)] if start <= went_on else [])
    kept = [block for message in _repaired(given_request) for block in message["content"] if is_object(block)]
    assert not any(block["type"] in ("server_tool_use", "mcp_tool_use") for block in kept)


def test_of_a_system_message_behind_the_results_nobody_knows() -> None:
    given_request = request(
        user("go"), assistant(search(S1), A), user(result("a")), system("be brief"), model="claude-opus-5"
    )
    assert _told(given_request) == []
    assert _repaired(given_request) is given_request["messages"]


def test_each_kind_of_call_is_told_by_its_name() -> None:
    opened = assistant(search(S1), _run("tool_search_tool_regex", S2), _mcp("mcptoolu_1"))
    template = "messages.1: {} with id `{}` was found without a corresponding `{}_tool_result` block"
    assert [one.text for one in check(request(user("go"), opened, user("and?")), ANTHROPIC)] == [
        template.format("`web_search` tool use", S1, "web_search"),
        template.format("`tool_search_tool_regex` tool use", S2, "tool_search"),
        template.format("`mcp_tool_use`", "mcptoolu_1", "mcp"),
    ]


def test_only_the_call_goes_and_the_client_calls_keep_their_results() -> None:
    given_request = request(user("go"), assistant(text("look"), search(S1), A), user(result("a"), text("hurry")))
    assert _repaired(given_request) == [user("go"), assistant(text("look"), A), user(result("a"), text("hurry"))]


def test_a_message_of_nothing_but_the_call_goes() -> None:
    assert _repaired(request(user("go"), assistant(search(S1)), user("and?"))) == [user("go"), user("and?")]


def test_a_result_of_a_client_for_a_server_call_stays_as_text_and_the_call_goes() -> None:
    # Never sent by a client that knows the API: the server runs its tools itself.
    given_request = request(user("go"), assistant(search(S1)), user(result(S1, "found it")))
    assert [rule for rule, _ in _told(given_request)] == ["TU004"]
    assert _repaired(given_request) == [user("go"), user(text(f"[Result of tool call {S1}]\nfound it"))]


# A result without call


def test_a_result_stands_behind_its_call() -> None:
    given_request = request(user("go"), assistant(found(S1), search(S1), text("so")), user("ok"))
    assert _told(given_request) == [("SV002", 1), ("SV001", 2)]
    assert _repaired(given_request)[1] == assistant(text("so"))


@pytest.mark.parametrize(
    ("kind", "call_type"),
    [
        ("advisor_tool_result", "server_tool_use"),
        ("bash_code_execution_tool_result", "server_tool_use"),
        ("tool_of_tomorrow_tool_result", "server_tool_use"),
        ("mcp_tool_result", "mcp_tool_use"),
    ],
)
def test_an_orphan_is_told_in_the_words_for_its_kind(kind: str, call_type: str) -> None:
    orphan: Json = {"type": kind, "tool_use_id": S1, "content": []}
    (found_one,) = check(request(user("go"), assistant(orphan, text("so")), user("ok")), ANTHROPIC)
    assert found_one.text == (
        f"messages.1.content.0: unexpected `tool_use_id` found in `{kind}` blocks: srvtoolu_1."
        f" Each `{kind}` block must have a corresponding `{call_type}` block before it."
    )


def test_the_words_of_an_mcp_server_are_kept() -> None:
    orphan = _mcp_result("mcptoolu_1", [text("two rooms")])
    assert _repaired(request(user("go"), assistant(orphan), user("ok")))[1] == assistant(
        text("[Result of tool call mcptoolu_1]"), text("two rooms")
    )


def test_a_call_far_before_is_a_call() -> None:
    rounds = [message for n in range(4) for message in (assistant(call(f"c{n}")), user(result(f"c{n}")))]
    given_request = request(user("go"), assistant(search(S1), A), user(result("a")), *rounds, assistant(found(S1)))
    whole = _told(given_request)
    assert ("SV002", 11) not in whole
    assert _told(given_request, len(given_request["messages"]) - 1) == []


# The tool is declared while its call waits


@pytest.mark.parametrize(
    ("call_block", "tools", "refused"),
    [
        (search(S1), [READ_FILE, WEB_SEARCH], False),
        (search(S1), [READ_FILE], True),
        (search(S1), [READ_FILE, {"type": "web_fetch_20260318", "name": "web_fetch"}], True),
        (_run("web_fetch"), [READ_FILE, {"type": "web_fetch_20250910", "name": "web_fetch"}], False),
        (_run("bash_code_execution"), [READ_FILE, {"type": "code_execution_20250825"}], False),
        (_run("code_execution"), [READ_FILE, WEB_SEARCH], False),
        (_run("code_execution"), [READ_FILE], True),
        (_run("tool_search_tool_bm25"), [READ_FILE, {"type": "tool_search_tool_bm25_20251119"}], False),
        (_run("tool_of_tomorrow"), [READ_FILE], False),
        (_mcp("mcptoolu_1"), [READ_FILE], False),
        (search(S1), None, False),
    ],
)
def test_the_tool_of_a_call_that_waits_is_declared(call_block: Json, tools: Any, *, refused: bool) -> None:
    params = {} if tools is None else {"tools": tools}
    given_request = request(user("go"), assistant(call_block, A), user(result("a")), **params)
    assert _told(given_request) == ([("SV003", 2)] if refused else [])
    assert _told(given_request, 2) == _told(given_request)
    kept = _repaired(given_request)[1]
    assert kept == (assistant(A) if refused else given_request["messages"][1])


def test_a_paused_reply_is_sent_back_with_whatever_tools() -> None:
    given_request = request(user("go"), assistant(search(S1)), tools=[READ_FILE])
    assert _told(given_request) == []


# Ids and containers


def test_ids_of_other_makers_are_replaced_on_both_sides_and_stay_different() -> None:
    given_request = request(
        user("go"), assistant(search("call-1"), found("call-1"), search("call_1"), found("call_1")), user("ok")
    )
    assert [rule for rule, _ in _told(given_request)] == ["SV004"] * 4
    content = _repaired(given_request)[1]["content"]
    ids = [block.get("id", block.get("tool_use_id")) for block in content]
    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert all(one.startswith("srvtoolu_call_1_") and "-" not in one for one in ids)


@pytest.mark.parametrize("bad", [None, 7, ["x"], "", "srvtoolu_", "srvtoolu_a-b", "toolu_1"])
def test_any_other_id_becomes_one_of_a_server(bad: Any) -> None:
    content = _repaired(request(user("go"), assistant(search(bad), {**found(S1), "tool_use_id": bad}), user("ok")))[1][
        "content"
    ]
    assert content[0]["id"] == content[1]["tool_use_id"]


def test_ids_of_mcp_servers_are_their_own_affair() -> None:
    given_request = request(user("go"), assistant(_mcp("any-id.7"), _mcp_result("any-id.7")), user("ok"))
    assert _told(given_request) == []


@pytest.mark.parametrize(
    ("container", "repaired"),
    [
        ("container_1", "container_1"),
        (None, None),
        ({"id": "container_1", "skills": []}, {"id": "container_1", "skills": []}),
        ({"id": "container_1", "expires_at": "2026-11-23T10:00:00Z"}, "container_1"),
        ({"expires_at": None}, "gone"),
        (["container_1"], "gone"),
        (7, "gone"),
    ],
)
def test_a_container_is_named_by_its_id(container: Any, repaired: Any) -> None:
    given_request = request(user("go"), container=container)
    assert repair(given_request, ANTHROPIC).request.get("container", "gone") == repaired


def test_other_vendors_have_other_server_tools() -> None:
    given_request = request(user("go"), assistant(search("call-1")), user("and?"), model="glm-5")
    assert check(given_request, dialect("compatible")) == []
    assert repair(given_request, dialect("compatible")).request is given_request


@settings(deadline=None)
@given(damaged=damaged_conversations())
def test_no_repair_leaves_a_server_call_or_result_alone(damaged: Json) -> None:
    messages: list[Any] = [*damaged["messages"], user("and?"), assistant(thinking(), text("ok")), user("so")]
    repaired = repair({**damaged, "messages": messages}, ANTHROPIC).request["messages"]
    blocks = [block for message in repaired if is_array(message["content"]) for block in message["content"]]
    called = [block["id"] for block in blocks if block["type"] == "server_tool_use"]
    answered = [block["tool_use_id"] for block in blocks if block["type"] == "web_search_tool_result"]
    assert set(called) == set(answered)


def test_the_work_grows_no_faster_than_the_calls_that_wait() -> None:
    def seconds(n: int) -> float:
        opened = assistant(*(search(f"srvtoolu_{k}") for k in range(n)), *(call(f"c{k}") for k in range(n)))
        late = assistant(*(found(f"srvtoolu_{k + n}") for k in range(n)))
        given_request = request(user("go"), opened, *(user(result(f"c{k}")) for k in range(n)), late, user("ok"))
        best = float("inf")
        for _ in range(2):
            started = time.process_time()
            repair(given_request, ANTHROPIC)
            best = min(best, time.process_time() - started)
        return best

    # Twenty-five, where quadratic work would be a hundred: a busy machine must not fail this.
    assert seconds(1000) < 25 * seconds(100)
