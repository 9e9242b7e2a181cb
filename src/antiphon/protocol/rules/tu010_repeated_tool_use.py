"""The very same call stands twice in an assistant message: a stream was replayed, or a retry was appended."""

from collections.abc import Iterator

from antiphon.protocol.calls import Place
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.duplicates import NOT_UNIQUE_TEXT, is_same_call, namesakes
from antiphon.protocol.editing import without
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Source, Violation


def _found(conversation: Conversation) -> Iterator[Place]:
    return (call for first, call in namesakes(conversation) if is_same_call(first.body, call.body))


def _check(conversation: Conversation) -> Iterator[Violation]:
    for call in _found(conversation):
        text = NOT_UNIQUE_TEXT.format(message=call.message, block=call.block)
        yield Violation(REPEATED_TOOL_USE.id, text, call.message, call.block)


def _repair(conversation: Conversation) -> Json:
    return without(conversation, (call.at for call in _found(conversation)))


REPEATED_TOOL_USE = Rule(
    id="TU010",
    name="repeated-tool-use",
    statement="The ids of an assistant message's calls are unique: the same call is not sent twice.",
    source=Source("reported", ("anthropics/claude-code#20901", "trycua/cua#524", "openclaw/openclaw#43370")),
    error=NOT_UNIQUE_TEXT,
    check=_check,
    repair=_repair,
    done="dropped the second, identical call",
)
