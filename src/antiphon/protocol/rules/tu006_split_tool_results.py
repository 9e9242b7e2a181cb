"""The results of one message are spread over several user messages, and upstream does not merge them."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import MISSING_TEXT, Reason, complaints_about, misplaced
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.seating import move_home


def _check(conversation: Conversation) -> Iterator[Violation]:
    return complaints_about(SPLIT_TOOL_RESULTS.id, misplaced(conversation, Reason.RESULTS_SPLIT))


def _repair(conversation: Conversation) -> Json:
    return move_home(conversation, misplaced(conversation, Reason.RESULTS_SPLIT))


SPLIT_TOOL_RESULTS = Rule(
    id="TU006",
    name="split-tool-results",
    statement="All results of one assistant message stand in one user message.",
    source=Source(
        "measured", ("MoonshotAI/kimi-cli#1978", "anomalyco/opencode#41780", "agentscope-ai/agentscope#1892")
    ),
    error=MISSING_TEXT,
    check=_check,
    repair=_repair,
    done="put the results of one reply into one message",
)
