"""The conversation ends with an assistant message, and the model does not go on from one."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import with_messages
from antiphon.protocol.ending import final_assistant_message, refuses_to_go_on
from antiphon.protocol.messages import Json, blocks_of
from antiphon.protocol.models import PREFILL_TEXT
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_GO_ON = "(Go on exactly where your last message stops.)"


def _check(conversation: Conversation) -> Iterator[Violation]:
    index = final_assistant_message(conversation)
    if index is not None and refuses_to_go_on(conversation):
        yield Violation(PREFILL_UNSUPPORTED.id, PREFILL_TEXT, index)


def _repair(conversation: Conversation) -> Json:
    messages = conversation.messages
    if not blocks_of(messages[-1]) and len(messages) > 1:
        return with_messages(conversation.request, messages[:-1])
    # What was begun stays; the user asks for the rest of it.
    return with_messages(conversation.request, [*messages, {"role": "user", "content": _GO_ON}])


PREFILL_UNSUPPORTED = Rule(
    id="MS010",
    name="prefill-unsupported",
    statement="From version 4.6 on, and with thinking on, the conversation ends with a user message.",
    source=Source("documented", ("docs:/api/errors",)),
    error=PREFILL_TEXT,
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="ended the conversation with a user message",
)
