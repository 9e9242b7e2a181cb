"""Figures of runs: time, tokens and cost, and what running calls side by side saved."""

from collections.abc import Sequence
from dataclasses import dataclass

from antiphon.sessions.tokens import NO_TOKENS, Tokens
from antiphon.sessions.tracing.values import Run


@dataclass(frozen=True, slots=True)
class Totals:
    """Figures of one run, or of several.

    Attributes:
        requests: how many were made, discarded ones too.
        discarded: how many of them came to nothing.
        turns: how many got a reply that counts.
        calls: of those replies.
        wall: seconds from the prompt to the end of the run.
        streaming: seconds between sending a request and having its reply.
        calls_took: seconds the calls ran, one after the other.
        saved: seconds of that which nobody had to wait; see `Request.saved`.
        waited_for_person: seconds in which calls waited for approval.
        tokens: with those of compactions.
        cost: US dollars, as far as they are known; None where nothing is.
        unpriced: how many replies have no known cost: their model has no price, or they were stopped midway.
    """

    requests: int
    discarded: int
    turns: int
    calls: int
    wall: float
    streaming: float
    calls_took: float
    saved: float
    waited_for_person: float
    tokens: Tokens
    cost: float | None
    unpriced: int


def totals(runs: Sequence[Run]) -> Totals:
    """Return the figures of runs together."""
    requests = [request for run in runs for request in run.requests]
    counted = [request for request in requests if request.outcome != "discarded"]
    summaries = [mark for run in runs for mark in run.all_marks if mark.kind == "compaction"]
    costs = [*(request.cost for request in counted if request.replied is not None), *(mark.cost for mark in summaries)]
    priced = [cost for cost in costs if cost is not None]
    return Totals(
        requests=len(requests),
        discarded=len(requests) - len(counted),
        turns=sum(request.outcome in ("replied", "interrupted") for request in requests),
        calls=sum(len(request.calls) for request in counted),
        wall=sum(run.ended - run.began for run in runs),
        streaming=sum((request.replied or request.ended) - request.sent for request in requests),
        calls_took=sum(request.calls_took for request in counted),
        saved=sum(request.saved for request in counted),
        waited_for_person=sum(request.waited_for_person for request in counted),
        tokens=sum((part.tokens for part in [*counted, *summaries]), NO_TOKENS),
        cost=sum(priced) if priced or not costs else None,
        unpriced=len(costs) - len(priced),
    )
