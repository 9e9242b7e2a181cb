"""Ids of tool calls that are valid on the wire and never stand for two calls of one conversation.

Models and gateways send ids with forbidden characters, the same id twice in a reply, the same ids in every reply, or
none. An id that is fine stays; any other is settled once, when the call arrives, before anything is sent back.
"""

from collections.abc import Iterable
from typing import Any

from antiphon.protocol.ids import derived_id, is_valid_id
from antiphon.protocol.messages import Json, tool_uses

_LONGEST = 64
"""Bedrock accepts ids up to this length."""


class CallIds:
    """The ids in use in one conversation."""

    def __init__(self, messages: Iterable[Json] = ()) -> None:
        """Take the ids that a conversation uses already."""
        replies = [message for message in messages if message.get("role") == "assistant"]
        self._taken = {str(block.get("id")) for message in replies for block in tool_uses(message)}

    def settle(self, sent: Any) -> str:
        """Return the id of a call that came with `sent`: itself where possible. The same calls get the same ids."""
        chosen = sent if is_valid_id(sent) and len(sent) <= _LONGEST else derived_id(sent)
        number = 0
        while chosen in self._taken:
            number += 1
            chosen = derived_id(sent, number)
        self._taken.add(chosen)
        return chosen
