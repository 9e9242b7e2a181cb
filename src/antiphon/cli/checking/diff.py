"""Shows what repairs change: as a diff of the file, or of its messages where lines of the file say nothing."""

import json
import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, unified_diff
from typing import Any

from antiphon.cli.checking.judging import array_of, messages_of
from antiphon.cli.checking.text_report import shown_name
from antiphon.protocol.messages import Json
from antiphon.transcripts.document import Stored

_CONTEXT = 3
_LONGEST_LINE = 200
"""Where a file has few lines and they are longer than this, a diff of lines would be the whole file twice."""
_START = re.compile(r"([-+])(\d+)(?=[, ])")


def shows_in_lines(data: bytes) -> bool:
    """Say whether a diff of lines tells what changes in a file: not for databases, and JSON that is all on one line."""
    if b"\0" in data[:1024]:
        return False
    lines = data.count(b"\n") + 1
    return lines >= 5 or len(data) / lines <= _LONGEST_LINE


def line_diff(name: str, old: bytes, new: bytes) -> list[str]:
    """Return what changes in a file as lines of a unified diff, each without its end."""
    name = shown_name(name).lstrip("/")
    return list(_unified(_lines(old), _lines(new), f"a/{name}", f"b/{name}"))


def message_diff(name: str, pairs: Sequence[tuple[Stored, Json]]) -> list[str]:
    """Return what changes in the conversations of a file, each given with what repairs made of its request."""
    name = shown_name(name).lstrip("/")
    changes: list[str] = []
    for stored, repaired in pairs:
        title = f"{name} {shown_name(stored.label)}".rstrip()
        changes += _request_diff(title, stored.request, repaired)
    return changes


def _lines(data: bytes) -> list[str]:
    # Only line feeds end a line here: others occur inside of JSON strings.
    *whole, rest = data.decode("utf-8", "backslashreplace").split("\n")
    return [*(f"{line}\n" for line in whole), *([rest] if rest else [])]


def _unified(before: Sequence[str], after: Sequence[str], old: str, new: str) -> Iterator[str]:
    """Yield a unified diff; the time it takes grows with what differs, not with the size of the file."""
    shortest = min(len(before), len(after))
    head = next((index for index in range(shortest) if before[index] != after[index]), shortest)
    tail = next((index for index in range(shortest - head) if before[-1 - index] != after[-1 - index]), shortest - head)
    first, rest = max(0, head - _CONTEXT), max(0, tail - _CONTEXT)
    middle = before[first : len(before) - rest], after[first : len(after) - rest]
    for number, line in enumerate(unified_diff(*middle, old, new, n=_CONTEXT)):
        if number > 1 and line.startswith("@@ "):
            # Lines are counted from the file's beginning.
            yield _START.sub(lambda found: f"{found[1]}{int(found[2]) + first}", line.rstrip("\n"))
        else:
            yield line.removesuffix("\n")
            if not line.endswith("\n"):
                yield "\\ No newline at end of file"


def _request_diff(title: str, old: Json, new: Json) -> Iterator[str]:
    """Yield what changes in a request, message by message; whoever did not change is the same object."""
    before, after, array = messages_of(old), messages_of(new), array_of(old)
    for key in dict.fromkeys([*old, *new]):
        left, right = old.get(key), new.get(key)
        if key != array and left is not right:
            names = f"a/{title} {key}", f"b/{title} {key}"
            yield from unified_diff(_pretty([left]), _pretty([right]), *names, lineterm="")
    matcher = SequenceMatcher(None, [id(message) for message in before], [id(message) for message in after], False)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag != "equal":
            names = f"a/{title} {array}{_span(i, i_end)}", f"b/{title} {array}{_span(j, j_end)}"
            yield from unified_diff(_pretty(before[i:i_end]), _pretty(after[j:j_end]), *names, lineterm="")


def _span(start: int, end: int) -> str:
    return f"[{start}]" if end == start + 1 else f"[{start}:{end}]"


def _pretty(values: Sequence[Any]) -> list[str]:
    return [line for value in values for line in json.dumps(value, ensure_ascii=False, indent=2).split("\n")]
