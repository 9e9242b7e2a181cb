"""A request body as bytes: read as the API reads it, mended where what is meant is plain.

For who has bytes that a faster decoder failed on, and for who wants the API's words. A body is mended as text, so what
is not at fault keeps every byte. Sizes and headers are not known here.
"""

from dataclasses import dataclass
from typing import Any

from antiphon.protocol.decoding import decode
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.registry import BODY
from antiphon.protocol.rule import BodyRule, Fault, Safety, Violation
from antiphon.protocol.rules.rq002_bytes_not_text import BYTES_NOT_TEXT
from antiphon.protocol.rules.rq005_lone_surrogate import LONE_SURROGATE


@dataclass(frozen=True, slots=True)
class Body:
    """What a body turned out to be.

    Attributes:
        request: the request it holds, mended where something was wrong; None where there is none.
        violations: what was wrong, in the order it was treated. The first is what the API would answer with.
        text: the JSON of `request`, or of as much as could be mended.
    """

    request: Json | None
    violations: tuple[Violation, ...]
    text: str


def decode_body(data: bytes, *, lossy: bool = True) -> Body:
    """Read the body of a request; never raises.

    Args:
        data: the body, with any content encoding undone.
        lossy: whether it may be mended by rules that convert or drop something (`Safety.LOSSY`).
    """
    # What is not UTF-8 becomes lone surrogates, which no rule but the one about it can mistake for anything else.
    text = data.decode(errors="surrogateescape")
    request = _read(text)
    if request is not None and not any(rule.find(text) for rule in (BYTES_NOT_TEXT, LONE_SURROGATE)):
        return Body(request, (), text)
    violations: list[Violation] = []
    for rule in BODY:
        fault = rule.find(text)
        if fault is None:
            continue
        violations.append(Violation(rule.id, _told(rule, fault, text)))
        if rule.mend is None or not (lossy or rule.safety is Safety.SAFE):
            return Body(None, tuple(violations), text)
        text = rule.mend(text)
    return Body(_read(text), tuple(violations), text)


def _read(text: str) -> Json | None:
    try:
        value: Any = decode(text)
    except ValueError:
        return None
    return value if is_object(value) else None


def _told(rule: BodyRule, fault: Fault, text: str) -> str:
    before = text[: fault.position]
    line = before.count("\n") + 1
    column = len(before) - before.rfind("\n")
    return rule.error.format(problem=fault.problem, line=line, column=column, position=fault.position)
