"""A message with tool calls follows another message of the model, or begins the conversation."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import merge_messages, text_block, with_messages
from antiphon.protocol.form import in_other_forms
from antiphon.protocol.messages import Json, role_of
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_BEGINNING = "(The beginning of this conversation is not part of it any more.)"


def _found(conversation: Conversation) -> list[int]:
    messages = conversation.messages
    calls = dict.fromkeys(index for index, _, _ in conversation.of_type("tool_use"))
    return [
        index
        for index in calls
        if role_of(messages[index]) == "assistant" and (not index or role_of(messages[index - 1]) == "assistant")
    ]


@in_other_forms
def _check(conversation: Conversation) -> Iterator[Violation]:
    for index in _found(conversation):
        yield Violation(CALL_WITHOUT_USER_TURN.id, CALL_WITHOUT_USER_TURN.error, index)


def _repair(conversation: Conversation) -> Json:
    spans: list[tuple[int, int]] = []
    found = _found(conversation)
    for index in found:
        if not index:
            continue
        if spans and spans[-1][1] == index - 1:
            spans[-1] = spans[-1][0], index
        else:
            spans.append((index - 1, index))
    merged = merge_messages(conversation, spans)
    if 0 not in found:
        return merged
    first: Json = {"role": "user", "content": [text_block(_BEGINNING)]}
    return with_messages(merged, [first, *merged["messages"]])


CALL_WITHOUT_USER_TURN = Rule(
    id="MS013",
    name="call-without-user-turn",
    statement="In Gemini a turn with function calls follows a user turn or one of function responses.",
    source=Source("reported", ("cloudwego/eino-ext#571",)),
    error=(
        "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
    ),
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="made one message of the model's, or put a user message before the first",
)
