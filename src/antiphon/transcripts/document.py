"""What every format of stored conversations gives: the conversations in a file, and the file with repaired ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from antiphon.errors import AntiphonError
from antiphon.protocol.context import NOTHING_KNOWN, Context
from antiphon.protocol.messages import Json


class Unreadable(AntiphonError, ValueError):
    """A file is not what it seems to be; the text says where, what was found and what was wanted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with the file itself: a torn line, a parent that is not there.

    Attributes:
        rule: id of the rule of family FI ("file"), which has a page like all rules.
        text: what is wrong, as a sentence.
        line: line in the file, from 1; None where lines mean nothing.
        mended: whether `Document.rendered` mends it.
    """

    rule: str
    text: str
    line: int | None = None
    mended: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """One conversation in a file.

    Attributes:
        request: what would be sent of it, in the wire form of `dialect`: at least `messages` (or `input`, `contents`).
        dialect: the dialect whose form it is in; who asks may judge a request of the Messages API by another one.
        lines: by message index, the line of the file (from 1) it begins at; empty where lines mean nothing.
        label: tells conversations of one file apart, as in "subagent 3"; empty where there is one.
        finished: it ends on purpose where a request would not (Roo's `attempt_completion` is never answered):
            unanswered calls of the last message are not damage.
        context: what is known beside the body.
    """

    request: Json
    dialect: str = "anthropic"
    lines: Sequence[int] = ()
    label: str = ""
    finished: bool = False
    context: Context = NOTHING_KNOWN


class Document(Protocol):
    """A file, read."""

    @property
    def conversations(self) -> Sequence[Stored]:
        """The conversations in it, as they would be sent."""
        ...

    @property
    def findings(self) -> Sequence[Finding]:
        """What is wrong with the file itself."""
        ...

    def rendered(self, repaired: Sequence[Json]) -> bytes:
        """Return the file with these requests in place of those of `conversations`.

        What was not repaired (the very same object, message by message and block by block) keeps its bytes;
        findings that can be mended are.
        """
        ...


class Format(Protocol):
    """One kind of file."""

    @property
    def name(self) -> str:
        """What it is called, as in `--input-format`."""
        ...

    def matches(self, path: Path, data: bytes) -> bool:
        """Say whether a file is of this kind, by its name and content; cheap, never raises."""
        ...

    def read(self, path: Path, data: bytes) -> Document:
        """Read a file.

        Raises:
            Unreadable: it is not of this kind after all, or cannot be read.
        """
        ...
