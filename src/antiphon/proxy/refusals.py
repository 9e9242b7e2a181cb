"""Which rule an error of the API is about.

Errors come wrapped: by gateways, and by gateways of gateways. Only the text is looked at, never what was sent.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

import msgspec

from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.registry import RULES, rule
from antiphon.protocol.rule import Rule, Violation

LONGEST = 64 * 1024
"""Of an error that is read."""
_SURE = 20
"""How many characters of a rule's text must be found: fewer say too little."""

_BY_CODE = {
    "tool_name_conflict": "conflicting-tool-names",
    "tool_reference_unresolved": "unresolved-tool-reference",
    "image_dimensions_too_large": "image-too-large-among-many",
}

THREAD_UNSUPPORTED = "thread_unsupported_request"


class Complaint(NamedTuple):
    """What an API says is wrong.

    Attributes:
        text: in its words.
        code: `details.error_code`, or empty.
    """

    text: str
    code: str = ""


def complaint(body: bytes, encoding: str = "") -> Complaint | None:
    """Return what the body of an error says, unwrapped; None where it says nothing readable."""
    if encoding in {"gzip", "x-gzip"}:
        try:
            body = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, LONGEST)
        except zlib.error:
            return None
    if len(body) > LONGEST:
        return None
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    found: Complaint | None = None
    for error in _unwrapped(value):
        text, details = error.get("message"), error.get("details")
        code: Any = details.get("error_code") if is_object(details) else None
        found = Complaint(text if isinstance(text, str) else "", code if isinstance(code, str) else "")
    return found


def _unwrapped(value: Any) -> Iterator[Json]:
    """Yield the error of an answer, then the one in its text, then the one in the text of that."""
    for _ in range(3):
        if not is_object(value):
            return
        error: Any = value.get("error", value)
        if isinstance(error, str):
            error = {"message": error}
        if not is_object(error):
            return
        yield error
        text: Any = error.get("message")
        start = text.find("{") if isinstance(text, str) else -1
        if start < 0:
            return
        try:
            value = msgspec.json.decode(text[start : text.rindex("}") + 1])
        except (ValueError, msgspec.DecodeError, RecursionError):
            return


def rule_of(found: Complaint) -> Rule | None:
    """Return the rule that a complaint is about, by its code or else its text, or None where that is not known."""
    if found.code in _BY_CODE:
        return _by_id(_BY_CODE[found.code])
    best: Rule | None = None
    most = _SURE - 1
    for candidate in RULES:
        fixed = _fixed(candidate.error)
        size = sum(map(len, fixed))
        if size > most and _holds(found.text, fixed):
            best, most = candidate, size
    return best


def rule_among(found: Complaint, violations: Iterable[Violation]) -> Rule | None:
    """Return the rule of the first violation that the complaint is about, word by word, or None.

    For texts of which a rule knows too little by itself, and those of other protocols.
    """
    for violation in violations:
        if len(violation.text) >= _SURE and violation.text in found.text:
            return _by_id(violation.rule)
    return None


def _by_id(id_or_name: str) -> Rule | None:
    try:
        return rule(id_or_name)
    except KeyError:
        return None


@cache
def _fixed(template: str) -> tuple[str, ...]:
    """Return the parts of an error text that are always the same."""
    parts = re.split(r"\{\w+\}", template)
    return tuple(part for part in parts if part.strip(" .:`'"))


def _holds(text: str, parts: tuple[str, ...]) -> bool:
    position = 0
    for part in parts:
        position = text.find(part, position)
        if position < 0:
            return False
        position += len(part)
    return bool(parts)
