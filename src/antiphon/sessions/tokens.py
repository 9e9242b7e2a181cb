"""Tokens of replies, as the API counts them."""

from dataclasses import dataclass

from antiphon.protocol.messages import Json, is_object


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens as the API counts them: `input` is what was neither read from the cache nor written to it."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_written: int = 0

    @property
    def sent(self) -> int:
        """All input: the size of the context."""
        return self.input + self.cache_read + self.cache_written

    @property
    def cache_share(self) -> float | None:
        """Which part of the input was read from the cache; None without input."""
        return self.cache_read / self.sent if self.sent else None

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_written + other.cache_written,
        )


NO_TOKENS = Tokens()


def tokens_of(reply: Json) -> Tokens:
    """Return the tokens that the API's message object tells."""
    usage = reply.get("usage")
    counts: Json = usage if is_object(usage) else {}

    def count(name: str) -> int:
        value = counts.get(name)
        return value if isinstance(value, int) else 0

    return Tokens(
        count("input_tokens"),
        count("output_tokens"),
        count("cache_read_input_tokens"),
        count("cache_creation_input_tokens"),
    )
