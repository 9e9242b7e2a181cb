"""What replies used, and what that costs by the prices of the models in use."""

from typing import Any, cast

from antiphon.agent.events import Usage
from antiphon.protocol.messages import Json
from antiphon.providers.models import Price, model_named


def usage_of(reply: Json, model: str) -> Usage:
    """Return the usage of a reply, with its cost where all of it has a price."""
    counts = _object(reply, "usage")
    plain, output = _count(counts, "input_tokens"), _count(counts, "output_tokens")
    read, written = _count(counts, "cache_read_input_tokens"), _count(counts, "cache_creation_input_tokens")
    known = model_named(model)
    cost = None
    if known is not None and _is_billed_by_the_list(counts):
        hour = _count(_object(counts, "cache_creation"), "ephemeral_1h_input_tokens")
        searches = _count(_object(counts, "server_tool_use"), "web_search_requests")
        price = known.price_of(plain + read + written)
        cost = _cost(price, (plain, output, read, written - hour, hour), searches)
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


def _is_billed_by_the_list(counts: Json) -> bool:
    """Say whether the reply was made in none of the ways that have prices of their own."""
    return (
        counts.get("service_tier") in (None, "standard")
        and counts.get("speed") in (None, "standard")
        and counts.get("inference_geo") != "us"
    )


def _cost(price: Price, tokens: tuple[int, int, int, int, int], searches: int) -> float | None:
    prices = (price.input, price.output, price.cache_read, price.cache_write_5m, price.cache_write_1h)
    total = 0.0
    for count, each in ((searches * 1000, price.search), *zip(tokens, prices, strict=True)):
        if count and each is None:
            return None
        total += count * (each or 0.0)
    return total / 1_000_000


def _object(holder: Json, name: str) -> Json:
    value: Any = holder.get(name)
    return cast("Json", value) if isinstance(value, dict) else {}


def _count(counts: Json, name: str) -> int:
    value = counts.get(name)
    return value if isinstance(value, int) else 0
