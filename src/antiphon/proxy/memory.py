"""What is remembered of earlier replies, so that a repair can put back what a client lost.

Held in memory only, bounded, and apart for each key: what one client was told never comes to another.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import msgspec

from antiphon.protocol.messages import Json, kind_of
from antiphon.protocol.models import model_version, thinks_only_if_asked
from antiphon.protocol.prefix import reply_prefixes, thinking_prefixes
from antiphon.protocol.thinking import is_thinking, mode

# What an entry takes beside its content.
_OVERHEAD = 400
_OWNERS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")


@dataclass(slots=True)
class _Reply:
    content: Sequence[Json]
    size: int
    keys: tuple[str, ...]


class Memory:
    """Replies with thinking and calls, the least recently used forgotten first."""

    def __init__(self, room: int) -> None:
        """Take how many bytes may be remembered."""
        self._room = room
        self._secret = secrets.token_bytes(32)
        self._entries: OrderedDict[str, _Reply | bytes] = OrderedDict()
        self.taken = 0

    def of(self, upstream: str, headers: Mapping[str, str]) -> "View":
        """Return the part of the memory that belongs to one key at one upstream."""
        return View(self, upstream, headers)

    def owner(self, upstream: str, headers: Mapping[str, str]) -> str:
        """Return what stands for a key at an upstream; nobody can tell the key by it."""
        state = hashlib.blake2b(upstream.encode(), key=self._secret, digest_size=16)
        for name in _OWNERS:
            state.update(f"\0{headers.get(name, '')}".encode(errors="surrogateescape"))
        return state.hexdigest()

    def get(self, key: str) -> _Reply | bytes | None:
        """Return what is remembered under a key."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: str, entry: _Reply | bytes) -> None:
        """Remember something, and forget what there is no room for."""
        self._drop(key)
        self._entries[key] = entry
        self.taken += _size(entry)
        while self.taken > self._room and self._entries:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: str) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self.taken -= _size(found)

    def __len__(self) -> int:
        return len(self._entries)


def _size(entry: _Reply | bytes) -> int:
    # A reply that asked for several calls stands there under each, and counts once for each: there are few.
    return _OVERHEAD + (len(entry) if isinstance(entry, bytes) else entry.size)


class View:
    """The memory of one key at one upstream: what rules ask (`antiphon.protocol.context.Memory`)."""

    def __init__(self, memory: Memory, upstream: str, headers: Mapping[str, str]) -> None:
        """Take the memory, and whose part of it this is; that is worked out when somebody asks."""
        self.memory = memory
        self._upstream = upstream
        self._headers = headers

    @cached_property
    def owner(self) -> str:
        """What stands for the key."""
        return self.memory.owner(self._upstream, self._headers)

    def reply_with(self, call_id: str) -> Sequence[Json] | None:
        """Return the content of the reply that asked for this tool call, as it came; None where none was seen."""
        found = self.memory.get(f"{self.owner} call {call_id}")
        return found.content if isinstance(found, _Reply) else None

    def fits(self, signature: str, prefix: bytes) -> bool | None:
        """Say whether thinking was made behind this prefix, None where its reply was not seen."""
        found = self.memory.get(f"{self.owner} signed {_short(signature)}")
        return found == prefix if isinstance(found, bytes) else None

    def remember(self, content: Sequence[Json], size: int, prefixes: Iterable[tuple[str, bytes]]) -> None:
        """Remember a reply of some bytes, and behind what its thinking was made."""
        calls = tuple(
            call_id for block in content if kind_of(block) == "tool_use" and isinstance(call_id := block.get("id"), str)
        )
        if calls and any(is_thinking(block) for block in content):
            reply = _Reply(content, size, calls)
            for call_id in calls:
                self.memory.put(f"{self.owner} call {call_id}", reply)
        for signature, prefix in prefixes:
            if signature:
                self.memory.put(f"{self.owner} signed {_short(signature)}", prefix)

    def distrust(self, request: Json) -> None:
        """Remember that the thinking of a request was refused where it stands."""
        for thought in thinking_prefixes(request):
            if thought.signature:
                self.memory.put(f"{self.owner} signed {_short(thought.signature)}", b"\0")


def _short(signature: str) -> str:
    return hashlib.blake2b(signature.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def worth_remembering(request: Json) -> bool:
    """Say whether the reply to a request may hold thinking, so that there is something to remember."""
    asked, model = mode(request), request.get("model")
    if asked:
        return asked != "disabled"
    return isinstance(model, str) and _thinks_unasked(model)


@lru_cache(maxsize=100)
def _thinks_unasked(model: str) -> bool:
    return model_version(model) is not None and not thinks_only_if_asked(model)


def rememberer(view: View, body: bytes | None) -> Callable[[Sequence[Json], int], None]:
    """Return what remembers the reply to a request: the body of it where thinking is bound to that, else None."""
    if body is None:
        return lambda content, size: view.remember(content, size, ())

    def remember(content: Sequence[Json], size: int) -> None:
        view.remember(content, size, reply_prefixes(msgspec.json.decode(body), content))

    return remember
