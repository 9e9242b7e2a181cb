"""The results stand in another order than the calls, most often the order in which the calls finished."""

from collections.abc import Iterator

from antiphon.protocol.calls import Place, id_text
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import by_message, rewrite
from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import Exchange, ledger
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.seating import rank_of_calls


def _check(conversation: Conversation) -> Iterator[Violation]:
    for exchange, found in _out_of_order(conversation):
        text = TOOL_RESULT_OUT_OF_ORDER.error.format(
            message=found[0].message, ids=_ids(_in_call_order(exchange, found)), found=_ids(found)
        )
        yield Violation(TOOL_RESULT_OUT_OF_ORDER.id, text, found[0].message)


def _out_of_order(conversation: Conversation) -> Iterator[tuple[Exchange, list[Place]]]:
    """Yield exchanges with the results of their run, where these stand in another order than the calls."""
    if not conversation.dialect.strict_order:
        return
    for exchange in ledger(conversation).exchanges:
        rank = rank_of_calls(exchange)
        # A result of no call here, and a second one of the same call, are other rules' business.
        firsts = {result.key: result for result in reversed(exchange.run) if result.key in rank}
        found = [result for result in exchange.run if firsts.get(result.key) is result]
        if found != _in_call_order(exchange, found):
            yield exchange, found


def _repair(conversation: Conversation) -> Json:
    contents: dict[int, list[Json]] = {}
    for exchange, _ in _out_of_order(conversation):
        answer, run = exchange.answer, len(exchange.run)
        # Each result goes to the place of another one, so messages keep their number of blocks.
        ordered = iter(_in_call_order(exchange, exchange.run))
        blocks = [
            (i, next(ordered).body if number < run else block)
            for number, (i, _, block) in enumerate(answer.blocks if answer else ())
        ]
        contents |= by_message(answer.messages if answer else (), blocks)
    return rewrite(conversation, contents)


def _in_call_order(exchange: Exchange, results: list[Place]) -> list[Place]:
    rank = rank_of_calls(exchange)
    return sorted(results, key=lambda result: rank.get(result.key, len(rank)))


def _ids(results: list[Place]) -> str:
    return ", ".join(id_text(result.body.get("tool_use_id")) for result in results)


TOOL_RESULT_OUT_OF_ORDER = Rule(
    id="TU003",
    name="tool-result-out-of-order",
    statement="The results of one assistant message follow the order of its calls.",
    source=Source(
        "reported",
        ("RooCodeInc/Roo-Code#11804", "anthropics/claude-code#21906", "maximhq/bifrost#4410"),
    ),
    error="Expected toolResult blocks at messages.{message}.content for the following Ids: {ids}, but found: {found}",
    check=_check,
    repair=_repair,
    done="put the results in the order of their calls",
)
