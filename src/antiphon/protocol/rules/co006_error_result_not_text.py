"""A result with `is_error` holds an image or a document: a tool failed and showed the screen."""

from collections.abc import Iterator
from typing import Any, TypeGuard

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import rewrite
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.salvage import as_user_content, behind_results

_ELSEWHERE = "(What the tool returned stands behind the results.)"


def _others(block: Json) -> list[Json]:
    content: Any = block.get("content")
    if block.get("type") != "tool_result" or block.get("is_error") is not True or not is_array(content):
        return []
    return [part for part in content if _is_other(part)]


def _is_other(part: Any) -> TypeGuard[Json]:
    return is_object(part) and part.get("type") != "text"


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in conversation.of_type("tool_result"):
        if "is_error" in block and _others(block):
            text = ERROR_RESULT_NOT_TEXT.error.format(message=index, block=position)
            yield Violation(ERROR_RESULT_NOT_TEXT.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    # That the call failed is what the model must know; the picture stays in sight right behind the results.
    contents: dict[int, list[Json]] = {}
    for turn in conversation.turns:
        changed: dict[tuple[int, int], Json] = {}
        moved: dict[tuple[int, int], list[Json]] = {}
        for i, j, block in turn.blocks:
            others = _others(block)
            if others:
                texts = [part for part in block["content"] if not _is_other(part)]
                changed[i, j] = {**block, "content": texts or _ELSEWHERE}
                moved[i, j] = as_user_content(others)
        if changed:
            contents |= behind_results(turn, (), changed, moved)
    return rewrite(conversation, contents)


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
