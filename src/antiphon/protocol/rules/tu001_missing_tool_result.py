"""A tool call has no result anywhere: the turn was interrupted, the writer crashed, or a cut lost it."""

from collections.abc import Iterator

from antiphon.protocol.calls import synthetic_result
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import MISSING_TEXT, ledger
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.seating import put_results


def _check(conversation: Conversation) -> Iterator[Violation]:
    told: set[int] = set()
    for exchange, call in ledger(conversation).missing:
        if id(exchange) not in told:
            told.add(id(exchange))
            yield Violation(MISSING_TOOL_RESULT.id, exchange.complaint(), call.message)


def _repair(conversation: Conversation) -> Json:
    # The only honest thing to say is that nobody knows: a made-up success or failure would mislead the model.
    missing = ledger(conversation).missing
    return put_results(
        conversation, [(exchange, call, synthetic_result(call.body.get("id"))) for exchange, call in missing]
    )


MISSING_TOOL_RESULT = Rule(
    id="TU001",
    name="missing-tool-result",
    statement="Every tool call has a result in the run of results that the next user message begins with.",
    source=Source(
        "documented",
        (
            "docs:/agents-and-tools/tool-use/handle-tool-calls",
            "anthropics/claude-code#2697",
            "anthropics/claude-code#5989",
            "anthropics/claude-code#6836",
        ),
    ),
    error=MISSING_TEXT,
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="answered the call with a note that no result was recorded",
)
