"""generateContent: responses belong to calls by id or by name and position, and there are as many of them."""

import json
from typing import Any

import pytest

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import dialect
from antiphon.protocol.messages import Json

GEMINI = dialect("gemini")
LOST = {"error": "No result of this tool call was recorded. The call may or may not have been carried out."}
COUNT = "Please ensure that the number of function response parts is equal to the number of function call parts"
BEHIND = "Please ensure that function response turn comes immediately after a function call turn."
SIGNED = {"thoughtSignature": "c2ln"}
THOUGHT = {"text": "hm", "thought": True, **SIGNED}
NAMED = {"name": "f", "response": {"a": 1}}


def _user(*parts: Json) -> Json:
    return {"role": "user", "parts": list(parts) or [{"text": "go"}]}


def _model(*parts: Json) -> Json:
    return {"role": "model", "parts": list(parts)}


def _call(name: str, **fields: Any) -> Json:
    return {"functionCall": {"name": name, "args": {}, **fields}}


def _response(name: str, said: Any = "found", **fields: Any) -> Json:
    return {"functionResponse": {"name": name, "response": {"output": said}, **fields}}


def _lost(name: str, **fields: Any) -> Json:
    return {"functionResponse": {"name": name, "response": LOST, **fields}}


def _request(*contents: Json, **params: Any) -> Json:
    return {"contents": list(contents), **params}


def _texts(*contents: Json, **params: Any) -> list[str]:
    return [violation.text for violation in check(_request(*contents, **params), GEMINI)]


def _repaired(*contents: Json) -> list[Json]:
    given = _request(*contents)
    before = json.dumps(given)
    outcome = repair(given, GEMINI)
    assert outcome.remaining == ()
    assert json.dumps(given) == before
    assert repair(outcome.request, GEMINI).request is outcome.request
    return outcome.request["contents"]


@pytest.mark.parametrize(
    "contents",
    [
        pytest.param([_user(), _model(_call("f")), _user(_response("f"))], id="by name"),
        pytest.param([_user(), _model(_call("f"), _call("f")), _user(_response("f", 1), _response("f", 2))], id="two"),
        pytest.param([_user(), _model(_call("f", id="1")), _user(_response("f"))], id="an id on one side"),
        pytest.param([_user(), _model(_call("f")), {"role": "function", "parts": [_response("f")]}], id="function"),
        pytest.param([{"parts": [{"text": "go"}]}], id="no role"),
        pytest.param(
            [_user(), _model({"text": "hm", "thought": True, **SIGNED}, _call("f")), _user(_response("f"))],
            id="thought",
        ),
        pytest.param(
            [
                _user(),
                _model({"function_call": {"name": "f"}}),
                _user({"function_response": {"name": "f", "response": {}}}),
            ],
            id="other spelling",
        ),
        pytest.param([_user(), _model({"executableCode": {"code": "1"}}, {"hologram": 1}), _user()], id="other parts"),
        pytest.param([_user(), _user(), _model({"text": "a"}), _model({"text": "b"})], id="turns of one role"),
    ],
)
def test_what_gemini_takes_is_returned_as_it_was(contents: list[Json]) -> None:
    given = _request(*contents)
    assert check(given, GEMINI) == []
    assert repair(given, GEMINI).request is given


def test_the_response_that_is_missing_stands_at_the_place_of_its_call() -> None:
    contents = [_user(), _model(_call("f"), _call("g"), _call("f")), _user(_response("f", 1), _response("f", 2))]
    assert _texts(*contents)[0].startswith(COUNT)
    assert _repaired(*contents)[2] == _user(_response("f", 1), _lost("g"), _response("f", 2))


def test_a_response_is_invented_with_an_id_where_its_call_has_one() -> None:
    contents = [_user(), _model(_call("f", id="1"), _call("f")), _user()]
    assert _repaired(*contents)[2] == _user(_lost("f", id="1"), _lost("f"), {"text": "go"})


def test_an_id_that_is_used_again_is_answered_for_the_call_before_the_answer() -> None:
    asked, again = _model(_call("f", id="1")), _model(_call("g", id="1"))
    contents = [_user(), asked, _user(), again, _user(_response("g", id="1"))]
    assert _repaired(*contents)[2]["parts"][0] == _lost("f", id="1")


def test_responses_are_sorted_by_their_calls_and_those_of_one_name_stay_in_order() -> None:
    contents = [_user(), _model(_call("f"), _call("g")), _user(_response("g"), _response("f"))]
    assert _texts(*contents) == []
    assert _repaired(*contents)[2] == _user(_response("f"), _response("g"))


def test_responses_of_one_turn_come_into_one_content() -> None:
    contents = [_user(), _model(_call("f"), _call("g")), _user(_response("f")), _user(_response("g"))]
    assert _texts(*contents)[0].startswith(COUNT)
    assert _repaired(*contents) == [*contents[:2], _user(_response("f"), _response("g"))]


def test_a_late_response_comes_home() -> None:
    contents = [_user(), _model(_call("f")), _user(), _model({"text": "so"}), _user(_response("f"), {"text": "on"})]
    assert _texts(*contents) == [BEHIND, BEHIND]
    on = {"text": "on"}
    assert _repaired(*contents) == [*contents[:2], _user(_response("f"), {"text": "go"}), contents[3], _user(on)]


def test_a_response_without_call_becomes_text() -> None:
    contents = [_user(), _model({"text": "ok"}), _user(_response("f", "precious"), {"text": "so?"})]
    assert _texts(*contents)[0].startswith(COUNT)
    said, kept = _repaired(*contents)[2]["parts"]
    assert "precious" in said["text"]
    assert kept is contents[2]["parts"][1]


def test_a_content_of_calls_is_joined_to_the_text_before_it() -> None:
    contents = [_user(), _model({"text": "I look."}), _model({**_call("f"), **SIGNED}), _user(_response("f"))]
    assert _texts(*contents) == [
        "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
    ]
    assert _repaired(*contents)[1] == _model({"text": "I look."}, {**_call("f"), **SIGNED})


@pytest.mark.parametrize("value", [None, "text", 5, ["a"]])
def test_a_response_that_is_no_object_becomes_one(value: Any) -> None:
    given = {"functionResponse": {"name": "f", "response": value, "scheduling": "SILENT"}}
    contents = [_user(), _model(_call("f")), _user(given)]
    (said,) = _texts(*contents)
    assert said.startswith("GenerateContentRequest.contents[2].parts[0].function_response.response: expected an object")
    (part,) = _repaired(*contents)[2]["parts"]
    assert part == {"functionResponse": {"name": "f", "response": {"output": value}, "scheduling": "SILENT"}}


def test_a_response_without_a_name_gets_that_of_its_call() -> None:
    contents = [_user(), _model(_call("f", id="1")), _user({"functionResponse": {"id": "1", "response": {"a": 1}}})]
    assert _texts(*contents) == [
        "GenerateContentRequest.contents[2].parts[0].function_response.name: Name cannot be empty."
    ]
    (part,) = _repaired(*contents)[2]["parts"]
    assert part["functionResponse"] == {"id": "1", "response": {"a": 1}, "name": "f"}


@pytest.mark.parametrize(
    ("model", "refused"),
    [("gemini-3-pro-preview", True), ("models/gemini-3.5-flash", True), ("gemini-2.5-pro", False), (None, False)],
)
def test_gemini_3_wants_the_signature_of_the_first_call_back(model: str | None, refused: bool) -> None:  # noqa: FBT001  (a parameter of the table)
    named = {"model": model} if model else {}
    unsigned = [_user(), _model(_call("f"), _call("g")), _user(_response("f"), _response("g"))]
    signed = [_user(), _model({**_call("f"), **SIGNED}, _call("g")), _user(_response("f"), _response("g"))]
    assert bool(_texts(*unsigned, **named)) == refused
    assert _texts(*signed, **named) == []
    assert _texts(*unsigned, _model({"text": "done"}), _user(), **named) == []


def test_roles_of_other_apis_are_translated() -> None:
    contents = [
        {"role": "human", "parts": [{"text": "go"}]},
        {"role": "assistant", "parts": [_call("f")]},
        _user(_response("f")),
    ]
    assert _texts(*contents)[:2] == ["Please use a valid role: user, model."] * 2
    assert [content["role"] for content in _repaired(*contents)] == ["user", "model", "user"]
