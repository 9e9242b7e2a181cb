"""The metadata is no object, or its user id no string."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.parameters import fields, is_number, with_fields
from antiphon.protocol.rule import Rule, Safety, Source, Violation


def _problem(metadata: Any) -> str | None:
    if metadata is None:
        return None
    if not is_object(metadata):
        return ": Input should be an object"
    user: Any = metadata.get("user_id")
    return None if user is None or isinstance(user, str) else ".user_id: Input should be a valid string"


def _check(conversation: Conversation) -> Iterator[Violation]:
    problem = _problem(fields(conversation).get("metadata"))
    if problem:
        yield Violation(INVALID_METADATA.id, INVALID_METADATA.error.format(problem=problem))


def _repair(conversation: Conversation) -> Json:
    metadata: Any = conversation.request["metadata"]
    if not is_object(metadata):
        return with_fields(conversation.request, {}, ["metadata"])
    user: Any = metadata["user_id"]
    if is_number(user):
        return {**conversation.request, "metadata": {**metadata, "user_id": str(user)}}
    return {**conversation.request, "metadata": with_fields(metadata, {}, ["user_id"])}


INVALID_METADATA = Rule(
    id="RQ019",
    name="invalid-metadata",
    statement="`metadata` is an object, and its `user_id` a string.",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="metadata{problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped what is not allowed",
)
