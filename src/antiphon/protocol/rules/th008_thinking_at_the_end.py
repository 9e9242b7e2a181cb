"""The conversation ends with an assistant message that holds thinking, and thinking is off."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation, Placed
from antiphon.protocol.editing import without
from antiphon.protocol.messages import Json, role_of
from antiphon.protocol.models import thinks_only_if_asked
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.thinking import is_thinking, mode


def _faulty(conversation: Conversation) -> list[Placed]:
    messages = conversation.messages
    if not messages or role_of(messages[-1]) != "assistant":
        return []
    asked = mode(conversation.request)
    off = asked == "disabled" or (not asked and thinks_only_if_asked(conversation.request.get("model")))
    if not off or not any(conversation.of_type("thinking", "redacted_thinking")):
        return []
    return [placed for placed in conversation.turns[-1].blocks if is_thinking(placed[2])]


def _check(conversation: Conversation) -> Iterator[Violation]:
    for _, position, _ in _faulty(conversation)[:1]:
        yield Violation(THINKING_AT_THE_END.id, THINKING_AT_THE_END.error, len(conversation.messages) - 1, position)


def _repair(conversation: Conversation) -> Json:
    return without(conversation, ((i, j) for i, j, _ in _faulty(conversation)))


THINKING_AT_THE_END = Rule(
    id="TH008",
    name="thinking-at-the-end",
    statement="With thinking off, an assistant message at the end holds no thinking.",
    source=Source("reported", ("tailcallhq/forgecode#1853",)),
    error=(
        "When thinking is disabled, an `assistant` message in the final position cannot contain `thinking`. To use"
        " thinking blocks, enable `thinking` in your request."
    ),
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped the thinking",
)
