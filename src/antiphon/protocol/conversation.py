"""A request as rules see it: messages of one role that stand together are one turn, blocks know their place.

Does not know what is right or wrong.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple, TypeVar, cast

from antiphon.protocol.context import NOTHING_KNOWN, Context, Dialect
from antiphon.protocol.messages import Json, indexed_blocks, is_array, is_object, kind_of, role_of

T = TypeVar("T")

_USUAL_ROLES = ("user", "assistant")
_USUAL_FIELDS = ("role", "content")

Placed = tuple[int, int, Json]
"""Message index, block index (in the arrays as sent), and the block."""


class Turn(NamedTuple):
    """Neighbouring messages of one role, which the API combines before it pairs calls and results.

    Attributes:
        role: `user`, `assistant` or `system` (or whatever stood there).
        blocks: its content blocks, in order.
        messages: the indices of the messages it was made of.
    """

    role: str
    messages: tuple[int, ...]
    blocks: tuple[Placed, ...]


class Part(NamedTuple):
    """A block inside a result: the message and block index of the result, its own number in it, and the block."""

    message: int
    block: int
    number: int
    body: Json

    @property
    def where(self) -> str:
        """Its path, as error texts give it, without its type."""
        return f"messages.{self.message}.content.{self.block}.tool_result.content.{self.number}"


class Layout(NamedTuple):
    """Where the blocks of the messages that are to be checked stand: found in one pass, for all rules.

    Attributes:
        by_type: the blocks by their type, in order; string content counts as a text block.
        parts: the blocks inside results by their type, in order.
        unusual: the indices of messages that are anything else than an object of a role, `user` or `assistant`, and
            content, a list of objects or a string, not empty. Few requests have any, so rules about the shape of
            messages look at these alone.
        mixed: the results whose content is a list that holds other things than objects.
        marked: the blocks that carry a cache marker, or are results of which a part carries one, in order.
    """

    by_type: dict[str, list[Placed]]
    parts: dict[str, list[Part]]
    unusual: list[int]
    mixed: list[Placed]
    marked: list[Placed]


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
        messages: the messages of the request, or an empty list when there are none. Junk may stand among them.
    """

    request: Json
    dialect: Dialect
    start: int = 0
    context: Context = NOTHING_KNOWN
    original: Json | None = None
    messages: list[Json] = field(init=False)
    _worked_out: dict[Any, Any] = field(default_factory=dict[Any, Any], init=False, repr=False)

    def __post_init__(self) -> None:
        # Whoever hands in JSON that is no object at all gets rules that find no messages, not an exception.
        request: Any = self.request
        messages = request.get("messages") if is_object(request) else None
        self.messages = messages if is_array(messages) else []

    @property
    def turns(self) -> list[Turn]:
        """The turns from the one that holds message `start` on, or the one before (pairs look one turn back)."""
        return self.work_out(_turns)

    @property
    def layout(self) -> Layout:
        """Where the blocks that are to be checked stand."""
        return self.work_out(_layout)

    def new_messages(self) -> Iterator[tuple[int, Json]]:
        """Yield the messages that are to be checked, with their index."""
        messages = self.messages
        return ((index, messages[index]) for index in range(max(self.start, 0), len(messages)))

    def unusual_messages(self) -> Iterator[tuple[int, Json]]:
        """Yield the messages that are to be checked and have an unusual shape (see `Layout`), with their index."""
        messages = self.messages
        return ((index, messages[index]) for index in self.layout.unusual)

    def of_type(self, *kinds: str) -> Iterator[Placed]:
        """Yield the blocks of some types that are to be checked; those of a type in order, one type after the other."""
        found = self.layout.by_type
        if len(kinds) == 1:
            return iter(found.get(kinds[0], ()))
        return chain.from_iterable([found.get(kind, ()) for kind in kinds])

    def parts_of_type(self, *kinds: str) -> Iterator[Part]:
        """Yield the blocks of some types inside results that are to be checked, as `of_type` does."""
        found = self.layout.parts
        return chain.from_iterable([found.get(kind, ()) for kind in kinds])

    def types(self) -> Iterator[str]:
        """Yield the types of the blocks that are to be checked."""
        return iter(self.layout.by_type)

    def work_out(self, what: Callable[["Conversation"], T]) -> T:
        """Return what a function makes of this conversation; several rules that ask share one answer."""
        # Asked a hundred times for a request, however short.
        try:
            found: T = self._worked_out[what]
        except KeyError:
            found = self._worked_out[what] = what(self)
        return found


def _turns(conversation: Conversation) -> list[Turn]:
    return list(group_turns(conversation.messages, conversation.start, merge=conversation.dialect.merges_turns))


def _layout(conversation: Conversation) -> Layout:
    layout = Layout({}, {}, [], [], [])
    by_type = layout.by_type
    for index, message in conversation.new_messages():
        content = message.get("content") if is_object(message) else None
        usual = bool(content) and len(message) == len(_USUAL_FIELDS) and message.get("role") in _USUAL_ROLES
        if isinstance(content, str):
            if content:
                by_type.setdefault("text", []).append((index, 0, {"type": "text", "text": content}))
        elif is_array(content):
            for position, block in enumerate(content):
                if isinstance(block, dict):
                    placed = (index, position, cast("Json", block))
                    kind = placed[2].get("type")
                    # A junk type may be no key of a dict at all.
                    by_type.setdefault(kind if isinstance(kind, str) else "", []).append(placed)
                    if "cache_control" in placed[2]:
                        layout.marked.append(placed)
                    if kind == "tool_result" and isinstance(placed[2].get("content"), list):
                        _lay_out_parts(layout, placed)
                else:
                    usual = False
        else:
            usual = False
        if not usual:
            layout.unusual.append(index)
    return layout


def _lay_out_parts(layout: Layout, result: Placed) -> None:
    index, position, block = result
    is_plain = True
    is_marked = "cache_control" in block
    for number, part in enumerate(block["content"]):
        if isinstance(part, dict):
            body = cast("Json", part)
            layout.parts.setdefault(kind_of(body), []).append(Part(index, position, number, body))
            if "cache_control" in body and not is_marked:
                is_marked = True
                layout.marked.append(result)
        else:
            is_plain = False
    if not is_plain:
        layout.mixed.append(result)


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
