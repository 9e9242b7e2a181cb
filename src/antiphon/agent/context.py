"""How full the context is: what the last reply's usage says it holds, and an estimate of what was added since. Pure.

The API's own figure is right to the token and costs nothing, so it is what counts. What came after it (results, a
prompt) is reckoned by its length. Knows nothing of who asks for a count, and of what is done when the room is used up.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

from antiphon.agent.events import Usage
from antiphon.protocol.images import inline_source, size_of
from antiphon.protocol.messages import THINKING_TYPES, Json, blocks_of, is_object

BYTES_PER_TOKEN = 4
"""Of text and code in UTF-8, about; newer tokenizers make up to a third more tokens of the same text."""
PIXELS_PER_TOKEN = 750
"""Source: docs:/build-with-claude/vision."""
TOKENS_OF_UNKNOWN_MEDIA = 1600
"""Of an image whose size cannot be read, and of a document, for each page's worth of data."""
_PAGE = 100_000
"""Characters of base64 that a page of a document has, about."""
_TOO_LONG = re.compile(r"prompt is too long: \d+ tokens > (\d+) maximum|exceed context limit:[\d +]+> (\d+)")


@dataclass(frozen=True, slots=True)
class ContextParts:
    """Tokens of a request by what they are.

    Attributes:
        system: the system prompt.
        tools: what the model is told about its tools.
        messages: what the user and the model said, with the calls it made.
        results: what calls came to.
        thinking: what the model thought.
    """

    system: int = 0
    tools: int = 0
    messages: int = 0
    results: int = 0
    thinking: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(getattr(self, field.name) for field in fields(self))

    def scaled(self, total: int) -> "ContextParts":
        """Return parts in the same proportion that add up to this total: estimates, fitted to what is known."""
        known = self.total
        if not known:
            return ContextParts(messages=total)
        shares = {field.name: getattr(self, field.name) * total // known for field in fields(self)}
        shares["messages"] += total - sum(shares.values())
        return ContextParts(**shares)


@dataclass(frozen=True, slots=True)
class ContextBudget:
    """How much of the context is used, and how much there is.

    Attributes:
        used: tokens that the next request is expected to hold.
        window: tokens that a request and its reply may have together, or None where that is not known.
        reserve: tokens of it that are kept for the reply.
    """

    used: int
    window: int | None = None
    reserve: int = 0

    @property
    def room(self) -> int | None:
        """Tokens that a request may have so that its reply has its place."""
        # A reserve that was made for larger windows must not leave nothing of a small one.
        return None if self.window is None else self.window - min(self.reserve, self.window // 2)

    @property
    def share(self) -> float | None:
        """Which part of the window is used, from 0 to 1 and beyond."""
        return None if self.window is None else self.used / self.window

    @property
    def left(self) -> int | None:
        """Tokens that may still be added."""
        return None if self.room is None else max(0, self.room - self.used)

    def limit(self, percent: int) -> int | None:
        """Return how many tokens this part of the room is."""
        return None if self.room is None else self.room * percent // 100

    def reaches(self, percent: int) -> bool:
        """Say whether this part of the room is used."""
        limit = self.limit(percent)
        return limit is not None and self.used >= limit


@dataclass(frozen=True, slots=True)
class ContextUse:
    """How full the context is, and of what.

    Attributes:
        budget: how much is used and how much there is.
        parts: what is used, by what it is: reckoned, in proportion to what is known.
    """

    budget: ContextBudget
    parts: ContextParts


class ContextMeter:
    """Follows one conversation: keeps the last figure of the API, and reckons what was added since.

    A conversation that is shorter than it was when it was measured (a prompt was taken back, a new stretch began) is
    reckoned as a whole until it is measured again.
    """

    def __init__(self) -> None:
        """Begin without a figure."""
        self._tokens = 0
        self._messages = 0
        self._blocks = 0
        self._bare: int | None = None

    @property
    def is_measured(self) -> bool:
        """Whether there is a figure of the API."""
        return self._tokens > 0

    def measured(self, tokens: int, messages: Sequence[Json]) -> None:
        """Take the API's figure for a request with these messages."""
        self._tokens = max(0, tokens)
        self._messages = len(messages)
        self._blocks = len(blocks_of(messages[-1])) if messages else 0

    def replied(self, usage: Usage, messages: Sequence[Json]) -> None:
        """Take the usage of a reply, when it is the last of these messages; one that says nothing changes nothing."""
        held = held_by(usage)
        if held:
            self.measured(held, messages)

    def shrunk(self, tokens: int) -> None:
        """Take that so many tokens went, by a reckoning, where something was replaced by something shorter."""
        self._tokens = max(1, self._tokens - tokens) if self._tokens else 0

    def reset(self) -> None:
        """Forget the figure: the conversation is another one."""
        self.measured(0, ())

    def used(self, params: Json, messages: Sequence[Json]) -> int:
        """Return the tokens that a request with these parameters and messages is expected to hold."""
        if not self._tokens or len(messages) < self._messages:
            if self._bare is None:
                self._bare = parts_of(params, ()).total
            return self._bare + estimate(messages)
        return self._tokens + self.added(messages)

    def added(self, messages: Sequence[Json]) -> int:
        """Return about how many tokens were added since the figure: how much of `used` is reckoned."""
        if not self._messages:
            return estimate(messages)
        grown = blocks_of(messages[self._messages - 1])[self._blocks :]
        return sum(map(tokens_of, grown)) + estimate(messages[self._messages :])


def held_by(usage: Usage) -> int:
    """Return the tokens that the context holds behind a reply with this usage: what was read, and the reply."""
    read = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
    return read + usage.output_tokens if read else 0


def window_told(text: str) -> int | None:
    """Return the window that an error of the API tells of (`prompt is too long: 210000 tokens > 200000 maximum`)."""
    found = _TOO_LONG.search(text)
    return int(found[1] or found[2]) if found else None


def estimate(messages: Iterable[Json]) -> int:
    """Return about how many tokens these messages have."""
    return sum(tokens_of(block) for message in messages for block in blocks_of(message))


def parts_of(params: Json, messages: Iterable[Json]) -> ContextParts:
    """Return about how many tokens a request has, by what they are."""
    tokens = dict.fromkeys(("messages", "results", "thinking"), 0)
    for message in messages:
        for block in blocks_of(message):
            kind = str(block.get("type"))
            part = "thinking" if kind in THINKING_TYPES else "results" if kind.endswith("tool_result") else "messages"
            tokens[part] += tokens_of(block)
    system, tools = _tokens(_size(params.get("system"))), _tokens(_size(params.get("tools")))
    return ContextParts(system=system, tools=tools, **tokens)


def tokens_of(block: Json) -> int:
    """Return about how many tokens a content block has."""
    kind = block.get("type")
    if kind == "image":
        return _tokens_of_image(block)
    if kind == "document":
        return _tokens_of_document(block)
    if kind in THINKING_TYPES:
        return _tokens_of_thinking(block)
    content: Any = block.get("content")
    if kind == "tool_result" and isinstance(content, list):
        return _tokens(_size(block.get("tool_use_id"))) + sum(
            tokens_of(part) for part in cast("list[Any]", content) if is_object(part)
        )
    return _tokens(_size({key: value for key, value in block.items() if key != "cache_control"}))


def _tokens_of_image(block: Json) -> int:
    source = inline_source(block)
    size = size_of(source.get("data")) if source is not None else None
    if size is None:
        return TOKENS_OF_UNKNOWN_MEDIA
    # Larger ones are made smaller before the model looks at them.
    return min(max(1, size[0] * size[1] // PIXELS_PER_TOKEN), 3 * TOKENS_OF_UNKNOWN_MEDIA)


def _tokens_of_document(block: Json) -> int:
    source: Any = block.get("source")
    data: Any = source.get("data") if is_object(source) else None
    if not isinstance(data, str):
        return TOKENS_OF_UNKNOWN_MEDIA
    if is_object(source) and source.get("type") == "text":
        return _tokens(_size(data))
    return TOKENS_OF_UNKNOWN_MEDIA * -(-len(data) // _PAGE)


def _tokens_of_thinking(block: Json) -> int:
    # Thinking that is not shown is in its signature, encrypted: the model reads it all the same.
    hidden: Any = block.get("signature") or block.get("data") or ""
    shown = _size(block.get("thinking"))
    return _tokens(shown or (len(hidden) * 3 // 4 if isinstance(hidden, str) else 0))


def _tokens(size: int) -> int:
    return -(-size // BYTES_PER_TOKEN)


def _size(value: Any) -> int:
    """Return about how many bytes a JSON value has, without writing it."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode(errors="replace"))
    if isinstance(value, dict):
        return sum(len(key) + 4 + _size(item) for key, item in cast("Json", value).items())
    if isinstance(value, list):
        return sum(2 + _size(item) for item in cast("list[Any]", value))
    return 4 if value is not None else 0
