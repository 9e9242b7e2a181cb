"""Reads replies along, after their bytes have gone on: how many tokens they took, and what is to be remembered of them.

Ordinary replies cost the decoding of one event. What cannot be read is left alone; the client gets it all the same.
"""

import contextlib
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from antiphon.protocol.messages import Json
from antiphon.protocol.streaming import ReplyEnded, ReplyReader, message_events

_LONGEST = 4 * 2**20
_HEAD = 64 * 1024
_THINKING = b"thinking"
"""Stands in every block of thinking, whatever its kind."""


class Usage(msgspec.Struct):
    """Tokens of one reply, in the words of the Messages API or of Chat Completions."""

    input_tokens: int | None = 0
    cache_read_input_tokens: int | None = 0
    cache_creation_input_tokens: int | None = 0
    prompt_tokens: int | None = None
    prompt_tokens_details: dict[str, Any] | None = None
    input_tokens_details: dict[str, Any] | None = None

    def counts(self) -> tuple[int, int, int]:
        """Return the tokens of input that were not cached, read from a cache, and written to one."""
        details = self.prompt_tokens_details or self.input_tokens_details
        if self.prompt_tokens is not None or details is not None:
            # These count what was cached as part of the input.
            cached: Any = (details or {}).get("cached_tokens")
            read = cached if isinstance(cached, int) else 0
            return (self.prompt_tokens or self.input_tokens or 0) - read, read, 0
        return self.input_tokens or 0, self.cache_read_input_tokens or 0, self.cache_creation_input_tokens or 0


class _Message(msgspec.Struct):
    usage: Usage | None = None


class _Event(msgspec.Struct):
    message: _Message | None = None


_whole = msgspec.json.Decoder(_Message)
_event = msgspec.json.Decoder(_Event)


class Watcher:
    """Reads one reply along."""

    def __init__(
        self,
        *,
        streamed: bool,
        encoding: str,
        used: Callable[[Usage], None],
        remember: Callable[[Sequence[Json], int], None] | None,
    ) -> None:
        """Take what the reply is, and who wants to know what of it.

        Args:
            streamed: it is a stream of events.
            encoding: its content encoding, or empty.
            used: gets the tokens.
            remember: gets the content and its size in bytes when it has come whole and there is thinking in it; None
                where nobody wants it.
        """
        self._used = used
        self._remember = remember
        self._streamed = streamed
        self._unzip = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding in {"gzip", "x-gzip"} else None
        self._reader = ReplyReader() if streamed and remember else None
        self._held = bytearray()
        self._unread = bytearray()
        self._thinks = False
        self._size = 0
        self._counted = False
        self._over = encoding not in {"", "identity"} and self._unzip is None

    def feed(self, data: bytes) -> None:
        """Take some bytes of the reply, as they came."""
        if self._over:
            return
        try:
            self._take(self._plain(data))
        except Exception:  # noqa: BLE001  (the reply goes on, whatever becomes of what is read along)
            self._stop()

    def close(self) -> None:
        """Say that the reply has ended as it should."""
        if self._over:
            return
        self._over = True
        if not self._streamed:
            # As above.
            with contextlib.suppress(Exception):
                self._read_whole(bytes(self._held))

    def _plain(self, data: bytes) -> bytes:
        if self._unzip is None:
            return data
        plain = self._unzip.decompress(data, _LONGEST)
        if self._unzip.unconsumed_tail:
            raise OverflowError
        return plain

    def _take(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > _LONGEST:
            raise OverflowError
        if not self._streamed:
            self._held += data
            return
        if not self._counted:
            self._read_head(data)
        if self._reader is not None:
            for event in self._reader.feed(self._once_it_thinks(data)):
                if isinstance(event, ReplyEnded) and self._remember is not None:
                    self._remember(event.message["content"], self._size)
        elif self._counted:
            self._over = True

    def _once_it_thinks(self, data: bytes) -> bytes:
        """Return what is to be read of a stream: nothing until there is thinking in it, then all of it.

        Reading a stream costs more than passing it on, and without thinking there is nothing to remember.
        """
        if self._thinks:
            return data
        start = max(len(self._unread) - len(_THINKING), 0)
        self._unread += data
        self._thinks = self._unread.find(_THINKING, start) >= 0
        if not self._thinks:
            return b""
        data = bytes(self._unread)
        self._unread.clear()
        return data

    def _read_head(self, data: bytes) -> None:
        self._held += data
        for line in self._held.splitlines():
            if line.startswith(b"data:") and b'"usage"' in line:
                found = _decoded(_event, bytes(line[5:]))
                if found is None:
                    break  # the rest of this line is still to come
                if found.message is not None and found.message.usage is not None:
                    self._used(found.message.usage)
                self._counted = True
                break
        if self._counted or len(self._held) > _HEAD:
            self._counted = True
            self._held.clear()

    def _read_whole(self, data: bytes) -> None:
        found = _decoded(_whole, data)
        if found is not None and found.usage is not None:
            self._used(found.usage)
        if self._remember is not None and _THINKING in data:
            value: Any = _decoded(msgspec.json.Decoder(), data)
            for event in message_events(value):
                if isinstance(event, ReplyEnded):
                    self._remember(event.message["content"], len(data))

    def _stop(self) -> None:
        self._over = True
        self._held.clear()
        self._unread.clear()


def _decoded(decoder: msgspec.json.Decoder[Any], data: bytes) -> Any:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None
