"""What is counted, for Prometheus and for the status page.

Labels come from fixed sets (kinds of endpoint, status, rules), so that no client can make them grow.
"""

import statistics
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from antiphon.protocol.registry import rule
from antiphon.proxy.notes import Exchange

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_RECENT = 1000
# What cached tokens cost in terms of others, by the prices of the first-party API.
_READ_PRICE, _WRITE_PRICE = 0.1, 1.25


@dataclass(slots=True)
class Tokens:
    """Tokens of input: neither read from a cache nor written to one, read, written."""

    plain: int = 0
    read: int = 0
    written: int = 0

    def add(self, counts: tuple[int, int, int]) -> None:
        """Add those of one reply."""
        self.plain += counts[0]
        self.read += counts[1]
        self.written += counts[2]

    @property
    def share(self) -> float | None:
        """Which share of the input came from caches; None while there was no input."""
        whole = self.plain + self.read + self.written
        return self.read / whole if whole else None

    @property
    def saved(self) -> float | None:
        """Which share of the price of the input caches saved; None while there was no input."""
        whole = self.plain + self.read + self.written
        if not whole:
            return None
        return 1 - (self.plain + _READ_PRICE * self.read + _WRITE_PRICE * self.written) / whole


@dataclass(slots=True)
class Metrics:
    """All counts since the proxy started.

    Attributes:
        requests: by kind of endpoint and status of the answer; 0 where the client was gone before there was one.
        outcomes: by outcome of the exchange.
        repairs: what was repaired, by rule.
        hints: errors of the API that could not be repaired, by rule.
        repaired: requests that were repaired.
        resent: requests that were repaired again after the API refused them.
        retried: how often requests were sent again to an upstream that was overloaded or not there.
        failed_open: requests passed on as they came because a repair failed.
        sorted: requests whose results were sorted.
        cached: requests that got cache breakpoints.
        tokens: of all replies.
        tokens_cached: of the replies to requests that got cache breakpoints.
        buckets: how many answers began within so many seconds and no fewer; the last counts all that took longer.
        seconds: of all answers until they began.
        active: exchanges that are under way.
        recordings: what became of the exchanges that were to be recorded: `written`, `dropped`, `failed`.
    """

    requests: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    outcomes: Counter[str] = field(default_factory=Counter[str])
    repairs: Counter[str] = field(default_factory=Counter[str])
    hints: Counter[str] = field(default_factory=Counter[str])
    repaired: int = 0
    resent: int = 0
    retried: int = 0
    failed_open: int = 0
    sorted: int = 0
    cached: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    tokens_cached: Tokens = field(default_factory=Tokens)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(_BUCKETS) + 1))
    answers: int = 0
    seconds: float = 0.0
    active: int = 0
    recordings: Counter[str] = field(default_factory=Counter[str])
    _recent: deque[float] = field(default_factory=lambda: deque[float](maxlen=_RECENT))

    def add(self, exchange: Exchange, kind: str) -> None:
        """Count an exchange that has ended."""
        self.requests[kind, exchange.status] += 1
        self.outcomes[exchange.outcome] += 1
        self.repairs.update(done.rule for done in exchange.repaired)
        self.repaired += bool(exchange.repaired)
        self.resent += exchange.resent
        self.retried += exchange.retried
        self.failed_open += bool(exchange.failed_open)
        self.sorted += bool(exchange.sorted)
        self.cached += bool(exchange.cached)
        if exchange.hint:
            self.hints[exchange.hint] += 1
        if exchange.first is not None and kind != "own":
            self._began(exchange.first)

    def _began(self, seconds: float) -> None:
        self.answers += 1
        self.seconds += seconds
        self._recent.append(seconds)
        self.buckets[bisect_left(_BUCKETS, seconds)] += 1

    def quantiles(self) -> tuple[float, float] | None:
        """Return the median and the 95th percentile of the last answers, in seconds; None while there are few."""
        if len(self._recent) < 2:
            return None
        cuts = statistics.quantiles(self._recent, n=20, method="inclusive")
        return cuts[9], cuts[18]

    def as_json(self) -> dict[str, Any]:
        """Return what the status page shows: the requests of clients, not those for the page itself."""
        quantiles = self.quantiles()
        requests = {key: count for key, count in self.requests.items() if key[0] != "own"}
        return {
            "requests": sum(requests.values()),
            "active": self.active,
            "by_status": _summed((str(status or "gone"), count) for (_, status), count in requests.items()),
            "by_endpoint": _summed((kind, count) for (kind, _), count in requests.items()),
            "outcomes": dict(self.outcomes),
            "repaired": self.repaired,
            "resent": self.resent,
            "retried": self.retried,
            "failed_open": self.failed_open,
            "sorted": self.sorted,
            "repairs": [
                {"rule": found, "name": _name(found), "count": count} for found, count in self.repairs.most_common()
            ],
            "hints": dict(self.hints),
            "first_p50_ms": None if quantiles is None else round(quantiles[0] * 1000, 1),
            "first_p95_ms": None if quantiles is None else round(quantiles[1] * 1000, 1),
            "tokens": {"input": self.tokens.plain, "read": self.tokens.read, "written": self.tokens.written},
            "cache_share": _rounded(self.tokens.share),
            "cached_requests": self.cached,
            "cache_saved": _rounded(self.tokens_cached.saved),
        }


def exposition(metrics: Metrics, in_flight: int, remembered: int) -> str:
    """Return all counts in the text format of Prometheus."""
    lines: list[str] = []

    def tell(name: str, kind: str, text: str, values: Mapping[str, float]) -> None:
        lines.extend((f"# HELP antiphon_{name} {text}", f"# TYPE antiphon_{name} {kind}"))
        lines.extend(f"antiphon_{name}{labels} {value:g}" for labels, value in values.items())

    tell(
        "requests_total",
        "counter",
        "Requests by kind of endpoint and status of the answer.",
        {f'{{endpoint="{kind}",status="{status}"}}': n for (kind, status), n in sorted(metrics.requests.items())},
    )
    tell("outcomes_total", "counter", "Requests by how they ended.", _labelled("outcome", metrics.outcomes))
    tell("repairs_total", "counter", "What was repaired, by rule.", _labelled("rule", metrics.repairs))
    tell(
        "hints_total", "counter", "Errors of the API that were not repaired, by rule.", _labelled("rule", metrics.hints)
    )
    for name, text, value in (
        ("repaired_requests_total", "Requests that were repaired.", metrics.repaired),
        ("resent_requests_total", "Requests repaired again after the API refused them.", metrics.resent),
        ("retries_total", "Requests sent again to an upstream that was overloaded or not there.", metrics.retried),
        ("failed_open_total", "Requests passed on as they came because a repair failed.", metrics.failed_open),
        ("sorted_requests_total", "Requests whose results were sorted.", metrics.sorted),
        ("cache_breakpoint_requests_total", "Requests that got cache breakpoints.", metrics.cached),
    ):
        tell(name, "counter", text, {"": value})
    tokens = {"input": metrics.tokens.plain, "cache_read": metrics.tokens.read, "cache_write": metrics.tokens.written}
    tell("input_tokens_total", "counter", "Tokens of input, by kind.", _labelled("kind", tokens))
    tell("recordings_total", "counter", "Exchanges that were to be recorded.", _labelled("outcome", metrics.recordings))
    tell("active_requests", "gauge", "Requests under way.", {"": metrics.active})
    tell("bytes_in_flight", "gauge", "Bytes of requests that are held.", {"": in_flight})
    tell("remembered_bytes", "gauge", "Bytes of earlier replies that are remembered.", {"": remembered})
    lines.extend(_histogram(metrics))
    return "\n".join(lines) + "\n"


def _histogram(metrics: Metrics) -> Iterator[str]:
    name = "antiphon_first_byte_seconds"
    yield f"# HELP {name} Seconds until an answer began."
    yield f"# TYPE {name} histogram"
    for bound, count in zip(_BUCKETS, accumulate(metrics.buckets), strict=False):
        yield f'{name}_bucket{{le="{bound:g}"}} {count}'
    yield f'{name}_bucket{{le="+Inf"}} {metrics.answers}'
    yield f"{name}_sum {metrics.seconds:g}"
    yield f"{name}_count {metrics.answers}"


def _labelled(label: str, counts: Mapping[str, int]) -> dict[str, int]:
    return {f'{{{label}="{key}"}}': counts[key] for key in sorted(counts)}


def _summed(counts: Any) -> dict[str, int]:
    summed: Counter[str] = Counter()
    for key, count in counts:
        summed[key] += count
    return dict(sorted(summed.items()))


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _name(rule_id: str) -> str:
    try:
        return rule(rule_id).name
    except KeyError:
        return ""
