"""How a conversation ends: with the user, with calls to be answered, with a pause, or with text to go on from."""

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import (
    SERVER_TOOL_USE_TYPES,
    THINKING_TYPES,
    Json,
    blocks_of,
    is_server_tool_result,
    kind_of,
    role_of,
)
from antiphon.protocol.models import refuses_prefill
from antiphon.protocol.segments import is_thinking_on

_PLAIN = THINKING_TYPES | {"text"}


def final_assistant_message(conversation: Conversation) -> int | None:
    """Return the index of the last message if it is an assistant's that the model would have to go on from.

    It is not where calls wait for their results, and not after a pause: a turn of server tools that is sent back as it
    was goes on without the user. What ends with a kind of block unknown here may be a pause too.
    """
    messages = conversation.messages
    if not messages or role_of(messages[-1]) != "assistant" or not conversation.turns:
        return None
    blocks = [block for _, _, block in conversation.turns[-1].blocks]
    if any(_is_of_a_tool(block) for block in blocks):
        return None
    last = blocks_of(messages[-1])
    if last and kind_of(last[-1]) not in _PLAIN:
        return None
    return len(messages) - 1


def _is_of_a_tool(block: Json) -> bool:
    kind = kind_of(block)
    return kind == "tool_use" or kind in SERVER_TOOL_USE_TYPES or is_server_tool_result(block)


def refuses_to_go_on(conversation: Conversation) -> bool:
    """Say whether the model does not go on from an assistant message: newer ones, and any that thinks."""
    request = conversation.request
    return refuses_prefill(request.get("model")) or is_thinking_on(request)
