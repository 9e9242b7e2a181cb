"""An empty text block carries a cache marker."""

from collections.abc import Iterator

from antiphon.protocol.cache_markers import Marker, markers, moved_before
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Source, Violation


def _faulty(conversation: Conversation) -> list[Marker]:
    return [
        marker
        for marker in markers(conversation)
        if marker.path and marker.holder.get("type") == "text" and marker.holder.get("text") == ""
    ]


def _check(conversation: Conversation) -> Iterator[Violation]:
    for marker in _faulty(conversation):
        where = marker.typed.removesuffix(".cache_control")
        text = CACHE_MARKER_ON_EMPTY_TEXT.error.format(where=where)
        yield Violation(CACHE_MARKER_ON_EMPTY_TEXT.id, text, marker.message, marker.block)


def _repair(conversation: Conversation) -> Json:
    return moved_before(conversation.request, _faulty(conversation))


CACHE_MARKER_ON_EMPTY_TEXT = Rule(
    id="CC005",
    name="cache-marker-on-empty-text",
    statement="Empty text blocks carry no cache marker.",
    source=Source("documented", ("docs:/build-with-claude/prompt-caching",)),
    error="{where}: cache_control cannot be set for empty text blocks",
    check=_check,
    repair=_repair,
    done="moved the cache marker to the block before",
)
