"""What was done to a request, for those who want to know: a header, a log line, a list of the last ones.

Holds rules, places and counts; never content, keys or addresses.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from antiphon.protocol.registry import rule
from antiphon.protocol.rule import Violation
from antiphon.redaction import Redactor

_HEADER_ITEMS = 8


@dataclass(frozen=True, slots=True)
class Done:
    """One thing a repair did.

    Attributes:
        rule: id of the rule.
        name: of the rule, in words.
        message: index of the message it was about, or None.
        block: index of the block in it, or None.
        done: what was done, as in "moved the result behind its call".
        array: the field of the request that holds its messages.
    """

    rule: str
    name: str
    message: int | None
    block: int | None
    done: str
    array: str = "messages"

    @property
    def where(self) -> str:
        """The place, as the API would say it."""
        if self.message is None:
            return ""
        place = f"{self.array}.{self.message}"
        return place if self.block is None else f"{place}.content.{self.block}"


def told(violations: Iterable[Violation], array: str = "messages") -> tuple[Done, ...]:
    """Return what was done about some violations of a request that has its messages in this field."""
    return tuple(_told(violation, array) for violation in violations)


def _told(violation: Violation, array: str) -> Done:
    try:
        found = rule(violation.rule)
    except KeyError:
        # Faults of other wire forms need not be in the table.
        return Done(violation.rule, "", violation.message, violation.block, "repaired", array)
    return Done(violation.rule, found.name, violation.message, violation.block, found.done or "repaired", array)


def header(done: Sequence[Done]) -> str:
    """Return what was done as the value of a header, cut to a few items: `TU001 messages.3; TU003 messages.5`."""
    items = list(dict.fromkeys(f"{one.rule} {one.where}".rstrip() for one in done))
    more = len(items) - _HEADER_ITEMS
    return "; ".join(items[:_HEADER_ITEMS]) + (f"; and {more} more" if more > 0 else "")


@dataclass(slots=True)
class Exchange:
    """One request and what became of it.

    Attributes:
        number: counts the requests of this proxy.
        at: seconds since the epoch when it came.
        method: of the request.
        path: without the query, which may hold secrets.
        upstream: base URL of the upstream, or empty where it got none.
        status: of the answer; 0 while there is none.
        outcome: `complete`; `refused` by the proxy; `failed` where the upstream did; `broken` off after it began;
            `gone` where the client went away.
        first: seconds until the answer's headers, or None.
        seconds: until its end.
        repaired: what was repaired before it was sent.
        resent: whether it was repaired again and sent a second time because the API refused it.
        retried: how often it was sent again because the upstream was overloaded or not there.
        hint: the rule an error of the API is about, where that is known and nothing could be done.
        failed_open: the kind of exception that a repair raised; the request was passed on as it came.
        cached: how many cache breakpoints were added.
        sorted: how many messages had their results sorted.
        reason: why the proxy or the upstream failed.
    """

    number: int
    at: float
    method: str
    path: str
    upstream: str = ""
    status: int = 0
    outcome: str = "pending"
    first: float | None = None
    seconds: float = 0.0
    repaired: tuple[Done, ...] = ()
    resent: bool = False
    retried: int = 0
    hint: str = ""
    failed_open: str = ""
    cached: int = 0
    sorted: int = 0
    reason: str = ""

    @property
    def noteworthy(self) -> bool:
        """Whether somebody should be told of it."""
        return bool(self.repaired or self.hint or self.failed_open or self.sorted or self.resent)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        redactor = Redactor()
        return {
            "number": self.number,
            "at": round(self.at, 3),
            "method": self.method,
            "path": redactor.redact(self.path),
            "upstream": self.upstream,
            "status": self.status,
            "outcome": self.outcome,
            "first_ms": None if self.first is None else round(self.first * 1000, 1),
            "ms": round(self.seconds * 1000, 1),
            "repaired": [
                {"rule": one.rule, "name": one.name, "where": one.where, "done": one.done} for one in self.repaired
            ],
            "resent": self.resent,
            "retried": self.retried,
            "hint": self.hint or None,
            "failed_open": self.failed_open or None,
            "cached": self.cached,
            "sorted": self.sorted,
            "reason": redactor.redact(self.reason) or None,
        }


@dataclass(slots=True)
class Notes:
    """The last requests that were repaired, or that the API refused for a rule we know."""

    keep: int
    _last: deque[Exchange] = field(init=False)

    def __post_init__(self) -> None:
        self._last = deque(maxlen=self.keep)

    def add(self, exchange: Exchange) -> None:
        """Keep an exchange."""
        self._last.append(exchange)

    def __iter__(self) -> Iterator[Exchange]:
        """Yield those kept, the latest first."""
        return reversed(self._last)

    def __len__(self) -> int:
        return len(self._last)
