"""A `system` message stands where the model does not take one: first, behind an assistant, or before the user."""

from collections.abc import Iterator

from antiphon.protocol.editing import with_messages
from antiphon.protocol.messages import Json, blocks_of, is_server_tool_result, role_of
from antiphon.protocol.models import takes_system_messages
from antiphon.protocol.rule import Conversation, Rule, Safety, Source, Violation
from antiphon.protocol.system import said_by_user, with_leading_at_top_level


def _check(conversation: Conversation) -> Iterator[Violation]:
    if not any(turn.role == "system" for turn in conversation.turns):
        return
    if takes_system_messages(conversation.request.get("model")) is not True:
        return
    messages = conversation.messages
    for index, message in conversation.new_messages():
        # A user message behind a system message is told at the user message: what is added last is what is wrong.
        ours = role_of(message) == "system" and not _may_follow(messages, index)
        theirs = role_of(message) == "user" and index > 0 and role_of(messages[index - 1]) == "system"
        if ours or theirs:
            yield Violation(MISPLACED_SYSTEM_MESSAGE.id, MISPLACED_SYSTEM_MESSAGE.error.format(message=index), index)


def _may_follow(messages: list[Json], index: int) -> bool:
    if index == 0:
        return False
    before = messages[index - 1]
    if role_of(before) == "assistant":
        blocks = blocks_of(before)
        return bool(blocks) and is_server_tool_result(blocks[-1])
    return role_of(before) in {"user", "system"}


def _repair(conversation: Conversation) -> Json:
    request = with_leading_at_top_level(conversation.request)
    messages: list[Json] = []
    waiting: list[Json] = []
    for message in request["messages"]:
        # Behind the user message that follows: a result keeps its place directly behind its call.
        if role_of(message) == "system":
            waiting.append(message)
            continue
        if role_of(message) != "user":
            messages += waiting
            waiting = []
        messages.append(message)
    messages += waiting
    moved = with_messages(request, messages)
    stuck = {
        id(message)
        for index, message in enumerate(messages)
        if role_of(message) == "system" and not _may_follow(messages, index)
    }
    return said_by_user(moved, lambda message: id(message) in stuck) if stuck else moved


MISPLACED_SYSTEM_MESSAGE = Rule(
    id="MS008",
    name="misplaced-system-message",
    statement="A system message follows a user message, and is the last or followed by an assistant message.",
    source=Source("documented", ("docs:/build-with-claude/mid-conversation-system-messages",)),
    # That it is refused is documented, the words are not: these are ours.
    error="messages.{message}: role 'system' must follow a user turn, and be last or be followed by an assistant turn",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
)
