"""JSON as it goes out: compact UTF-8 that every server accepts, and a history that is encoded only once.

A conversation grows at its end and is never edited, so each message is turned into bytes once and a turn costs
the encoding of what is new. The bytes of one history are therefore the same on every request, which is what prompt
caches and bound thinking rely on.
"""

import json
from collections.abc import Sequence
from typing import Any

from antiphon.protocol.messages import Json

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def encode(value: Any) -> bytes:
    """Encode JSON compactly; a lone surrogate, which no server accepts, becomes U+FFFD.

    Raises:
        ValueError: for NaN and infinities, which JSON cannot hold.
        TypeError: for what is not JSON.
    """
    text = _ENCODER.encode(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return without_lone_surrogates(text).encode()


def without_lone_surrogates(text: str) -> str:
    """Replace every lone surrogate, which is no character, by U+FFFD; two halves that stand together become one."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Request:
    """The body of one `POST /v1/messages`: parameters and messages, as JSON and as bytes.

    Attributes:
        params: everything but `messages`.
        messages: the messages, in order. Not to be changed once handed over.
    """

    def __init__(self, params: Json, messages: Sequence[Json], encoded: Sequence[bytes] | None = None) -> None:
        """Take parameters and messages; `encoded` holds the bytes of each message where they are known already."""
        self.params = params
        self.messages = messages
        self._encoded = encoded

    def json(self) -> Json:
        """Return the whole body as JSON."""
        return {**self.params, "messages": list(self.messages)}

    def encode(self, **more: Any) -> bytes:
        """Return the whole body as bytes: the parameters, `more` parameters that replace them, the messages."""
        messages = self._encoded if self._encoded is not None else [encode(message) for message in self.messages]
        params = encode({**self.params, **more})[:-1]
        return b"".join((params, b"," if len(params) > 1 else b"", b'"messages":[', b",".join(messages), b"]}"))
