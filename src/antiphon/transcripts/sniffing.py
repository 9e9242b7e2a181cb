"""A first look at a file, cheap and never raising, to tell what it is."""

import json
from collections.abc import Iterator

from antiphon.protocol.messages import Json, is_object

_LINES = 12
_LONGEST = 1 << 22


def first_objects(data: bytes) -> Iterator[Json]:
    """Yield the JSON objects that the first lines of a file are; lines that are none are passed over."""
    at = 0
    for _ in range(_LINES):
        end = data.find(b"\n", at)
        line = data[at : end if end >= 0 else len(data)]
        if line.lstrip()[:1] in {b"{", b"\xef"} and len(line) <= _LONGEST:
            try:
                value = json.loads(line.decode("utf-8-sig", "replace"))
            except (ValueError, RecursionError):
                value = None
            if is_object(value):
                yield value
        if end < 0:
            return
        at = end + 1
