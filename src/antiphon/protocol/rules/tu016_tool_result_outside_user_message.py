"""A result stands in an assistant message: a log without roles was read back, or two messages were glued together."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import split_by_role
from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import ledger
from antiphon.protocol.rule import Rule, Source, Violation


def _check(conversation: Conversation) -> Iterator[Violation]:
    for result in ledger(conversation).wrong_results:
        text = TOOL_RESULT_OUTSIDE_USER_MESSAGE.error.format(message=result.message)
        yield Violation(TOOL_RESULT_OUTSIDE_USER_MESSAGE.id, text, result.message, result.block)


def _repair(conversation: Conversation) -> Json:
    indices = (result.message for result in ledger(conversation).wrong_results)
    return split_by_role(conversation, indices, {"tool_result": "user"})


TOOL_RESULT_OUTSIDE_USER_MESSAGE = Rule(
    id="TU016",
    name="tool-result-outside-user-message",
    statement="Results stand in user messages only.",
    source=Source("reported", ("V1ki/dsh-plugin-subscriptions#22",)),
    # That it is refused is certain, these words are not: nobody has quoted them.
    error="messages.{message}: `tool_result` blocks can only be in `user` messages",
    check=_check,
    repair=_repair,
    done="gave the result to a user message of its own",
)
