"""Requests that say more than the conversation does: it stays as it is, and so does its cache."""

import json
from typing import Any

import pytest

from antiphon.agent.history import History
from antiphon.errors import ConversationInvalid
from antiphon.protocol.dialects import ANTHROPIC
from antiphon.sessions.records import Record

Json = dict[str, Any]

PARAMS: Json = {"model": "m", "max_tokens": 9}
MARKED = {"type": "ephemeral"}


def say(text: str, **more: Any) -> Json:
    return {"type": "text", "text": text, **more}


def user(*content: Json) -> Json:
    return {"role": "user", "content": [*content]}


def assistant(*content: Json) -> Json:
    return {"role": "assistant", "content": [*content]}


def use(call_id: str, kind: str = "tool_use") -> Json:
    return {"type": kind, "id": call_id, "name": "web_search", "input": {}}


def result(call_id: str) -> Json:
    return {"type": "tool_result", "tool_use_id": call_id, "content": "ok"}


def aside(*messages: Json) -> list[Json]:
    """Ask aside, and return the messages of the request; the conversation must be untouched."""
    history = History(messages, ANTHROPIC)
    before = json.dumps(history.messages)
    request = history.aside(PARAMS, "Sum up.")
    assert json.dumps(history.messages) == before
    assert json.loads(request.encode()) == request.json()
    return request.json()["messages"]


def test_behind_results_the_question_joins_them_and_the_message_that_was_sent_last_is_marked() -> None:
    assert aside(user(say("go")), assistant(use("a")), user(result("a"))) == [
        user(say("go", cache_control=MARKED)),
        assistant(use("a")),
        user(result("a"), say("Sum up.")),
    ]


def test_behind_a_reply_the_question_is_a_message_of_its_own() -> None:
    assert aside(user(say("go")), assistant(say("one")), user(say("on")), assistant(say("two"))) == [
        user(say("go")),
        assistant(say("one")),
        user(say("on", cache_control=MARKED)),
        assistant(say("two")),
        user(say("Sum up.")),
    ]


def test_calls_that_the_server_has_not_answered_are_left_out_of_the_question_only() -> None:
    assert aside(user(say("go")), assistant(say("hm"), use("s", "server_tool_use")))[1:] == [
        assistant(say("hm")),
        user(say("Sum up.")),
    ]
    assert aside(user(say("go")), assistant(use("s", "server_tool_use"))) == [user(say("go"), say("Sum up."))]


def test_a_conversation_that_has_just_begun_can_be_asked_about() -> None:
    assert aside(user(say("go"))) == [user(say("go"), say("Sum up."))]


def test_what_the_api_would_refuse_is_not_sent() -> None:
    history = History([user(say("go"))], ANTHROPIC)
    with pytest.raises(ConversationInvalid, match="parameters"):
        history.aside({**PARAMS, "max_tokens": -1}, "Sum up.")


def test_the_next_request_is_what_it_would_have_been_without_the_question() -> None:
    messages = [user(say("go")), assistant(use("a")), user(result("a"))]
    asked, other = History(messages, ANTHROPIC), History(messages, ANTHROPIC)
    asked.aside(PARAMS, "Sum up.")
    assert asked.request(PARAMS).encode() == other.request(PARAMS).encode()


def test_a_message_that_is_replaced_is_recorded_encoded_and_checked_anew() -> None:
    recorded: list[Record] = []
    history = History([user(say("go")), assistant(use("a")), user(result("a")), assistant(say("x"))], ANTHROPIC)
    history.record = recorded.append  # pyright: ignore[reportAttributeAccessIssue]  # a recorder is called, no more
    history.add_results([say("on")])
    history.request(PARAMS)
    shorter = user({**result("a"), "content": "-"})
    history.replace(2, shorter, "because")
    assert json.loads(history.request(PARAMS).encode())["messages"][2]["content"][0]["content"] == "-"
    assert [getattr(record, "index", None) for record in recorded] == [None, 2]
    history.replace(2, user(result("b")), "wrongly")
    with pytest.raises(ConversationInvalid):
        history.request(PARAMS)
