"""The id of a call is longer than OpenAI takes. Servers that speak its protocol make such ids themselves."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.calls import ID_FIELDS
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.form import in_other_forms
from antiphon.protocol.ids import derived_id, rename
from antiphon.protocol.messages import Json, kind_of
from antiphon.protocol.rule import Rule, Source, Violation


def _is_long(conversation: Conversation, value: Any) -> bool:
    longest = conversation.dialect.form.longest_call_id if conversation.dialect.form else None
    return isinstance(value, str) and longest is not None and len(value) > longest


@in_other_forms
def _check(conversation: Conversation) -> Iterator[Violation]:
    longest = conversation.dialect.form.longest_call_id if conversation.dialect.form else None
    for kind, field in ID_FIELDS.items():
        for index, position, block in conversation.of_type(kind):
            if _is_long(conversation, block.get(field)):
                length = len(block[field])
                text = LONG_CALL_ID.error.format(message=index, block=position, longest=longest, length=length)
                yield Violation(LONG_CALL_ID.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    form = conversation.dialect.form

    def new_id(_index: int, _position: int, block: Json) -> str | None:
        value: Any = block.get(ID_FIELDS[kind_of(block)])
        # What tells ids apart is at the end of the new one.
        return derived_id(value)[-(form.longest_call_id or 0) :] if form and _is_long(conversation, value) else None

    return rename(conversation, new_id)


LONG_CALL_ID = Rule(
    id="TU022",
    name="long-call-id",
    statement="The id of a tool call has at most 40 characters (Chat Completions) or 64 (Responses).",
    source=Source("reported", ("vercel/ai#8132", "agno-agi/agno#5382", "langgenius/dify#28987")),
    error=(
        "messages.{message}.content.{block}: string too long. Expected a string with maximum length {longest}, but got"
        " a string with length {length} instead."
    ),
    check=_check,
    repair=_repair,
    done="gave the call and its result a shorter id",
)
