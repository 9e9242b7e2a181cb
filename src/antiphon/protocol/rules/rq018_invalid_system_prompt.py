"""The system prompt is neither a string nor a list of text blocks."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import as_json, text_block
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.parameters import fields
from antiphon.protocol.rule import Rule, Safety, Source, Violation


def _problems(system: Any) -> Iterator[str]:
    if not is_array(system):
        if system is not None and not isinstance(system, str):
            yield ": Input should be a valid string"
        return
    for number, block in enumerate(system):
        if not is_object(block):
            yield f".{number}: Input should be a valid dictionary or object to extract fields from"
        elif block.get("type") != "text":
            yield f".{number}.type: " + ("Input should be 'text'" if "type" in block else "Field required")
        elif not isinstance(block.get("text"), str):
            yield f".{number}.text: " + ("Input should be a valid string" if "text" in block else "Field required")


def _check(conversation: Conversation) -> Iterator[Violation]:
    for problem in _problems(fields(conversation).get("system")):
        yield Violation(INVALID_SYSTEM_PROMPT.id, INVALID_SYSTEM_PROMPT.error.format(problem=problem))


def _repair(conversation: Conversation) -> Json:
    system: Any = conversation.request["system"]
    blocks = system if is_array(system) else [system]
    return {**conversation.request, "system": [_as_text(block) for block in blocks if block is not None]}


def _as_text(block: Any) -> Json:
    if not is_object(block):
        return text_block(block if isinstance(block, str) else as_json(block))
    if block.get("type") == "text" and isinstance(block.get("text"), str):
        return block
    text: Any = block.get("text")
    return {**_kept(block), **text_block(text if isinstance(text, str) else as_json(block))}


def _kept(block: Json) -> Json:
    marker: Any = block.get("cache_control")
    return {"cache_control": marker} if marker is not None else {}


INVALID_SYSTEM_PROMPT = Rule(
    id="RQ018",
    name="invalid-system-prompt",
    statement="The system prompt is a string or a list of text blocks.",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="system{problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="made text of what was none",
)
