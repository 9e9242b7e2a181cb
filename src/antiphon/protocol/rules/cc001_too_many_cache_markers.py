"""There are more cache markers than four: one was added with each turn, or two programs added their own."""

from collections.abc import Iterator

from antiphon.protocol.cache_markers import MOST, Marker, Path, last_markable, markers, with_values
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Source, Violation


def _counted(conversation: Conversation) -> list[Marker]:
    found = markers(conversation)
    if found and found[-1].automatic:
        last = last_markable(conversation)
        # Where the last block is marked already, the automatic marker marks nothing more.
        if last is not None and last.get("cache_control") is not None:
            return found[:-1]
    return found


def _check(conversation: Conversation) -> Iterator[Violation]:
    found = _counted(conversation)
    if len(found) > MOST:
        first = found[MOST]
        text = TOO_MANY_CACHE_MARKERS.error.format(count=len(found))
        yield Violation(TOO_MANY_CACHE_MARKERS.id, text, first.message, first.block)


def _repair(conversation: Conversation) -> Json:
    found = _counted(conversation)
    kept = _kept(found)
    surplus = [marker for marker in found if marker.path not in kept]
    return with_values(conversation.request, surplus, lambda _: None)


def _kept(found: list[Marker]) -> list[Path]:
    """Return where markers are worth most: the last two, which are read and written next, and those of longest use."""
    lasting = [marker.path for marker in found if marker.message is None]
    moving = [marker.path for marker in found if marker.message is not None and not marker.automatic]
    by_worth = [*moving[:-3:-1], *lasting[:-2:-1], *lasting[:1], *moving[-3::-1], *lasting[-2:0:-1]]
    return list(dict.fromkeys(by_worth))[:MOST]


TOO_MANY_CACHE_MARKERS = Rule(
    id="CC001",
    name="too-many-cache-markers",
    statement="At most four tools and blocks carry a cache marker; one at the top level counts as well.",
    source=Source("reported", ("griffinmartin/opencode-claude-auth#121", "docs:/build-with-claude/prompt-caching")),
    error="A maximum of 4 blocks with cache_control may be provided. Found {count}.",
    check=_check,
    repair=_repair,
    done="dropped the cache markers that are worth least",
)
