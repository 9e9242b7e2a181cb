"""What to do with `system` messages that cannot stay where they are."""

from collections.abc import Callable
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import as_json, text_block, with_messages
from antiphon.protocol.messages import Json, blocks_of, is_array, kind_of, role_of

_USER_MAY_SAY = frozenset({"text", "image", "document", "search_result", "tool_result"})


def system_messages(conversation: Conversation) -> list[tuple[int, Json]]:
    """Return the `system` messages that are to be checked, with their index."""
    return [(index, message) for index, message in conversation.unusual_messages() if role_of(message) == "system"]


def with_leading_at_top_level(request: Json) -> Json:
    """Return the request with the text of `system` messages before all others in its `system` parameter.

    That is where clients put it that learnt another API first, and where it means what it meant there.
    """
    messages: list[Json] = request["messages"]
    count = next((n for n, message in enumerate(messages) if role_of(message) != "system"), len(messages))
    texts = [block for message in messages[:count] for block in blocks_of(message) if block.get("type") == "text"]
    if not texts or count == len(messages):
        return request
    system: Any = request.get("system")
    before = [text_block(system)] if isinstance(system, str) and system else system if is_array(system) else []
    others = [
        {**message, "content": rest}
        for message in messages[:count]
        if (rest := [block for block in blocks_of(message) if block.get("type") != "text"])
    ]
    return {**with_messages(request, others + messages[count:]), "system": [*before, *texts]}


def said_by_user(request: Json, which: Callable[[Json], bool]) -> Json:
    """Return the request with some `system` messages said by the user instead, in the same words."""
    messages = [_as_user(message) if which(message) else message for message in request["messages"]]
    return with_messages(request, messages)


def _as_user(message: Json) -> Json:
    blocks = [block if kind_of(block) in _USER_MAY_SAY else text_block(as_json(block)) for block in blocks_of(message)]
    return {"role": "user", "content": blocks}
