"""The results stand in another order than the calls, most often the order in which the calls finished."""

from collections.abc import Iterator

from antiphon.protocol.calls import Place, id_text
from antiphon.protocol.editing import by_message, rewrite
from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import Exchange, ledger
from antiphon.protocol.rule import Conversation, Rule, Source, Violation
from antiphon.protocol.seating import rank_of_calls


def _check(conversation: Conversation) -> Iterator[Violation]:
    if not conversation.dialect.strict_order:
        return
    for exchange in ledger(conversation).exchanges:
        ordered = _in_call_order(exchange)
        if [place.at for place in ordered] == [place.at for place in exchange.run]:
            continue
        text = TOOL_RESULT_OUT_OF_ORDER.error.format(
            message=exchange.run[0].message, ids=_ids(ordered), found=_ids(exchange.run)
        )
        yield Violation(TOOL_RESULT_OUT_OF_ORDER.id, text, exchange.run[0].message)


def _repair(conversation: Conversation) -> Json:
    contents: dict[int, list[Json]] = {}
    for exchange in ledger(conversation).exchanges:
        if exchange.answer is None:
            continue
        # Each result goes to the place of another one, so messages keep their number of blocks.
        ordered = iter(_in_call_order(exchange))
        run = len(exchange.run)
        blocks = [
            (i, next(ordered).body if number < run else block)
            for number, (i, _, block) in enumerate(exchange.answer.blocks)
        ]
        contents |= by_message(exchange.answer.messages, blocks)
    return rewrite(conversation, contents)


def _in_call_order(exchange: Exchange) -> list[Place]:
    rank = rank_of_calls(exchange)
    # A result of no call here is an orphan, another rule's business: it stays behind the others.
    return sorted(exchange.run, key=lambda result: rank.get(result.key, len(rank)))


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
)
