"""The calls that wait for a person: their numbers, and how they are shown.

A call has the number of its row on the screen where that is known. It keeps its number, and no other call gets it
while any call waits, so that a number that was seen never means another call.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import anyio

from antiphon.agent.events import AgentEvent, CallChanged, CallStreaming, TurnStarted
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
  Enter         show the list as it is now, with the reasons""".splitlines()


@dataclass(eq=False, slots=True)
class Waiting:
    """A call that waits for an answer.

    Attributes:
        request: what is asked.
        reason: why, safe to print.
        number: what it is called by, from the moment that it is shown.
        edit: what it would change in its file, as far as that is known.
        ready: it can be shown.
        listed: it was shown in the list with all that is to be known, so its line is enough from then on.
        approval: the answer, once there is one.
        done: set when there is.
    """

    request: ApprovalRequest
    reason: str = ""
    number: int = 0
    edit: Edit | None = None
    ready: bool = False
    listed: bool = False
    approval: Approval | None = None
    done: anyio.Event = field(default_factory=anyio.Event)

    @property
    def title(self) -> list[Piece]:
        """Its number and the call, on one line."""
        return [(f"{self.number}  ", "wait"), *title_of(self.request.call, self.edit)]

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
        self._given: set[int] = set()
        self._rows: dict[str, int] = {}

    @property
    def open(self) -> tuple[Waiting, ...]:
        """Those that can be shown and have no answer yet, by their numbers."""
        waiting = [one for one in self._calls if one.ready and one.approval is None]
        for one in waiting:
            self._number(one)
        return tuple(sorted(waiting, key=lambda one: one.number))

    @property
    def expects_more(self) -> bool:
        """Whether there are calls that will be ready soon."""
        return not all(one.ready for one in self._calls)

    def title(self, waiting: Waiting) -> list[Piece]:
        """Return the number and the line of a call that is about to be shown."""
        self._number(waiting)
        return waiting.title

    def number_rows(self, event: AgentEvent) -> None:
        """Take from an event which row of the screen a call has."""
        match event:
            case TurnStarted():
                self._rows.clear()
            case CallStreaming(index=index, id=id_):
                self._rows[id_] = index + 1
            case CallChanged(index=index, call=call):
                self._rows[call.id] = index + 1
            case _:
                pass

    def add(self, request: ApprovalRequest, reason: str = "") -> Waiting:
        """Take a call in; it waits from the moment that it is `ready`."""
        if not self._calls:
            self._given.clear()
        waiting = Waiting(request, one_line(reason))
        self._calls.append(waiting)
        return waiting

    def remove(self, waiting: Waiting) -> None:
        """Forget a call: it has its answer, or needs none any more."""
        self._calls = [other for other in self._calls if other is not waiting]

    def listing(self, width: int) -> Iterator[list[Piece]]:
        """Show all that wait, a line for each; what is new among them with the reason, and commands whole."""
        calls = self.open
        known = max(len(set(self._rows.values())), len(self._given))
        of_all = f" of {known}" if known > len(calls) else ""
        yield [(f"{len(calls)}{of_all} calls wait for you:", "wait")]
        for waiting in calls:
            yield from [_line(waiting)] if waiting.listed else _entry(waiting, width)
            waiting.listed = True

    def list_anew(self) -> None:
        """Let the next list tell everything again."""
        for waiting in self._calls:
            waiting.listed = False

    def _number(self, waiting: Waiting) -> None:
        """Give a call its number, as late as possible: the screen may hear later of the call than we do."""
        if waiting.number:
            return
        number = self._rows.get(waiting.request.call.id, 0)
        if not number or number in self._given:
            # Not a call of this turn's own: one that comes after all of those.
            number = max((*self._given, *self._rows.values()), default=0) + 1
        self._given.add(number)
        waiting.number = number


def _line(waiting: Waiting) -> list[Piece]:
    return [(" " * (4 - len(str(waiting.number))), ""), *waiting.title]


def _entry(waiting: Waiting, width: int) -> Iterator[list[Piece]]:
    title = _line(waiting)
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
    yield [("? ", "wait"), *waiting.title[0 if number else 1 :]]
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
