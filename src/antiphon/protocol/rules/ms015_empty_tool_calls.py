"""An assistant message of Chat Completions has a list of tool calls with nothing in it."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import with_messages
from antiphon.protocol.form import in_other_forms
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.rule import Rule, Source, Violation


def _is_faulty(message: Any) -> bool:
    calls: Any = message.get("tool_calls") if is_object(message) else None
    return calls is not None and calls == []


@in_other_forms
def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, message in conversation.new_messages():
        if _is_faulty(message):
            yield Violation(EMPTY_TOOL_CALLS.id, EMPTY_TOOL_CALLS.error.format(message=index), index)


def _repair(conversation: Conversation) -> Json:
    messages = [
        {key: value for key, value in message.items() if key != "tool_calls"} if _is_faulty(message) else message
        for message in conversation.messages
    ]
    return with_messages(conversation.request, messages)


EMPTY_TOOL_CALLS = Rule(
    id="MS015",
    name="empty-tool-calls",
    statement="In Chat Completions `tool_calls`, where it is there, has calls in it.",
    source=Source("reported", ("openai/openai-node#1341", "openai/openai-python#2061")),
    error="messages.{message}: tool_calls is an empty array",
    check=_check,
    repair=_repair,
    done="left the empty list out",
)
