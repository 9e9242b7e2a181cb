"""A result says that the call failed, and nothing else."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_NO_DETAILS = "(The tool reported an error without details.)"


def _is_faulty(block: Json) -> bool:
    content = block.get("content")
    return block.get("type") == "tool_result" and block.get("is_error") is True and content in (None, "", [])


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in conversation.of_type("tool_result"):
        if "is_error" in block and _is_faulty(block):
            text = EMPTY_ERROR_RESULT.error.format(message=index, block=position)
            yield Violation(EMPTY_ERROR_RESULT.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    return change_blocks(conversation, lambda block: {**block, "content": _NO_DETAILS} if _is_faulty(block) else block)


EMPTY_ERROR_RESULT = Rule(
    id="CO005",
    name="empty-error-result",
    statement="A result with `is_error` says what went wrong.",
    source=Source("measured", ("experientiallabs/experiential#804",)),
    error="messages.{message}.content.{block}.tool_result: content cannot be empty if `is_error` is true",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="said in the result that the error has no text",
)
