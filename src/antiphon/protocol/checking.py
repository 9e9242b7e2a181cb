"""Check a request against all rules, and repair it to a fixed point."""

from dataclasses import dataclass

from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Dialect, Violation


@dataclass(frozen=True, slots=True)
class Repaired:
    """What `repair` made of a request.

    Attributes:
        request: the repaired request; the very object that was given where nothing was wrong.
        violations: what was found, in the order it was treated.
        remaining: what no rule could repair.
    """

    request: Json
    violations: tuple[Violation, ...] = ()
    remaining: tuple[Violation, ...] = ()


def check(request: Json, dialect: Dialect, *, start: int = 0) -> list[Violation]:
    """Return every violation of every rule, in the order the API would meet them."""
    raise NotImplementedError


def repair(request: Json, dialect: Dialect, *, lossy: bool = True) -> Repaired:
    """Repair a request; never raises, never changes its argument."""
    raise NotImplementedError
