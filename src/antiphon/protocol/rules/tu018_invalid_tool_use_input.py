"""The input of a call is not an object: its arguments were cut off, never parsed, or come from another provider."""

import json
from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import as_json, change_blocks
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.rule import Rule, Safety, Source, Violation


def _is_faulty(block: Json) -> bool:
    return block.get("type") == "tool_use" and not is_object(block.get("input"))


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in conversation.of_type("tool_use"):
        if not isinstance(block.get("input"), dict):
            problem = "Input should be an object" if "input" in block else "Field required"
            text = INVALID_TOOL_USE_INPUT.error.format(message=index, block=position, problem=problem)
            yield Violation(INVALID_TOOL_USE_INPUT.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    return change_blocks(
        conversation, lambda block: {**block, "input": _as_object(block.get("input"))} if _is_faulty(block) else block
    )


def _as_object(value: Any) -> Json:
    """Return the arguments as an object; what cannot be read as one is kept in the form the documentation uses."""
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            parsed = json.loads(value, parse_constant=_refuse)
        except (ValueError, RecursionError):
            parsed = None
        return parsed if is_object(parsed) else {"INVALID_JSON": value}
    return {"INVALID_JSON": as_json(value)}


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


INVALID_TOOL_USE_INPUT = Rule(
    id="TU018",
    name="invalid-tool-use-input",
    statement="The input of a tool call is an object.",
    source=Source("reported", ("anthropics/claude-code#6696", "vercel/ai#16643")),
    error="messages.{message}.content.{block}.tool_use.input: {problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="made the arguments an object",
)
