"""Text stands behind a tool call. Bedrock refuses that; reports about the first-party API disagree."""

from collections.abc import Iterator

from antiphon.protocol.calls import id_text
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import MISSING_TEXT
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.segments import calls_before, texts_behind_calls, with_calls_last


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position in texts_behind_calls(conversation, prefill=False):
        calls = calls_before(conversation.messages[index], position)
        ids = dict.fromkeys(id_text(call.get("id")) for call in calls)
        text = MISSING_TEXT.format(message=index, ids=", ".join(ids))
        yield Violation(TEXT_AFTER_TOOL_USE.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    return with_calls_last(conversation, (index for index, _ in texts_behind_calls(conversation, prefill=False)))


TEXT_AFTER_TOOL_USE = Rule(
    id="TU014",
    name="text-after-tool-use",
    statement="No text stands behind the tool calls of an assistant message.",
    source=Source(
        "reported",
        ("BerriAI/litellm#24361", "evalstate/fast-agent#668", "anthropics/claude-code#473", "stacklok/mecatl#1465"),
    ),
    error=MISSING_TEXT,
    check=_check,
    repair=_repair,
    done="moved the text before the tool calls",
)
