"""What a request costs: tokens, and which of them a prompt cache holds.

Models the documented behaviour of prompt caching: one entry per marked block, found again at the marker or up to
twenty blocks before a later one, for five minutes or an hour from the start of the request that wrote or read it.
Tokens are an estimate that everybody can repeat: one for every four bytes of a block's compact JSON, rounded up,
and 1,600 for an image or a document whatever its size.
"""

import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard, cast

from antiphon.emulator.models import find_model
from antiphon.protocol.messages import Json
from antiphon.protocol.prefix import Piece, canonical, digest

LOOKBACK = 20
"""Blocks that one marker looks at, its own included."""

SECONDS = {"5m": 300.0, "1h": 3600.0}
MEDIA_TOKENS = 1600

_MEDIA = frozenset({"image", "document"})


_PARTS = ("tools", "system", "messages")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the cache holds up to one block: until when, and for how long from each use."""

    end: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Account:
    """How the tokens of a request are counted.

    Attributes:
        read: tokens that came from the cache.
        written_5m: tokens written to it for five minutes.
        written_1h: tokens written to it for an hour.
        fresh: all others.
        entries: what the cache will hold once the reply begins.
    """

    fresh: int
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0
    entries: Mapping[bytes, Entry] = field(default_factory=dict[bytes, Entry])

    @property
    def total(self) -> int:
        """All tokens of the request."""
        return self.fresh + self.read + self.written_5m + self.written_1h

    def usage(self, output_tokens: int) -> Json:
        """Return the `usage` of a reply with so many tokens."""
        return {
            "input_tokens": self.fresh,
            "cache_creation_input_tokens": self.written_5m + self.written_1h,
            "cache_read_input_tokens": self.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.written_5m,
                "ephemeral_1h_input_tokens": self.written_1h,
            },
            "output_tokens": output_tokens,
            "service_tier": "standard",
        }


@dataclass(frozen=True, slots=True)
class _Position:
    """A block of the prefix, with what a cache knows of everything up to and including it."""

    key: bytes
    tokens: int
    ttl: str | None


@dataclass(slots=True)
class PromptCache:
    """The prompt cache of one organization.

    Attributes:
        clock: seconds, from any start; a test may hand in its own.
    """

    clock: Callable[[], float]
    _entries: dict[bytes, Entry] = field(default_factory=dict[bytes, Entry])

    def account(self, request: Json, read: Sequence[Piece], dropped: Container[tuple[int, int]] = ()) -> Account:
        """Count a request's tokens as of now. Nothing is written before `begin`.

        Args:
            request: the body.
            read: its blocks, in the order the model reads them.
            dropped: message and block indices of what the model does not read.
        """
        now = self.clock()
        if not any(_ttl(block) for block in (request, *(piece.value for piece in read))):
            return Account(estimate(piece for piece in read if piece.path is None or piece.path not in dropped))
        positions = list(
            _positions(request, [piece for piece in read if piece.path is None or piece.path not in dropped])
        )
        minimum = find_model(str(request.get("model"))).cache_minimum
        marked = [index for index, at in enumerate(positions) if at.ttl and at.tokens >= minimum]
        hit = self._hit(positions, marked, now)
        found = counted = positions[hit].tokens if hit is not None else 0
        written = dict.fromkeys(SECONDS, 0)
        entries = {positions[index].key: self._entries.get(positions[index].key) for index in (*marked, hit or 0)}
        # What was found lives on from now; what was not found and is marked will be written.
        kept = {key: Entry(now + entry.seconds, entry.seconds) for key, entry in entries.items() if _live(entry, now)}
        for at in (positions[index] for index in marked):
            if at.ttl and at.tokens > counted:
                written[at.ttl] += at.tokens - counted
                counted = at.tokens
                kept[at.key] = Entry(now + SECONDS[at.ttl], SECONDS[at.ttl])
        total = positions[-1].tokens if positions else 0
        return Account(total - counted, found, written["5m"], written["1h"], kept)

    def begin(self, account: Account) -> None:
        """Say that a reply begins: from now on other requests find what this one wrote."""
        self._entries.update(account.entries)

    def _hit(self, positions: Sequence[_Position], marked: Sequence[int], now: float) -> int | None:
        for index in reversed(marked):
            for at in range(index, max(index - LOOKBACK, -1), -1):
                if _live(self._entries.get(positions[at].key), now):
                    return at
        return None


def estimate(read: Iterable[Piece]) -> int:
    """Return the tokens of a request, cached or not."""
    return sum(tokens_of(piece) for piece in read)


def tokens_of(piece: Piece) -> int:
    """Return the tokens of one block."""
    media, size = _media(piece.value)
    return media * MEDIA_TOKENS + -(-(len(piece.data) - size) // 4)


def output_tokens(content: list[Json]) -> int:
    """Return the tokens of a reply: its texts and thinking, without signatures, and its other blocks whole."""
    return sum(-(-_said(block) // 4) for block in content)


def _said(block: Json) -> int:
    text: Any = block.get(str(block.get("type")))
    return len(text.encode(errors="surrogatepass")) if isinstance(text, str) else len(canonical(block))


def _live(entry: Entry | None, now: float) -> TypeGuard[Entry]:
    return entry is not None and entry.end > now


def _media(block: Json) -> tuple[int, int]:
    """Return how many images and documents a block holds, and how many bytes of it they are."""
    if str(block.get("type")) in _MEDIA:
        return 1, len(canonical(block))
    content: Any = block.get("content")
    if not isinstance(content, list):
        return 0, 0
    nested = [_media(cast("Json", item)) for item in cast("list[Any]", content) if isinstance(item, dict)]
    return sum(count for count, _ in nested), sum(size for _, size in nested)


def _positions(request: Json, read: Sequence[Piece]) -> Iterator[_Position]:
    automatic = _automatic(request, read)
    key, tokens, part = str(request.get("model")).encode(), 0, "tools"
    for index, piece in enumerate(read):
        if piece.part != part:
            # A change of these settings changes what the model reads from here on.
            key = digest(key, *(_settings(request, read, section) for section in _sections(part, piece.part)))
            part = piece.part
        key = digest(key, piece.role.encode(), piece.data)
        tokens += tokens_of(piece)
        yield _Position(key, tokens, _ttl(piece.value) or (_ttl(request) if index == automatic else None))


def _sections(before: str, now: str) -> tuple[str, ...]:
    return _PARTS[_PARTS.index(before) + 1 : _PARTS.index(now) + 1]


def _settings(request: Json, read: Sequence[Piece], part: str) -> bytes:
    if part == "system":
        settings: Any = [request.get("speed"), _has(read, lambda block: bool(block.get("citations")))]
    else:
        config: Any = request.get("output_config")
        effort = cast("Json", config).get("effort") if isinstance(config, dict) else None
        images = _has(read, lambda block: _media(block)[0] > 0)
        settings = [request.get("tool_choice"), request.get("thinking"), effort, images]
    return json.dumps(settings, default=str).encode()


def _has(read: Sequence[Piece], wanted: Callable[[Json], bool]) -> bool:
    return any(piece.part == "messages" and wanted(piece.value) for piece in read)


def _automatic(request: Json, read: Sequence[Piece]) -> int | None:
    """Return where the request's own `cache_control` marks: its last block that can be marked."""
    if not _ttl(request):
        return None
    return next((index for index in range(len(read) - 1, -1, -1) if _eligible(read[index])), None)


def _eligible(piece: Piece) -> bool:
    return not piece.thinks and not (piece.value.get("type") == "text" and not piece.value.get("text"))


def _ttl(block: Json) -> str | None:
    """Return how long a block's marker asks to keep what ends there; a marker inside a result counts for the result."""
    marker: Any = block.get("cache_control")
    if isinstance(marker, dict):
        ttl = cast("Json", marker).get("ttl", "5m")
        return ttl if isinstance(ttl, str) and ttl in SECONDS else None
    content: Any = block.get("content")
    if isinstance(content, list):
        nested = (_ttl(cast("Json", item)) for item in cast("list[Any]", content) if isinstance(item, dict))
        return next((ttl for ttl in nested if ttl), None)
    return None
