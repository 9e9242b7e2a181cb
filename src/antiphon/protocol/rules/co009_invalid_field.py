"""A field of a block has a value of the wrong type: a result that is an object, a text that is null."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation, Part, Placed
from antiphon.protocol.editing import as_json, change_blocks, text_block
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.rule import Rule, Source, Violation


def _problems(block: Json) -> Iterator[tuple[str, str]]:
    """Yield field and complaint for the fields of a block that have a value of the wrong type."""
    if block.get("type") == "text" and not isinstance(block.get("text"), str):
        yield "text.text", "Input should be a valid string" if "text" in block else "Field required"
    if block.get("type") != "tool_result":
        return
    content: Any = block.get("content")
    if is_array(content):
        for number, part in enumerate(content):
            if not is_object(part):
                yield f"tool_result.content.{number}", "Input should be a valid dictionary or object"
            else:
                for field, problem in _problems(part):
                    yield f"tool_result.content.{number}.{field}", problem
    elif content is not None and not isinstance(content, str):
        yield "tool_result.content", "Input should be a valid string"
    if not isinstance(block.get("is_error"), bool | None):
        yield "tool_result.is_error", "Input should be a valid boolean"


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in _not_plain(conversation):
        for field, problem in _problems(block):
            text = INVALID_FIELD.error.format(message=index, block=position, field=field, problem=problem)
            yield Violation(INVALID_FIELD.id, text, index, position)


def _not_plain(conversation: Conversation) -> Iterator[Placed]:
    """Yield the blocks that are not what nearly all are: one that holds a string and says nothing of an error."""
    for placed in conversation.of_type("text"):
        if not isinstance(placed[2].get("text"), str):
            yield placed
    odd = {(part.message, part.block) for part in conversation.parts_of_type("text", "tool_result") if _is_odd(part)}
    odd.update(placed[:2] for placed in conversation.layout.mixed)
    for placed in conversation.of_type("tool_result"):
        content = placed[2].get("content")
        if "is_error" in placed[2] or not isinstance(content, str | list) or (odd and placed[:2] in odd):
            yield placed


def _is_odd(part: Part) -> bool:
    return not isinstance(part.body.get("text"), str)


def _repair(conversation: Conversation) -> Json:
    return change_blocks(conversation, lambda block: _corrected(block) if any(_problems(block)) else block)


def _corrected(block: Json) -> Json:
    if block.get("type") == "text":
        text: Any = block.get("text")
        return {**block, "text": "" if text is None else as_json(text)}
    corrected = dict(block)
    content: Any = block.get("content")
    if is_array(content):
        corrected["content"] = [_as_part(part) for part in content if part is not None]
    elif content is not None and not isinstance(content, str):
        # A lone block is what it says; any other object is what the tool returned.
        lone = is_object(content) and isinstance(content.get("type"), str)
        corrected["content"] = [content] if lone else as_json(content)
    if not isinstance(block.get("is_error"), bool | None):
        corrected["is_error"] = block["is_error"] not in (0, "", "false", "False", [], {})
    return corrected


def _as_part(part: Any) -> Json:
    if is_object(part):
        return _corrected(part) if any(_problems(part)) else part
    return text_block(part if isinstance(part, str) else as_json(part))


INVALID_FIELD = Rule(
    id="CO009",
    name="invalid-field",
    statement="The text of a text block is a string; the content of a result is a string or a list of blocks.",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="messages.{message}.content.{block}.{field}: {problem}",
    check=_check,
    repair=_repair,
    done="gave the field a value of the right type",
)
