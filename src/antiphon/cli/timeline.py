"""Makes a picture of a turn: when each call was asked for, waited, ran and was done, and in which order each happened.

Pure: events in, a timeline out; a timeline in, pieces of text out. Times come from the events alone, so a recorded run
gives the same picture as a live one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from antiphon.agent.events import (
    AgentEvent,
    CallChanged,
    CallStreaming,
    ReplyReceived,
    ResultsReady,
    TurnDiscarded,
    TurnStarted,
)
from antiphon.cli.bars import ASCII, UNICODE, Scale, Stretch, bar
from antiphon.cli.layout import fitted
from antiphon.cli.safe_text import columns, cut, one_line
from antiphon.cli.screen import Piece
from antiphon.cli.view import OVER, seconds_text
from antiphon.engine.events import CallState
from antiphon.protocol.messages import tool_results


@dataclass(frozen=True, slots=True)
class Span:
    """One call in time; all times in seconds of the run's clock.

    Attributes:
        number: its place in the request, from 1.
        id: the call's id.
        name: the tool's name.
        opened: when its block began.
        asked: when its block closed.
        started: when it began to run, or None when it never ran.
        ended: when it was over.
        state: what became of it.
        waited_for: ids of calls it waited for.
        waited_for_message: whether it had to wait for the end of the reply.
    """

    number: int
    id: str
    name: str
    opened: float
    asked: float
    started: float | None
    ended: float
    state: CallState
    waited_for: frozenset[str] = frozenset()
    waited_for_message: bool = False

    @property
    def took(self) -> float:
        """How long it ran."""
        return 0.0 if self.started is None else self.ended - self.started


@dataclass(frozen=True, slots=True)
class Timeline:
    """The calls of one turn in time.

    Attributes:
        turn: the turn's number in its run, from 1.
        spans: its calls, in request order.
        reply_ended: when the assistant message was complete.
        answered: when all results were there.
        sent: ids in the order of the results that went out.
    """

    turn: int
    spans: tuple[Span, ...]
    reply_ended: float
    answered: float
    sent: tuple[str, ...]

    @property
    def finished(self) -> tuple[str, ...]:
        """Ids in the order in which the calls were over."""
        return tuple(span.id for span in sorted(self.spans, key=lambda span: (span.ended, span.number)))

    @property
    def wall(self) -> float:
        """Seconds from the first call asked for until the last result was there."""
        return self.answered - min(span.asked for span in self.spans)

    @property
    def one_after_another(self) -> float:
        """Seconds all calls would have taken in a row."""
        return sum(span.took for span in self.spans)

    @property
    def ideal(self) -> float:
        """Seconds that no scheduler could have beaten: every call as soon as what it has to wait for allows."""
        done: dict[str, float] = {}
        for span in self.spans:
            ready = self.reply_ended if span.waited_for_message else span.asked
            done[span.id] = max([ready, *(done[id_] for id_ in span.waited_for if id_ in done)]) + span.took
        return max([self.reply_ended, *done.values()]) - min(span.asked for span in self.spans)

    def numbers(self, ids: Sequence[str]) -> str:
        """Return the places in the request that these ids have, as text: `2 3 1`."""
        places = {span.id: span.number for span in self.spans}
        return " ".join(str(places[id_]) for id_ in ids if id_ in places)


@dataclass(slots=True)
class _Open:
    """A call whose timeline is being put together."""

    name: str
    opened: float
    changes: list[CallChanged] = field(default_factory=list[CallChanged])

    def close(self, index: int, reply_ended: float) -> Span | None:
        if not self.changes or self.changes[-1].state not in OVER:
            return None
        first, last = self.changes[0], self.changes[-1]
        started = next((change.at for change in self.changes if change.state == "running"), None)
        waits = [change for change in self.changes if change.state == "waiting"]
        # A call that waits for nobody in particular before the message has ended waits for that.
        for_message = any(not change.waits_for and change.at <= reply_ended for change in waits)
        return Span(
            index + 1,
            last.call.id,
            last.call.name,
            self.opened,
            first.at,
            started,
            last.at,
            last.state,
            frozenset(id_ for change in waits for id_ in change.waits_for),
            for_message,
        )


def timelines(events: Iterable[AgentEvent]) -> list[Timeline]:
    """Return the timelines of all answered turns that had calls, in order."""
    found: list[Timeline] = []
    turn, reply_ended = 0, 0.0
    calls: dict[int, _Open] = {}
    for event in events:
        match event:
            case TurnStarted():
                turn, calls = event.turn, {}
            case TurnDiscarded():
                calls = {}
            case CallStreaming():
                calls[event.index] = _Open(event.name, event.at)
            case CallChanged():
                calls.setdefault(event.index, _Open(event.call.name, event.at)).changes.append(event)
            case ReplyReceived():
                reply_ended = event.at
            case ResultsReady():
                spans = [call.close(index, reply_ended) for index, call in sorted(calls.items())]
                whole = tuple(span for span in spans if span is not None)
                if whole:
                    sent = tuple(str(block.get("tool_use_id")) for block in tool_results(event.message))
                    found.append(Timeline(turn, whole, reply_ended, event.at, sent))
                calls = {}
            case _:
                pass
    return found


_WIDE = 78
_TOOK_WIDTH = 8


def picture(timeline: Timeline, width: int, *, ascii_only: bool = False) -> list[list[Piece]]:
    """Draw a timeline in lines of at most `width` columns.

    One bar per call, in request order: its block streams, it waits, it runs. Above them the three orders, below them
    the wall time beside the sum of the tools and beside the ideal.
    """
    spans = timeline.spans
    names = min(max(columns(one_line(span.name)) for span in spans), 16)
    head = len(f"  {len(spans)} ") + names + 2
    tail = "  asked  finished  sent" if width >= _WIDE else ""
    room = max(8, min(60, width - head - _TOOK_WIDTH - len(tail) - 1))
    start = min(span.opened for span in spans)
    seconds = max(timeline.answered, *(span.ended for span in spans)) - start
    scale = Scale.of(start, start + seconds, room)
    end = f"{seconds_text(seconds):>{room - 3}}"
    lines: list[list[Piece]] = [
        _orders(timeline),
        [(" " * head + "0 s" + end + " " * _TOOK_WIDTH + tail, "quiet")],
    ]
    for span in spans:
        row: list[Piece] = [
            (f"  {span.number:>{len(str(len(spans)))}} ", "quiet"),
            (f"{cut(one_line(span.name), names):<{names}}  ", "strong"),
            *bar(_stretches(span), scale, ASCII if ascii_only else UNICODE),
            (f" {seconds_text(span.took):>6} ", "quiet"),
        ]
        if tail:
            finished = timeline.finished.index(span.id) + 1
            sent = timeline.sent.index(span.id) + 1 if span.id in timeline.sent else "-"
            row.append((f"  {span.number:>5}  {finished:>8}  {sent:>4}", ""))
        lines.append(row)
    lines.append(_times(timeline))
    return [fitted(line, width) for line in lines]


def _stretches(span: Span) -> list[Stretch]:
    started = span.ended if span.started is None else span.started
    drawn = [Stretch(span.opened, span.asked, "opened"), Stretch(span.asked, started, "waits")]
    if span.started is not None:
        drawn.append(Stretch(started, span.ended, "runs", "ok" if span.state == "done" else "bad"))
    return drawn


def legend(*, ascii_only: bool = False) -> str:
    """Return what the marks of a picture mean, in one line."""
    marks = ASCII if ascii_only else UNICODE
    parts = [f"{marks['opened']} being asked", f"{marks['waits']} waits", f"{marks['runs']} runs"]
    return f"  {'   '.join(parts)}   ideal: what no scheduler could beat"


def _orders(timeline: Timeline) -> list[Piece]:
    asked = timeline.numbers([span.id for span in timeline.spans])
    finished, sent = timeline.numbers(timeline.finished), timeline.numbers(timeline.sent)
    return [
        ("  asked ", "quiet"),
        (asked, "strong"),
        ("   finished ", "quiet"),
        (finished, "strong" if finished == asked else "active"),
        ("   sent ", "quiet"),
        (sent, "ok" if sent == asked else "bad"),
    ]


def _times(timeline: Timeline) -> list[Piece]:
    return [
        ("  took ", "quiet"),
        (f"{timeline.wall:.2f} s", "strong"),
        ("   one after another ", "quiet"),
        (f"{timeline.one_after_another:.2f} s", ""),
        ("   ideal ", "quiet"),
        (f"{timeline.ideal:.2f} s", ""),
    ]
