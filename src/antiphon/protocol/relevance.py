"""Which rules a request can break at all, by what it is made of.

Half of the rules are about tools, calls, pictures or thinking, and a request that has none of these need not be shown
to them: for a short one that is most of what judging it costs. A rule that is not named here is asked every time.
"""

from functools import lru_cache
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import is_object

_CALLS = frozenset({"tool_use", "tool_result"})
_MEDIA = frozenset({"image", "document", "tool_result"})  # pictures stand in results, too
_THINKING = frozenset({"thinking", "redacted_thinking"})

_BY_BLOCKS: dict[frozenset[str], frozenset[str]] = {
    _CALLS: frozenset({"CO005", "CO006", "MS013", "TO017", *(f"TU{number:03}" for number in range(1, 26))}),
    _MEDIA: frozenset({"CO010", "CO011", "CO013", "CO014", "CO015", "CO016", "CO017", "CO020"}),
    _THINKING: frozenset({"CC004", "TH001", "TH002", "TH003", "TH006", "TH008"}),
}
"""Rules that find nothing where no block of these types is."""

_ABOUT_TOOLS = frozenset({"CC007", *(f"TO{number:03}" for number in (*range(1, 11), 13, 14, 16, 18, 19))})
"""Rules that find nothing where the request does not say `tools`."""


def silent(conversation: Conversation) -> frozenset[str]:
    """Return ids of rules that find nothing in a conversation of which all is to be checked."""
    types = conversation.layout.by_type
    absent = tuple(kinds for kinds in _BY_BLOCKS if kinds.isdisjoint(types))
    request: Any = conversation.request
    return _silent(absent, has_tools=is_object(request) and "tools" in request)


@lru_cache
def _silent(absent: tuple[frozenset[str], ...], *, has_tools: bool) -> frozenset[str]:
    found = frozenset[str]().union(*(_BY_BLOCKS[kinds] for kinds in absent))
    return found if has_tools else found | _ABOUT_TOOLS
