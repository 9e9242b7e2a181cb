"""Two different calls of one assistant message share an id: the backend numbers its calls badly."""

from collections.abc import Iterator

from antiphon.protocol.calls import Place
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.duplicates import NOT_UNIQUE_TEXT, is_same_call, namesakes
from antiphon.protocol.ids import derived_id, rename
from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import ledger
from antiphon.protocol.rule import Rule, Source, Violation


def _check(conversation: Conversation) -> Iterator[Violation]:
    for first, call in namesakes(conversation):
        if not is_same_call(first.body, call.body):
            text = NOT_UNIQUE_TEXT.format(message=call.message, block=call.block)
            yield Violation(CONFLICTING_TOOL_USE_IDS.id, text, call.message, call.block)


def _repair(conversation: Conversation) -> Json:
    new_ids: dict[tuple[int, int], str] = {}
    for exchange in ledger(conversation).exchanges:
        calls = _by_id(exchange.calls)
        results = _by_id(exchange.results)
        for key, sharing in calls.items():
            answers = results.get(key, [])
            for number, call in enumerate(sharing[1:], start=1):
                new_ids[call.at] = derived_id(call.body.get("id"), number)
                # As many results as calls: each call was answered under the shared id. With fewer, nobody knows whose
                # they are; the first call keeps them, as it keeps the id.
                if len(answers) == len(sharing):
                    new_ids[answers[number].at] = new_ids[call.at]
    return rename(conversation, lambda i, j, _: new_ids.get((i, j)))


def _by_id(places: list[Place]) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for place in places:
        found.setdefault(place.key, []).append(place)
    return found


CONFLICTING_TOOL_USE_IDS = Rule(
    id="TU011",
    name="conflicting-tool-use-ids",
    statement="The ids of an assistant message's calls are unique: different calls have different ids.",
    source=Source("reported", ("anthropics/claude-code#20901", "NachoSEO/claudegram#12", "openclaw/openclaw#43370")),
    error=NOT_UNIQUE_TEXT,
    check=_check,
    repair=_repair,
    done="gave the later call and its result an id of their own",
)
