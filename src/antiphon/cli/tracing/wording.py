"""What is said of a session in time, in words: the same in the terminal, in SVG and on the page. Safe to print."""

from collections.abc import Sequence
from datetime import datetime

from antiphon.cli.safe_text import one_line
from antiphon.cli.view import outcome_of, seconds_text, summary_of
from antiphon.providers.models import model_named
from antiphon.sessions.tokens import NO_TOKENS, Tokens
from antiphon.sessions.tracing.totals import Totals
from antiphon.sessions.tracing.values import Call, Mark, MarkKind, Phase, Request, Run, Trace

LONGEST = 200
"""Most characters of a prompt, a reason or arguments that are shown."""


def span_text(seconds: float) -> str:
    """Return how long something took: milliseconds, tenths, whole seconds, minutes."""
    return f"{seconds * 1000:.0f} ms" if 0 < seconds < 0.0995 else seconds_text(seconds)


def began_text(trace: Trace) -> str:
    """Return when a session began, in this machine's time."""
    try:
        return datetime.fromtimestamp(trace.at).astimezone().strftime("%Y-%m-%d %H:%M")
    except (OSError, OverflowError, ValueError):  # no calendar reaches that far
        return "at no known time"


def prompt_text(run: Run) -> str:
    """Return what was said, on one line."""
    return one_line(run.prompt, LONGEST) or "(no prompt)"


def end_text(run: Run, trace: Trace) -> str:
    """Return how a run ended."""
    if run.stop_reason:
        return one_line(run.stop_reason)
    last = trace.runs[-1].number == run.number
    return "at work" if last and trace.live else "ended without a record"


def run_facts(run: Run) -> list[str]:
    """Return what else there is to say of a run, as sentences."""
    facts: list[str] = []
    if run.error:
        facts.append(one_line(run.error, LONGEST))
    if run.inherited:
        facts.append("Taken over from the session that this one was forked from.")
    if run.untimed:
        facts.append(f"{_count(run.untimed, 'reply', 'replies')} without times, from an import.")
    return facts


def time_text(figures: Totals) -> str:
    """Return where the time went, in one line."""
    parts = [
        span_text(figures.wall),
        _count(figures.turns, "turn") + (f" ({figures.discarded:,} more discarded)" if figures.discarded else ""),
        _count(figures.calls, "call"),
    ]
    if figures.calls:
        parts.append(f"one after another {span_text(figures.calls_took)}, {span_text(figures.saved)} saved")
    if figures.waited_for_person >= 0.05:
        parts.append(f"{span_text(figures.waited_for_person)} waiting for approval")
    return ", ".join(parts)


def usage_text(tokens: Tokens, cost: float | None, unpriced: int = 0) -> str:
    """Return tokens, cache share and cost: `8,300 tokens in (92% from the cache), 260 out, $0.0040`."""
    if tokens == NO_TOKENS:
        return "no tokens known"
    share = tokens.cache_share
    cached = f" ({share:.0%} from the cache)" if share is not None else ""
    price = "" if cost is None else f", {'at least ' if unpriced else ''}${cost:.4f}"
    return f"{tokens.sent:,} tokens in{cached}, {tokens.output:,} out{price}"


def request_title(request: Request) -> str:
    """Return what to call a request."""
    return f"Turn {request.turn}" + (f", attempt {request.attempt}" if request.attempt > 1 else "")


def model_text(run: Run) -> str:
    """Return the model that the run's first request named, or nothing."""
    return one_line(run.requests[0].model) if run.requests else ""


def run_usage_text(run: Run, figures: Totals) -> str:
    """Return model, tokens and cost of a run."""
    used = usage_text(figures.tokens, figures.cost, figures.unpriced)
    return f"{model_text(run)}, {used}" if model_text(run) else used


def request_figures(request: Request, run: Run) -> str:
    """Return tokens, cost and context of a request, as far as they are known, and its model if it is not the run's."""
    model = one_line(request.model)
    parts = [model] if model and model != model_text(run) else []
    if request.tokens != NO_TOKENS:
        parts += [usage_text(request.tokens, request.cost), context_text(request)]
    elif request.context:
        parts.append(f"about {request.context:,} tokens in")
    return ", ".join(parts)


def context_text(request: Request) -> str:
    """Return how full the context was after the reply."""
    used = request.tokens.sent + request.tokens.output
    model = model_named(request.model)
    if model is None or model.window is None:
        return f"context {used:,}"
    share = used / model.window
    return f"context {used:,} of {model.window:,} ({f'{share:.0%}' if share >= 0.095 else f'{share:.1%}'})"


def reply_text(request: Request) -> str:
    """Return what became of a request."""
    match request.outcome:
        case "discarded":
            return "discarded" if request.reason else "broken off"
        case "interrupted":
            return "stopped by the user"
        case "open":
            return "no reply yet"
        case _:
            return "cut off" if request.cut else one_line(request.stop_reason) or "replied"


def reply_seconds(request: Request) -> float:
    """Return how long a request streamed."""
    return (request.ended if request.replied is None else request.replied) - request.sent


def sent_text(request: Request) -> str:
    """Return when the results were there and when they were sent; nothing where nothing was asked for."""
    if request.answered is None:
        return ""
    there = f"results complete at {span_text(request.answered - request.sent)}"
    if request.followed is None:
        return f"{there}, not sent in this run"
    return f"{there}, sent at {span_text(request.followed - request.sent)}"


def call_text(call: Call) -> str:
    """Return a call's tool and arguments."""
    return f"{one_line(call.name)} {one_line(summary_of(call.input), LONGEST)}".rstrip()


def state_text(call: Call) -> str:
    """Return what became of a call."""
    again = " again" if call.state in ("done", "failed") and len(call.runs) > 1 else ""
    return f"{call.state}{again}"


def waits_text(call: Call, request: Request | None = None) -> str:
    """Return what a call waited for, and how long: `approval 2.1 s, #2 1.0 s`.

    With the request it is said in more words, and other calls are named.
    """
    return ", ".join(f"{_waited_for(phase, request)} {span_text(phase.seconds)}" for phase in call.waits)


def call_sentence(call: Call, request: Request) -> str:
    """Return all there is to say of a call's time."""
    parts = [f"asked for at {span_text(call.asked - request.sent)}"]
    parts += [f"waited {span_text(phase.seconds)} for {_waited_for(phase, request)}" for phase in call.waits]
    runs = call.runs
    if not runs:
        parts.append("did not run")
    parts += [
        f"{'ran again' if number else 'ran'} at {span_text(phase.begin - request.sent)} for {span_text(phase.seconds)}"
        for number, phase in enumerate(runs)
    ]
    result = f": {outcome_of(call.result)}" if call.result is not None else ""
    return f"{call.number} {call_text(call)}: {', '.join(parts)}, {call.state}{result}"


def mark_text(mark: Mark) -> str:
    """Return what happened at a moment."""
    text = one_line(mark.text, LONGEST)
    if mark.kind == "resumed":
        return f"the process died here; another one went on {_long_text(mark.seconds)} later"
    what, between, after = _MARKS[mark.kind]
    used = f", {usage_text(mark.tokens, mark.cost)}" if mark.tokens != NO_TOKENS else ""
    return f"{what}{between + text + after if text else ''}{used}"


_MARKS: dict[MarkKind, tuple[str, str, str]] = {
    "checkpoint": ("the files were kept", ": before ", ""),
    "compaction": ("the conversation was summed up", " (", ")"),
    "forked": ("forked here; what follows is of this session", "", ""),
    "mended": ("the session's file was damaged and rebuilt", ": ", ""),
    "model": ("another model from here on", ": ", ""),
    "repaired": ("the conversation was repaired", ": ", ""),
    "replaced": ("the conversation was edited", ": ", ""),
    "truncated": ("the end of the conversation was taken back", ": ", ""),
}


def _waited_for(phase: Phase, request: Request | None) -> str:
    match phase.kind:
        case "approval":
            return "approval"
        case "calls":
            return " and ".join(_named(number, request) for number in phase.calls)
        case "reply":
            return "reply" if request is None else "the end of the reply"
        case _:
            return "place" if request is None else "a free place"


def _named(number: int, request: Request | None) -> str:
    names: Sequence[Call] = request.calls if request is not None else ()
    return next((f"{number} {one_line(call.name)}" for call in names if call.number == number), f"#{number}")


def _long_text(seconds: float) -> str:
    if seconds < 3600:
        return span_text(seconds)
    hours = round(seconds / 3600)
    return _count(hours, "hour") if hours < 48 else _count(round(seconds / 86_400), "day")


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
