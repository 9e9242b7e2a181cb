"""The id of a call is not one that this wire form takes: forbidden characters, no string, or not there."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.calls import ID_FIELDS
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.form import in_other_forms
from antiphon.protocol.ids import derived_id, rename
from antiphon.protocol.messages import Json, kind_of
from antiphon.protocol.rule import Rule, Source, Violation


def _is_valid(conversation: Conversation, value: Any) -> bool:
    form = conversation.dialect.form
    return form is None or (isinstance(value, str) and form.call_id.fullmatch(value) is not None)


@in_other_forms
def _check(conversation: Conversation) -> Iterator[Violation]:
    for kind, field in ID_FIELDS.items():
        for index, position, block in conversation.of_type(kind):
            value: Any = block.get(field)
            if _is_valid(conversation, value):
                continue
            # A result whose id has forbidden characters is refused for its call, or for having none.
            if isinstance(value, str) and kind == "tool_use" and conversation.dialect.form:
                problem = f"the id of the call does not match `{conversation.dialect.form.call_id.pattern}`"
            elif not isinstance(value, str):
                problem = "the id of the call is not a string" if field in block else "the id of the call is missing"
            else:
                continue
            text = INVALID_CALL_ID.error.format(message=index, block=position, problem=problem)
            yield Violation(INVALID_CALL_ID.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    # Calls and results alike, so that what belonged together still does.
    def new_id(_index: int, _position: int, block: Json) -> str | None:
        value: Any = block.get(ID_FIELDS[kind_of(block)])
        return None if _is_valid(conversation, value) else derived_id(value)

    return rename(conversation, new_id)


INVALID_CALL_ID = Rule(
    id="TU021",
    name="invalid-call-id",
    statement="In other wire forms, too, the id of a tool call is a string, of the characters that the API takes.",
    source=Source("documented", ("docs:/bedrock/latest/APIReference/API_runtime_ToolUseBlock",)),
    error="messages.{message}.content.{block}: {problem}",
    check=_check,
    repair=_repair,
    done="gave the call and its result a valid id",
)
