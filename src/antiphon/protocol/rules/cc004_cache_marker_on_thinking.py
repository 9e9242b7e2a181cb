"""A thinking block carries a cache marker: whoever marked the last block of a message did not look which it was."""

from collections.abc import Iterator

from antiphon.protocol.cache_markers import Marker, markers, moved_before
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import THINKING_TYPES, Json, kind_of
from antiphon.protocol.rule import Rule, Source, Violation


def _faulty(conversation: Conversation) -> list[Marker]:
    found = markers(conversation)
    return [marker for marker in found if marker.block is not None and kind_of(marker.holder) in THINKING_TYPES]


def _check(conversation: Conversation) -> Iterator[Violation]:
    for marker in _faulty(conversation):
        text = CACHE_MARKER_ON_THINKING.error.format(where=marker.typed)
        yield Violation(CACHE_MARKER_ON_THINKING.id, text, marker.message, marker.block)


def _repair(conversation: Conversation) -> Json:
    return moved_before(conversation.request, _faulty(conversation))


CACHE_MARKER_ON_THINKING = Rule(
    id="CC004",
    name="cache-marker-on-thinking",
    statement="Thinking blocks carry no cache marker.",
    source=Source("documented", ("docs:/build-with-claude/prompt-caching", "stippi/code-assistant#58")),
    error="{where}: Extra inputs are not permitted",
    check=_check,
    repair=_repair,
    done="moved the cache marker to the block before",
)
