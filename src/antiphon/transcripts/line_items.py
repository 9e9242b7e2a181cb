"""Conversations in which each message is a line of a file, in the order they are sent; other lines stand between."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from antiphon.protocol.messages import Json
from antiphon.transcripts.aligning import align, weave
from antiphon.transcripts.lines import Line

Put = Callable[[Json, Json], Json]
"""Returns the value of a line with another message in it."""


@dataclass(frozen=True, slots=True)
class LineItems:
    """The messages of one conversation, and the lines they stand in.

    Attributes:
        lines: all lines of the file.
        places: the indices in `lines` of those that hold a message, rising.
        messages: the messages, one for each place.
    """

    lines: Sequence[Line]
    places: Sequence[int]
    messages: Sequence[Any]

    def rendered(
        self, repaired: Sequence[Json], put: Put, new: Put, others: Mapping[int, Json] | None = None
    ) -> list[bytes]:
        """Return all lines with repaired messages in place.

        Args:
            repaired: the messages.
            put: given the value of a line and the message that is to stand in it.
            new: the same for a message that has no line, and the value of the line before it.
            others: new values of lines that hold no message, by index.
        """
        origins = align(self.messages, repaired)
        previous = self.lines[self.places[0]] if self.places else _last(self.lines)

        def make(position: int, raw: bytes | None) -> bytes:
            nonlocal previous
            origin = origins[position]
            if origin is None or raw is None:
                return previous.like(new(previous.object, repaired[position]))
            previous = self.lines[self.places[origin]]
            if repaired[position] is self.messages[origin]:
                return raw
            return previous.rendered(put(previous.object, repaired[position]))

        others = others or {}
        raw = [line.rendered(others.get(index, line.value)) for index, line in enumerate(self.lines)]
        if not self.places:
            return raw + [make(position, None) for position in range(len(repaired))]
        return weave(raw, self.places, origins, make)


def _last(lines: Sequence[Line]) -> Line:
    return next(line for line in reversed(lines) if line.is_json)
