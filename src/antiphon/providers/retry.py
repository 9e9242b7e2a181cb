"""Whether to ask again after a failed request, and when. Pure: the agent waits, and tells its user that it does."""

from collections.abc import Callable

from antiphon.errors import ProviderError

RETRIES = 2
"""How often a failed request is sent again at most: as often as the official SDK does it."""
FIRST_DELAY = 0.5
LONGEST_DELAY = 8.0
JITTER = 0.25
"""The largest part of a delay left out at random, so that clients which failed together do not return together."""


def delay(error: ProviderError, attempt: int, random: Callable[[], float], *, retries: int = RETRIES) -> float | None:
    """Return the seconds to wait before the same request is sent again, or None when it is not to be.

    What the server asks for is kept to; else the delay doubles from half a second to eight.

    Args:
        error: why the request failed.
        attempt: which attempt that was, from 1.
        random: returns a number from 0 up to 1.
        retries: how many attempts may follow the first one.
    """
    if not error.retryable or attempt > retries:
        return None
    if error.retry_after is not None:
        return error.retry_after
    return min(FIRST_DELAY * 2.0 ** (attempt - 1), LONGEST_DELAY) * (1 - JITTER * random())
