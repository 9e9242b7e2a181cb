"""What a call that edits would change in its file, as the file is now.

Looks like the tools look: reaches the file without following links, forgives line endings. Writes nothing, and says so
where the call would fail. Blocking. Texts are not made safe here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

from antiphon.policy import ApprovalRequest
from antiphon.policy.subjects import FileSubject
from antiphon.policy.workspace import Workspace
from antiphon.tools.edit_file import EditFile, EditFileArguments
from antiphon.tools.files import Changed, Stamp, open_file, stamp_of
from antiphon.tools.schema import InvalidArguments, parse_arguments
from antiphon.tools.text import binary_kind, decode
from antiphon.tools.write_file import WriteFile, WriteFileArguments

_LARGEST = 4 << 20
"""Bytes of a file that is still compared."""
_MOST_LINES = 2_000
"""Lines, old and new, that are matched with each other; at worst it takes time that grows with their square."""
_AROUND = 3
"""Unchanged lines shown before and after changed ones."""


class _Failing(Exception):
    """The call would fail; the message says why."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What a call would change.

    Attributes:
        lines: a unified diff, without its file names.
        added: lines that are added.
        removed: lines that are removed.
        note: what else there is to know, a sentence, or empty.
        stamp: the state of the file that was looked at; None when there was none.
    """

    lines: tuple[str, ...]
    added: int = 0
    removed: int = 0
    note: str = ""
    stamp: Stamp | None = None


def edit_of(request: ApprovalRequest, workspace: Workspace) -> Edit | None:
    """Return what a call would change; None for a call that edits no file, or of which it cannot be told."""
    name, subject = request.call.name, request.subject
    if name not in {EditFile.name, WriteFile.name} or not isinstance(subject, FileSubject):
        return None
    stamp: Stamp | None = None
    try:
        stamp = stamp_of(workspace, subject.path)
        if stamp is not None and stamp.size > _LARGEST:
            return Edit((), note=f"The file has {stamp.size:,} bytes, too many to show what would change", stamp=stamp)
        data = b""
        if stamp is not None:
            with open_file(workspace, subject.path) as file:
                data = file.read(_LARGEST + 1)
        kind = binary_kind(data)
        if kind is not None:
            return Edit((), note=f"The file is {kind} now", stamp=stamp)
        old = _plain(decode(data)[0])
        new, note = _edited(request, old) if name == EditFile.name else (_written(request), "")
    except _Failing as failing:
        return Edit((), note=str(failing), stamp=stamp)
    except (OSError, Changed, InvalidArguments):
        return None
    lines, added, removed = _diff(_lines(old), _lines(new))
    if stamp is None:
        note = "A new file"
    elif not lines:
        note = "No line would change"
    return Edit(tuple(lines), added, removed, note, stamp)


def changed_since(edit: Edit, request: ApprovalRequest, workspace: Workspace) -> bool:
    """Tell whether the file is another one than the one that was compared."""
    if not isinstance(request.subject, FileSubject):
        return False
    try:
        return stamp_of(workspace, request.subject.path) != edit.stamp
    except (OSError, Changed):
        return True


def _written(request: ApprovalRequest) -> str:
    given = parse_arguments(WriteFileArguments, request.call.input, aliases=WriteFile.aliases)
    return _plain(given.content)


def _edited(request: ApprovalRequest, text: str) -> tuple[str, str]:
    given = parse_arguments(EditFileArguments, request.call.input, aliases=EditFile.aliases)
    old, new = _plain(given.old_string), _plain(given.new_string)
    if not old:
        if text:
            raise _Failing("The file is not empty, so this call would fail")
        return new, ""
    times = text.count(old)
    if not times:
        raise _Failing("The text to replace is not in the file as it is now")
    if times > 1 and not given.replace_all:
        raise _Failing(f"The text to replace is there {times:,} times, so this call would fail")
    return text.replace(old, new), f"In {times:,} places" if times > 1 else ""


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")


def _lines(text: str) -> list[str]:
    """Return the lines of a text. Only a line feed ends one: what else Python takes for an end is to be seen."""
    return text.removesuffix("\n").split("\n") if text else []


def _diff(old: Sequence[str], new: Sequence[str]) -> tuple[list[str], int, int]:
    """Return a unified diff, and how many lines it adds and removes."""
    before = _common(old, new)
    after = min(_common(old[::-1], new[::-1]), len(old) - before, len(new) - before)
    # What is the same at both ends need not be compared.
    start = max(0, before - _AROUND)
    one, other = (lines[start : len(lines) - max(0, after - _AROUND)] for lines in (old, new))
    shown: list[str] = []
    added = removed = 0
    for group in _groups(one, other):
        (_, i1, _, j1, _), (_, _, i2, _, j2) = group[0], group[-1]
        shown.append(f"@@ -{start + i1 + 1},{i2 - i1} +{start + j1 + 1},{j2 - j1} @@")
        for tag, first, last, new_first, new_last in group:
            if tag == "equal":
                shown += [f" {line}" for line in one[first:last]]
                continue
            shown += [f"-{line}" for line in one[first:last]]
            shown += [f"+{line}" for line in other[new_first:new_last]]
            removed += last - first
            added += new_last - new_first
    return shown, added, removed


def _groups(one: Sequence[str], other: Sequence[str]) -> Iterator[list[tuple[str, int, int, int, int]]]:
    if one == other:
        return
    if len(one) + len(other) > _MOST_LINES:
        yield [("replace", 0, len(one), 0, len(other))]
        return
    yield from SequenceMatcher(None, one, other, autojunk=False).get_grouped_opcodes(_AROUND)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
