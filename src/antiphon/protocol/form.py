"""How the requests of another API are read as requests of the Messages API, and written back.

Rules about calls and results are written once, for the Messages API. A request of another wire form (Chat Completions,
Responses, Converse, generateContent) is read into that form, judged and repaired there, and written back; what a repair
did not touch is written back as the very object that was read, so unknown fields survive.
"""

import re
from collections.abc import Iterable
from typing import Protocol

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Check, Violation


class Reading(Protocol):
    """One request of another form, read."""

    @property
    def request(self) -> Json:
        """The same request in the form of the Messages API.

        Its faults stay in it: what is wrong in the other form is wrong, or marked, here, where rules see it.
        """
        ...

    def tell(self, violation: Violation, conversation: Conversation) -> Violation:
        """Return a violation found in `request` in the words of the other API.

        Its indices count in the request as it came, also for what is found while repairs are under way.

        Args:
            violation: what was found.
            conversation: the request it was found in: `request`, or what repairs made of it on the way.
        """
        ...

    def write(self, repaired: Json) -> Json:
        """Return `request`, as repaired, in the other form; the very request that was read where nothing changed."""
        ...


class Form(Protocol):
    """A wire form other than that of the Messages API."""

    @property
    def call_id(self) -> re.Pattern[str]:
        """What the whole id of a tool call looks like."""
        ...

    @property
    def longest_call_id(self) -> int | None:
        """How long the id of a tool call may be where that is not known for sure; None where nobody says."""
        ...

    def read(self, request: Json) -> Reading:
        """Read a request; never raises, whatever JSON it is given."""
        ...


def in_other_forms(check: Check) -> Check:
    """Return the check of a rule that holds in other wire forms only: silent about the Messages API."""

    def silent_at_home(conversation: Conversation) -> Iterable[Violation]:
        return () if conversation.dialect.form is None else check(conversation)

    return silent_at_home
