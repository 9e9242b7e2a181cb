"""Something stands before or between the results: a reminder, an image, what the user typed meanwhile."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import by_message, rewrite
from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import MISSING_TEXT, ledger
from antiphon.protocol.rule import Rule, Source, Violation


def _check(conversation: Conversation) -> Iterator[Violation]:
    for exchange in ledger(conversation).exchanges:
        late = exchange.interrupted()
        if late:
            yield Violation(CONTENT_BEFORE_TOOL_RESULT.id, exchange.complaint(), late[0].message)


def _repair(conversation: Conversation) -> Json:
    contents: dict[int, list[Json]] = {}
    for exchange in ledger(conversation).exchanges:
        if exchange.answer is None or not exchange.interrupted():
            continue
        blocks = [(i, block) for i, _, block in exchange.answer.blocks]
        # The results go to the first message of the turn, so that upstreams which do not merge turns see them all.
        first = exchange.answer.messages[0]
        results = [(first, block) for _, block in blocks if block.get("type") == "tool_result"]
        others = [(i, block) for i, block in blocks if block.get("type") != "tool_result"]
        contents |= by_message(exchange.answer.messages, results + others)
    return rewrite(conversation, contents)


CONTENT_BEFORE_TOOL_RESULT = Rule(
    id="TU002",
    name="content-before-tool-result",
    statement="The results come first in the user message, with nothing before or between them.",
    source=Source(
        "measured",
        (
            "V1ki/dsh-plugin-subscriptions#22",
            "docs:/agents-and-tools/tool-use/handle-tool-calls",
            "NousResearch/hermes-agent#65369",
            "Zoo-Code-Org/Zoo-Code#1705",
        ),
    ),
    error=MISSING_TEXT,
    check=_check,
    repair=_repair,
    done="put the results first, and what stood before them behind them",
)
