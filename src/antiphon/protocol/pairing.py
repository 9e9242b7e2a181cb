"""Which result answers which call, and which calls and results are left over.

The API pairs by id and by place: the user turn after an assistant turn begins with the results of its calls. What does
not fit is told apart here by cause (a result that comes late is not one that is missing), so that each fault is the
business of one rule. Does not know what a repair may change.

All of it looks at the conversation from `start` on and at one turn before; what stands further back was paired already.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NamedTuple

from antiphon.protocol.editing import as_json, same
from antiphon.protocol.messages import Json, role_of
from antiphon.protocol.rule import Conversation, Turn, Violation

MISSING_TEXT = (
    "messages.{message}: `tool_use` ids were found without `tool_result` blocks immediately after: {ids}."
    " Each `tool_use` block must have a corresponding `tool_result` block in the next message."
)
ORPHAN_TEXT = (
    "messages.{message}.content.{block}: unexpected `tool_use_id` found in `tool_result` blocks: {id}."
    " Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
)

REPEATED_TEXT = (
    "messages.{message}.content.{block}: each tool_use must have a single result."
    " Found multiple `tool_result` blocks with id: {id}"
)
NOT_UNIQUE_TEXT = "messages.{message}.content.{block}: `tool_use` ids must be unique"

NO_RESULT = "No result of this tool call was recorded. The call may or may not have been carried out."
"""What stands where a result is lost. It claims neither success nor failure, because nobody knows."""


class Place(NamedTuple):
    """A block and where it stands, counted in the arrays as sent; `key` is its id, made hashable."""

    message: int
    block: int
    body: Json
    key: str

    @property
    def at(self) -> tuple[int, int]:
        """Where it stands: places compare in the order of the conversation."""
        return self.message, self.block


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
        exchanges: the assistant turns with calls, in order.
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


def id_key(value: Any) -> str:
    """Return an id as a key: itself when it is a string, else something that no string id can be."""
    return value if isinstance(value, str) else f"\0{as_json(value)}"


def id_text(value: Any) -> str:
    """Return an id as an error text shows it."""
    return value if isinstance(value, str) else as_json(value)


def places(blocks: Iterable[tuple[int, int, Json]], kind: str) -> list[Place]:
    """Return the calls (`tool_use`) or results (`tool_result`) among some blocks."""
    name = "id" if kind == "tool_use" else "tool_use_id"
    return [Place(i, j, block, id_key(block.get(name))) for i, j, block in blocks if block.get("type") == kind]


def ledger(conversation: Conversation) -> Ledger:
    """Return what is paired and what is left over in a conversation."""
    return conversation.work_out(_ledger)


def _ledger(conversation: Conversation) -> Ledger:
    book = Ledger()
    strays: list[Place] = []
    before: Turn | None = None
    for turn in conversation.turns:
        calls = places(turn.blocks, "tool_use")
        results = places(turn.blocks, "tool_result")
        if turn.role == "assistant":
            book.wrong_results += results
            wanted = _wanted(turn, calls)
            if wanted:
                book.exchanges.append(Exchange(turn, wanted))
        else:
            book.wrong_calls += calls
            if turn.role != "user":
                book.wrong_results += results
            # The first turn of a later part answers a turn that is out of sight, and did so rightly.
            elif before is not None or turn.messages[0] == 0:
                strays += _answer(book, before, turn, results)
        before = turn
    _match(conversation, book, strays)
    return book


def _wanted(turn: Turn, calls: list[Place]) -> list[Place]:
    """Return the calls that want an answer: what stands before a `fallback` block was made void by it."""
    fallbacks = [(i, j) for i, j, block in turn.blocks if block.get("type") == "fallback"]
    return [call for call in calls if call.at > fallbacks[-1]] if fallbacks else calls


def _answer(book: Ledger, before: Turn | None, turn: Turn, results: list[Place]) -> list[Place]:
    """Note what a user turn answers; return the results in it that answer nothing of the turn before."""
    if before is None or before.role != "assistant":
        return results
    if book.exchanges and book.exchanges[-1].turn is before:
        exchange = book.exchanges[-1]
        exchange.answer = turn
        exchange.results = results
        others = next((n for n, (_, _, block) in enumerate(turn.blocks) if block.get("type") != "tool_result"), None)
        exchange.run = results[:others]
    if not results:
        return []
    asked = {call.key for call in places(before.blocks, "tool_use")}
    return [result for result in results if result.key not in asked]


def _match(conversation: Conversation, book: Ledger, strays: list[Place]) -> None:
    """Bring calls without result and results without call together, and note what is left."""
    lacking = list(_lacking(book))
    if not lacking and not strays:
        return
    asking: dict[str, list[Place]] = {}
    for _, call in lacking:
        asking.setdefault(call.key, []).append(call)
    taken: dict[tuple[int, int], Place] = {}
    homeless: list[Place] = []
    for stray in strays:
        # A result belongs to the last call of its id before it: backends that count ids anew for each reply reuse them.
        home = next((call for call in reversed(asking.get(stray.key, [])) if call.at < stray.at), None)
        if home is not None and home.at not in taken:
            taken[home.at] = stray
        else:
            homeless.append(stray)
    wrong_calls = {call.key for call in book.wrong_calls}
    for stray in homeless:
        free = (call for call in asking.get(stray.key, []) if call.at > stray.at and call.at not in taken)
        home = next(free, None)
        if home is not None:
            taken[home.at] = stray
        elif stray.key not in wrong_calls:
            book.orphans.append(stray)
    for exchange, call in lacking:
        if call.at in taken:
            result = taken[call.at]
            book.misplaced.append(Misplaced(exchange, call, result, _reason(conversation, call, result)))
        else:
            book.missing.append(Lacking(exchange, call))


def _lacking(book: Ledger) -> Iterator[Lacking]:
    # A result inside an assistant message is there; that it stands wrong is said by another rule.
    wrong_results = {result.key for result in book.wrong_results}
    for exchange in book.exchanges:
        present = {result.key for result in exchange.results}
        for call in exchange.calls:
            if call.key not in present and call.key not in wrong_results:
                present.add(call.key)
                yield Lacking(exchange, call)


def _reason(conversation: Conversation, call: Place, result: Place) -> Reason:
    if result.at < call.at or conversation.dialect.merges_turns:
        return Reason.EARLY_OR_LATE
    between = {role_of(conversation.messages[index]) for index in range(call.message + 1, result.message)}
    if between == {"user"}:
        return Reason.RESULTS_SPLIT
    return Reason.CALLS_SPLIT if between == {"assistant"} else Reason.EARLY_OR_LATE


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


def synthetic_result(call_id: Any) -> Json:
    """Return the result that stands where none was recorded."""
    return {"type": "tool_result", "tool_use_id": call_id, "content": NO_RESULT, "is_error": True}


def is_synthetic(result: Json) -> bool:
    """Say whether a result only says that none was recorded."""
    return result.get("content") == NO_RESULT


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
        if len(exchange.results) < 2:
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
