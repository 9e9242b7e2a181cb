"""The images and documents of a whole request: how many there are counts, wherever they stand.

To count them all of the conversation is looked at, but only in a request that brings new ones.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeGuard, cast

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, indexed_blocks, is_array, kind_of

MEDIA = frozenset({"image", "document"})
_KINDS = tuple(MEDIA)
"""A tuple: what stands as a type may be no key of a set."""


class Medium(NamedTuple):
    """An image or document.

    Attributes:
        message: index of its message.
        block: index in the content of that message, of it or of the result it stands in.
        where: its path, as error texts give it.
        body: the block.
    """

    message: int
    block: int
    where: str
    body: Json


def all_media(conversation: Conversation) -> list[Medium]:
    """Return the images and documents of the request, those in results included, if some are yet to be checked."""
    return conversation.work_out(_all_media)


def _all_media(conversation: Conversation) -> list[Medium]:
    holding = {(part.message, part.block) for part in conversation.parts_of_type(*MEDIA)}
    results = (placed for placed in conversation.of_type("tool_result") if placed[:2] in holding) if holding else ()
    placed = (*conversation.of_type(*MEDIA), *results)
    new = sorted((medium for index, j, block in placed for medium in _of(index, j, block)), key=_place)
    if not new or conversation.start <= 0:
        return new
    return [*_earlier(conversation), *new]


def _place(medium: Medium) -> tuple[int, int]:
    return medium.message, medium.block


def _earlier(conversation: Conversation) -> Iterator[Medium]:
    for index, message in enumerate(conversation.messages[: conversation.start]):
        for position, block in indexed_blocks(message):
            yield from _of(index, position, block)


def _of(index: int, position: int, block: Json) -> Iterator[Medium]:
    kind = kind_of(block)
    if kind in MEDIA:
        yield Medium(index, position, f"messages.{index}.content.{position}.{kind}", block)
    content: Any = block.get("content") if kind == "tool_result" else None
    if is_array(content) and any(map(_is_medium, content)):
        for number, part in enumerate(content):
            if _is_medium(part):
                where = f"messages.{index}.content.{position}.tool_result.content.{number}.{kind_of(part)}"
                yield Medium(index, position, where, part)


def _is_medium(part: object) -> TypeGuard[Json]:
    return isinstance(part, dict) and cast("Json", part).get("type") in _KINDS
