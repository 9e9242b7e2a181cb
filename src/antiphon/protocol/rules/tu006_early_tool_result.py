"""A result stands before its call."""

from collections.abc import Iterator

from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import MISSING_TEXT, Reason, complaints_about, misplaced
from antiphon.protocol.rule import Conversation, Rule, Source, Violation
from antiphon.protocol.seating import move_home


def _check(conversation: Conversation) -> Iterator[Violation]:
    return complaints_about(EARLY_TOOL_RESULT.id, misplaced(conversation, Reason.EARLY))


def _repair(conversation: Conversation) -> Json:
    return move_home(conversation, misplaced(conversation, Reason.EARLY))


EARLY_TOOL_RESULT = Rule(
    id="TU006",
    name="early-tool-result",
    statement="A result stands after its call.",
    source=Source("reported", ("RooCodeInc/Roo-Code#11046",)),
    error=MISSING_TEXT,
    check=_check,
    repair=_repair,
)
