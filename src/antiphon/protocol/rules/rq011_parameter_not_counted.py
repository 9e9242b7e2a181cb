"""A parameter that has nothing to do with the prompt is sent along when tokens are to be counted."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.parameters import fields, with_fields
from antiphon.protocol.rule import Rule, Source, Violation

_REFUSED = ("metadata", "diagnostics")


def _check(conversation: Conversation) -> Iterator[Violation]:
    request = fields(conversation)
    for name in _REFUSED if conversation.context.counting else ():
        if name in request:
            yield Violation(PARAMETER_NOT_COUNTED.id, PARAMETER_NOT_COUNTED.error.format(name=name))


def _repair(conversation: Conversation) -> Json:
    return with_fields(conversation.request, {}, _REFUSED)


PARAMETER_NOT_COUNTED = Rule(
    id="RQ011",
    name="parameter-not-counted",
    statement="A request to count tokens has no `metadata` and no `diagnostics`.",
    source=Source(
        "reported",
        ("https://github.com/pydantic/pydantic-ai/blob/main/pydantic_ai_slim/pydantic_ai/models/anthropic.py",),
    ),
    error="{name}: Extra inputs are not permitted",
    check=_check,
    repair=_repair,
    done="dropped the parameter",
)
