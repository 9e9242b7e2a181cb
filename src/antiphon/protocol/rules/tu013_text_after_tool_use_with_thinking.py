"""Text stands behind a tool call, and the message holds thinking: the API then says that it is prefill."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.models import PREFILL_TEXT
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.segments import texts_behind_calls, with_calls_last


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position in texts_behind_calls(conversation, prefill=True):
        yield Violation(TEXT_AFTER_TOOL_USE_WITH_THINKING.id, PREFILL_TEXT, index, position)


def _repair(conversation: Conversation) -> Json:
    return with_calls_last(conversation, (index for index, _ in texts_behind_calls(conversation, prefill=True)))


TEXT_AFTER_TOOL_USE_WITH_THINKING = Rule(
    id="TU013",
    name="text-after-tool-use-with-thinking",
    statement="With thinking on, no text stands behind the tool calls of an assistant message.",
    source=Source("measured", ("stacklok/mecatl#1465",)),
    error=PREFILL_TEXT,
    check=_check,
    repair=_repair,
    done="moved the text before the tool calls",
)
