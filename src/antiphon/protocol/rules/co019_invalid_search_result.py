"""A result of a web search that is sent back has lost its encrypted content."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_RESULTS = "web_search_tool_result"


def _is_faulty(found: Any) -> bool:
    # Whether one without the field is refused is not known; one that is empty or no string cannot be decrypted.
    if not is_object(found) or found.get("type") != "web_search_result" or "encrypted_content" not in found:
        return False
    content: Any = found["encrypted_content"]
    return not isinstance(content, str) or not content


def _has_faulty(block: Json) -> bool:
    found: Any = block.get("content") if block.get("type") == _RESULTS else None
    return is_array(found) and any(_is_faulty(one) for one in found)


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in conversation.of_type(_RESULTS):
        if _has_faulty(block):
            text = INVALID_SEARCH_RESULT.error.format(message=index, block=position)
            yield Violation(INVALID_SEARCH_RESULT.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    def corrected(block: Json) -> Json:
        if not _has_faulty(block):
            return block
        return {**block, "content": [found for found in block["content"] if not _is_faulty(found)]}

    return change_blocks(conversation, corrected)


INVALID_SEARCH_RESULT = Rule(
    id="CO019",
    name="invalid-search-result",
    statement="What a web search found is sent back with its encrypted content.",
    source=Source("reported", ("code-yeongyu/senpi#150",)),
    error="messages.{message}.content.{block}: Invalid `encrypted_content` in `search_result` block",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped what cannot be read of the search results",
)
