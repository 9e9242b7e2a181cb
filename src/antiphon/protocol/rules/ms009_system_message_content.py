"""A `system` message holds something else than text and changes of tools."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, blocks_of, kind_of, role_of
from antiphon.protocol.models import takes_system_messages
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.system import said_by_user, system_messages

_ALLOWED = frozenset({"text", "tool_addition", "tool_removal"})


def _is_faulty(message: Json) -> bool:
    return role_of(message) == "system" and any(kind_of(block) not in _ALLOWED for block in blocks_of(message))


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, message in system_messages(conversation):
        if _is_faulty(message) and takes_system_messages(conversation.request.get("model")) is True:
            yield Violation(SYSTEM_MESSAGE_CONTENT.id, SYSTEM_MESSAGE_CONTENT.error, index)


def _repair(conversation: Conversation) -> Json:
    return said_by_user(conversation.request, _is_faulty)


SYSTEM_MESSAGE_CONTENT = Rule(
    id="MS009",
    name="system-message-content",
    statement="A system message holds text, `tool_addition` and `tool_removal` blocks only.",
    source=Source("documented", ("docs:/build-with-claude/mid-conversation-system-messages",)),
    error="role 'system' supports text, tool_addition, and tool_removal blocks only",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="let the user say what a system message may not hold",
)
