"""Chat Completions: results are messages of their own, directly behind their calls, in any order."""

import json
from typing import Any

import pytest

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import dialect
from antiphon.protocol.messages import Json

CHAT = dialect("openai-chat")
NO_RESULT = "No result of this tool call was recorded. The call may or may not have been carried out."
UNANSWERED = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'."
    " The following tool_call_ids did not have response messages: "
)
NOT_ASKED = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."


def _user(said: Any = "go") -> Json:
    return {"role": "user", "content": said}


def _call(call_id: Any, arguments: Any = "{}", **fields: Any) -> Json:
    return {"id": call_id, "type": "function", "function": {"name": "read_file", "arguments": arguments}, **fields}


def _asks(*calls: Json, **fields: Any) -> Json:
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **fields}


def _tool(call_id: Any, content: Any = "found") -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def _request(*messages: Json) -> Json:
    return {"model": "gpt-5", "messages": list(messages)}


def _texts(*messages: Json) -> list[str]:
    return [violation.text for violation in check(_request(*messages), CHAT)]


def _repaired(*messages: Json) -> list[Json]:
    given = _request(*messages)
    before = json.dumps(given)
    outcome = repair(given, CHAT)
    assert outcome.remaining == ()
    assert json.dumps(given) == before
    assert repair(outcome.request, CHAT).request is outcome.request
    return outcome.request["messages"]


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([_user(), _asks(_call("a"), _call("b")), _tool("b"), _tool("a"), _user()], id="any order"),
        pytest.param([_asks(_call("a")), _tool("a")], id="begins with the assistant"),
        pytest.param([_user(), _asks(_call("a")), _tool("a"), {"role": "assistant", "content": ""}], id="empty string"),
        pytest.param([_user(), _asks(_call("a"), content="let me see"), _tool("a", "")], id="text, empty result"),
        pytest.param([_user(), _asks(_call("a")), _tool("a"), _asks(_call("a")), _tool("a")], id="an id used again"),
        pytest.param([{"role": "developer", "content": "be brief"}, _user(), _user("more")], id="two user messages"),
        pytest.param([_user([{"type": "hologram", "x": 1}])], id="a part of tomorrow"),
        pytest.param([_user([{"type": "tool_use", "id": "a"}])], id="a block of another API"),
        pytest.param([_user(), {"role": "assistant", "content": None, "refusal": "no"}], id="a refusal"),
        pytest.param([_user(), {"role": "assistant", "content": None, "audio": {"id": "audio_1"}}], id="audio"),
        pytest.param(
            [
                _user(),
                {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            ],
            id="an unanswered function_call of old",
        ),
        pytest.param(
            [_user(), _asks({"id": "a", "type": "custom", "custom": {"name": "sql", "input": "select"}}), _tool("a")],
            id="a custom tool",
        ),
    ],
)
def test_what_chat_completions_takes_is_returned_as_it_was(messages: list[Json]) -> None:
    given = _request(*messages)
    assert check(given, CHAT) == []
    assert repair(given, CHAT).request is given


def test_a_missing_result_is_told_and_answered_behind_the_others() -> None:
    messages = [_user(), _asks(_call("a"), _call("b")), _tool("a"), _user("stop")]
    assert _texts(*messages) == [UNANSWERED + "b"]
    assert _repaired(*messages) == [*messages[:3], _tool("b", NO_RESULT), messages[3]]


@pytest.mark.parametrize("between", [_user("hm"), {"role": "system", "content": "hm"}])
def test_what_stands_between_tool_messages_comes_behind_them(between: Json) -> None:
    messages = [_user(), _asks(_call("a"), _call("b")), _tool("a"), between, _tool("b"), _user("on")]
    assert _texts(*messages)[0].startswith(UNANSWERED)
    assert _repaired(*messages) == [*messages[:3], messages[4], between, messages[5]]


def test_a_late_result_comes_home_over_any_distance() -> None:
    messages = [_user(), _asks(_call("a")), _user("x"), {"role": "assistant", "content": "y"}, _tool("a"), _user("z")]
    assert _texts(*messages) == [UNANSWERED + "a", NOT_ASKED]
    assert _repaired(*messages) == [messages[n] for n in (0, 1, 4, 2, 3, 5)]


def test_a_result_nobody_asked_for_becomes_the_users_text() -> None:
    messages = [_user(), _tool("gone", "precious"), {"role": "assistant", "content": "ok"}]
    assert _texts(*messages) == [NOT_ASKED]
    said = _user("[Result of tool call gone]\nprecious")
    assert _repaired(*messages) == [messages[0], said, messages[2]]


def test_the_calls_of_two_assistant_messages_become_those_of_one() -> None:
    messages = [_user(), _asks(_call("a"), content="so"), _asks(_call("b"), index=1), _tool("a"), _tool("b")]
    assert _texts(*messages) == [UNANSWERED + "a"]
    merged = _asks(_call("a"), _call("b"), content=[{"type": "text", "text": "so"}], index=1)
    (found,) = [message for message in _repaired(*messages) if message["role"] == "assistant"]
    assert found == {**merged, "content": "so"}


def test_arguments_that_are_no_json_are_kept_in_an_object_and_a_check_is_silent_about_them() -> None:
    messages = [_user(), _asks(_call("a", '{"path": "a')), _tool("a", "invalid")]
    assert _texts(*messages) == []
    (call,) = _repaired(*messages)[1]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"INVALID_JSON": '{"path": "a'}


def test_arguments_that_were_made_a_string_twice_are_read_twice() -> None:
    messages = [_user(), _asks(_call("a", json.dumps('{"path": "a.py"}'))), _tool("a")]
    assert _texts(*messages) == []
    assert _repaired(*messages)[1]["tool_calls"][0]["function"]["arguments"] == '{"path":"a.py"}'


def test_arguments_keep_their_string_when_something_else_of_the_call_changes() -> None:
    arguments = '{ "b" : 1,\n "a":2 }'
    messages = [_user(), _asks(_call(7, arguments, index=3)), _tool(7)]
    (call,) = _repaired(*messages)[1]["tool_calls"]
    assert (call["function"]["arguments"], call["index"]) == (arguments, 3)
    assert call["id"] == _repaired(*messages)[2]["tool_call_id"]


def test_arguments_that_are_an_object_become_a_string() -> None:
    messages = [_user(), _asks(_call("a", {"path": "a.py"})), _tool("a")]
    assert _texts(*messages) == [
        "Invalid type for 'messages[1].tool_calls[0].function.arguments': expected a string, but got an object instead."
    ]
    assert _repaired(*messages)[1]["tool_calls"][0]["function"]["arguments"] == '{"path":"a.py"}'


@pytest.mark.parametrize(("content", "becomes"), [(None, ""), ({"a": 1}, '{"a":1}'), (["x"], '["x"]'), (5, "5")])
def test_the_content_of_a_tool_message_becomes_text(content: Any, becomes: str) -> None:
    messages = [_user(), _asks(_call("a")), _tool("a", content)]
    assert _texts(*messages)[0].startswith("Invalid type for 'messages[2].content'")
    assert _repaired(*messages)[2]["content"] == becomes


def test_pictures_of_results_come_behind_all_tool_messages() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    messages = [_user(), _asks(_call("a"), _call("b")), _tool("a", [picture]), _tool("b"), _user("so?")]
    assert _texts(*messages) == []
    repaired = _repaired(*messages)
    assert repaired[2] == _tool("a", "(What the tool returned stands behind the results.)")
    assert repaired[3:] == [messages[3], _user([picture]), messages[4]]


def test_content_of_the_wrong_type_loses_no_call() -> None:
    messages = [_user(), _asks(_call("a"), content={"type": "text", "text": "x"}), _tool("a")]
    assert _texts(*messages) != []
    assert _repaired(*messages)[1]["tool_calls"] == [_call("a")]


def test_null_content_without_calls_becomes_an_empty_string() -> None:
    messages = [_user(), {"role": "assistant", "content": None}, _user(None)]
    assert len(_texts(*messages)) == 2
    assert [message["content"] for message in _repaired(*messages)] == ["go", "", ""]


def test_a_message_that_stands_twice_as_the_same_object_is_two_messages() -> None:
    again = _user("again")
    messages = [again, again, _asks(_call("a")), again, again]
    assert [message["role"] for message in _repaired(*messages)] == [
        "user",
        "user",
        "assistant",
        "tool",
        "user",
        "user",
    ]


def test_a_role_of_another_api_is_translated_and_its_calls_are_kept() -> None:
    messages = [{"role": "human", "content": "go"}, {**_asks(_call("a")), "role": "ai"}, _tool("a")]
    assert [text.partition(".")[0] for text in _texts(*messages)] == [
        "Invalid value for 'messages[0]",
        "Invalid value for 'messages[1]",
    ]
    assert [message["role"] for message in _repaired(*messages)] == ["user", "assistant", "tool"]


def test_a_long_id_is_shortened_only_by_a_repair() -> None:
    long = "chatcmpl-tool-" + "0123456789abcdef" * 2
    messages = [_user(), _asks(_call(long)), _tool(long)]
    assert _texts(*messages) == []
    repaired = _repaired(*messages)
    assert repaired[1]["tool_calls"][0]["id"] == repaired[2]["tool_call_id"]
    assert len(repaired[2]["tool_call_id"]) == 40
