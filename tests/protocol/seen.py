"""A memory of replies for tests: made from a conversation as it was when its replies came."""

from collections.abc import Sequence

from antiphon.protocol.messages import Json, blocks_of, role_of, tool_uses
from antiphon.protocol.prefix import thinking_prefixes


class Seen:
    """Remembers the assistant messages of a conversation as replies."""

    def __init__(self, request: Json) -> None:
        replies = [message for message in request["messages"] if role_of(message) == "assistant"]
        self._replies = {call["id"]: blocks_of(message) for message in replies for call in tool_uses(message)}
        self._prefixes = {found.signature: found.prefix for found in thinking_prefixes(request)}

    def reply_with(self, call_id: str) -> Sequence[Json] | None:
        return self._replies.get(call_id)

    def fits(self, signature: str, prefix: bytes) -> bool | None:
        known = self._prefixes.get(signature)
        return None if known is None else known == prefix
