"""A message has the role `system`, and the model takes system text at the top level only."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, role_of
from antiphon.protocol.models import takes_system_messages
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.system import said_by_user, system_messages, with_leading_at_top_level


def _found(conversation: Conversation) -> list[int]:
    found = [index for index, _ in system_messages(conversation)]
    return found if found and takes_system_messages(conversation.request.get("model")) is False else []


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index in _found(conversation):
        yield Violation(SYSTEM_MESSAGE_UNSUPPORTED.id, SYSTEM_MESSAGE_UNSUPPORTED.error, index)


def _repair(conversation: Conversation) -> Json:
    return said_by_user(with_leading_at_top_level(conversation.request), lambda message: role_of(message) == "system")


SYSTEM_MESSAGE_UNSUPPORTED = Rule(
    id="MS007",
    name="system-message-unsupported",
    statement="Models before Opus 4.8 take system text in the `system` parameter, not as a message.",
    source=Source(
        "documented",
        (
            "docs:/build-with-claude/mid-conversation-system-messages",
            "Maol-1997/cursor-claude-connector#3",
            "ianarawjo/ChainForge#271",
        ),
    ),
    error="role 'system' is not supported on this model",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="moved it to the system prompt, or let the user say it",
)
