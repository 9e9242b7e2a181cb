"""A session in time as JSON; docs/trace.md says what it means, and what stands there does not change its meaning.

Times are seconds since the session began, on its own clock; `at` is seconds since 1970.
"""

from collections.abc import Sequence
from typing import Any

from antiphon.cli.tracing.choosing import Shown
from antiphon.cli.view import outcome_of
from antiphon.providers.models import model_named
from antiphon.sessions.tokens import Tokens
from antiphon.sessions.tracing.totals import Totals, totals
from antiphon.sessions.tracing.values import Call, Mark, Phase, Request, Trace

Json = dict[str, Any]


def described(trace: Trace, shown: Sequence[Shown]) -> Json:
    """Return everything that is shown, and the figures of the whole session."""
    return {
        "format": "antiphon-trace",
        "version": 1,
        "session": trace.session,
        "title": trace.title,
        "workspace": trace.workspace,
        "at": trace.at,
        "live": trace.live,
        "problems": list(trace.problems),
        "marks": [_mark(mark) for mark in trace.marks],
        "totals": _totals(totals(trace.own_runs)),
        "runs": [_run(each) for each in shown],
    }


def _run(shown: Shown) -> Json:
    run = shown.run
    return {
        "run": run.number,
        "prompt": run.prompt,
        "at": run.at,
        "began": _time(run.began),
        "ended": _time(run.ended),
        "stop_reason": run.stop_reason or None,
        "error": run.error or None,
        "inherited": run.inherited,
        "untimed_replies": run.untimed,
        "totals": _totals(totals([run])),
        "marks": [_mark(mark) for mark in run.marks],
        "requests": [_request(request) for request in shown.requests],
    }


def _request(request: Request) -> Json:
    model = model_named(request.model)
    return {
        "turn": request.turn,
        "attempt": request.attempt,
        "model": request.model,
        "outcome": request.outcome,
        "stop_reason": request.stop_reason or None,
        "cut": request.cut,
        "reason": request.reason or None,
        "sent": _time(request.sent),
        "replied": _time(request.replied),
        "results_complete": _time(request.answered),
        "results_sent": _time(request.followed),
        "ended": _time(request.ended),
        "tokens": _tokens(request.tokens),
        "cost": request.cost,
        "context": {
            "expected": request.context or None,
            "used": request.tokens.sent + request.tokens.output or None,
            "window": model.window if model is not None else None,
        },
        "parallel_limit": request.limit,
        "calls_seconds": _time(request.calls_took),
        "saved_seconds": _time(request.saved),
        "calls": [_call(call) for call in request.calls],
        "marks": [_mark(mark) for mark in request.marks],
    }


def _call(call: Call) -> Json:
    return {
        "number": call.number,
        "id": call.id,
        "name": call.name,
        "input": call.input,
        "state": call.state,
        "asked": _time(call.asked),
        "ended": _time(call.ended),
        "ran_seconds": _time(call.took),
        "phases": [_phase(phase) for phase in call.phases],
        "outcome": outcome_of(call.result) if call.result is not None else None,
    }


def _phase(phase: Phase) -> Json:
    told: Json = {"kind": phase.kind, "begin": _time(phase.begin), "end": _time(phase.end)}
    return {**told, "calls": list(phase.calls)} if phase.calls else told


def _mark(mark: Mark) -> Json:
    told: Json = {"kind": mark.kind, "time": _time(mark.at), "text": mark.text, "record": mark.entry}
    if mark.kind == "resumed":
        told["away_seconds"] = _time(mark.seconds)
    if mark.kind == "compaction":
        told |= {"tokens": _tokens(mark.tokens), "cost": mark.cost}
    return told


def _totals(figures: Totals) -> Json:
    return {
        "requests": figures.requests,
        "discarded": figures.discarded,
        "turns": figures.turns,
        "calls": figures.calls,
        "wall_seconds": _time(figures.wall),
        "streaming_seconds": _time(figures.streaming),
        "calls_seconds": _time(figures.calls_took),
        "saved_seconds": _time(figures.saved),
        "approval_seconds": _time(figures.waited_for_person),
        "tokens": _tokens(figures.tokens),
        "cost": figures.cost,
        "replies_without_cost": figures.unpriced,
    }


def _tokens(tokens: Tokens) -> Json:
    return {
        "input": tokens.input,
        "output": tokens.output,
        "cache_read": tokens.cache_read,
        "cache_written": tokens.cache_written,
        "cache_share": None if tokens.cache_share is None else round(tokens.cache_share, 4),
    }


def _time(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
