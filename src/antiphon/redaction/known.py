"""Secrets that are known by their value, in the forms in which a value is met again: as it is, and encoded."""

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

_SHORTEST_CODE = 10
"""Characters of base64 that cannot stand somewhere by chance."""


def forms_of(value: str) -> tuple[str, ...]:
    """Return the texts by which a value is found: itself, and as URLs, JSON and base64 write it."""
    forms = [value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1]]
    data = value.encode("utf-8", "surrogatepass")
    for shift in range(3):
        code = _core(data, shift)
        if len(code) >= _SHORTEST_CODE:
            forms += [code, code.replace("+", "-").replace("/", "_")]
    return tuple(dict.fromkeys(forms))


def places(text: str, form: str) -> Iterator[tuple[int, int]]:
    """Yield where a form stands in a text."""
    start = text.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = text.find(form, start + len(form))


def _core(data: bytes, shift: int) -> str:
    """Return what base64 makes of bytes that stand behind others, without what depends on those before and behind."""
    code = base64.b64encode(bytes(shift) + data).decode().rstrip("=")
    uncertain = 0 if (shift + len(data)) % 3 == 0 else 1
    return code[(0, 2, 3)[shift] : len(code) - uncertain]
