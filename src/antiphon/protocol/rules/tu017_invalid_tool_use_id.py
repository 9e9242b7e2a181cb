"""The id of a call has forbidden characters, is no string, or is not there: it comes from another provider."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.calls import ID_FIELDS
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.ids import PATTERN, are_valid_ids, derived_id, is_valid_id, rename
from antiphon.protocol.messages import Json, kind_of
from antiphon.protocol.rule import Rule, Source, Violation


def _check(conversation: Conversation) -> Iterator[Violation]:
    for kind, field in ID_FIELDS.items():
        if are_valid_ids([block.get(field) for _, _, block in conversation.of_type(kind)]):
            continue
        for index, position, block in conversation.of_type(kind):
            problem = _problem(block, field)
            # A result whose id has forbidden characters is refused for its call, or for having none.
            if problem and not (kind == "tool_result" and isinstance(block.get(field), str)):
                text = INVALID_TOOL_USE_ID.error.format(
                    message=index, block=position, type=kind, field=field, problem=problem
                )
                yield Violation(INVALID_TOOL_USE_ID.id, text, index, position)


def _problem(block: Json, field: str) -> str | None:
    value: Any = block.get(field)
    if is_valid_id(value):
        return None
    if isinstance(value, str):
        return f"String should match pattern '{PATTERN}'"
    return "Input should be a valid string" if field in block else "Field required"


def _repair(conversation: Conversation) -> Json:
    # Calls and results alike, wherever they stand: what belonged together still does. A missing id is an id like any
    # other here, so a call and a result that both lack it find each other.
    def new_id(_index: int, _position: int, block: Json) -> str | None:
        value = block.get(ID_FIELDS[kind_of(block)])
        return None if is_valid_id(value) else derived_id(value)

    return rename(conversation, new_id)


INVALID_TOOL_USE_ID = Rule(
    id="TU017",
    name="invalid-tool-use-id",
    statement=f"The id of a tool call is a string that matches `{PATTERN}`.",
    source=Source("reported", ("CommandCodeAI/command-code#323", "HKUDS/nanobot#4356")),
    error="messages.{message}.content.{block}.{type}.{field}: {problem}",
    check=_check,
    repair=_repair,
    done="gave the call and its result a valid id",
)
