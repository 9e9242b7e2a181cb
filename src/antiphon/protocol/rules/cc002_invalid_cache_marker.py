"""A cache marker is of a kind, or for a time, that does not exist."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.cache_markers import LONG, SHORT, Marker, markers, with_values
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import as_json
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.rule import Rule, Source, Violation


def _problem(value: Any) -> str | None:
    if not is_object(value):
        return ": Input should be a valid dictionary or object to extract fields from"
    if value.get("type") != "ephemeral":
        return ": Unable to extract tag using discriminator 'type'" if "type" not in value else _unknown(value["type"])
    # Nothing is the usual time.
    wrong = value.get("ttl") not in (None, SHORT, LONG)
    return f".ephemeral.ttl: Input should be '{SHORT}' or '{LONG}'" if wrong else None


def _unknown(kind: Any) -> str:
    name = kind if isinstance(kind, str) else as_json(kind)
    return f": Input tag '{name}' found using 'type' does not match any of the expected tags: 'ephemeral'"


def _faulty(conversation: Conversation) -> list[tuple[Marker, str]]:
    return [(marker, problem) for marker in markers(conversation) if (problem := _problem(marker.value))]


def _check(conversation: Conversation) -> Iterator[Violation]:
    for marker, problem in _faulty(conversation):
        text = INVALID_CACHE_MARKER.error.format(where=marker.typed, problem=problem)
        yield Violation(INVALID_CACHE_MARKER.id, text, marker.message, marker.block)


def _repair(conversation: Conversation) -> Json:
    return with_values(conversation.request, [marker for marker, _ in _faulty(conversation)], _corrected)


def _corrected(marker: Marker) -> Json | None:
    value: Any = marker.value
    if not is_object(value):
        # `true` was meant as a marker; what else this could have been meant as nobody knows.
        return {"type": "ephemeral"} if value is True or value == "ephemeral" else None
    wrong = value.get("ttl") not in (None, SHORT, LONG)
    return {**value, "type": "ephemeral", **({"ttl": SHORT} if wrong else {})}


INVALID_CACHE_MARKER = Rule(
    id="CC002",
    name="invalid-cache-marker",
    statement="A cache marker has the type `ephemeral`, and a `ttl` of `5m` or `1h` if any.",
    source=Source("documented", ("docs:/build-with-claude/prompt-caching",)),
    error="{where}{problem}",
    check=_check,
    repair=_repair,
    done="made it a usual cache marker",
)
