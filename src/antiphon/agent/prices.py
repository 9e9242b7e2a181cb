"""What models cost and hold, as data with a source and a date.

Figures: the `anthropic` entries of LiteLLM 1.109.1's price map, read on 2026-11-23; US dollars per million tokens. A
model that is not listed has no price, and then no cost is shown rather than a wrong one.
"""

from dataclasses import dataclass
from typing import Any, cast

from antiphon.agent.events import Usage
from antiphon.protocol.messages import Json


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, and the context window in tokens."""

    input: float
    output: float
    cache_read: float
    cache_write_5m: float
    cache_write_1h: float
    window: int


def _price(base: float, output: float, cache_read: float, window: int) -> Price:
    """Cache writes cost 1.25 times the input for five minutes, twice the input for an hour."""
    return Price(base, output, cache_read, base * 1.25, base * 2, window)


PRICES = {
    "claude-fable-5": _price(10, 50, 1.0, 1_000_000),
    "claude-fable-5-1": _price(10, 50, 0.25, 1_000_000),
    "claude-haiku-4-5": _price(1, 5, 0.1, 200_000),
    "claude-haiku-5-5": _price(0.1, 0.5, 0.01, 1_000_000),
    "claude-mythos-5": _price(10, 50, 1.0, 1_000_000),
    "claude-mythos-5-1": _price(10, 50, 0.25, 1_000_000),
    "claude-mythos-preview": _price(10, 50, 1.0, 1_000_000),
    "claude-opus-4-5": _price(5, 25, 0.5, 200_000),
    "claude-opus-4-6": _price(5, 25, 0.5, 1_000_000),
    "claude-opus-4-7": _price(5, 25, 0.5, 1_000_000),
    "claude-opus-4-8": _price(5, 25, 0.5, 1_000_000),
    "claude-opus-5": _price(5, 25, 0.5, 1_000_000),
    "claude-opus-5-5": _price(4, 20, 0.2, 1_000_000),
    "claude-sonnet-4-5": _price(3, 15, 0.3, 200_000),
    "claude-sonnet-4-6": _price(3, 15, 0.3, 1_000_000),
    "claude-sonnet-5": _price(2, 10, 0.2, 1_000_000),
    "claude-sonnet-5-5": _price(2, 10, 0.1, 1_000_000),
}


def price_of(model: str) -> Price | None:
    """Return the price of a model; a dated name (`claude-haiku-4-5-20251001`) has the price of its family."""
    if model in PRICES:
        return PRICES[model]
    name, _, date = model.rpartition("-")
    return PRICES.get(name) if date.isdigit() and len(date) == 8 else None


def usage_of(reply: Json, model: str) -> Usage:
    """Return the usage of a reply, with its cost where the model has a price."""
    raw: Any = reply.get("usage")
    counts = cast("Json", raw) if isinstance(raw, dict) else {}
    plain, output = _count(counts, "input_tokens"), _count(counts, "output_tokens")
    read, written = _count(counts, "cache_read_input_tokens"), _count(counts, "cache_creation_input_tokens")
    price = price_of(model)
    cost = None
    if price is not None:
        split: Any = counts.get("cache_creation")
        hour = _count(cast("Json", split), "ephemeral_1h_input_tokens") if isinstance(split, dict) else 0
        cost = (
            plain * price.input
            + output * price.output
            + read * price.cache_read
            + (written - hour) * price.cache_write_5m
            + hour * price.cache_write_1h
        ) / 1_000_000
    return Usage(plain, output, read, written, cost)


def add(one: Usage, other: Usage) -> Usage:
    """Return the sum of two usages; a part without a price makes the whole cost unknown."""
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cache_read_input_tokens + other.cache_read_input_tokens,
        one.cache_creation_input_tokens + other.cache_creation_input_tokens,
        None if one.cost is None or other.cost is None else one.cost + other.cost,
    )


def _count(counts: Json, name: str) -> int:
    value = counts.get(name)
    return value if isinstance(value, int) else 0
