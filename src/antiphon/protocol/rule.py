"""What a rule is: a statement about requests that an API enforces, with its source, check and repair.

One rule stands in one file under `rules/` and is explained on one page under `docs/rules/`. Four readers use it:
the agent before each send, the proxy and the checker to repair, the emulator to answer as the API does.

Most rules judge a request that was decoded. What stands between the bytes of a body and a request (broken JSON, half a
surrogate pair) is judged by a `BodyRule`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json


class Safety(StrEnum):
    """What a repair may change."""

    SAFE = "safe"
    """Nothing the model could read is gained or lost: reorder, merge, drop an exact duplicate or an empty block."""
    LOSSY = "lossy"
    """Something is invented, converted or dropped."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule is known from.

    Attributes:
        kind: `documented` (official documentation or SDK), `measured` (somebody probed the live API),
            `reported` (issues quote the error).
        references: documents, or `owner/repo#number` of issues.
    """

    kind: Literal["documented", "measured", "reported"]
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where a request breaks a rule.

    Attributes:
        rule: the rule's id, such as `TU003`.
        text: the error message the API would answer with.
        message: index in `messages`, or None when the whole request is meant.
        block: index in that message's content, or None.
    """

    rule: str
    text: str
    message: int | None = None
    block: int | None = None


Check = Callable[[Conversation], Iterable[Violation]]
"""Yields what is wrong, in the order of the messages. Linear in the size of what it is given."""

Repair = Callable[[Conversation], Json]
"""Returns a request without the violations of this rule; shares what it did not change. Same input, same bytes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the API.

    Attributes:
        id: family letters and three digits, never reused: TU tool use and results, MS message shape, CO content,
            TH thinking, SV server tools, TO tool definitions, CC cache control, RQ request.
        name: what is wrong, in kebab case: `tool-result-out-of-order`.
        statement: what the API wants, as a sentence.
        source: where this is known from.
        error: the API's error text with `{placeholders}`; `Violation.text` is it filled in.
        check: finds violations.
        repair: removes them, or None where nobody but the author of the request can.
        safety: what `repair` may change.
        done: what `repair` does, for logs and reports, as in "moved the result behind its call".
    """

    id: str
    name: str
    statement: str
    source: Source
    error: str
    check: Check
    repair: Repair | None = None
    safety: Safety = Safety.SAFE
    done: str = ""

    @property
    def mends(self) -> Safety | None:
        """How much is changed by who mends what breaks this rule; None where nobody can."""
        return self.safety if self.repair else None


class Fault(NamedTuple):
    """Where the text of a body stops being what the API can read.

    Attributes:
        problem: what the API's decoder says.
        position: the character it says it of.
    """

    problem: str
    position: int


def _nothing(_conversation: Conversation) -> Iterable[Violation]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyRule(Rule):
    """A rule about a body that was not decoded yet; in a decoded request it finds nothing.

    Attributes:
        find: finds the first fault in the text of a body. Bytes that are not UTF-8 stand in it as `surrogateescape`
            puts them.
        mend: returns the text without faults of this rule and every other character as it was, or None where nobody
            but the author of the request can.
    """

    find: Callable[[str], Fault | None]
    mend: Callable[[str], str] | None = None
    check: Check = _nothing

    @property
    def mends(self) -> Safety | None:
        """How much is changed by who mends what breaks this rule; None where nobody can."""
        return self.safety if self.mend else None
