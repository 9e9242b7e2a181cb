"""The conversation begins with an assistant message: its beginning was cut off."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import with_messages
from antiphon.protocol.messages import Json, role_of
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_BEGINNING = "(The beginning of this conversation is not part of it any more.)"


def _check(conversation: Conversation) -> Iterator[Violation]:
    if conversation.messages and conversation.start <= 0 and role_of(conversation.messages[0]) == "assistant":
        yield Violation(FIRST_MESSAGE_NOT_USER.id, FIRST_MESSAGE_NOT_USER.error, 0)


def _repair(conversation: Conversation) -> Json:
    first: Json = {"role": "user", "content": _BEGINNING}
    return with_messages(conversation.request, [first, *conversation.messages])


FIRST_MESSAGE_NOT_USER = Rule(
    id="MS006",
    name="first-message-not-user",
    statement="The first message is the user's.",
    source=Source("reported", ("anomalyco/opencode#31048", "anthropics/skills:error-codes.md")),
    error='messages: first message must use the "user" role',
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="put a user message in front",
)
