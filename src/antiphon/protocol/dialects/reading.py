"""What the readings of all wire forms share: where each block came from, and what is said of it.

A block of the canonical form keeps the piece of wire JSON it was read from under `WIRE`, through every repair, so that
writing back changes fields of that piece and keeps the rest. What no repair touched is recognized and written as the
very object that was read. Knows no wire form.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

from antiphon.protocol.calls import NO_RESULT, id_text
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_array, is_object, tool_uses
from antiphon.protocol.pairing import ledger, split_calls
from antiphon.protocol.rule import Violation

WIRE = "wire"
"""Where a block keeps the piece of wire JSON it was read from."""

WITHIN = "(within)"
"""Where a block keeps the wire message it stood in, for forms in which results are messages of their own."""

ROLE = "(role)"
"""Where a message keeps the role it had on the wire."""

FAULT = "fault"
"""Marks a call or result whose wire fields are not what the form wants, and says so; the block itself is sound."""

MISSING, ORPHAN, REPEATED = "missing", "orphan", "repeated"
_MEANINGS = {
    "TU001": MISSING,
    "TU002": MISSING,
    "TU004": ORPHAN,
    "TU005": ORPHAN,
    "TU006": ORPHAN,
    "TU007": MISSING,
    "TU008": REPEATED,
    "TU009": REPEATED,
    "TU014": MISSING,
    "TU016": ORPHAN,
}
_COMPLAINTS = frozenset({"TU005", "TU006"})
"""Rules that complain of the call, without a block, and of the result."""


class Spot(NamedTuple):
    """Where something stands in the request as it came."""

    item: int
    part: int | None = None


@dataclass(slots=True)
class Origins:
    """What was read from where."""

    _read: dict[int, tuple[Json, Any, Spot]] = field(default_factory=dict[int, tuple[Json, Any, Spot]])
    _by_wire: dict[int, Spot] = field(default_factory=dict[int, Spot])

    def note(self, made: Json, wire: Any, spot: Spot) -> Json:
        """Remember that a block or message was read from a piece of wire JSON, and return it."""
        self._read[id(made)] = made, wire, spot
        return made

    def block(self, spot: Spot, wire: Any, **fields: Any) -> Json:
        """Return a new block that was read from a piece of wire JSON."""
        fields[WIRE] = wire
        self._read[id(fields)] = fields, wire, spot
        return fields

    def unchanged(self, made: Json) -> Any:
        """Return what a block or message was read from; None when a repair has made it or changed it."""
        found = self._read.get(id(made))
        return found[1] if found and found[0] is made else None

    def spot(self, made: Any) -> Spot | None:
        """Return where a block or message stood, also after a repair has changed it; None where it is new."""
        if not is_object(made):
            return None
        found = self._read.get(id(made))
        if found and found[0] is made:
            return found[2]
        # Asked for only where something was wrong, so it is not kept at hand.
        if not self._by_wire:
            for _, wire, spot in self._read.values():
                self._by_wire.setdefault(id(wire), spot)
        wire: Any = made.get(WIRE)
        return self._by_wire.get(id(wire)) if is_object(wire) else None

    def spot_of_message(self, messages: Sequence[Any], index: int) -> Spot:
        """Return where a message stood: itself, its first block that was there, or the message before it."""
        for number in range(index, -1, -1):
            message: Any = messages[number]
            content: Any = message.get("content") if is_object(message) else None
            for candidate in (message, *(content if is_array(content) else ())):
                spot = self.spot(candidate)
                if spot:
                    return Spot(spot.item)
        return Spot(0)


@dataclass(slots=True)
class WireReading(ABC):
    """One request of another wire form, read: what the forms have in common.

    Attributes:
        given: the request as it came, any JSON.
        request: the same in the canonical form.
        origins: what was read from where.
        places: by message of `request`, where it begins on the wire.
    """

    given: Any
    request: Json = field(default_factory=dict[str, Any])
    origins: Origins = field(default_factory=Origins)
    places: list[int] = field(default_factory=list[int])

    words: ClassVar[Mapping[str, str]]
    """What the API says, by rule or by `MISSING`, `ORPHAN` and `REPEATED`; with `{path}`, `{message}`, `{block}`,
    `{next}` (the message after), `{id}` and `{ids}`."""

    @abstractmethod
    def path(self, spot: Spot, block: Json | None) -> str:
        """Return how the API names a place."""

    @abstractmethod
    def write(self, repaired: Json) -> Json:
        """Return the request, as repaired, in the wire form."""

    def tell(self, violation: Violation, conversation: Conversation) -> Violation:
        """Return a violation with the indices and in the words of the wire form."""
        if violation.message is None:
            text = self.words.get(violation.rule) or violation.text
            return replace(violation, text=text)
        block = _block_at(conversation, violation)
        spot = self.origins.spot(block) or self._spot(violation, conversation)
        text = self._text(violation, conversation, block, spot)
        return replace(violation, text=text, message=spot.item, block=spot.part)

    def _spot(self, violation: Violation, conversation: Conversation) -> Spot:
        index = violation.message or 0
        if conversation.request is not self.request:
            return self.origins.spot_of_message(conversation.messages, index)
        # Also what is no object, and was read as itself, has a place as long as nothing has moved.
        return Spot(self.places[index], violation.block)

    def _text(self, violation: Violation, conversation: Conversation, block: Json | None, spot: Spot) -> str:
        meaning = _MEANINGS.get(violation.rule, violation.rule)
        if violation.rule in _COMPLAINTS and violation.block is None:
            meaning = MISSING
        template = self.words.get(violation.rule) or self.words.get(meaning)
        if block is not None and FAULT in block and violation.rule == "TU023":
            template = block[FAULT]
        # What the other API says is not known: the words of this one, at the place in that one.
        template = template or "{path}: {problem}"
        return template.format(
            path=self.path(spot, block),
            message=spot.item,
            block=spot.part,
            next=spot.item + 1,
            id=_id_of(block),
            ids=", ".join(_unanswered(violation, conversation) if "{ids}" in template else ()),
            text=violation.text,
            problem=violation.text.partition(": ")[2] or violation.text,
        )


def _block_at(conversation: Conversation, violation: Violation) -> Json | None:
    message: Any = conversation.messages[violation.message or 0]
    content: Any = message.get("content") if is_object(message) else None
    if violation.block is None or not is_array(content) or violation.block >= len(content):
        return None
    block: Any = content[violation.block]
    return block if is_object(block) else None


def _id_of(block: Json | None) -> str:
    if block is None:
        return ""
    return id_text(block.get("tool_use_id", block.get("id")))


def _unanswered(violation: Violation, conversation: Conversation) -> list[str]:
    """Return the ids of the calls that stand without result at a violation."""
    index = violation.message or 0
    split, lacking = conversation.work_out(_lacking)
    if violation.rule == "TU007" and index in split:
        return split[index]
    if index in lacking:
        return lacking[index]
    message: Any = conversation.messages[index]
    return _ids(tool_uses(message)) if is_object(message) else []


def _lacking(conversation: Conversation) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    """Return the ids of calls that are answered in the wrong place for their message, and of those without result."""
    split = {index: _ids(call.body for call in found.calls) for index, found in split_calls(conversation).items()}
    lacking: dict[int, list[str]] = {}
    for exchange in ledger(conversation).exchanges:
        ids = _ids(call.body for call in exchange.uncovered() or exchange.calls)
        lacking |= dict.fromkeys(exchange.turn.messages, ids)
    return split, lacking


def _ids(calls: Iterable[Json]) -> list[str]:
    return list(dict.fromkeys(id_text(call.get("id")) for call in calls))


def said(parts: list[Any]) -> Any:
    """Return the content of a result; the lone note that none was recorded as the string it is known by."""
    if len(parts) == 1 and is_object(parts[0]) and parts[0].get("type") == "text":
        text: Any = parts[0].get("text")
        if text == NO_RESULT:
            return text
    return parts


def type_name(value: Any) -> str:
    """Return what JSON calls the type of a value, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an array" if is_array(value) else "an object"
