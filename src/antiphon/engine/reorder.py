"""The reorder buffer: slots open in request order, fill in any order, and retire in request order.

Nothing downstream sorts. Knows keys and values; does not know what a call is.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class ReorderBuffer(Generic[T]):
    """One slot per key, in the order in which the slots were opened."""

    def __init__(self) -> None:
        self._slots: dict[str, T | None] = {}
        self._empty = 0

    def open(self, key: str) -> None:
        """Open the next slot.

        Raises:
            ValueError: when there is a slot of this key already; its value would be lost.
        """
        if key in self._slots:
            raise ValueError(f"slot {key!r} is open already")
        self._slots[key] = None
        self._empty += 1

    def complete(self, key: str, value: T) -> bool:
        """Fill a slot; say whether it was there and empty. A value once in stays."""
        if key not in self._slots or self._slots[key] is not None:
            return False
        self._slots[key] = value
        self._empty -= 1
        return True

    def revoke(self, key: str, value: T) -> None:
        """Put this value in a slot whatever it held: what it held may not be believed after all."""
        if self._slots[key] is None:
            self._empty -= 1
        self._slots[key] = value

    def get(self, key: str) -> T | None:
        """Return what a slot holds, or None while it is empty."""
        return self._slots[key]

    @property
    def is_complete(self) -> bool:
        """Whether every slot is filled."""
        return self._empty == 0

    def open_slots(self) -> list[str]:
        """Return the keys of the empty slots, in request order."""
        return [key for key, value in self._slots.items() if value is None]

    def retire(self) -> Iterator[tuple[str, T]]:
        """Yield keys and values in request order, up to the first empty slot."""
        for key, value in self._slots.items():
            if value is None:
                return
            yield key, value
