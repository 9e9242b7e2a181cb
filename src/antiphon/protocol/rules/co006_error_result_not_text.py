"""A result with `is_error` holds an image or a document: a tool failed and showed the screen."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.salvage import move_what_is_not_text, not_text


def _failed(block: Json) -> bool:
    return block.get("is_error") is True


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in conversation.of_type("tool_result"):
        if _failed(block) and not_text(block):
            text = ERROR_RESULT_NOT_TEXT.error.format(message=index, block=position)
            yield Violation(ERROR_RESULT_NOT_TEXT.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    # That the call failed is what the model must know; the picture stays in sight right behind the results.
    return move_what_is_not_text(conversation, _failed)


ERROR_RESULT_NOT_TEXT = Rule(
    id="CO006",
    name="error-result-not-text",
    statement="A result with `is_error` holds text only.",
    source=Source("reported", ("vellum-ai/vellum-assistant#18387", "caozhiyuan/copilot-api#196")),
    error="messages.{message}.content.{block}.tool_result: all content must be type `text` if `is_error` is true",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="moved what is not text behind the results",
)
