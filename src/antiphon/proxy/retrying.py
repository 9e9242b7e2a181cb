"""Whether and when a request may be sent again that met an upstream that was overloaded or not there.

Off unless asked for: clients retry by themselves. A budget keeps many of them from making bad times worse.
"""

import random
from collections.abc import Mapping

OVERLOADED = frozenset({429, 529})
_LONGEST = 60.0
_BASE, _CAP = 0.5, 8.0
_EARNED = 0.1
_SAVED = 10.0


class Retries:
    """How often requests may be sent again: each a few times, and all together one in ten."""

    def __init__(self, most: int) -> None:
        """Take how often one request may be sent again."""
        self.most = most
        self._budget = _SAVED

    def earn(self) -> None:
        """Take note of a request."""
        self._budget = min(self._budget + _EARNED, _SAVED)

    def delay(self, tried: int, headers: Mapping[str, str] | None) -> float | None:
        """Return after how many seconds to try again, None for not at all; what is returned is spent.

        Args:
            tried: how often it was sent again already.
            headers: of the answer, or None where there was none.
        """
        if tried >= self.most or self._budget < 1:
            return None
        asked = None if headers is None else _asked(headers)
        if headers is not None and (headers.get("x-should-retry") == "false" or (asked or 0) > _LONGEST):
            return None
        self._budget -= 1
        # Jitter, so that those who failed together do not come back together.
        return asked if asked is not None else min(_BASE * 2**tried, _CAP) * random.uniform(0.75, 1)  # noqa: S311  (no secret)


def _asked(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if seconds > 0:
            return seconds
    return None
