"""The request marks its last block by itself, and the block is marked for another time."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.cache_markers import SHORT, last_markable, markers, without_marker
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.rule import Rule, Source, Violation


def _check(conversation: Conversation) -> Iterator[Violation]:
    found = markers(conversation)
    if not found or not found[-1].automatic:
        return
    last = last_markable(conversation)
    own: Any = last.get("cache_control") if last is not None else None
    if is_object(own) and (own.get("ttl") or SHORT) != found[-1].ttl:
        yield Violation(CONFLICTING_AUTOMATIC_MARKER.id, CONFLICTING_AUTOMATIC_MARKER.error, found[-1].message)


def _repair(conversation: Conversation) -> Json:
    return without_marker(conversation.request)


CONFLICTING_AUTOMATIC_MARKER = Rule(
    id="CC006",
    name="conflicting-automatic-marker",
    statement="A cache marker at the top level has the same `ttl` as one on the last block.",
    source=Source("documented", ("docs:/build-with-claude/prompt-caching",)),
    error="cache_control: the last cacheable block already has a cache_control with a different ttl",
    check=_check,
    repair=_repair,
    done="dropped the automatic cache marker",
)
