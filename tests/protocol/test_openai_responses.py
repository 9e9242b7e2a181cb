"""Responses: outputs belong to calls by `call_id` and stand anywhere behind them."""

import json
from typing import Any

import pytest

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import dialect
from antiphon.protocol.messages import Json

RESPONSES = dialect("openai-responses")
NO_RESULT = "No result of this tool call was recorded. The call may or may not have been carried out."


def _user(said: Any = "go") -> Json:
    return {"type": "message", "role": "user", "content": said}


def _call(call_id: Any, **fields: Any) -> Json:
    return {"type": "function_call", "call_id": call_id, "name": "read_file", "arguments": "{}", **fields}


def _output(call_id: Any, output: Any = "found") -> Json:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def _reasoning(**fields: Any) -> Json:
    return {"type": "reasoning", "summary": [], **fields}


def _request(*items: Json, **params: Any) -> Json:
    return {"model": "gpt-5", "input": list(items), **params}


def _texts(*items: Json, **params: Any) -> list[str]:
    return [violation.text for violation in check(_request(*items, **params), RESPONSES)]


def _repaired(*items: Json, **params: Any) -> list[Json]:
    given = _request(*items, **params)
    before = json.dumps(given)
    outcome = repair(given, RESPONSES)
    assert outcome.remaining == ()
    assert json.dumps(given) == before
    assert repair(outcome.request, RESPONSES).request is outcome.request
    return outcome.request["input"]


ANSWERED: Json = {"role": "assistant", "content": [{"type": "output_text", "text": "done", "annotations": []}]}


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([_user(), _call("a"), _call("b"), _output("b"), _output("a")], id="any order"),
        pytest.param([_user(), _call("a"), _user("hm"), ANSWERED, _output("a"), _user()], id="far behind"),
        pytest.param([_call("a"), _output("a"), _call("b"), _output("b")], id="one after the other"),
        pytest.param([_user(), _call("a"), _output("a"), _call("a"), _output("a")], id="an id used again"),
        pytest.param([{"role": "user", "content": "no type"}, {"role": "developer", "content": "d"}], id="easy"),
        pytest.param([_user(), _reasoning(id="rs_1"), _call("a"), _output("a")], id="reasoning before its call"),
        pytest.param([_user(), _reasoning(encrypted_content="gAAA"), _user("stop")], id="reasoning without id"),
        pytest.param([_user(), {"type": "web_search_call", "id": "ws_1", "status": "completed"}], id="a server's call"),
        pytest.param([_user([{"type": "input_hologram", "x": 1}]), {"type": "of_tomorrow"}], id="things of tomorrow"),
        pytest.param([_user(), {"type": "item_reference", "id": "fc_1"}, _output("z")], id="a reference"),
        pytest.param([_user(), _call("a"), _output("a", [{"type": "input_image", "image_url": "x"}])], id="an image"),
        pytest.param(
            [_user(), {"type": "local_shell_call", "call_id": "s", "action": {"type": "exec"}}, _output("s")],
            id="a shell answered by a function's output",
        ),
        pytest.param(
            [
                {"type": "computer_call", "call_id": "c", "action": {"type": "screenshot"}},
                {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}},
            ],
            id="a screenshot",
        ),
    ],
)
def test_what_responses_takes_is_returned_as_it_was(items: list[Json]) -> None:
    given = _request(*items)
    assert check(given, RESPONSES) == []
    assert repair(given, RESPONSES).request is given


@pytest.mark.parametrize("given", [{"input": "go"}, {"previous_response_id": "resp_1"}, {"prompt": {"id": "pmpt_1"}}])
def test_a_request_needs_no_list_of_items(given: Json) -> None:
    assert check(given, RESPONSES) == []
    assert repair(given, RESPONSES).request is given


def test_a_request_needs_some_input() -> None:
    assert [violation.text for violation in check({}, RESPONSES)] == ["Missing required parameter: 'input'."]


def test_a_call_without_output_gets_one_directly_behind_it() -> None:
    items = [_user(), _call("a"), _call("b"), _output("b"), _user("stop")]
    assert _texts(*items) == ["No tool output found for function call a."]
    assert _repaired(*items) == [*items[:2], _output("a", NO_RESULT), *items[2:]]


def test_an_output_before_its_call_moves_behind_it_and_everything_else_stays() -> None:
    items = [_user(), _output("a"), _user("hm"), _call("a"), _call("b"), _user("on"), _output("b")]
    assert _texts(*items) == [
        "No tool call found for function call output with call_id a.",
        "No tool output found for function call a.",
    ]
    assert _repaired(*items) == [items[n] for n in (0, 2, 3, 1, 4, 5, 6)]


def test_an_output_nobody_asked_for_becomes_text_where_it_stood() -> None:
    items = [_user(), _output("gone", "precious"), _call("a"), _output("a")]
    assert _texts(*items) == ["No tool call found for function call output with call_id gone."]
    said = {"role": "user", "content": "[Result of tool call gone]\nprecious"}
    assert _repaired(*items) == [items[0], said, *items[2:]]


@pytest.mark.parametrize("held", [{"previous_response_id": "resp_1"}, {"conversation": "conv_1"}])
def test_what_the_server_holds_may_have_asked(held: Json) -> None:
    given = _request(_output("elsewhere"), _user(), **held)
    assert check(given, RESPONSES) == []
    assert repair(given, RESPONSES).request is given


def test_a_call_that_can_be_seen_wants_its_output_whatever_the_server_holds() -> None:
    items = [_output("a"), _output("elsewhere"), _call("a"), _call("b")]
    assert _texts(*items, previous_response_id="resp_1") == [
        "No tool call found for function call output with call_id a.",
        "No tool output found for function call a, b.",
        "No tool output found for function call a, b.",
    ]
    repaired = _repaired(*items, previous_response_id="resp_1")
    assert repaired == [items[1], items[2], items[0], items[3], _output("b", NO_RESULT)]


@pytest.mark.parametrize("kind", ["custom_tool_call", "local_shell_call", "apply_patch_call"])
def test_each_kind_of_call_is_answered_in_its_own_kind(kind: str) -> None:
    items = [_user(), {"type": kind, "call_id": "a", "name": "sql", "input": "select"}, _user("stop")]
    answer = _repaired(*items)[2]
    assert (answer["type"], answer["call_id"], answer["output"]) == (f"{kind}_output", "a", NO_RESULT)


@pytest.mark.parametrize("kind", ["computer_call", "shell_call"])
def test_a_call_whose_output_no_words_can_stand_for_becomes_text(kind: str) -> None:
    items = [_user(), _reasoning(id="rs_1"), {"type": kind, "call_id": "a", "action": {"type": "exec"}}, _user("stop")]
    said = {"role": "assistant", "content": "(A tool was asked to act here. What came of it was not recorded.)"}
    assert _repaired(*items) == [items[0], items[1], said, items[3]]


def test_a_real_screenshot_stays_when_another_call_of_its_id_has_none() -> None:
    call = {"type": "computer_call", "call_id": "c", "action": {"type": "screenshot"}}
    shot = {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}}
    items = [_user(), call, shot, _user("again"), {**call}, _user("stop")]
    repaired = _repaired(*items)
    assert repaired[:4] == items[:4]
    assert repaired[4]["role"] == "assistant"


def test_reasoning_that_led_to_nothing_goes() -> None:
    items = [_user(), _reasoning(id="rs_1"), _user("stop"), _reasoning(id="rs_2")]
    said = "Item '{}' of type 'reasoning' was provided without its required following item."
    assert _texts(*items) == [said.format("rs_1"), said.format("rs_2")]
    assert _repaired(*items) == [items[0], items[2]]


def test_two_outputs_of_one_call_are_one_too_many_for_a_repair_only() -> None:
    items = [_user(), _call("a"), _output("a"), _user("on"), _output("a")]
    assert _texts(*items) == []
    assert _repaired(*items) == items[:4]


def test_an_output_of_the_wrong_type_becomes_text() -> None:
    items = [_user(), _call("a"), _output("a", {"rows": 3})]
    assert _texts(*items) == [
        "Invalid type for 'input[2].output': expected one of a string or array of objects, but got an object instead."
    ]
    assert _repaired(*items)[2]["output"] == '{"rows":3}'


def test_ids_that_are_no_strings_are_renamed_together() -> None:
    items = [_user(), _call(None, id="fc_1", status="completed"), _output(None)]
    repaired = _repaired(*items)
    assert repaired[1]["call_id"] == repaired[2]["call_id"]
    assert (repaired[1]["id"], repaired[1]["status"]) == ("fc_1", "completed")


def test_a_message_of_another_role_is_the_users_and_keeps_its_content() -> None:
    items = [{"type": "message", "role": "human", "content": [{"type": "input_text", "text": "go"}]}]
    assert _repaired(*items) == [{**items[0], "role": "user"}]
