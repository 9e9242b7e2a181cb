"""A result stands further down than the message after its call."""

from collections.abc import Iterator

from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import MISSING_TEXT, Reason, complaints_about, misplaced
from antiphon.protocol.rule import Conversation, Rule, Source, Violation
from antiphon.protocol.seating import move_home


def _check(conversation: Conversation) -> Iterator[Violation]:
    return complaints_about(LATE_TOOL_RESULT.id, misplaced(conversation, Reason.LATE))


def _repair(conversation: Conversation) -> Json:
    return move_home(conversation, misplaced(conversation, Reason.LATE))


LATE_TOOL_RESULT = Rule(
    id="TU005",
    name="late-tool-result",
    statement="Results stand in the message directly after their calls, not further down.",
    source=Source(
        "measured", ("V1ki/dsh-plugin-subscriptions#22", "docs:/agents-and-tools/tool-use/handle-tool-calls")
    ),
    error=MISSING_TEXT,
    check=_check,
    repair=_repair,
)
