"""A `system` message stands where the model does not take one: first, behind an assistant, or before the user."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import with_messages
from antiphon.protocol.messages import Json, blocks_of, is_server_tool_result, role_of
from antiphon.protocol.models import model_version, takes_system_messages
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.system import said_by_user, system_messages, with_leading_at_top_level


def _check(conversation: Conversation) -> Iterator[Violation]:
    start = conversation.start
    before = conversation.messages[start - 1 : start] if start > 0 else []
    if not system_messages(conversation) and not any(role_of(message) == "system" for message in before):
        return
    for index in _misplaced(conversation):
        yield Violation(MISPLACED_SYSTEM_MESSAGE.id, MISPLACED_SYSTEM_MESSAGE.error.format(message=index), index)


def _misplaced(conversation: Conversation) -> Iterator[int]:
    messages = conversation.messages
    model = conversation.request.get("model")
    if takes_system_messages(model) is True:
        for index, message in conversation.new_messages():
            # A user message behind a system message is told at the user message: what is added last is what is wrong.
            ours = not _may_stand(messages, index)
            theirs = role_of(message) == "user" and index > 0 and role_of(messages[index - 1]) == "system"
            if ours or theirs:
                yield index
    # Whether it takes them or not: no Claude takes one as the first message.
    elif takes_system_messages(model) is None and model_version(model) and role_of(messages[0]) == "system":
        yield 0


def _may_stand(messages: list[Json], index: int) -> bool:
    return role_of(messages[index]) != "system" or _may_follow(messages, index)


def _may_follow(messages: list[Json], index: int) -> bool:
    """Say whether a system message may stand here, as far as what is before it goes."""
    if index == 0:
        return False
    before = messages[index - 1]
    if role_of(before) == "assistant":
        blocks = blocks_of(before)
        return bool(blocks) and is_server_tool_result(blocks[-1])
    return role_of(before) in {"user", "system"}


def _repair(conversation: Conversation) -> Json:
    request = with_leading_at_top_level(conversation.request)
    messages: list[Json] = request["messages"]
    if takes_system_messages(request.get("model")) is True:
        messages = _behind_users(messages)
        stuck = {id(message) for index, message in enumerate(messages) if not _may_stand(messages, index)}
    else:
        stuck = {id(messages[0])} if role_of(messages[0]) == "system" else set[int]()
    moved = with_messages(request, messages)
    return said_by_user(moved, lambda message: id(message) in stuck) if stuck else moved


def _behind_users(messages: list[Json]) -> list[Json]:
    """Return the messages with each system message behind the user messages that follow it.

    So a result keeps its place directly behind its call.
    """
    moved: list[Json] = []
    waiting: list[Json] = []
    for message in messages:
        if role_of(message) == "system":
            waiting.append(message)
            continue
        if role_of(message) != "user":
            moved += waiting
            waiting = []
        moved.append(message)
    return moved + waiting


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
    done="moved the system message behind the user message",
)
