"""A tool that is loaded later carries a cache marker: it is not part of the prompt that would be cached."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.cache_markers import Marker, Path, edited, is_marked, markers, without_marker
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.rule import Rule, Source, Violation


def _faulty(conversation: Conversation) -> list[Marker]:
    found = markers(conversation)
    return [marker for marker in found if marker.path[:1] == ("tools",) and marker.holder.get("defer_loading") is True]


def _check(conversation: Conversation) -> Iterator[Violation]:
    for marker in _faulty(conversation):
        where = marker.typed.removesuffix(".cache_control")
        yield Violation(CACHE_MARKER_ON_DEFERRED_TOOL.id, CACHE_MARKER_ON_DEFERRED_TOOL.error.format(where=where))


def _repair(conversation: Conversation) -> Json:
    faulty = _faulty(conversation)
    edits: dict[Path, Json] = {marker.path: without_marker(marker.holder) for marker in faulty}
    tools: list[Any] = conversation.request["tools"]
    loaded = [n for n, tool in enumerate(tools) if is_object(tool) and tool.get("defer_loading") is not True]
    if loaded and not is_marked(tools[loaded[-1]]):
        edits["tools", loaded[-1]] = {**tools[loaded[-1]], "cache_control": faulty[-1].value}
    return edited(conversation.request, edits)


CACHE_MARKER_ON_DEFERRED_TOOL = Rule(
    id="CC007",
    name="cache-marker-on-deferred-tool",
    statement="Tools with `defer_loading` carry no cache marker.",
    source=Source("documented", ("docs:/agents-and-tools/tool-use/tool-search-tool",)),
    error="{where}: cache_control cannot be set for tools with defer_loading",
    check=_check,
    repair=_repair,
    done="moved the cache marker to the last tool that is loaded at once",
)
