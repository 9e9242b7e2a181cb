"""How long ago something was, in words."""

_UNITS = (("year", 365 * 86_400), ("month", 30 * 86_400), ("week", 7 * 86_400), ("day", 86_400), ("hour", 3600))


def ago(seconds: float) -> str:
    """Return an age such as `3 hours ago`; the largest unit that fits is enough."""
    for name, length in (*_UNITS, ("minute", 60)):
        count = int(seconds // length)
        if count >= 1:
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "just now"
