"""Converse: the corpus of what Bedrock takes and refuses, said block by block in its form, and what is its own."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from wire_forms import converse_refuses, to_converse
from wire_talk import assistant, call, image, result, text, user

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import dialect
from antiphon.protocol.messages import Json, is_object

CONVERSE = dialect("bedrock-converse")
CASES: list[Json] = [
    case
    for case in json.loads(Path(__file__, "../../corpus/requests.json").resolve().read_text(encoding="utf-8"))
    if is_object(case.get("request")) and "expand" not in case
]
NOT_OF_MESSAGES = ("think.", "param.", "tool.", "cache.", "json.")
"""Families of the corpus about parameters, tools and signatures, which Converse sends elsewhere or otherwise."""

REFUSED_FOR_OTHER_REASONS = {
    "A03": "an unanswered call at the end is a missing result",
    "A34": "there is no role `system` in its schema",
    "A36": "there is no role `system` in its schema",
    "A41": "there is no role `tool` in its schema",
    "V12": "there is no role `system` in its schema",
    "B16": "the content of a result is a list in its schema",
    "C20": "it knows no fallback blocks, so the call before one is a call without result",
}
"""Cases of which the corpus does not know what Converse says, and its schema does."""


def _of(verdict: str) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in CASES if case["dialects"].get("bedrock") == verdict]


def _about_parameters(case: Json) -> bool:
    return any(name.startswith(NOT_OF_MESSAGES) for name in case["rules"])


@pytest.mark.parametrize("case", [param for param in _of("invalid") if not _about_parameters(param.values[0])])
def test_what_converse_refuses_is_refused_in_its_words_and_repaired(case: Json) -> None:
    request = to_converse(case["request"])
    texts = [violation.text for violation in check(request, CONVERSE)]
    assert [said for said in texts if re.search(case.get("bedrock_error_regex") or ".", said)], texts
    outcome = repair(request, CONVERSE)
    assert outcome.remaining == ()
    assert check(outcome.request, CONVERSE.cautious()) == []
    assert converse_refuses(outcome.request) == []


@pytest.mark.parametrize("case", _of("valid"))
def test_what_converse_takes_is_returned_as_it_was(case: Json) -> None:
    request = to_converse(case["request"])
    assert check(request, CONVERSE) == []
    assert repair(request, CONVERSE).request is request


@pytest.mark.parametrize("case", _of("unknown"))
def test_nothing_is_refused_of_which_nobody_knows(case: Json) -> None:
    found = check(to_converse(case["request"]), CONVERSE)
    assert bool(found) == (case["id"] in REFUSED_FOR_OTHER_REASONS), found


def _request(*messages: Json) -> Json:
    return to_converse({"messages": list(messages)})


def _texts(request: Json) -> list[str]:
    return [violation.text for violation in check(request, CONVERSE)]


def test_a_missing_result_is_told_with_the_index_of_the_message_that_should_hold_it() -> None:
    request = _request(user("go"), assistant(call("a"), call("b")), user(result("a"), text("stop")))
    assert _texts(request) == ["Expected toolResult blocks at messages.2.content for the following Ids: b"]
    (missing,) = repair(request, CONVERSE).violations
    assert (missing.rule, missing.message) == ("TU001", 1)


def test_what_stands_where_a_result_is_lost_is_an_error_of_text() -> None:
    repaired = repair(_request(user("go"), assistant(call("a")), user("stop")), CONVERSE).request
    said = "No result of this tool call was recorded. The call may or may not have been carried out."
    lost = {"toolResult": {"toolUseId": "a", "content": [{"text": said}], "status": "error"}}
    assert repaired["messages"][2]["content"] == [lost, {"text": "stop"}]


def test_a_request_with_calls_and_no_tools_gets_a_tool_and_keeps_the_rest_of_its_configuration() -> None:
    request = _request(user("go"), assistant(call("a")), user(result("a")))
    request["toolConfig"] = {"toolChoice": {"auto": {}}}
    assert _texts(request) == ["The toolConfig field must be defined when using toolUse and toolResult content blocks."]
    config = repair(request, CONVERSE).request["toolConfig"]
    assert config["toolChoice"] == {"auto": {}}
    assert [spec["toolSpec"]["name"] for spec in config["tools"]] == ["unavailable_tool"]


def test_a_json_result_that_is_no_object_becomes_text() -> None:
    request = _request(user("go"), assistant(call("a")), user(result("a")))
    request["messages"][2]["content"][0]["toolResult"]["content"] = [{"json": [1, 2]}, {"json": {"a": 1}}]
    wrong = "The format of the value at messages.2.content.0.toolResult.content.0.json is invalid."
    assert _texts(request) == [f"{wrong} Provide a json object for the field and try again."]
    repaired = repair(request, CONVERSE).request["messages"][2]["content"][0]["toolResult"]["content"]
    assert repaired == [{"text": "[1,2]"}, {"json": {"a": 1}}]


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_a_message_without_content_is_refused_of_either_side(role: str) -> None:
    request = _request(user("go"), assistant("well"), {"role": role, "content": []}, user("on"))
    (said,) = _texts(request)
    assert said.startswith("The content field in the Message object at messages.2 is empty.")
    assert repair(request, CONVERSE).request["messages"] == [request["messages"][n] for n in (0, 1, 3)]


def test_blank_texts_inside_results_go_and_the_result_stays() -> None:
    request = _request(user("go"), assistant(call("a")), user(result("a", [text(" "), image()])))
    repaired = repair(request, CONVERSE).request
    assert repaired["messages"][2]["content"][0]["toolResult"]["content"] == [
        request["messages"][2]["content"][0]["toolResult"]["content"][1]
    ]


def test_an_orphan_with_an_image_becomes_text_and_the_image_stays_an_image() -> None:
    request = _request(user(result("gone", [text("see"), image()]), text("and?")))
    picture = request["messages"][0]["content"][0]["toolResult"]["content"][1]
    assert repair(request, CONVERSE).request["messages"][0]["content"] == [
        {"text": "[Result of tool call gone]"},
        {"text": "see"},
        picture,
        {"text": "and?"},
    ]


def test_results_are_sorted_before_they_are_sent_and_a_check_does_not_ask() -> None:
    request = _request(user("go"), assistant(call("a"), call("b")), user(result("b"), result("a")))
    assert _texts(request) == []
    repaired = repair(request, CONVERSE).request
    assert [part["toolResult"]["toolUseId"] for part in repaired["messages"][2]["content"]] == ["a", "b"]


def test_cache_points_and_parts_of_tomorrow_are_left_where_they_are() -> None:
    request = _request(user("go"), assistant(call("a")), user(result("a")), assistant("ok"), user("on"))
    request["messages"][2]["content"].append({"cachePoint": {"type": "default"}})
    request["messages"][4]["content"].insert(0, {"hologram": {"x": 1}})
    assert repair(request, CONVERSE).request is request


def test_ids_of_other_providers_are_renamed_with_their_results_and_fields_beside_them_stay() -> None:
    request = _request(user("go"), assistant(call("call|1")), user(result("call|1")))
    request["messages"][1]["content"][0]["toolUse"]["type"] = "server"
    repaired = repair(request, CONVERSE).request
    used = repaired["messages"][1]["content"][0]["toolUse"]
    assert used["toolUseId"] == repaired["messages"][2]["content"][0]["toolResult"]["toolUseId"]
    assert re.fullmatch("[a-zA-Z0-9_.:-]{1,64}", used["toolUseId"])
    assert used["type"] == "server"
