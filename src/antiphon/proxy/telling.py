"""One line about one request: for people, where there is something to say; for machines, always."""

import json
from datetime import datetime

from antiphon.proxy.notes import Exchange
from antiphon.redaction import Redactor

_MOST_PLACES = 3


def as_json(exchange: Exchange) -> str:
    """Return a line of JSON."""
    return json.dumps({"event": "request", **exchange.as_json()})


def as_text(exchange: Exchange) -> str:
    """Return a line for people, or nothing where all went as it should and nothing was changed."""
    told = [*_repairs(exchange)]
    if exchange.sorted:
        told.append("sorted results")
    if exchange.resent:
        told.append("sent again after the API refused it")
    if exchange.retried:
        told.append(f"sent again {exchange.retried} times, the upstream being overloaded")
    if exchange.hint:
        told.append(f"refused, see `antiphon rule {exchange.hint}`")
    if exchange.failed_open:
        told.append(f"the repair failed ({exchange.failed_open}), passed on as it came: please report this")
    if exchange.outcome in {"refused", "failed", "broken"}:
        told.append(f"{exchange.outcome}: {exchange.reason}")
    if not told:
        return ""
    when = datetime.fromtimestamp(exchange.at).astimezone().strftime("%H:%M:%S")
    # Gateways have keys in paths, and reasons quote what a server said.
    return Redactor().redact(f"{when} {exchange.method} {exchange.path} {exchange.status or '---'}: {'; '.join(told)}")


def _repairs(exchange: Exchange) -> list[str]:
    done: dict[tuple[str, str], list[str]] = {}
    for one in exchange.repaired:
        done.setdefault((one.rule, one.done), []).append(one.where)
    return [f"{rule} {_places(places)}{what}" for (rule, what), places in done.items()]


def _places(places: list[str]) -> str:
    named = list(dict.fromkeys(place for place in places if place))
    if not named:
        return ""
    more = len(named) - _MOST_PLACES
    return ", ".join(named[:_MOST_PLACES]) + (f" and {more} more" if more > 0 else "") + ": "
