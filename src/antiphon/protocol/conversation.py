"""A request as rules see it: messages of one role that stand together are one turn, blocks know their place.

Does not know what is right or wrong.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from antiphon.protocol.context import NOTHING_KNOWN, Context, Dialect
from antiphon.protocol.messages import Json, indexed_blocks, is_array, is_object, kind_of, role_of

T = TypeVar("T")

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


@dataclass(slots=True)
class Conversation:
    """A request as rules see it: the JSON, who it goes to, and its messages grouped into turns.

    Attributes:
        request: the body of `POST /v1/messages`. Rules never change it in place.
        dialect: who is upstream.
        context: what is known beside the body.
        original: the request as it came in, while it is repaired; else None.
        start: messages before this index were checked earlier and are only context. An append-only history is
            checked in constant time per turn with it. Rules report nothing that lies before it.
        turns: from the turn that holds message `start` on, or the turn before that where one exists
            (pairs look one turn back).
    """

    request: Json
    dialect: Dialect
    start: int = 0
    context: Context = NOTHING_KNOWN
    original: Json | None = None
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
