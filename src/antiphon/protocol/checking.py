"""Check a request against all rules, and repair it to a fixed point."""

from dataclasses import dataclass

from antiphon.protocol.messages import Json
from antiphon.protocol.registry import MEANING, RULES, SHAPE
from antiphon.protocol.rule import Conversation, Dialect, Rule, Safety, Violation

_PASSES = 12
"""How often `repair` goes through the rules before it gives up. All damage known takes four, the last finds nothing."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """What `repair` made of a request.

    Attributes:
        request: the repaired request; the very object that was given where nothing was wrong.
        violations: what was repaired, in the order it was treated. Indices count in the arrays as they were then.
        remaining: what no rule could repair.
    """

    request: Json
    violations: tuple[Violation, ...] = ()
    remaining: tuple[Violation, ...] = ()


def check(request: Json, dialect: Dialect, *, start: int = 0) -> list[Violation]:
    """Return every violation of every rule, in the order the API would meet them.

    That is: first the shape of the JSON, then its meaning, each by message. The first violation is what the API
    would answer with.

    Args:
        request: the body of `POST /v1/messages`; any JSON, never changed.
        dialect: who is upstream.
        start: messages before this index were found clean earlier and are not looked at again, but for the turn before.
            What concerns the request as a whole is checked every time.
    """
    return _check(Conversation(request, dialect, start))


def _check(conversation: Conversation) -> list[Violation]:
    found: list[Violation] = []
    for stage in (SHAPE, MEANING):
        violations = [
            violation
            for rule in stage
            if conversation.dialect.enforces(rule.id)
            for violation in rule.check(conversation)
            if violation.message is None or violation.message >= conversation.start
        ]
        violations.sort(key=lambda violation: -1 if violation.message is None else violation.message)
        found += violations
    return found


def repair(request: Json, dialect: Dialect, *, lossy: bool = True) -> Repaired:
    """Repair a request; never raises, never changes its argument.

    The result is a pure function of the request, so a conversation that is repaired each time it is sent keeps its
    bytes, and with them prompt caches and signed thinking. Where the evidence about the upstream is split, the stricter
    reading is aimed at. Every real result is kept: with its call, or as text where the call is gone.

    Args:
        request: the body of `POST /v1/messages`; any JSON.
        dialect: who is upstream.
        lossy: whether rules may repair that invent, convert or drop something (`Safety.LOSSY`).
    """
    conversation = Conversation(request, dialect.cautious())
    treated: list[Violation] = []
    found = False
    for _ in range(_PASSES):
        changed = found = False
        for rule in RULES:
            violations = list(rule.check(conversation)) if conversation.dialect.enforces(rule.id) else []
            found = found or bool(violations)
            if not violations or not _may_repair(rule, lossy=lossy) or rule.repair is None:
                continue
            repaired = rule.repair(conversation)
            if repaired is conversation.request:
                continue
            treated += violations
            conversation = Conversation(repaired, conversation.dialect)
            changed = True
        if not changed:
            break
    # What passes the stricter reading passes the other.
    remaining = check(conversation.request, dialect) if found else []
    return Repaired(conversation.request, tuple(treated), tuple(remaining))


def _may_repair(rule: Rule, *, lossy: bool) -> bool:
    return lossy or rule.safety is Safety.SAFE
