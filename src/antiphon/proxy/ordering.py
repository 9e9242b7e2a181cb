"""Results of one message in the order of their calls, for upstreams that take any order.

What is sent does not depend on which tool was done first, then. Nothing but the results of one run changes place.
"""

from itertools import pairwise
from typing import Any

from antiphon.protocol.calls import id_key
from antiphon.protocol.messages import Json, is_array, is_object, role_of


def in_request_order(request: Json) -> tuple[Json, int]:
    """Return the request with results in the order of their calls, and how many messages were changed.

    The very object that was given comes back where there was nothing to do. Only results that stand in the message
    right behind their calls, at its beginning, are sorted; the request must be valid.
    """
    messages: Any = request.get("messages")
    if not is_array(messages):
        return request, 0
    changed: dict[int, Json] = {}
    for index in range(1, len(messages)):
        message = messages[index]
        if role_of(message) == "user" and role_of(messages[index - 1]) == "assistant":
            blocks = _sorted(messages[index - 1].get("content"), message.get("content"))
            if blocks is not None:
                changed[index] = {**message, "content": blocks}
    if not changed:
        return request, 0
    return {**request, "messages": [changed.get(index, message) for index, message in enumerate(messages)]}, len(
        changed
    )


def _sorted(said: Any, answered: Any) -> list[Any] | None:
    """Return the blocks of an answer with its results in the order of the calls; None where they are already."""
    if not is_array(said) or not is_array(answered) or not _is(answered[0] if answered else None, "tool_result"):
        return None
    rank: dict[str, int] = {}
    for block in said:
        if _is(block, "tool_use"):
            rank.setdefault(id_key(block.get("id")), len(rank))
    run = next((n for n, block in enumerate(answered) if not _is(block, "tool_result")), len(answered))
    ranks = [rank.get(id_key(block.get("tool_use_id")), len(rank)) for block in answered[:run]]
    if all(left <= right for left, right in pairwise(ranks)):
        return None
    order = sorted(range(run), key=ranks.__getitem__)
    return [*(answered[n] for n in order), *answered[run:]]


def _is(block: Any, kind: str) -> bool:
    return is_object(block) and block.get("type") == kind
