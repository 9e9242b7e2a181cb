"""Ids of tool calls that are valid on the wire and never stand for two calls of one conversation.

Models and gateways send ids with forbidden characters, the same id twice in a reply, the same ids in every reply, or
none. An id that is fine stays; any other is settled once, when the call arrives, before anything is sent back.
"""

import re
from collections.abc import Iterable
from typing import Any

from antiphon.protocol.messages import Json, tool_uses

_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST = 64
"""Bedrock accepts ids up to this length."""


class CallIds:
    """The ids in use in one conversation."""

    def __init__(self, messages: Iterable[Json] = ()) -> None:
        """Take the ids that a conversation uses already."""
        self._taken = {
            str(block.get("id"))
            for message in messages
            if message.get("role") == "assistant"
            for block in tool_uses(message)
        }

    def settle(self, sent: Any) -> str:
        """Return the id of a call that came with `sent`: itself where possible. The same calls get the same ids."""
        base = _FORBIDDEN.sub("_", sent) if isinstance(sent, str) else ""
        base = base[:_LONGEST] or "call"
        chosen = base
        number = 2
        while chosen in self._taken:
            suffix = f"_{number}"
            chosen = base[: _LONGEST - len(suffix)] + suffix
            number += 1
        self._taken.add(chosen)
        return chosen
