"""A result holds an image or a file, where the API takes text alone."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.form import in_other_forms
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.salvage import move_what_is_not_text, not_text


@in_other_forms
def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in conversation.of_type("tool_result"):
        if not_text(block):
            yield Violation(
                RESULT_NOT_TEXT.id, RESULT_NOT_TEXT.error.format(message=index, block=position), index, position
            )


def _repair(conversation: Conversation) -> Json:
    return move_what_is_not_text(conversation, lambda _: True)


RESULT_NOT_TEXT = Rule(
    id="TU024",
    name="result-not-text",
    statement="In Chat Completions the content of a tool message is text.",
    source=Source("reported", ("OpenHands/OpenHands#7700", "openai/openai-openapi#523")),
    error="messages.{message}.content.{block}: the content of a tool message must be text",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="moved what is not text into a user message behind the results",
)
