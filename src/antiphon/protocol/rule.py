"""What a rule is: a statement about requests that an API enforces, with its source, check and repair.

One rule stands in one file under `rules/` and is explained on one page under `docs/rules/`. Four readers use it:
the agent before each send, the proxy and the checker to repair, the emulator to answer as the API does.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, TypeVar, cast

from antiphon.protocol.messages import Json, indexed_blocks, is_array, is_object, kind_of, role_of

T = TypeVar("T")


class Safety(StrEnum):
    """What a repair may change."""

    SAFE = "safe"
    """Nothing the model could read is gained or lost: reorder, merge, drop an exact duplicate or an empty block."""
    LOSSY = "lossy"
    """Something is invented, converted or dropped."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule is known from.

    Attributes:
        kind: `documented` (official documentation or SDK), `measured` (somebody probed the live API),
            `reported` (issues quote the error).
        references: documents, or `owner/repo#number` of issues.
    """

    kind: Literal["documented", "measured", "reported"]
    references: tuple[str, ...]


Placed = tuple[int, int, Json]
"""Message index, block index (in the arrays as sent), and the block."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Neighbouring messages of one role, which the API combines before it pairs calls and results.

    Attributes:
        role: `user`, `assistant` or `system` (or whatever stood there).
        blocks: its content blocks, in order.
        messages: the indices of the messages it was made of.
    """

    role: str
    messages: tuple[int, ...]
    blocks: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """Who is upstream, as far as rules care.

    Attributes:
        name: `anthropic`, `bedrock`, `compatible`, ...
        strict_order: results must stand in the order of their calls (template servers; Roo Code issue 11804).
        merges_turns: neighbouring messages of one role count as one.
        except_rules: ids of rules that this upstream does not enforce.
        doubtful_rules: ids of rules that this upstream may enforce or not, the evidence being split: `check` is
            silent about them (who is not known to refuse must not be said to), `repair` keeps to them.
        doubtful_order: the same for the order of results: `repair` sorts them, `check` does not ask.
        image_megabytes: how large an image may be, in base64.
    """

    name: str
    strict_order: bool = False
    merges_turns: bool = True
    except_rules: frozenset[str] = frozenset()
    doubtful_rules: frozenset[str] = frozenset()
    doubtful_order: bool = False
    image_megabytes: int = 10

    def cautious(self) -> "Dialect":
        """Return the strictest reading of the evidence about this upstream: what `repair` aims at."""
        return replace(
            self,
            strict_order=self.strict_order or self.doubtful_order,
            doubtful_rules=frozenset(),
        )

    def enforces(self, rule_id: str) -> bool:
        """Say whether a request that breaks this rule is known to be refused."""
        return rule_id not in self.except_rules and rule_id not in self.doubtful_rules


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where a request breaks a rule.

    Attributes:
        rule: the rule's id, such as `TU003`.
        text: the error message the API would answer with.
        message: index in `messages`, or None when the whole request is meant.
        block: index in that message's content, or None.
    """

    rule: str
    text: str
    message: int | None = None
    block: int | None = None


@dataclass(slots=True)
class Conversation:
    """A request as rules see it: the JSON, who it goes to, and its messages grouped into turns.

    Attributes:
        request: the body of `POST /v1/messages`. Rules never change it in place.
        dialect: who is upstream.
        start: messages before this index were checked earlier and are only context. An append-only history is
            checked in constant time per turn with it. Rules report nothing that lies before it.
        turns: from the turn that holds message `start` on, or the turn before that where one exists
            (pairs look one turn back).
    """

    request: Json
    dialect: Dialect
    start: int = 0
    turns: list[Turn] = field(init=False)
    _worked_out: dict[Any, Any] = field(default_factory=dict[Any, Any], init=False, repr=False)

    def __post_init__(self) -> None:
        self.turns = list(group_turns(self.messages, self.start, merge=self.dialect.merges_turns))

    @property
    def messages(self) -> list[Json]:
        """The messages of the request, or an empty list when there are none. Junk may stand among them."""
        # Whoever hands in JSON that is no object at all gets rules that find no messages, not an exception.
        request: Any = self.request
        messages = request.get("messages") if is_object(request) else None
        return messages if is_array(messages) else []

    def new_messages(self) -> Iterator[tuple[int, Json]]:
        """Yield the messages that are to be checked, with their index."""
        messages = self.messages
        return ((index, messages[index]) for index in range(max(self.start, 0), len(messages)))

    def of_type(self, *kinds: str) -> Iterator[Placed]:
        """Yield the blocks of some types that are to be checked; those of a type in order, one type after the other."""
        found = self.work_out(_by_type)
        return (placed for kind in kinds for placed in found.get(kind, ()))

    def types(self) -> Iterator[str]:
        """Yield the types of the blocks that are to be checked."""
        return iter(self.work_out(_by_type))

    def work_out(self, what: Callable[["Conversation"], T]) -> T:
        """Return what a function makes of this conversation; several rules that ask share one answer."""
        if what not in self._worked_out:
            self._worked_out[what] = what(self)
        return cast("T", self._worked_out[what])


def _by_type(conversation: Conversation) -> dict[str, list[Placed]]:
    found: dict[str, list[Placed]] = {}
    for turn in conversation.turns:
        if turn.messages[-1] >= conversation.start:
            for placed in turn.blocks:
                if placed[0] >= conversation.start:
                    found.setdefault(kind_of(placed[2]), []).append(placed)
    return found


def group_turns(messages: list[Json], start: int, *, merge: bool) -> Iterator[Turn]:
    """Group messages into turns. See `Conversation.turns` for what `start` leaves out.

    Never raises: a message that is not an object, or has no role, is a turn of the role "".
    """
    if not messages:
        return
    begin = _turn_begin(messages, min(max(start, 0), len(messages) - 1), merge=merge)
    if begin:
        begin = _turn_begin(messages, begin - 1, merge=merge)
    while begin < len(messages):
        end = begin + 1
        role = role_of(messages[begin])
        while merge and role and end < len(messages) and role_of(messages[end]) == role:
            end += 1
        yield Turn(
            role=role,
            messages=tuple(range(begin, end)),
            blocks=tuple((i, j, block) for i in range(begin, end) for j, block in indexed_blocks(messages[i])),
        )
        begin = end


def _turn_begin(messages: list[Json], index: int, *, merge: bool) -> int:
    role = role_of(messages[index])
    while merge and role and index and role_of(messages[index - 1]) == role:
        index -= 1
    return index


Check = Callable[[Conversation], Iterable[Violation]]
"""Yields what is wrong, in the order of the messages. Linear in the size of what it is given."""

Repair = Callable[[Conversation], Json]
"""Returns a request without the violations of this rule; shares what it did not change. Same input, same bytes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the API.

    Attributes:
        id: family letters and three digits, never reused: TU tool use and results, MS message shape, CO content,
            TH thinking, SV server tools, TO tool definitions, CC cache control, RQ request.
        name: what is wrong, in kebab case: `tool-result-out-of-order`.
        statement: what the API wants, as a sentence.
        source: where this is known from.
        error: the API's error text with `{placeholders}`; `Violation.text` is it filled in.
        check: finds violations.
        repair: removes them, or None where nobody but the author of the request can.
        safety: what `repair` may change.
    """

    id: str
    name: str
    statement: str
    source: Source
    error: str
    check: Check
    repair: Repair | None = None
    safety: Safety = Safety.SAFE
