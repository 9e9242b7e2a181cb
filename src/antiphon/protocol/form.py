"""How the requests of another API are read as requests of the Messages API, and written back.

Rules about calls and results are written once, for the Messages API. A request of another wire form (Chat Completions,
Responses, Converse, generateContent) is read into that form, judged and repaired there, and written back; what a repair
did not touch is written back as the very object that was read, so unknown fields survive.
"""

from collections.abc import Sequence
from typing import Protocol

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Violation


class Reading(Protocol):
    """One request of another form, read."""

    @property
    def request(self) -> Json:
        """The same request in the form of the Messages API, made of the very blocks that `write` recognizes."""
        ...

    @property
    def faults(self) -> Sequence[Violation]:
        """What is wrong in the form itself and cannot be seen in `request`; `write` mends it."""
        ...

    def tell(self, violation: Violation, conversation: Conversation) -> Violation:
        """Return a violation found in `request` with the indices and in the words of the other API.

        Args:
            violation: what was found.
            conversation: the request it was found in: `request`, or what repairs made of it on the way.
        """
        ...

    def write(self, repaired: Json) -> Json:
        """Return `request`, as repaired, in the other form; the faults are mended, the rest is as it was."""
        ...


class Form(Protocol):
    """A wire form other than that of the Messages API."""

    def read(self, request: Json) -> Reading:
        """Read a request; never raises, whatever JSON it is given."""
        ...
