"""A session in time as one HTML page that needs nothing else: no script, no other file. Pure."""

from collections.abc import Iterator, Sequence

from antiphon.cli.safe_text import one_line
from antiphon.cli.tracing.choosing import Shown
from antiphon.cli.tracing.drawing import STYLE, WIDTH, Picture, legend, overview, request_picture, svg
from antiphon.cli.tracing.markup import element, escaped
from antiphon.cli.tracing.wording import (
    began_text,
    call_sentence,
    end_text,
    mark_text,
    prompt_text,
    request_figures,
    request_title,
    run_facts,
    run_usage_text,
    span_text,
    time_text,
)
from antiphon.sessions.tracing.totals import Totals, totals
from antiphon.sessions.tracing.values import Mark, Request, Run, Trace

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """\
:root{color-scheme:light dark;--back:#f7f6f3;--card:#fff;--ink:#1b1c1f;--soft:#5b5e65;--line:#e2dfd7;--link:#1d5fa8}
@media (prefers-color-scheme:dark){:root{--back:#131417;--card:#1c1e22;--ink:#eae8e3;--soft:#a3a6ae;--line:#2f323a;
--link:#7db4ee}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:75rem;padding:1.5rem 1rem 3rem;background:var(--back);color:var(--ink);
font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
h1{font-size:1.3rem;margin:0}h2{font-size:1.1rem;margin:0}h3{font-size:1rem;margin:0}p{margin:.2rem 0}
a{color:var(--link)}.soft{color:var(--soft)}
dl{display:flex;flex-wrap:wrap;gap:.4rem 2rem;margin:1rem 0}dt{color:var(--soft);font-size:.85rem}dd{margin:0}
section{margin:1.5rem 0}article{background:var(--card);border:1px solid var(--line);border-radius:.5rem;
padding:.8rem 1rem;margin:.8rem 0}
figure{margin:.5rem 0;overflow-x:auto}
figure svg{display:block;width:100%;min-width:64rem;max-width:74rem;height:auto}
summary{cursor:pointer;color:var(--soft)}li{margin:.2rem 0}
"""


def page(trace: Trace, shown: Sequence[Shown]) -> Iterator[str]:
    """Yield a page with everything that is shown, in parts."""
    title = one_line(trace.title)
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{escaped(_POLICY)}">'
        f"{element('title', f'{title} - Antiphon trace')}"
        f"{element('style', _STYLE + STYLE, raw=True)}</head><body>\n"
    )
    where = f"Session {trace.session} in {trace.workspace}, began {began_text(trace)}"
    yield f"<header>{element('h1', title)}{element('p', one_line(where), class_='soft')}"
    yield _figures(totals([each.run for each in shown]))
    for text in (*map(one_line, trace.problems), *map(mark_text, trace.marks)):
        yield element("p", text)
    if len(shown) > 1:
        links = "".join(
            f"<li>{element('a', f'Run {each.run.number}', href=f'#run-{each.run.number}')} "
            f"{escaped(prompt_text(each.run))}</li>"
            for each in shown
        )
        yield f'<nav aria-label="Runs"><ol>{links}</ol></nav>'
    yield f"{_figure(legend(), 'What the bars mean')}</header>\n<main>\n"
    for each in shown:
        yield from _run(trace, each)
    yield "</main>\n</body></html>\n"


def _figures(figures: Totals) -> str:
    share = figures.tokens.cache_share
    values = {
        "wall time": span_text(figures.wall),
        "replies came in for": span_text(figures.streaming),
        "calls one after another": span_text(figures.calls_took),
        "saved": span_text(figures.saved),
        "waited for approval": span_text(figures.waited_for_person),
        "turns": f"{figures.turns:,}",
        "calls": f"{figures.calls:,}",
        "tokens in": f"{figures.tokens.sent:,}",
        "from the cache": "-" if share is None else f"{share:.1%}",
        "tokens out": f"{figures.tokens.output:,}",
        "cost": "-" if figures.cost is None else f"{'at least ' if figures.unpriced else ''}${figures.cost:.4f}",
    }
    pairs = "".join(f"<div>{element('dt', name)}{element('dd', value)}</div>" for name, value in values.items())
    return f"<dl>{pairs}</dl>"


def _run(trace: Trace, shown: Shown) -> Iterator[str]:
    run = shown.run
    figures = totals([run])
    title = element("h2", f"Run {run.number} of {len(trace.runs)}: {prompt_text(run)}")
    yield f'<section id="run-{run.number}">{title}'
    for text in (end_text(run, trace), time_text(figures), run_usage_text(run, figures), *run_facts(run)):
        yield element("p", text)
    if len(run.requests) > 1:
        yield _figure(overview(run), f"When replies came in and calls ran in run {run.number}")
    for step in shown.steps:
        yield element("p", mark_text(step), class_="soft") if isinstance(step, Mark) else _request(step, run)
    yield "</section>\n"


def _request(request: Request, run: Run) -> str:
    name = f"run-{run.number}-turn-{request.turn}" + (f"-{request.attempt}" if request.attempt > 1 else "")
    title = request_title(request)
    head = element("h3", title) + element("p", request_figures(request, run), class_="soft")
    picture = _figure(request_picture(request), f"{title} of run {run.number} in time")
    return f'<article id="{name}">{head}{picture}{_in_words(request)}</article>\n'


def _in_words(request: Request) -> str:
    if not request.calls:
        return ""
    count = len(request.calls)
    items = "".join(element("li", call_sentence(call, request)) for call in request.calls)
    return f"<details><summary>{count} call{'' if count == 1 else 's'} in words</summary><ul>{items}</ul></details>"


def _figure(picture: Picture, label: str) -> str:
    return f"<figure>{svg(''.join(picture.parts), WIDTH, picture.height, label)}</figure>"
