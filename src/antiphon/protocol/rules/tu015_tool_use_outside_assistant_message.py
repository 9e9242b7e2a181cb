"""A tool call stands in a user message: a log without roles was read back, or two messages were glued together."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import split_by_role
from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import ledger
from antiphon.protocol.rule import Rule, Source, Violation


def _check(conversation: Conversation) -> Iterator[Violation]:
    for call in ledger(conversation).wrong_calls:
        text = TOOL_USE_OUTSIDE_ASSISTANT_MESSAGE.error.format(message=call.message)
        yield Violation(TOOL_USE_OUTSIDE_ASSISTANT_MESSAGE.id, text, call.message, call.block)


def _repair(conversation: Conversation) -> Json:
    indices = (call.message for call in ledger(conversation).wrong_calls)
    return split_by_role(conversation, indices, {"tool_use": "assistant"})


TOOL_USE_OUTSIDE_ASSISTANT_MESSAGE = Rule(
    id="TU015",
    name="tool-use-outside-assistant-message",
    statement="Tool calls stand in assistant messages only.",
    source=Source("measured", ("V1ki/dsh-plugin-subscriptions#22",)),
    error="messages.{message}: `tool_use` blocks can only be in `assistant` messages",
    check=_check,
    repair=_repair,
    done="gave the call to an assistant message of its own",
)
