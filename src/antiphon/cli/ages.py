"""How long ago something was, in words."""

from antiphon.sessions.listing.described import utc

_LONG_AGO = 14 * 86400.0
"""From here on a date says more."""


def age(at: float, now: float) -> str:
    """Return how long ago something was, as people say it; a date where that is long ago."""
    gone = max(0.0, now - at)
    if gone >= _LONG_AGO:
        return f"{utc(at).astimezone():%Y-%m-%d}"
    if gone >= 86400:
        days = int(gone // 86400)
        return f"{days} day{'' if days == 1 else 's'} ago"
    if gone >= 3600:
        return f"{int(gone // 3600)} h ago"
    return f"{int(gone // 60)} min ago" if gone >= 60 else "now"
