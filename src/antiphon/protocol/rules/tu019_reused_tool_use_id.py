"""The id of a call was used by an earlier message: the backend counts its calls anew in each reply.

No probe tells whether the first-party API minds, so requests are not refused for it; a repair makes the ids unique all
the same, which cannot hurt. It looks at the whole conversation and is not part of checking what was added to one.
"""

from collections.abc import Iterator

from antiphon.protocol.calls import Place
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.duplicates import NOT_UNIQUE_TEXT
from antiphon.protocol.ids import derived_id, rename
from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import Exchange, full_ledger
from antiphon.protocol.rule import Rule, Source, Violation


def _found(conversation: Conversation) -> Iterator[tuple[Exchange, Place, int]]:
    """Yield calls with an id of an earlier turn, and how many turns used it before."""
    ids = [block.get("id") for _, _, block in conversation.of_type("tool_use")]
    if set(map(type, ids)) <= {str} and len(set(ids)) == len(ids):
        return
    used: dict[str, int] = {}
    for exchange in full_ledger(conversation).exchanges:
        keys: dict[str, Place] = {}
        for call in exchange.calls:
            keys.setdefault(call.key, call)
        for key, call in keys.items():
            if key in used:
                yield exchange, call, used[key]
            used[key] = used.get(key, 0) + 1


def _check(conversation: Conversation) -> Iterator[Violation]:
    for _, call, _ in _found(conversation):
        text = NOT_UNIQUE_TEXT.format(message=call.message, block=call.block)
        yield Violation(REUSED_TOOL_USE_ID.id, text, call.message, call.block)


def _repair(conversation: Conversation) -> Json:
    new_ids: dict[tuple[int, int], str] = {}
    for exchange, call, number in _found(conversation):
        chosen = derived_id(call.body.get("id"), number)
        for place in (*exchange.calls, *exchange.results):
            if place.key == call.key:
                new_ids[place.at] = chosen
    return rename(conversation, lambda i, j, _: new_ids.get((i, j)))


REUSED_TOOL_USE_ID = Rule(
    id="TU019",
    name="reused-tool-use-id",
    statement="The ids of tool calls are unique in the whole conversation.",
    source=Source("reported", ("NousResearch/hermes-agent#88324", "openclaw/openclaw#109447")),
    error=NOT_UNIQUE_TEXT,
    check=_check,
    repair=_repair,
    done="gave the later call and its result an id of their own",
)
