"""A result stands before its call, or further down than the message after it."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import MISSING_TEXT, Reason, complaints_about, misplaced
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.seating import move_home


def _check(conversation: Conversation) -> Iterator[Violation]:
    return complaints_about(MISPLACED_TOOL_RESULT.id, misplaced(conversation, Reason.EARLY_OR_LATE))


def _repair(conversation: Conversation) -> Json:
    # A real result is moved, however far. To invent one in its place would be to throw away what the tool said.
    return move_home(conversation, misplaced(conversation, Reason.EARLY_OR_LATE))


MISPLACED_TOOL_RESULT = Rule(
    id="TU005",
    name="misplaced-tool-result",
    statement="Results stand in the message directly after their calls: not before them, and not further down.",
    source=Source(
        "measured",
        (
            "V1ki/dsh-plugin-subscriptions#22",
            "docs:/agents-and-tools/tool-use/handle-tool-calls",
            "RooCodeInc/Roo-Code#11046",
        ),
    ),
    error=MISSING_TEXT,
    check=_check,
    repair=_repair,
    done="moved the result behind its call",
)
