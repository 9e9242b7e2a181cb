"""Check a request against all rules, and repair it to a fixed point."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import cycle, islice
from typing import NamedTuple

from antiphon.protocol.context import NOTHING_KNOWN, Context, Dialect
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.form import Reading
from antiphon.protocol.messages import Json
from antiphon.protocol.registry import MEANING, RULES, SHAPE
from antiphon.protocol.relevance import silent
from antiphon.protocol.rule import Rule, Safety, Violation

_PASSES = 12
"""How often `repair` goes through the rules before it gives up. All damage known takes four, the last finds nothing."""


_NONE: frozenset[str] = frozenset()


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


def check(request: Json, dialect: Dialect, *, start: int = 0, context: Context = NOTHING_KNOWN) -> list[Violation]:
    """Return every violation of every rule, in the order the API would meet them.

    That is: first the shape of the JSON, then its meaning, each by message. The first violation is what the API
    would answer with.

    Args:
        request: the body of the request, in the wire form of the dialect; any JSON, never changed.
        dialect: who is upstream.
        start: messages before this index were found clean earlier and are not looked at again, but for the turn before.
            What concerns the request as a whole is checked every time. Only for the form of the Messages API.
        context: what is known beside the body.
    """
    if dialect.form is None:
        return _check(Conversation(request, dialect, start, context))
    reading = dialect.form.read(request)
    conversation = Conversation(reading.request, dialect, context=context)
    return [reading.tell(found, conversation) for found in _check(conversation)]


def _check(conversation: Conversation) -> list[Violation]:
    found: list[Violation] = []
    # What is checked in part may be at fault in what stands before.
    left_out = silent(conversation) if conversation.start <= 0 else _NONE
    asked = _asked(conversation.dialect, left_out)
    for stage in (asked.shape, asked.meaning):
        violations = [
            violation
            for rule in stage
            for violation in rule.check(conversation)
            if violation.message is None or violation.message >= conversation.start
        ]
        violations.sort(key=lambda violation: -1 if violation.message is None else violation.message)
        found += violations
    return found


class _Asked(NamedTuple):
    """The rules that are asked, in their order: about the shape of the JSON, about its meaning, and all of them."""

    shape: tuple[Rule, ...]
    meaning: tuple[Rule, ...]
    rules: tuple[Rule, ...]


# By the dialect and by ids: a key that holds the rules would hash every one, which costs as much as checking them.
@lru_cache(maxsize=256)
def _asked(dialect: Dialect, left_out: frozenset[str]) -> _Asked:
    return _Asked(
        *(
            tuple(rule for rule in part if dialect.enforces(rule.id) and rule.id not in left_out)
            for part in (SHAPE, MEANING, RULES)
        )
    )


@lru_cache(maxsize=64)
def _cautious(dialect: Dialect) -> Dialect:
    return dialect.cautious()


def repair(
    request: Json,
    dialect: Dialect,
    *,
    lossy: bool = True,
    context: Context = NOTHING_KNOWN,
    allowed: Callable[[Rule], bool] | None = None,
) -> Repaired:
    """Repair a request; never raises, never changes its argument.

    The result is a pure function of the request, so a conversation that is repaired each time it is sent keeps its
    bytes, and with them prompt caches and signed thinking. Where the evidence about the upstream is split, the stricter
    reading is aimed at. Every real result is kept: with its call, or as text where the call is gone.

    Args:
        request: the body of the request, in the wire form of the dialect; any JSON.
        dialect: who is upstream.
        lossy: whether rules may repair that invent, convert or drop something (`Safety.LOSSY`).
        context: what is known beside the body.
        allowed: says of a rule whether it may repair; None for all. What else is wrong stays as it is.
    """
    reading = dialect.form.read(request) if dialect.form else None
    work = _Work(
        reading.request if reading else request, dialect, context, lossy=lossy, allowed=allowed, reading=reading
    )
    work.treat()
    # What passes the stricter reading passes the other.
    if reading is None:
        remaining = check(work.request, dialect, context=context) if work.found else []
        return Repaired(work.request, tuple(work.treated), tuple(remaining))
    repaired = reading.write(work.request) if work.treated else request
    remaining = check(repaired, dialect, context=context) if work.found else []
    return Repaired(repaired, tuple(work.treated), tuple(remaining))


@dataclass(slots=True)
class _Work:
    """A request that is being repaired.

    Attributes:
        request: what became of it so far.
        treated: what was repaired.
        found: whether a rule still finds something in it.
    """

    request: Json
    dialect: Dialect
    context: Context
    lossy: bool = field(kw_only=True)
    allowed: Callable[[Rule], bool] | None = field(kw_only=True)
    reading: Reading | None = None
    treated: list[Violation] = field(default_factory=list[Violation])
    found: bool = False

    def treat(self) -> None:
        """Let each rule repair what it finds, until none finds anything that it may repair."""
        cautious = _cautious(self.dialect)
        conversation = Conversation(self.request, cautious, context=self.context, original=self.request)
        # Nearly all requests are valid, and are asked no more than this.
        if not any(next(iter(rule.check(conversation)), None) for rule in _asked(cautious, silent(conversation)).rules):
            return
        rules = _asked(cautious, _NONE).rules
        idle = 0
        for rule in islice(cycle(rules), _PASSES * len(rules)):
            violations = list(rule.check(conversation))
            repaired = rule.repair(conversation) if violations and rule.repair and self._may_repair(rule) else None
            if repaired is None or repaired is conversation.request:
                self.found = self.found or bool(violations)
                idle += 1
                # Each rule has seen the request as it is now.
                if idle == len(rules):
                    break
                continue
            self.treated += self._told(violations, conversation)
            conversation = Conversation(repaired, cautious, context=self.context, original=conversation.original)
            idle, self.found = 0, False
        self.request = conversation.request

    def _told(self, violations: list[Violation], conversation: Conversation) -> list[Violation]:
        reading = self.reading
        return [reading.tell(found, conversation) for found in violations] if reading else violations

    def _may_repair(self, rule: Rule) -> bool:
        return (self.lossy or rule.safety is Safety.SAFE) and (self.allowed is None or self.allowed(rule))
