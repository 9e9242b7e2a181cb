"""The container is not named by its id: a client sends back the object it got in a reply."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.rule import Rule, Source, Violation


def _is_faulty(request: Json) -> bool:
    container: Any = request.get("container") if is_object(request) else None
    if is_object(container):
        # With skills an object may be sent, but never one that says when the container ends: that is a reply's.
        return "expires_at" in container
    return container is not None and not isinstance(container, str)


def _check(conversation: Conversation) -> Iterator[Violation]:
    if _is_faulty(conversation.request):
        yield Violation(INVALID_CONTAINER.id, INVALID_CONTAINER.error)


def _repair(conversation: Conversation) -> Json:
    container: Any = conversation.request["container"]
    name = container.get("id") if is_object(container) else None
    if isinstance(name, str):
        return {**conversation.request, "container": name}
    return {key: value for key, value in conversation.request.items() if key != "container"}


INVALID_CONTAINER = Rule(
    id="SV005",
    name="invalid-container",
    statement="The container that a request goes on in is named by its id.",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="container: Input should be a valid string",
    check=_check,
    repair=_repair,
    done="named the container by its id",
)
