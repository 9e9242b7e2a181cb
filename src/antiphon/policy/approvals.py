"""Approval of single calls: what is asked, and what was decided."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from antiphon.engine.events import Access, ToolCall
from antiphon.policy.rules import Rule
from antiphon.policy.subjects import Subject


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A call that somebody has to decide about.

    Attributes:
        call: the call.
        access: what it touches.
        subject: what it is about, where its tool can tell.
        reason: why it is asked, a sentence without its full stop.
        suggestions: rules that together would have allowed it, as narrow as is useful; empty where none should.
    """

    call: ToolCall
    access: Access
    subject: Subject | None = None
    reason: str = ""
    suggestions: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Approval:
    """What somebody decided about one call; a reason for a no is told to the model."""

    allowed: bool
    reason: str = ""


Approve = Callable[[ApprovalRequest], Awaitable[Approval]]
"""Asks a person, or whoever decides, about one call. Several may be open at once, and be answered in any order."""
