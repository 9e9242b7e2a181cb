"""A session in time as lines of text: one bar per call, in request order, as wide as the terminal allows. Pure."""

from collections.abc import Iterator, Sequence

from antiphon.cli.bars import ASCII, UNICODE, Scale, Stretch, bar
from antiphon.cli.layout import fitted, wrapped
from antiphon.cli.safe_text import columns, cut, one_line
from antiphon.cli.screen import Piece
from antiphon.cli.tracing.choosing import Shown
from antiphon.cli.tracing.wording import (
    LONGEST,
    began_text,
    end_text,
    mark_text,
    prompt_text,
    reply_seconds,
    reply_text,
    request_figures,
    request_title,
    run_facts,
    run_usage_text,
    sent_text,
    span_text,
    state_text,
    time_text,
    usage_text,
    waits_text,
)
from antiphon.cli.view import summary_of
from antiphon.sessions.tracing.totals import totals
from antiphon.sessions.tracing.values import Call, CallOutcome, Mark, Request, Run, Trace

Line = list[Piece]

STYLES: dict[CallOutcome, str] = {
    "asking": "wait",
    "waiting": "wait",
    "running": "active",
    "done": "ok",
    "failed": "bad",
    "denied": "bad",
    "cancelled": "quiet",
    "unknown": "wait",
    "not run": "quiet",
}
_LONGEST_BAR = 60
_LONGEST_NAME = 16
_TOOK = 7
_STATE = 10
_WITH_ARGUMENTS = 100
_WITH_WAITS = 76
_SHORT_BAR = 24
_MOST_PROBLEMS = 3


def lines(trace: Trace, shown: Sequence[Shown], width: int, *, ascii_only: bool = False) -> Iterator[Line]:
    """Yield a session's title and its runs, each line at most `width` columns wide."""
    for line in _Writer(trace, shown, width, ascii_only=ascii_only).lines():
        kept = fitted(line, width)
        yield [(_plain(text), style) for text, style in kept] if ascii_only else kept


class _Writer:
    """Writes a session for a terminal of one width."""

    def __init__(self, trace: Trace, shown: Sequence[Shown], width: int, *, ascii_only: bool) -> None:
        self._trace = trace
        self._shown = shown
        self._width = width
        self._marks = ASCII if ascii_only else UNICODE
        self._arguments = min(40, width // 5) if width >= _WITH_ARGUMENTS else 0
        names = {one_line(call.name, _LONGEST_NAME) for each in shown for r in each.requests for call in r.calls}
        self._names = max([len("reply"), *map(columns, names)])
        self._head = 5 + self._names + 1 + (self._arguments + 1 if self._arguments else 0)

    def lines(self) -> Iterator[Line]:
        trace = self._trace
        yield [(one_line(trace.title), "strong")]
        where = f"session {one_line(trace.session)[:8]} in {one_line(trace.workspace)}, began {began_text(trace)}"
        yield from self._prose(where, "quiet")
        if len(trace.runs) != 1:
            figures = totals(trace.own_runs)
            yield from self._prose(f"{len(trace.own_runs)} runs, {time_text(figures)}")
            yield from self._prose(usage_text(figures.tokens, figures.cost, figures.unpriced))
        for problem in trace.problems[:_MOST_PROBLEMS]:
            yield from self._prose(one_line(problem), "wait")
        if len(trace.problems) > _MOST_PROBLEMS:
            yield from self._prose(f"{len(trace.problems) - _MOST_PROBLEMS} more records do not fit.", "wait")
        for mark in trace.marks:
            yield from self._prose(mark_text(mark), "wait")
        for each in self._shown:
            yield []
            yield from self._run(each)
        if any(request.calls for each in self._shown for request in each.requests):
            yield []
            yield from self._prose(self._legend(), "quiet", 2)

    def _prose(self, text: str, style: str = "", indent: int = 0) -> Iterator[Line]:
        for line in wrapped(text, max(20, self._width - indent)):
            yield [(" " * indent + line, style)]

    def _run(self, shown: Shown) -> Iterator[Line]:
        run, trace = shown.run, self._trace
        figures = totals([run])
        end = end_text(run, trace)
        yield [
            (f"Run {run.number} of {len(trace.runs)}  ", "strong"),
            (f"{end}  ", "ok" if end == "end_turn" else "wait"),
            (prompt_text(run), ""),
        ]
        yield from self._prose(time_text(figures), "", 2)
        yield from self._prose(run_usage_text(run, figures), "", 2)
        for fact in run_facts(run):
            yield from self._prose(fact, "wait", 2)
        if shown.left_out:
            yield []
            left = f"{shown.left_out:,} earlier request{'' if shown.left_out == 1 else 's'}"
            yield from self._prose(f"{left}: --run {run.number} shows all, --turn N shows one", "quiet", 2)
        for step in shown.steps:
            yield []
            if isinstance(step, Mark):
                yield from self._prose(mark_text(step), "wait", 2)
            else:
                yield from self._request(step, run)

    def _request(self, request: Request, run: Run) -> Iterator[Line]:
        left = self._width - self._head - _TOOK - 2 - _STATE
        waits = self._waits(request, left - _SHORT_BAR)
        widest = max([columns(reply_text(request)) - _STATE, *map(columns, waits)])
        room = max(8, min(_LONGEST_BAR, max(left - max(0, widest), min(left, _SHORT_BAR))))
        scale = Scale.of(request.sent, request.ended, room)
        title, figures = request_title(request), request_figures(request, run)
        beside = 2 + columns(title) + 2 + columns(figures) <= self._width
        yield [(f"  {title}  ", "strong"), (figures if beside else "", "quiet")]
        if not beside:
            yield from self._prose(figures, "quiet", 5)
        yield [(f"{' ' * self._head}0 s{span_text(request.seconds):>{max(0, room - 3)}}", "quiet")]
        good = request.outcome == "replied"
        replied = request.ended if request.replied is None else request.replied
        yield [
            (f"     {_column('reply', self._names)}{self._column_of_arguments('')}", "quiet"),
            *bar([Stretch(request.sent, replied, "reply", "active" if good else "wait")], scale, self._marks),
            (f"{span_text(reply_seconds(request)):>{_TOOK}}  ", "quiet"),
            (reply_text(request), "quiet" if good else "wait"),
        ]
        if request.reason:
            yield from self._prose(one_line(request.reason, LONGEST), "wait", 5)
        for call, waited in zip(request.calls, waits, strict=True):
            yield self._call(call, waited, scale)
        if sent_text(request):
            yield from self._prose(sent_text(request), "quiet", 5)
        for mark in request.marks:
            at = span_text(mark.at - request.sent)
            yield from self._prose(f"at {at} {mark_text(mark)}", "wait" if mark.kind == "resumed" else "quiet", 5)

    def _call(self, call: Call, waited: str, scale: Scale) -> Line:
        return [
            (f"{call.number:>4} ", "quiet"),
            (_column(call.name, self._names), "strong"),
            (self._column_of_arguments(summary_of(call.input)), ""),
            *bar(stretches(call), scale, self._marks),
            (f"{span_text(call.took) if call.runs else '':>{_TOOK}}  ", "quiet"),
            (f"{state_text(call):<{_STATE}}", STYLES[call.state]),
            (waited, "quiet"),
        ]

    def _waits(self, request: Request, room: int) -> list[str]:
        """Return what each call waited for, with the names of calls where there is room for all of it."""
        whole = [waits_text(call, request) for call in request.calls]
        named = [f" waited for {text}" if text else "" for text in whole]
        if max(map(columns, named), default=0) <= room:
            return named
        wanted = self._width >= _WITH_WAITS
        return [f" {waits_text(call)}" if call.waits and wanted else "" for call in request.calls]

    def _column_of_arguments(self, text: str) -> str:
        return _column(text, self._arguments) if self._arguments else ""

    def _legend(self) -> str:
        marks = self._marks
        return (
            f"{marks['reply']} the reply comes in   {marks['waits']} waits   {marks['approval']} waits for approval   "
            f"{marks['runs']} runs"
        )


def stretches(call: Call) -> list[Stretch]:
    """Return what a call did, as parts of a bar."""
    style = STYLES[call.state]
    drawn: list[Stretch] = []
    for phase in call.phases:
        if phase.kind == "running":
            drawn.append(Stretch(phase.begin, phase.end, "runs", style))
        elif phase.kind == "approval":
            drawn.append(Stretch(phase.begin, phase.end, "approval", "wait"))
        else:
            drawn.append(Stretch(phase.begin, phase.end, "waits"))
    return drawn


def _column(text: str, width: int) -> str:
    shown = cut(one_line(text), width)
    return shown + " " * (width - columns(shown) + 1)


def _plain(text: str) -> str:
    return text.replace("…", "~").encode("ascii", "replace").decode()
