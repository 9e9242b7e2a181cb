"""Which rules a request can break at all, by what it is made of.

Most rules are about tools, calls, pictures, thinking or parameters, and a request that has none of these need not be
shown to them: for a short one that is most of what judging it costs. A rule that is not named here is always asked.
"""

from functools import lru_cache
from itertools import compress
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object

_CALLS = frozenset({"tool_use", "tool_result"})
_MEDIA = frozenset({"image", "document", "tool_result"})  # pictures stand in results, too
_THINKING = frozenset({"thinking", "redacted_thinking"})

_BY_BLOCKS: dict[frozenset[str], frozenset[str]] = {
    _CALLS: frozenset({"CO005", "CO006", "MS013", "TO017", *(f"TU{number:03}" for number in range(1, 26))}),
    _MEDIA: frozenset({"CO010", "CO011", "CO013", "CO014", "CO015", "CO016", "CO017", "CO020"}),
    _THINKING: frozenset({"CC004", "TH001", "TH002", "TH003", "TH006", "TH008"}),
}
"""Rules that find nothing where no block of these types is."""

_BY_FIELDS: dict[frozenset[str], frozenset[str]] = {
    frozenset({"tools"}): frozenset({"CC007", *(f"TO{number:03}" for number in (*range(1, 11), 13, 14, 16, 18, 19))}),
    frozenset({"tool_choice"}): frozenset({"TO011", "TO012", "TO013", "TH012", "TH013"}),
    frozenset({"temperature", "top_p", "top_k"}): frozenset({"RQ012", "RQ013", "RQ014", "RQ015", "RQ016"}),
    frozenset({"stop_sequences"}): frozenset({"RQ017"}),
    frozenset({"system"}): frozenset({"CO004", "RQ018"}),
    frozenset({"metadata"}): frozenset({"RQ019"}),
    frozenset({"stream"}): frozenset({"RQ020"}),
    frozenset({"container"}): frozenset({"SV005"}),
    frozenset({"context_management"}): frozenset({"TH014"}),
}
"""Rules that find nothing where the request has none of these fields."""

_USUAL_TYPES = frozenset({"text", *_CALLS, *_MEDIA, *_THINKING})
_BY_TYPES = frozenset({"SV001", "SV002", "SV003", "SV004", "TH009"})
"""Rules that find nothing where no block is of any other type."""

_BY_SHAPE = frozenset({"CO003", "CO012", "MS002", "MS003", "MS004", "MS005", "MS007", "MS008", "MS009"})
"""Rules that find nothing where every message is of the usual shape (see `conversation.Layout`)."""


def silent(conversation: Conversation) -> frozenset[str]:
    """Return ids of rules that find nothing in a conversation of which all is to be checked."""
    layout = conversation.layout
    request: Any = conversation.request
    fields: Json = request if is_object(request) else {}
    return _silent(
        tuple([kinds.isdisjoint(layout.by_type) for kinds in _BY_BLOCKS]),
        tuple([names.isdisjoint(fields) for names in _BY_FIELDS]),
        usual_types=_USUAL_TYPES.issuperset(layout.by_type),
        usual_shape=not layout.unusual,
    )


@lru_cache(maxsize=1024)
def _silent(
    no_blocks: tuple[bool, ...], no_fields: tuple[bool, ...], *, usual_types: bool, usual_shape: bool
) -> frozenset[str]:
    return frozenset[str]().union(
        *compress(_BY_BLOCKS.values(), no_blocks),
        *compress(_BY_FIELDS.values(), no_fields),
        _BY_TYPES if usual_types else (),
        _BY_SHAPE if usual_shape else (),
    )
