"""Identifiers in the API's form, the same for the same seed and the same requests in the same order."""

import hashlib
from itertools import count

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Ids:
    """Makes identifiers; none comes twice from one emulator."""

    def __init__(self, seed: int = 0, infix: str = "") -> None:
        """Take the seed, and what a platform puts into its ids (`bdrk_`)."""
        self._seed = seed
        self._infix = infix
        self._numbers = count(1)

    def new(self, kind: str) -> str:
        """Return the next id of a kind: `msg`, `req`, `toolu`, `srvtoolu`."""
        number = int.from_bytes(hashlib.blake2b(f"{self._seed} {next(self._numbers)}".encode()).digest(), "big")
        letters: list[str] = []
        while len(letters) < 22:
            number, letter = divmod(number, len(_ALPHABET))
            letters.append(_ALPHABET[letter])
        return f"{kind}_{self._infix}01{''.join(letters)}"
