"""The same twice: calls that share an id within their turn, and results too many for one call."""

from collections.abc import Iterator
from typing import NamedTuple

from antiphon.protocol.calls import Place
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import same
from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import ledger

REPEATED_TEXT = (
    "messages.{message}.content.{block}: each tool_use must have a single result."
    " Found multiple `tool_result` blocks with id: {id}"
)
NOT_UNIQUE_TEXT = "messages.{message}.content.{block}: `tool_use` ids must be unique"


class Repetition(NamedTuple):
    """A result too many: its call has one already.

    Attributes:
        result: the later one.
        first: the result that counts.
    """

    result: Place
    first: Place


def repetitions(conversation: Conversation) -> Iterator[Repetition]:
    """Yield the results too many among those that answer the turn before them.

    Where an id stands for several calls, that many results are not too many: each call may have its own.
    """
    for exchange in ledger(conversation).exchanges:
        if len({result.key for result in exchange.results}) == len(exchange.results):
            continue
        allowed: dict[str, int] = {}
        for call in exchange.calls:
            allowed[call.key] = allowed.get(call.key, 0) + 1
        firsts: dict[str, Place] = {}
        for result in exchange.results:
            if result.key in allowed:
                first = firsts.setdefault(result.key, result)
                allowed[result.key] -= 1
                if allowed[result.key] < 0:
                    yield Repetition(result, first)


def namesakes(conversation: Conversation) -> Iterator[tuple[Place, Place]]:
    """Yield the calls whose id an earlier call of the same assistant turn has: the earlier one, and them."""
    for exchange in ledger(conversation).exchanges:
        firsts: dict[str, Place] = {}
        for call in exchange.calls:
            first = firsts.setdefault(call.key, call)
            if first is not call:
                yield first, call


def is_same_call(left: Json, right: Json) -> bool:
    """Say whether two calls ask for the same."""
    return all(same(left.get(name), right.get(name)) for name in ("id", "name", "input"))
