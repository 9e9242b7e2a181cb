"""Puts results where they belong: behind their call, in request order among those that stand there already."""

from collections.abc import Callable, Iterable
from typing import Any

from antiphon.protocol.editing import rewrite
from antiphon.protocol.messages import Json, indexed_blocks
from antiphon.protocol.pairing import Exchange, Misplaced, Place, id_key
from antiphon.protocol.rule import Conversation

Load = Callable[[int], list[Json]]


def move_home(conversation: Conversation, found: Iterable[Misplaced]) -> Json:
    """Return the request with misplaced results put behind their calls."""
    results = list(found)
    return put_results(
        conversation,
        [(exchange, call, result.body) for exchange, call, result, _ in results],
        [result for _, _, result, _ in results],
    )


def put_results(
    conversation: Conversation, answers: Iterable[tuple[Exchange, Place, Json]], removed: Iterable[Place] = ()
) -> Json:
    """Return the request with results put behind their calls.

    Args:
        conversation: what is edited.
        answers: exchange, call of it, and the result; in request order within an exchange.
        removed: blocks that go from where they stand.
    """
    gone = {place.at for place in removed}
    contents: dict[int, list[Json]] = {}
    added: dict[int, list[Json]] = {}

    def load(index: int) -> list[Json]:
        if index not in contents:
            blocks = indexed_blocks(conversation.messages[index])
            contents[index] = [block for j, block in blocks if (index, j) not in gone]
        return contents[index]

    for index, _ in gone:
        load(index)
    ranks: dict[int, dict[str, int]] = {}
    for exchange, call, result in answers:
        if exchange.answer is None or call.message != exchange.turn.messages[-1]:
            # The user does not speak directly after this message, so the results get a message of their own.
            message = added.setdefault(call.message, [{"role": "user", "content": []}])[0]
            message["content"].append(result)
            continue
        rank = ranks.setdefault(id(exchange), rank_of_calls(exchange))
        index, position = _seat(exchange, load, rank, rank[call.key])
        load(index).insert(position, result)
    return rewrite(conversation, contents, added)


def rank_of_calls(exchange: Exchange) -> dict[str, int]:
    """Return the position of each call among the calls of its turn, by id."""
    rank: dict[str, int] = {}
    for call in exchange.calls:
        rank.setdefault(call.key, len(rank))
    return rank


def _seat(exchange: Exchange, load: Load, rank: dict[str, int], own: int) -> tuple[int, int]:
    """Return message and position: before the first result of a later call, else behind the run."""
    answer: Any = exchange.answer
    seat = (answer.messages[0], 0)
    for index in answer.messages:
        for position, block in enumerate(load(index)):
            if block.get("type") != "tool_result":
                return seat
            if rank.get(id_key(block.get("tool_use_id")), -1) > own:
                return index, position
            seat = (index, position + 1)
    return seat
