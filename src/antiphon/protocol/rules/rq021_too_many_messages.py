"""There are more messages than a request may have."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.rule import Rule, Source, Violation

_MOST = 100_000


def _check(conversation: Conversation) -> Iterator[Violation]:
    count = len(conversation.messages)
    if count > _MOST:
        yield Violation(TOO_MANY_MESSAGES.id, TOO_MANY_MESSAGES.error.format(most=_MOST, count=count))


# What to leave out is a question for who leads the conversation.
TOO_MANY_MESSAGES = Rule(
    id="RQ021",
    name="too-many-messages",
    statement="A request has at most 100,000 messages.",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="messages: List should have at most {most} items after validation, not {count}",
    check=_check,
)
