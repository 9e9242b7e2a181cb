"""A result holds an image or a file, where the API takes text alone."""

from collections.abc import Iterator
from typing import Any, TypeGuard

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import rewrite
from antiphon.protocol.form import in_other_forms
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.salvage import as_user_content, behind_results

_ELSEWHERE = "(What the tool returned stands behind the results.)"


def _is_other(part: Any) -> TypeGuard[Json]:
    return is_object(part) and part.get("type") != "text"


def _others(block: Json) -> list[Json]:
    content: Any = block.get("content")
    return [part for part in content if _is_other(part)] if is_array(content) else []


@in_other_forms
def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in conversation.of_type("tool_result"):
        if _others(block):
            yield Violation(
                RESULT_NOT_TEXT.id, RESULT_NOT_TEXT.error.format(message=index, block=position), index, position
            )


def _repair(conversation: Conversation) -> Json:
    # Behind all results of the turn: between two of them a user message would tear the second from its call.
    contents: dict[int, list[Json]] = {}
    for turn in conversation.turns:
        changed: dict[tuple[int, int], Json] = {}
        moved: dict[tuple[int, int], list[Json]] = {}
        for i, j, block in turn.blocks:
            others = _others(block) if block.get("type") == "tool_result" else []
            if others:
                texts = [part for part in block["content"] if not _is_other(part)]
                changed[i, j] = {**block, "content": texts or _ELSEWHERE}
                moved[i, j] = as_user_content(others)
        if changed:
            contents |= behind_results(turn, (), changed, moved)
    return rewrite(conversation, contents)


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
