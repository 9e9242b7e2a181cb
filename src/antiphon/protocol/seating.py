"""Puts results where they belong: behind their call, in request order among those that stand there already."""

from collections import deque
from collections.abc import Iterable
from operator import itemgetter

from antiphon.protocol.calls import Place, id_key
from antiphon.protocol.conversation import Conversation, Turn
from antiphon.protocol.editing import by_message, rewrite
from antiphon.protocol.messages import Json, indexed_blocks
from antiphon.protocol.pairing import Exchange, Misplaced


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
        answers: exchange, call of it, and the result.
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
    by_exchange: dict[int, tuple[Exchange, Turn, list[Json]]] = {}
    for exchange, call, result in answers:
        if exchange.answer is None or call.message != exchange.turn.messages[-1]:
            # The user does not speak directly after this message, so the results get a message of their own.
            message = added.setdefault(call.message, [{"role": "user", "content": []}])[0]
            message["content"].append(result)
        else:
            by_exchange.setdefault(id(exchange), (exchange, exchange.answer, []))[2].append(result)
    for exchange, answer, seeking in by_exchange.values():
        blocks = [(index, block) for index in answer.messages for block in load(index)]
        contents |= by_message(answer.messages, _seated(exchange, blocks, seeking))
    return rewrite(conversation, contents, added)


def rank_of_calls(exchange: Exchange) -> dict[str, int]:
    """Return the position of each call among the calls of its turn, by id."""
    rank: dict[str, int] = {}
    for call in exchange.calls:
        rank.setdefault(call.key, len(rank))
    return rank


def _seated(exchange: Exchange, blocks: list[tuple[int, Json]], results: list[Json]) -> list[tuple[int, Json]]:
    """Return the blocks of an answer with results put into its run, each before the first one of a later call."""
    rank = rank_of_calls(exchange)
    waiting = deque(sorted(((rank[_id(result)], result) for result in results), key=itemgetter(0)))
    seated: list[tuple[int, Json]] = []
    run = next((n for n, (_, block) in enumerate(blocks) if block.get("type") != "tool_result"), len(blocks))
    for index, block in blocks[:run]:
        while waiting and waiting[0][0] < rank.get(_id(block), -1):
            seated.append((index, waiting.popleft()[1]))
        seated.append((index, block))
    last = seated[-1][0] if seated else exchange.turn.messages[-1] + 1
    return [*seated, *((last, result) for _, result in waiting), *blocks[run:]]


def _id(result: Json) -> str:
    return id_key(result.get("tool_use_id"))
