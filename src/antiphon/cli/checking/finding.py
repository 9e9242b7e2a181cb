"""Which files are to be checked: names, directories, globs, and standard input.

Does not read them.
"""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

SUFFIXES = (".json", ".jsonl", ".db", ".tmp")
"""What is looked at in a directory; `.tmp` because a crash can leave a session in such a file and nowhere else."""
_NEVER = frozenset({".git", ".hg", ".venv", "__pycache__", "node_modules"})

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Target:
    """A file to be checked.

    Attributes:
        path: where it is; None for standard input.
        name: as it is shown.
        named: it was named itself, so it is an error when it is nothing that can be checked. What a directory
            happens to hold is not.
        problem: why it cannot even be tried; for a directory that cannot be looked into.
    """

    path: Path | None
    name: str
    named: bool
    problem: str = ""


def targets(words: Sequence[str], *, strict: bool = True) -> Iterator[Target]:
    """Yield the files that these words mean, each once, in their order; those of a directory sorted by name.

    A name that is nowhere is yielded too: whoever reads it says so. Unless `strict`, files that are named may be
    nothing that can be checked, too.
    """
    seen: set[str] = set()
    for target in _all(words):
        key = STDIN if target.path is None else os.path.realpath(target.path)
        if key not in seen:
            seen.add(key)
            yield target if strict else replace(target, named=False)


def _all(words: Sequence[str]) -> Iterator[Target]:
    for word in words:
        if word == STDIN:
            yield Target(None, "<stdin>", named=True)
            continue
        name = os.path.expanduser(word)  # noqa: PTH111  (a name that is shown as it was given)
        exists = os.path.lexists(name)
        # A shell passes a pattern on when it matches nothing, and some programs that start us pass on all.
        matches = [] if exists else sorted(glob.glob(name, recursive=True))  # noqa: PTH207  (also absolute patterns)
        for match in matches or [name]:
            if os.path.isdir(match):  # noqa: PTH112  (the same)
                yield from _inside(match)
            else:
                yield Target(Path(match), match, named=True)


def _inside(directory: str) -> Iterator[Target]:
    refused: list[OSError] = []
    for place, directories, files in os.walk(directory, onerror=refused.append):
        directories[:] = sorted(name for name in directories if name not in _NEVER)
        for file in sorted(files):
            if file.endswith(SUFFIXES):
                path = Path(place, file)
                if path.is_file():
                    yield Target(path, str(path), named=False)
    for error in refused:
        yield Target(
            Path(error.filename), error.filename, named=True, problem=f"it cannot be looked into ({error.strerror})"
        )
