"""Whether the reply is to be streamed is not said by true or false."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.parameters import fields
from antiphon.protocol.rule import Rule, Source, Violation


def _check(conversation: Conversation) -> Iterator[Violation]:
    if not isinstance(fields(conversation).get("stream"), bool | None):
        yield Violation(INVALID_STREAM.id, INVALID_STREAM.error)


def _repair(conversation: Conversation) -> Json:
    value: Any = conversation.request["stream"]
    wanted = value.strip().lower() in {"true", "1", "yes"} if isinstance(value, str) else bool(value)
    return {**conversation.request, "stream": wanted}


INVALID_STREAM = Rule(
    id="RQ020",
    name="invalid-stream",
    statement="`stream` is true or false.",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="stream: Input should be a valid boolean",
    check=_check,
    repair=_repair,
    done="made it true or false",
)
