"""Reading and writing of forms that, like the Messages API, put calls and results into the content of messages.

That is Converse and generateContent: a list of messages, each with a role and a list of parts, one part for one block.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from antiphon.protocol.dialects.reading import ROLE, Spot, WireReading
from antiphon.protocol.messages import Json, indexed_blocks, is_array, is_object, role_of

_NO_ROLE = object()


@dataclass(slots=True)
class NestedReading(WireReading):
    """One request whose messages hold their calls and results."""

    messages_key: ClassVar[str]
    parts_key: ClassVar[str]
    roles: ClassVar[Mapping[Any, str]]
    """The canonical role by that on the wire."""

    @abstractmethod
    def part(self, block: Json) -> Json:
        """Return a block that was made or changed by a repair as a part."""

    def path(self, spot: Spot, block: Json | None) -> str:  # noqa: ARG002  (other forms name by it)
        """Return how the API names a place."""
        inner = "" if spot.part is None else f".{self.parts_key}.{spot.part}"
        return f"{self.messages_key}.{spot.item}{inner}"

    def read_messages(self) -> None:
        """Fill in the messages of the canonical request."""
        given: Any = self.given
        messages: Any = given.get(self.messages_key) if is_object(given) else None
        if is_array(messages):
            self.places = list(range(len(messages)))
            self.request["messages"] = [self.read_message(n, message) for n, message in enumerate(messages)]
        elif is_object(given) and self.messages_key in given:
            self.request["messages"] = messages

    def read_message(self, index: int, message: Any) -> Any:
        """Return a message in the canonical form; what is no message stays what it is."""
        if not is_object(message):
            return message
        parts: Any = message.get(self.parts_key)
        content: Any = parts
        if is_array(parts):
            content = [
                self.block(Spot(index, number), part) if is_object(part) else part for number, part in enumerate(parts)
            ]
        # No list, which a rule will make one of it.
        elif is_object(parts):
            content = self.block(Spot(index, 0), parts)
        # A string is content to the Messages API only.
        elif isinstance(parts, str):
            content = {"text": parts, "type": "text"}
        role: Any = message.get("role", _NO_ROLE)
        others = {key: value for key, value in message.items() if key not in {"role", self.parts_key}}
        made = {**others, "role": self._canonical(role), ROLE: role, "content": content}
        if self.parts_key not in message:
            del made["content"]
        return self.origins.note(made, message, Spot(index))

    def _canonical(self, role: Any) -> str:
        key = role if isinstance(role, str) else None if role is _NO_ROLE or role is None else ""
        # A role that is not known here must not be one that is known there.
        return self.roles.get(key, f"({role})" if isinstance(role, str) else "")

    @abstractmethod
    def block(self, spot: Spot, part: Json) -> Json:
        """Return the block that a part is."""

    def write_message(self, message: Any) -> Any:
        """Return a message of the repaired request on the wire."""
        if not is_object(message):
            return message
        wire = self.origins.unchanged(message)
        if wire is not None:
            return wire
        role = self._wire_role(message)
        written: Json = {} if role is _NO_ROLE else {"role": role}
        for key, value in message.items():
            if key not in {"role", ROLE, "content"}:
                written[key] = value
        content = message.get("content")
        written[self.parts_key] = (
            [self._part(block) for block in content]
            if is_array(content)
            else [self._part(block) for _, block in indexed_blocks(message)]
        )
        return written

    def _part(self, block: Any) -> Any:
        if not is_object(block):
            return block
        wire = self.origins.unchanged(block)
        return self.part(block) if wire is None else wire

    def _wire_role(self, message: Json) -> Any:
        role = role_of(message)
        if ROLE in message and self._canonical(message[ROLE]) == role:
            return message[ROLE]
        return next((wire for wire, own in self.roles.items() if own == role and wire), role)
