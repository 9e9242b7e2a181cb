"""Tool calls and their results, each with the place it stands in and the id that ties it to the other."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from antiphon.protocol.conversation import Placed
from antiphon.protocol.editing import as_json
from antiphon.protocol.messages import Json

NO_RESULT = "No result of this tool call was recorded. The call may or may not have been carried out."
"""What stands where a result is lost. It claims neither success nor failure, because nobody knows."""

ID_FIELDS = {"tool_use": "id", "tool_result": "tool_use_id"}
"""The field of a block that holds the id of its call."""


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


def id_key(value: Any) -> str:
    """Return an id as a key: itself when it is a string, else something that no string id can be."""
    return value if isinstance(value, str) else f"\0{as_json(value)}"


def id_text(value: Any) -> str:
    """Return what should be a string, such as an id, as an error text shows it."""
    return value if isinstance(value, str) else as_json(value)


def places(blocks: Iterable[Placed], kind: str) -> list[Place]:
    """Return the calls (`tool_use`) or results (`tool_result`) among some blocks."""
    name = ID_FIELDS[kind]
    return [Place(i, j, block, id_key(block.get(name))) for i, j, block in blocks if block.get("type") == kind]


def nearest(seekers: Iterable[Place], seats: Iterable[Place]) -> dict[tuple[int, int], Place]:
    """Return, by place, which of the seekers gets which seat of its id.

    It is the last seat before the seeker, since backends that count ids anew for each reply use them again; failing
    that, the first one behind it that nobody else gets. Both come in the order of the conversation.
    """
    by_key: dict[str, list[Place]] = {}
    for seat in seats:
        by_key.setdefault(seat.key, []).append(seat)
    found: dict[tuple[int, int], Place] = {}
    taken: set[tuple[int, int]] = set()
    waiting: list[Place] = []
    for seeker in seekers:
        own = by_key.get(seeker.key, [])
        position = bisect_left(own, seeker.at, key=_at)
        if position and own[position - 1].at not in taken:
            found[seeker.at] = own[position - 1]
            taken.add(own[position - 1].at)
        elif own:
            waiting.append(seeker)
    free = {key: deque(seat for seat in own if seat.at not in taken) for key, own in by_key.items()}
    for seeker in waiting:
        left = free[seeker.key]
        while left and left[0].at < seeker.at:
            left.popleft()
        if left:
            found[seeker.at] = left.popleft()
    return found


def _at(place: Place) -> tuple[int, int]:
    return place.at


def synthetic_result(call_id: Any) -> Json:
    """Return the result that stands where none was recorded."""
    return {"type": "tool_result", "tool_use_id": call_id, "content": NO_RESULT, "is_error": True}


def is_synthetic(result: Json) -> bool:
    """Say whether a result only says that none was recorded."""
    return result.get("content") == NO_RESULT
