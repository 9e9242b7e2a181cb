"""There are no messages."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import is_array, is_object
from antiphon.protocol.rule import Rule, Source, Violation


def _check(conversation: Conversation) -> Iterator[Violation]:
    problem = _problem(conversation)
    if problem:
        yield Violation(NO_MESSAGES.id, NO_MESSAGES.error.format(problem=problem))


def _problem(conversation: Conversation) -> str | None:
    request = conversation.request
    if not is_object(request):
        return "Field required"
    messages = request.get("messages")
    if is_array(messages):
        return None if messages else "at least one message is required"
    return "Input should be a valid list" if "messages" in request else "Field required"


# Nobody but its author knows what the conversation should have been.
NO_MESSAGES = Rule(
    id="MS001",
    name="no-messages",
    statement="There is at least one message.",
    source=Source("reported", ("langchain-ai/langchain#31657",)),
    error="messages: {problem}",
    check=_check,
)
