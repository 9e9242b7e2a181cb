"""A session in time as SVG: one picture per request, and all of them below each other as one file. Pure.

The pictures need no script and nothing from elsewhere, follow the reader's choice of light or dark, and say everything
they show in words too: beside each bar, and as the title of each row.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from antiphon.cli.safe_text import columns, cut, one_line
from antiphon.cli.tracing.choosing import Shown
from antiphon.cli.tracing.markup import element, escaped
from antiphon.cli.tracing.wording import (
    LONGEST,
    began_text,
    call_sentence,
    call_text,
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
    waits_text,
)
from antiphon.sessions.tracing.totals import totals
from antiphon.sessions.tracing.values import Call, CallOutcome, Mark, Phase, Request, Run, Trace

STYLE = """\
svg{color-scheme:light dark;--paper:#fff;--ink:#1b1c1f;--soft:#5b5e65;--line:#e2dfd7;--reply:#8a4b08;--wait:#7d818a;
--ask:#9a7000;--ok:#166534;--bad:#a3231c;--open:#1d5fa8}
@media (prefers-color-scheme:dark){svg{--paper:#1c1e22;--ink:#eae8e3;--soft:#a3a6ae;--line:#2f323a;--reply:#e3ac66;
--wait:#6d717b;--ask:#d9b44a;--ok:#6fcf97;--bad:#ff9289;--open:#7db4ee}}
svg text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--ink)}
svg .h{font-weight:700}svg .q{fill:var(--soft)}svg .e{text-anchor:end}
svg .x{stroke:var(--line)}svg .p{fill:var(--paper)}
svg .reply{fill:var(--reply)}svg .wait{fill:var(--wait)}svg .ask{fill:var(--ask)}svg .ok{fill:var(--ok)}
svg .bad{fill:var(--bad)}svg .open{fill:var(--open)}"""

WIDTH = 1180
_LEFT, _RIGHT = 292, 772
_ROW = 20
_CHARACTER = 7.3
_LONGEST_LABEL = 38
_LONGEST_NOTE = 43
_LONGEST_LINE = 150
_EDGE = 12

_CLASSES: dict[CallOutcome, str] = {
    "asking": "ask",
    "waiting": "wait",
    "running": "open",
    "done": "ok",
    "failed": "bad",
    "denied": "bad",
    "cancelled": "wait",
    "unknown": "ask",
    "not run": "wait",
}
_HEIGHTS = {"running": 12, "approval": 8, "calls": 4, "reply": 4, "place": 4}
"""Bars differ by height too, not by colour alone."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Parts of an SVG that begin at the top, and how high they are together."""

    parts: Sequence[str]
    height: int

    @classmethod
    def stacked(cls, pictures: Iterable["Picture"]) -> "Picture":
        """Return pictures below each other."""
        parts: list[str] = []
        height = 0
        for picture in pictures:
            parts += [f'<g transform="translate(0 {height})">', *picture.parts, "</g>"]
            height += picture.height
        return cls(parts, height)


def document(trace: Trace, shown: Sequence[Shown]) -> str:
    """Return a file of its own with everything that is shown."""
    figures = f"session {one_line(trace.session)[:8]} in {one_line(trace.workspace)}, began {began_text(trace)}"
    head = _texts((one_line(trace.title), "h"), (figures, "q"), *((mark_text(mark), "q") for mark in trace.marks))
    whole = Picture.stacked([head, *(part for each in shown for part in _run(trace, each)), legend()])
    name = one_line(trace.title)
    style = element("style", STYLE, raw=True)
    paper = f'<rect class="p" width="{WIDTH}" height="{whole.height + 2 * _EDGE}"/>'
    body = f'<g transform="translate({_EDGE} {_EDGE})">{"".join(whole.parts)}</g>'
    return svg(style + paper + body, WIDTH, whole.height + 2 * _EDGE, f"Timeline of the session: {name}") + "\n"


def svg(body: str, width: int, height: int, label: str) -> str:
    """Return an SVG element with a name that screen readers say."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="graphics-document" aria-label="{escaped(label)}" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"{element('title', label)}{body}</svg>"
    )


def request_picture(request: Request) -> Picture:
    """Return the rows of a request: its axis, the reply, and every call."""
    axis = _Axis.of(request)
    rows = [_axis(request), _reply(request, axis), *(_call(call, request, axis) for call in request.calls)]
    if request.replied is not None and request.calls:
        # Where the reply was complete: what writes starts from here on.
        x, bottom = axis.x(request.replied), _ROW * (len(request.calls) + 1)
        rows.insert(1, Picture([f'<line class="x" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{bottom}"/>'], 0))
    told = one_line(request.reason, LONGEST), sent_text(request)
    lines = [(text, "q") for text in told if text]
    lines += [(f"at {span_text(mark.at - request.sent)} {mark_text(mark)}", "q") for mark in request.marks]
    return Picture.stacked([*rows, _texts(*lines, indent=24)])


def overview(run: Run) -> Picture:
    """Return one row for a whole run: when replies came in, and when calls ran."""
    axis = _Axis(run.began, max(run.ended - run.began, 1e-9))
    parts = [f'<text x="0" y="14">{escaped("the whole run")}</text>', _line()]
    for request in run.requests:
        replied = request.ended if request.replied is None else request.replied
        parts.append(_rect(axis, (request.sent, replied), "reply", y=4, height=4))
        ran = [phase for call in request.calls for phase in call.runs]
        if ran:
            begin, end = min(phase.begin for phase in ran), max(phase.end for phase in ran)
            parts.append(_rect(axis, (begin, end), "ok", y=10, height=6))
    parts.append(f'<text class="q" x="{_RIGHT + 10}" y="14">{escaped(span_text(run.ended - run.began))}</text>')
    title = f"The whole run, {span_text(run.ended - run.began)}: above when replies came in, below when calls ran"
    return Picture([_group(title, parts)], _ROW + 4)


def _run(trace: Trace, shown: Shown) -> Iterator[Picture]:
    run = shown.run
    figures = totals([run])
    yield Picture([f'<line class="x" x1="0" x2="{WIDTH - 2 * _EDGE}" y1="8" y2="8"/>'], 16)
    facts = [time_text(figures), run_usage_text(run, figures), *run_facts(run)]
    title = f"Run {run.number} of {len(trace.runs)}: {end_text(run, trace)}: {prompt_text(run)}"
    yield _texts((title, "h"), *((fact, "") for fact in facts))
    if len(run.requests) > 1:
        yield overview(run)
    for step in shown.steps:
        if isinstance(step, Mark):
            yield _texts((mark_text(step), "q"))
        else:
            yield Picture((), 8)
            yield _texts((request_title(step), "h"), (request_figures(step, run), "q"), side_by_side=True)
            yield request_picture(step)


@dataclass(frozen=True, slots=True)
class _Axis:
    """Where moments are."""

    begin: float
    seconds: float

    @classmethod
    def of(cls, request: Request) -> "_Axis":
        return cls(request.sent, max(request.seconds, 1e-9))

    def x(self, moment: float) -> float:
        share = (moment - self.begin) / self.seconds
        return _LEFT + min(1.0, max(0.0, share)) * (_RIGHT - _LEFT)


def _axis(request: Request) -> Picture:
    return Picture(
        [
            f'<text class="q" x="{_LEFT}" y="14">0 s</text>',
            f'<text class="q e" x="{_RIGHT}" y="14">{escaped(span_text(request.seconds))}</text>',
            f'<line class="x" x1="{_LEFT}" x2="{_RIGHT}" y1="18" y2="18"/>',
        ],
        _ROW,
    )


def _reply(request: Request, axis: _Axis) -> Picture:
    took, text = span_text(reply_seconds(request)), reply_text(request)
    end = request.ended if request.replied is None else request.replied
    parts = [
        '<text x="24" y="14">reply</text>',
        _rect(axis, (request.sent, end), "reply", y=7, height=6),
        _note(took, text, "q"),
    ]
    return Picture([_group(f"The reply: {took}, {text}", parts)], _ROW)


def _call(call: Call, request: Request, axis: _Axis) -> Picture:
    took = span_text(call.took) if call.runs else ""
    state = state_text(call)
    told = [f"{state}, waited for {waits_text(call, request)}", f"{state}, waited for {waits_text(call)}"]
    note = next((text for text in told if columns(text) <= _LONGEST_NOTE), told[-1]) if call.waits else state
    parts = [
        f'<text class="q e" x="16" y="14">{call.number}</text>',
        f'<text x="24" y="14">{escaped(cut(call_text(call), _LONGEST_LABEL - 2))}</text>',
        _line(),
        *(_phase(call, phase, axis) for phase in call.phases),
        _note(took, note, ""),
    ]
    return Picture([_group(call_sentence(call, request), parts)], _ROW)


def _phase(call: Call, phase: Phase, axis: _Axis) -> str:
    height = _HEIGHTS[phase.kind]
    kind = _CLASSES[call.state] if phase.kind == "running" else "ask" if phase.kind == "approval" else "wait"
    return _rect(axis, (phase.begin, phase.end), kind, y=10 - height / 2, height=height)


def _line() -> str:
    return f'<line class="x" x1="{_LEFT}" x2="{_RIGHT}" y1="10" y2="10"/>'


def _rect(axis: _Axis, time: tuple[float, float], kind: str, *, y: float, height: float) -> str:
    left = min(axis.x(time[0]), _RIGHT - 1)
    width = max(1.0, axis.x(time[1]) - left)
    return f'<rect class="{kind}" x="{left:.1f}" y="{y:g}" width="{width:.1f}" height="{height:g}"/>'


def _note(took: str, text: str, kind: str) -> str:
    cut_text = cut(text, _LONGEST_NOTE)
    return (
        f'<text class="q e" x="{_RIGHT + 58}" y="14">{escaped(took)}</text>'
        f'<text class="{kind}" x="{_RIGHT + 66}" y="14">{escaped(cut_text)}</text>'
    )


def _group(title: str, parts: Iterable[str]) -> str:
    return f"<g>{element('title', title)}{''.join(parts)}</g>"


def _texts(*lines: tuple[str, str], indent: int = 0, side_by_side: bool = False) -> Picture:
    """Return lines of text with their classes; side by side, each behind the one before."""
    parts: list[str] = []
    x, y = float(indent), 14
    for text, kind in lines:
        shown = cut(text, _LONGEST_LINE)
        parts.append(f'<text class="{kind}" x="{x:g}" y="{y}">{escaped(shown)}</text>')
        if side_by_side:
            x += (columns(shown) + 2) * _CHARACTER
        else:
            y += _ROW - 2
    return Picture(parts, _ROW if side_by_side else y - 14 + (2 if lines else 0))


def legend() -> Picture:
    """Return what the bars mean."""
    entries = (
        ("reply", 6, "the reply comes in"),
        ("wait", 4, "waits"),
        ("ask", 8, "waits for approval"),
        ("ok", 12, "ran, done"),
        ("bad", 12, "ran, failed"),
        ("ask", 12, "ran, outcome unknown"),
        ("open", 12, "runs"),
    )
    parts: list[str] = []
    x = 0.0
    for kind, height, text in entries:
        parts.append(f'<rect class="{kind}" x="{x:.1f}" y="{26 - height / 2:g}" width="18" height="{height}"/>')
        parts.append(f'<text class="q" x="{x + 24:.1f}" y="30">{text}</text>')
        x += 24 + (len(text) + 3) * _CHARACTER
    return Picture(parts, 40)
