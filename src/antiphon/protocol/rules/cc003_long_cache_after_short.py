"""A marker that keeps the cache for an hour stands behind one that keeps it for five minutes."""

from collections.abc import Iterator

from antiphon.protocol.cache_markers import LONG, SHORT, Marker, markers, with_values
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Source, Violation


def _faulty(conversation: Conversation) -> Iterator[Marker]:
    short = False
    for marker in markers(conversation):
        if short and marker.ttl == LONG:
            yield marker
        short = short or marker.ttl == SHORT


def _check(conversation: Conversation) -> Iterator[Violation]:
    for marker in _faulty(conversation):
        where = "cache_control" if marker.automatic else f"{marker.where}.cache_control"
        yield Violation(
            LONG_CACHE_AFTER_SHORT.id, LONG_CACHE_AFTER_SHORT.error.format(where=where), marker.message, marker.block
        )


def _repair(conversation: Conversation) -> Json:
    # The other way, an hour for what stands before, would cost more than whoever marked it wanted to pay.
    return with_values(conversation.request, _faulty(conversation), lambda marker: {**marker.value, "ttl": SHORT})


LONG_CACHE_AFTER_SHORT = Rule(
    id="CC003",
    name="long-cache-after-short",
    statement="A cache marker for an hour does not stand behind one for five minutes.",
    source=Source("reported", ("headroomlabs-ai/headroom#2939",)),
    error="{where}.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that "
    "blocks are processed in the following order: tools, system, messages.",
    check=_check,
    repair=_repair,
    done="shortened the time of the later cache marker",
)
