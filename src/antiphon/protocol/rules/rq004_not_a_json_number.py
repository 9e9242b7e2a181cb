"""A number is `NaN`, infinite, or larger than any number a reader can hold."""

import math
import re
from collections.abc import Iterator

from antiphon.protocol.json_text import NOT_JSON, NUMBERS
from antiphon.protocol.rule import BodyRule, Fault, Safety, Source

_HINT = re.compile(r"NaN|Infinity|\d[eE]\+?\d{2}|\d{300}")


def _is_none(number: str) -> bool:
    return not math.isfinite(float(number))


def _faults(text: str) -> Iterator[re.Match[str]]:
    numbers = NUMBERS.finditer(text) if _HINT.search(text) else ()
    return (found for found in numbers if found[1] and _is_none(found[1]))


def _find(text: str) -> Fault | None:
    found = next(_faults(text), None)
    if found is None:
        return None
    known = found[1][-1].isdigit()
    return Fault("number is infinity when parsed as double" if known else "unexpected character", found.start(1))


def _mend(text: str) -> str:
    pieces: list[str] = []
    end = 0
    for found in _faults(text):
        pieces += [text[end : found.start()], "null"]
        end = found.end()
    return "".join([*pieces, text[end:]])


NOT_A_JSON_NUMBER = BodyRule(
    id="RQ004",
    name="not-a-json-number",
    statement="A number is finite, and not `NaN`.",
    source=Source("documented", ("https://www.rfc-editor.org/rfc/rfc8259",)),
    error=NOT_JSON,
    find=_find,
    mend=_mend,
    safety=Safety.LOSSY,
    done="replaced the number by null",
)
