"""Summaries as programs read them."""

from dataclasses import asdict
from datetime import UTC, datetime

from antiphon.protocol.messages import Json
from antiphon.sessions.listing.summary import Summary


def described(summary: Summary) -> Json:
    """Return a summary as JSON: its fields as they are, times as text."""
    return {**asdict(summary), "created": iso(summary.created), "updated": iso(summary.updated)}


def iso(at: float) -> str:
    """Return a time, in seconds since 1970, in UTC as ISO 8601 has it."""
    return utc(at).isoformat().replace("+00:00", "Z")


def utc(at: float) -> datetime:
    """Return a time, in seconds since 1970, in UTC; the beginning of 1970 for one that no calendar has."""
    try:
        return datetime.fromtimestamp(at, UTC)
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0, UTC)
