"""The calls that wait for a person: their numbers, and how they are shown.

A call keeps its number until no call waits any more, so that a number that was seen never means another call.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import anyio

from antiphon.cli.approving.details import details_of, fits_on_a_line, hides_something, title_of
from antiphon.cli.approving.edits import Edit
from antiphon.cli.layout import fitted
from antiphon.cli.safe_text import columns, one_line
from antiphon.cli.screen import Piece
from antiphon.policy import Approval, ApprovalRequest, Rule

_INDENT = " " * 6
HELP: Sequence[str] = """\
  y             allow all that are shown; n WHY allows none, and the model is told why
  1 3 y         allow these; also 1-4 y, and 2 n WHY
  3 a           allow 3 and whatever its rule covers, from now on: shows the rule first
  3 a RULE      the same with a rule of yours, such as run_command(npm test:*)
  d 3           show everything of 3
  s             allow none, and stop the turn
  Enter         show the list as it is now""".splitlines()


@dataclass(eq=False, slots=True)
class Waiting:
    """A call that waits for an answer.

    Attributes:
        number: what it is called by.
        request: what is asked.
        reason: why, safe to print.
        edit: what it would change in its file, as far as that is known.
        ready: it can be shown.
        approval: the answer, once there is one.
        done: set when there is.
    """

    number: int
    request: ApprovalRequest
    reason: str = ""
    edit: Edit | None = None
    ready: bool = False
    approval: Approval | None = None
    done: anyio.Event = field(default_factory=anyio.Event)

    @property
    def title(self) -> list[Piece]:
        """The call on one line."""
        return title_of(self.request.call, self.edit)

    @property
    def notes(self) -> str:
        """Why it is asked, and what is to be known about its file."""
        about_file = self.edit.note if self.edit is not None else ""
        return "; ".join(note for note in (self.reason, about_file[:1].lower() + about_file[1:]) if note)

    def decide(self, approval: Approval) -> None:
        """Answer it; whoever waits goes on."""
        self.approval = approval
        self.done.set()


class Tray:
    """The calls that wait, in the order they came."""

    def __init__(self) -> None:
        """Begin with none."""
        self._calls: list[Waiting] = []
        self._asked = 0

    @property
    def open(self) -> tuple[Waiting, ...]:
        """Those that can be shown and have no answer yet."""
        return tuple(waiting for waiting in self._calls if waiting.ready and waiting.approval is None)

    def add(self, request: ApprovalRequest, reason: str = "") -> Waiting:
        """Take a call's place; it waits from the moment that it is `ready`."""
        if not self._calls:
            self._asked = 0
        self._asked += 1
        waiting = Waiting(self._asked, request, one_line(reason))
        self._calls.append(waiting)
        return waiting

    def remove(self, waiting: Waiting) -> None:
        """Forget a call: it has its answer, or needs none any more."""
        self._calls = [other for other in self._calls if other is not waiting]

    def listing(self, width: int) -> Iterator[list[Piece]]:
        """Show all that wait, a line for each; a command that is longer than its line is shown whole."""
        calls = self.open
        of_all = f" of {self._asked}" if self._asked > len(calls) else ""
        yield [(f"{len(calls)}{of_all} calls wait for you:", "wait")]
        for waiting in calls:
            yield from _entry(waiting, width)


def _entry(waiting: Waiting, width: int) -> Iterator[list[Piece]]:
    title: list[Piece] = [(f"{waiting.number:>4}  ", "wait"), *waiting.title]
    reason: list[Piece] = [(waiting.notes, "quiet")] if waiting.notes else []
    shown = waiting.edit is not None or fits_on_a_line(waiting.request.call)
    if shown and _width(title) + 2 + _width(reason) < width:
        yield [*title, ("  ", ""), *reason] if reason else title
        return
    yield title if shown else fitted(title, width - 1)
    if not shown:
        yield from ([(_INDENT[2:], ""), *line] for line in details_of(waiting.request.call))
    if reason:
        yield [(_INDENT, ""), *reason]


def single(waiting: Waiting, *, number: bool, whole: bool) -> Iterator[list[Piece]]:
    """Show one call with what it would do; with its number where others wait too."""
    yield [("? ", "wait"), *([(f"{waiting.number}  ", "wait")] if number else []), *waiting.title]
    if waiting.reason:
        yield [(f"  {waiting.reason}", "quiet")]
    yield from details_of(waiting.request.call, waiting.edit, whole=whole)


def prompt_of(calls: Sequence[Waiting], focus: Waiting | None, offered: Sequence[Rule], *, whole: bool) -> str:
    """Return what a person can answer."""
    if focus is None:
        first = calls[0].number
        return (
            "[y]es to all, [n]o to all and why, [s]top; "
            f"for one: {first} y, {first} n why, {first} a(lways), d {first}; ? for help: "
        )
    always = f", [a]lways {one_line(', '.join(map(str, offered)))}" if offered else ""
    more = ", [d]etails" if not whole and hides_something(focus.request.call, focus.edit) else ""
    back = f", Enter for all {len(calls)}" if len(calls) > 1 else ""
    return f"Allow it? [y]es, [n]o and why{always}{more}{back}: "


def _width(pieces: Sequence[Piece]) -> int:
    return sum(columns(text) for text, _ in pieces)
