"""Tools that a repair renamed have their old names in the reply: the only case in which a reply is changed.

Knows where names stand in replies. Does not know why a tool was renamed.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from antiphon.protocol import tool_definitions
from antiphon.protocol.messages import Json, is_array, is_object

_CALLS = frozenset({"tool_use", "function_call", "custom_tool_call"})


def renamed(original: Json, repaired: Json) -> dict[str, str]:
    """Return the names that the tools of a request had before it was repaired, by those they have now."""
    return tool_definitions.renamed(_flat(original), _flat(repaired))


def _flat(request: Json) -> Json:
    """Return the tools of a request of any protocol, as far as their names go."""
    tools: Any = request.get("tools")
    named: list[Json] = []
    for tool in tools if is_array(tools) else ():
        inner: Any = tool.get("function", tool) if is_object(tool) else None
        if is_object(inner):
            named.append({"name": inner.get("name")})
    return {"tools": named}


class Namer:
    """Gives the tool calls of one reply, streamed or whole, the names that the client knows."""

    def __init__(self, names: Mapping[str, str], *, streamed: bool) -> None:
        """Take the names the client knows, by those that went upstream."""
        self._names = names
        self._streamed = streamed
        self._held = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Take some bytes of the reply and return those that may go on."""
        self._held += data
        if not self._streamed:
            return b""
        end = max(self._held.rfind(b"\n\n") + 2, self._held.rfind(b"\r\n\r\n") + 4)
        if end < 4:
            return b""
        whole, self._held = bytes(self._held[:end]), self._held[end:]
        return b"".join(self._line(line) for line in whole.splitlines(keepends=True))

    def close(self) -> bytes:
        """Return what is left when the reply has ended."""
        rest, self._held = bytes(self._held), bytearray()
        if self._streamed:
            return b"".join(self._line(line) for line in rest.splitlines(keepends=True))
        return self._named(rest)

    def _line(self, line: bytes) -> bytes:
        if not line.startswith(b"data:"):
            return line
        content = line[5:].rstrip(b"\r\n")
        named = self._named(content)
        return line if named is content else b"data: " + named + line[len(line.rstrip(b"\r\n")) :]

    def _named(self, data: bytes) -> bytes:
        if not any(name.encode() in data for name in self._names):
            return data
        try:
            value: Any = msgspec.json.decode(data)
        except msgspec.DecodeError:
            return data
        return msgspec.json.encode(value) if self._rename(value) else data

    def _rename(self, value: Any, key: str = "") -> bool:
        """Rename the calls in a value, in place; say whether there was one."""
        if is_array(value):
            # All of them, not only up to the first.
            return sum(self._rename(item, key) for item in value) > 0
        if not is_object(value):
            return False
        found = sum(self._rename(item, name) for name, item in value.items() if name != "input") > 0
        name: Any = value.get("name")
        if isinstance(name, str) and name in self._names and (key == "function" or value.get("type") in _CALLS):
            value["name"] = self._names[name]
            return True
        return found
