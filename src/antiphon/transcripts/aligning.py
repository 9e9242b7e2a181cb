"""Which part of a repaired conversation came from which part of the stored one.

Repairs copy what they change and share everything else, so what is the same object is the same thing: whole messages
and blocks first, then those that share parts. Nothing is compared by its text, in which two messages may be equal.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from antiphon.protocol.messages import is_array, is_object

T = TypeVar("T")

_LEVELS = 3
"""How deep parts are looked at: a message, its blocks, their fields."""


_WORDS = {word: word for word in ("assistant", "image", "system", "text", "tool_result", "tool_use", "user")}
"""Words that code writes into messages: the same object wherever it is written, which says nothing."""


def align(before: Sequence[Any], after: Sequence[Any]) -> list[int | None]:
    """Return, for each element of `after`, the index in `before` of what it came from, or None where it is new.

    No index is given twice. Linear, but for the sorting of what was changed.
    """
    places = {id(value): index for index, value in enumerate(before)}
    origins: list[int | None] = [None] * len(after)
    taken: set[int] = set()
    for position, value in enumerate(after):
        # Numbers and single characters are shared by all who use them.
        index = places.get(id(value)) if is_object(value) or is_array(value) else None
        if index is not None and index not in taken:
            origins[position] = index
            taken.add(index)
    changed = [position for position, origin in enumerate(origins) if origin is None]
    if changed:
        _match_by_parts(before, after, changed, origins, taken)
        _match_by_place(before, after, origins, taken)
    return origins


def _match_by_parts(
    before: Sequence[Any], after: Sequence[Any], changed: list[int], origins: list[int | None], taken: set[int]
) -> None:
    owners: dict[int, int] = {}
    for index, value in enumerate(before):
        if index not in taken:
            for part in _parts(value, _LEVELS):
                # What two elements share (an interned word) says nothing.
                owners[part] = -1 if owners.get(part, index) != index else index
    votes: list[tuple[int, int, int]] = []
    for position in changed:
        counted = Counter(owners.get(part, -1) for part in _parts(after[position], _LEVELS))
        votes += [(-count, position, index) for index, count in counted.items() if index >= 0]
    for _, position, index in sorted(votes):
        if origins[position] is None and index not in taken:
            origins[position] = index
            taken.add(index)


def _parts(value: Any, levels: int) -> Iterator[int]:
    """Yield the identities of what an element is made of."""
    if is_object(value) or is_array(value):
        yield id(value)
        if levels:
            for part in value.values() if is_object(value) else value:
                yield from _parts(part, levels - 1)
    elif isinstance(value, str) and len(value) > 1 and _WORDS.get(value) is not value:
        yield id(value)


def _match_by_place(before: Sequence[Any], after: Sequence[Any], origins: list[int | None], taken: set[int]) -> None:
    """Take what stands at the place of something of its kind, and shares nothing with anything, for that."""
    last = -1
    for position, origin in enumerate(origins):
        if origin is not None:
            last = origin
        elif last + 1 < len(before) and last + 1 not in taken and _kind(before[last + 1]) == _kind(after[position]):
            last += 1
            origins[position] = last
            taken.add(last)


def _kind(value: Any) -> Any:
    # Blocks have no role: that a result became a text is a repair, that a user became an assistant is none.
    return value.get("role") if is_object(value) else is_array(value)


def weave(
    stored: Sequence[T],
    shown: Sequence[int],
    origins: Sequence[int | None],
    make: Callable[[int, T | None], T],
) -> list[T]:
    """Return a stored list with a repaired view of it in place of the view.

    What is not shown stays behind what it stood behind; what was shown and is gone goes.

    Args:
        stored: all elements.
        shown: the indices of those that the view is made of, rising.
        origins: for each element of the repaired view, its index in the old view, or None (see `align`).
        make: takes the place in the repaired view and the stored element it came from, and returns the new one.
    """
    followers: dict[int, list[T]] = {}
    visible = set(shown)
    alive = {shown[origin] for origin in origins if origin is not None}
    anchor = -1
    for index, value in enumerate(stored):
        if index in alive:
            anchor = index
        elif index not in visible:
            followers.setdefault(anchor, []).append(value)
    woven: list[T] = list(followers.get(-1, ()))
    for position, origin in enumerate(origins):
        if origin is None:
            woven.append(make(position, None))
        else:
            woven.append(make(position, stored[shown[origin]]))
            woven += followers.get(shown[origin], ())
    return woven
