"""Where requests stand in a JSON value: it is one, a list of messages, or a wrapper somebody put around one.

Wrappers are the lines of batches (`params`, `body`), what proxies log, and the entries of an HTTP archive.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from antiphon.protocol.context import Context
from antiphon.protocol.dialects import ALL_DIALECTS
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.transcripts.document import Stored, Unreadable
from antiphon.transcripts.located import Located
from antiphon.transcripts.shapes import dialect_of, field_of_list, is_request

_WRAPPERS = ("params", "body", "request", "proxy_server_request", "requestBody", "data")
_DEEPEST = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request stands.

    Attributes:
        path: keys and indices that lead to it.
        request: it.
        field: where only a list of messages is stored, the field of the request they are.
        inner: the text that holds it, where it is stored as a string.
    """

    path: tuple[str | int, ...]
    request: Json
    field: str | None = None
    inner: Located | None = None

    def put(self, value: Any, repaired: Json) -> Any:
        """Return the value that holds the request with a repaired one in its place."""
        if repaired is self.request:
            return value
        if self.inner:
            return _replaced(value, self.path, self.inner.rendered(repaired))
        return _replaced(value, self.path, repaired.get(self.field, list[Any]()) if self.field else repaired)


def find(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[Place]:
    """Yield the requests in a JSON value; never raises."""
    if is_request(value):
        yield Place(path, value)
    elif is_array(value):
        field = field_of_list(value)
        if field:
            yield Place(path, {field: value}, field)
        elif len(path) < _DEEPEST:
            for index, item in enumerate(value):
                if is_object(item):
                    yield from find(item, (*path, index))
    elif is_object(value) and len(path) < _DEEPEST:
        yield from _in_wrapper(value, path)


def _in_wrapper(value: Json, path: tuple[str | int, ...]) -> Iterator[Place]:
    log = value.get("log")
    if is_object(log) and is_array(log.get("entries")):
        for index, entry in enumerate(log["entries"]):
            yield from _in_archive(entry, (*path, "log", "entries", index, "request", "postData", "text"))
    elif is_array(value.get("requests")):
        for index, item in enumerate(value["requests"]):
            yield from find(item, (*path, "requests", index))
    else:
        for key in _WRAPPERS:
            if is_object(value.get(key)):
                yield from find(value[key], (*path, key))


def _in_archive(entry: Any, path: tuple[str | int, ...]) -> Iterator[Place]:
    text: Any = entry
    for key in ("request", "postData", "text"):
        text = text.get(key) if is_object(text) else None
    if isinstance(text, str) and text.lstrip().startswith("{"):
        try:
            inner = Located(text)
        except Unreadable:
            return
        if is_request(inner.value):
            yield Place(path, inner.value, inner=inner)


def _replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    if not path:
        return new
    head, *rest = path
    copy = value.copy()
    copy[head] = _replaced(value[head], tuple(rest), new)
    return copy


def stored(place: Place, lines: list[int], label: str = "", whole: Any = None) -> Stored:
    """Return a request as a conversation of a document.

    Args:
        place: where it stands.
        lines: at which its messages begin.
        label: tells it from others.
        whole: the value it stands in; a recording of the proxy says by what it was judged.
    """
    if is_object(whole) and whole.get("antiphon") == "recording" and place.path == ("request",):
        return _recorded(place, lines, whole)
    return Stored(place.request, dialect_of(place.request), lines, label)


def _recorded(place: Place, lines: list[int], recording: Json) -> Stored:
    name: Any = recording.get("dialect")
    headers: Any = recording.get("headers")
    sent: Json = headers if is_object(headers) else {}
    version, betas = sent.get("anthropic-version"), sent.get("anthropic-beta")
    context = Context(
        version if isinstance(version, str) else None,
        frozenset(beta.strip() for beta in betas.split(",") if beta.strip()) if isinstance(betas, str) else frozenset(),
        counting=recording.get("counting") is True,
    )
    known = isinstance(name, str) and name in ALL_DIALECTS
    return Stored(place.request, name if known else dialect_of(place.request), lines, context=context)


def label_of(place: Place, value: Any) -> str:
    """Return what tells a request from the others in its file: the id a batch gave it, or where it stands."""
    for end in range(len(place.path), -1, -1):
        holder = value
        for key in place.path[:end]:
            holder = holder[key]
        name = holder.get("custom_id") if is_object(holder) else None
        if isinstance(name, str):
            return name
    return ".".join(map(str, place.path))
