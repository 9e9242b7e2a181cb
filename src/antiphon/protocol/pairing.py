"""Which result answers which call, and which calls and results are left over.

The API pairs by id and by place: the user turn after an assistant turn begins with the results of its calls. What does
not fit is told apart here by cause (a result that comes late is not one that is missing), so that each fault is the
business of one rule. Does not know what a repair may change.

All of it looks at the conversation from `start` on and at one turn before; what stands further back was paired already.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import chain
from typing import NamedTuple

from antiphon.protocol.calls import Place, id_key, id_text, nearest
from antiphon.protocol.conversation import Conversation, Placed, Turn
from antiphon.protocol.messages import Json, role_of
from antiphon.protocol.rule import Violation

MISSING_TEXT = (
    "messages.{message}: `tool_use` ids were found without `tool_result` blocks immediately after: {ids}."
    " Each `tool_use` block must have a corresponding `tool_result` block in the next message."
)
ORPHAN_TEXT = (
    "messages.{message}.content.{block}: unexpected `tool_use_id` found in `tool_result` blocks: {id}."
    " Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
)


class Reason(Enum):
    """Why a result does not stand behind its call."""

    EARLY_OR_LATE = auto()
    """It stands before the call, or further down than the message after it."""
    RESULTS_SPLIT = auto()
    """Upstream does not merge turns, and the result stands in a later message of the user turn it should begin."""
    CALLS_SPLIT = auto()
    """Upstream does not merge turns, and the call stands in an earlier message of the assistant turn."""


@dataclass(slots=True)
class Exchange:
    """An assistant turn with client tool calls, and what answers it.

    Attributes:
        turn: the assistant turn.
        calls: its calls that want an answer, in request order.
        answer: the user turn directly after it, if there is one.
        run: the uninterrupted results the answer begins with; only these count.
        results: all results in the answer.
    """

    turn: Turn
    calls: list[Place]
    answer: Turn | None = None
    run: list[Place] = field(default_factory=list[Place])
    results: list[Place] = field(default_factory=list[Place])

    def uncovered(self) -> list[Place]:
        """Return the calls that have no result in the run: those the API complains about."""
        covered = {result.key for result in self.run}
        return [call for call in self.calls if call.key not in covered]

    def interrupted(self) -> list[Place]:
        """Return the calls whose result stands in the answer, but behind something else."""
        if len(self.run) == len(self.results):
            return []
        present = {result.key for result in self.results}
        return [call for call in self.uncovered() if call.key in present]

    def complaint(self) -> str:
        """Return the API's complaint about all calls of this turn that have no result in the run."""
        uncovered = self.uncovered()
        ids = dict.fromkeys(id_text(call.body.get("id")) for call in uncovered)
        return MISSING_TEXT.format(message=uncovered[0].message, ids=", ".join(ids))


class Lacking(NamedTuple):
    """A call that has no result behind it."""

    exchange: Exchange
    call: Place


class Misplaced(NamedTuple):
    """A call without result and, elsewhere, a result without call, that belong together."""

    exchange: Exchange
    call: Place
    result: Place
    reason: Reason


@dataclass(slots=True)
class Ledger:
    """What is paired and what is left over.

    Attributes:
        exchanges: the assistant turns with calls, in order; see `ledger`.
        misplaced: results that stand elsewhere than behind their call.
        missing: calls that have no result anywhere.
        orphans: results that answer no call of the turn before and belong to no other.
        wrong_calls: calls outside assistant messages.
        wrong_results: results outside user messages.
    """

    exchanges: list[Exchange] = field(default_factory=list[Exchange])
    misplaced: list[Misplaced] = field(default_factory=list[Misplaced])
    missing: list[Lacking] = field(default_factory=list[Lacking])
    orphans: list[Place] = field(default_factory=list[Place])
    wrong_calls: list[Place] = field(default_factory=list[Place])
    wrong_results: list[Place] = field(default_factory=list[Place])


def ledger(conversation: Conversation) -> Ledger:
    """Return what is paired and what is left over in a conversation, and the exchanges that are to be looked at.

    In nearly all requests nothing is left over, and to see that takes no books: then there are no exchanges.
    """
    return conversation.work_out(_settled_ledger)


def full_ledger(conversation: Conversation) -> Ledger:
    """Return what is paired and what is left over in a conversation, and all exchanges, well paired or not."""
    return conversation.work_out(_ledger)


def _settled_ledger(conversation: Conversation) -> Ledger:
    return Ledger() if _is_settled(conversation) else full_ledger(conversation)


def _is_settled(conversation: Conversation) -> bool:
    """Say whether each message with calls is followed by a message that begins with their results, each exactly once.

    That there are no other results, and that no neighbouring message of the same role has to do with it. False where
    more must be known to say so.
    """
    found = conversation.layout.by_type
    calls, results = found.get("tool_use", []), found.get("tool_result", [])
    if conversation.start > 0 or "fallback" in found or len(calls) != len(results):
        return False
    asked = [block.get("id") for _, _, block in calls]
    answered = [block.get("tool_use_id") for _, _, block in results]
    if asked != answered and conversation.dialect.strict_order:
        return False
    if not set(map(type, chain(asked, answered))) <= {str}:
        return False
    # In which message an id is asked for, or answered: so an id that is used twice counts as unsettled, too.
    wanted = dict(zip(asked, (index + 1 for index, _, _ in calls), strict=True))
    if len(wanted) != len(calls) or wanted != dict(zip(answered, (index for index, _, _ in results), strict=True)):
        return False
    return _lead(results) and _stand_alone(conversation.messages, wanted.values())


def _lead(results: Iterable[Placed]) -> bool:
    """Say whether all results stand at the beginning of their message, with nothing between them."""
    before, expected = -1, 0
    for index, position, _ in results:
        expected = expected + 1 if index == before else 0
        if position != expected:
            return False
        before = index
    return True


def _stand_alone(messages: list[Json], answers: Iterable[int]) -> bool:
    """Say whether messages with calls and those that answer them (given by index) are no parts of longer turns."""
    return all(
        role_of(messages[index]) == "user"
        and role_of(messages[index - 1]) == "assistant"
        and (index < 2 or role_of(messages[index - 2]) != "assistant")
        for index in answers
    )


def _ledger(conversation: Conversation) -> Ledger:
    book = Ledger()
    strays: list[Place] = []
    before: _Sorted | None = None
    for turn in conversation.turns:
        found = _sort(turn)
        if turn.role == "assistant":
            book.wrong_results += found.results
            if found.wanted:
                book.exchanges.append(Exchange(turn, found.wanted))
        else:
            book.wrong_calls += found.calls
            if turn.role != "user":
                book.wrong_results += found.results
            # The first turn of a later part answers a turn that is out of sight, and did so rightly.
            elif before is not None or turn.messages[0] == 0:
                strays += _answer(book, before, found)
        before = found
    _match(conversation, book, strays)
    return book


class _Sorted(NamedTuple):
    """A turn, its calls, those of them that want an answer, its results, and how many of these it begins with."""

    turn: Turn
    calls: list[Place]
    wanted: list[Place]
    results: list[Place]
    leading: int


def _sort(turn: Turn) -> _Sorted:
    calls: list[Place] = []
    results: list[Place] = []
    void = leading = 0
    for number, (i, j, block) in enumerate(turn.blocks):
        kind = block.get("type")
        if kind == "tool_result":
            results.append(Place(i, j, block, id_key(block.get("tool_use_id"))))
            leading += leading == number
        elif kind == "tool_use":
            calls.append(Place(i, j, block, id_key(block.get("id"))))
        elif kind == "fallback":
            # What the first model asked for was made void when another one took over.
            void = len(calls)
    return _Sorted(turn, calls, calls[void:], results, leading)


def _answer(book: Ledger, before: _Sorted | None, found: _Sorted) -> list[Place]:
    """Note what a user turn answers; return the results in it that answer nothing of the turn before."""
    if before is None or before.turn.role != "assistant":
        return found.results
    if before.wanted:
        exchange = book.exchanges[-1]
        exchange.answer = found.turn
        exchange.results = found.results
        exchange.run = found.results[: found.leading]
    asked = {call.key for call in before.calls}
    return [result for result in found.results if result.key not in asked]


def _match(conversation: Conversation, book: Ledger, strays: list[Place]) -> None:
    """Bring calls without result and results without call together, and note what is left."""
    lacking = list(_lacking(book))
    if not lacking and not strays:
        return
    homes = nearest(strays, (call for _, call in lacking))
    wrong_calls = {call.key for call in book.wrong_calls}
    book.orphans += [stray for stray in strays if stray.at not in homes and stray.key not in wrong_calls]
    results = {homes[stray.at].at: stray for stray in strays if stray.at in homes}
    groups = _Groups(conversation)
    for exchange, call in lacking:
        result = results.get(call.at)
        if result is None:
            book.missing.append(Lacking(exchange, call))
        else:
            book.misplaced.append(Misplaced(exchange, call, result, groups.reason(call, result)))


def _lacking(book: Ledger) -> Iterator[Lacking]:
    # A result inside an assistant message is there; that it stands wrong is said by another rule.
    wrong_results = {result.key for result in book.wrong_results}
    for exchange in book.exchanges:
        present = {result.key for result in exchange.results}
        for call in exchange.calls:
            if call.key not in present and call.key not in wrong_results:
                present.add(call.key)
                yield Lacking(exchange, call)


class _Groups:
    """Where neighbouring messages of one role end, for an upstream that does not combine them."""

    def __init__(self, conversation: Conversation) -> None:
        self.combined = conversation.dialect.merges_turns
        self.roles = {turn.messages[0]: turn.role for turn in conversation.turns}
        self.last: dict[int, int] = {}
        for index in reversed(self.roles):
            together = self.roles.get(index + 1) == self.roles[index]
            self.last[index] = self.last[index + 1] if together else index

    def reason(self, call: Place, result: Place) -> Reason:
        """Return why a result does not stand behind its call."""
        next_message = call.message + 1
        if self.combined or next_message >= result.message or self.last[next_message] < result.message - 1:
            return Reason.EARLY_OR_LATE
        reasons = {"user": Reason.RESULTS_SPLIT, "assistant": Reason.CALLS_SPLIT}
        return reasons.get(self.roles[next_message], Reason.EARLY_OR_LATE)


def misplaced(conversation: Conversation, reason: Reason) -> list[Misplaced]:
    """Return the results that stand in the wrong place for this reason."""
    return [found for found in ledger(conversation).misplaced if found.reason is reason]


def complaints_about(rule_id: str, found: Iterable[Misplaced]) -> Iterator[Violation]:
    """Yield what the API says of misplaced results: calls without results first, then results without calls."""
    exchanges: set[int] = set()
    for exchange, call, result, _ in found:
        if id(exchange) not in exchanges:
            exchanges.add(id(exchange))
            yield Violation(rule_id, exchange.complaint(), call.message)
        text = ORPHAN_TEXT.format(
            message=result.message, block=result.block, id=id_text(result.body.get("tool_use_id"))
        )
        yield Violation(rule_id, text, result.message, result.block)


class SplitCalls(NamedTuple):
    """Calls that stand in an earlier message of their assistant turn but are answered behind its last one."""

    calls: list[Place]
    last: int


def split_calls(conversation: Conversation) -> dict[int, SplitCalls]:
    """Return such calls by the index of their message, in order."""
    found: dict[int, SplitCalls] = {}
    for exchange in ledger(conversation).exchanges:
        last = exchange.turn.messages[-1]
        if len(exchange.turn.messages) > 1:
            present = {result.key for result in exchange.results}
            for call in exchange.calls:
                if call.message != last and call.key in present:
                    found.setdefault(call.message, SplitCalls([], last)).calls.append(call)
    for _, call, result, _ in misplaced(conversation, Reason.CALLS_SPLIT):
        found.setdefault(call.message, SplitCalls([], result.message - 1)).calls.append(call)
    return dict(sorted(found.items()))
