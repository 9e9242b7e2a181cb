"""Breaks requests of Chat Completions and Responses, the way clients do; the same conversation always alike.

In both of them a result is an entry of the list that is sent. What is broken here is the run of results behind the
calls of one turn: each run in another way, by its place alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from antiphon.protocol.messages import is_array

Json = dict[str, Any]
Entries = list[Json]

_NOTE = {"role": "user", "content": "One moment."}
_REPLY = {"role": "assistant", "content": "Yes."}


@dataclass(frozen=True, slots=True)
class Wire:
    """Where results stand in one of the two protocols.

    Attributes:
        entries: the field that holds the list.
        kind: the field of an entry that says whether it is a result, and what it says then.
        call_id: the field of a result that names its call.
        text: the field of a result that holds what the tool said.
    """

    entries: str
    kind: tuple[str, str]
    call_id: str
    text: str

    def is_result(self, entry: Json) -> bool:
        """Say whether an entry is a result."""
        field, value = self.kind
        return entry.get(field) == value


CHAT = Wire("messages", ("role", "tool"), "tool_call_id", "content")
RESPONSES = Wire("input", ("type", "function_call_output"), "call_id", "output")


def _last_lost(results: Entries, _: Wire) -> Entries:
    return results[:-1]


def _all_lost(_: Entries, __: Wire) -> Entries:
    return []


def _all_lost_behind_a_note(_: Entries, __: Wire) -> Entries:
    return [_NOTE]


def _one_twice(results: Entries, _: Wire) -> Entries:
    return [*results, results[0]]


def _one_of_nobody(results: Entries, wire: Wire) -> Entries:
    return [*results, {**results[0], wire.call_id: "call_of_nobody"}]


def _note_between(results: Entries, _: Wire) -> Entries:
    return [results[0], _NOTE, *results[1:]]


def _late(results: Entries, _: Wire) -> Entries:
    return [_NOTE, _REPLY, *results]


def _half_a_character(results: Entries, wire: Wire) -> Entries:
    return [{**results[0], wire.text: "cut emoji \ud83d end"}, *results[1:]]


FAULTS: tuple[Callable[[Entries, Wire], Entries], ...] = (
    _last_lost,
    _one_of_nobody,
    _note_between,
    _one_twice,
    _all_lost_behind_a_note,
    _late,
    _half_a_character,
    _all_lost,
)


def broken(request: Json, wire: Wire) -> Json:
    """Return a request with a fault in each run of results."""
    given: Any = request.get(wire.entries)
    if not is_array(given):
        return request
    made: Entries = []
    number = 0
    for are_results, run in groupby(given, wire.is_result):
        entries = list(run)
        if are_results:
            entries = FAULTS[number % len(FAULTS)](entries, wire)
            number += 1
        made += entries
    return {**request, wire.entries: made}
