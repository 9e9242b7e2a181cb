"""One JSON value that holds requests: the body of one, of any API, a list of messages, or a wrapper around them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from antiphon.protocol.messages import Json
from antiphon.transcripts.document import Document, Finding, Stored, Unreadable
from antiphon.transcripts.file_rules import UNCLOSED_ARRAY
from antiphon.transcripts.located import Located
from antiphon.transcripts.places import Place, find, label_of, stored
from antiphon.transcripts.shapes import messages_of
from antiphon.transcripts.text import Text, decode

_SAYS_SO = re.compile(rb'"(?:messages|contents)"\s*:\s*\[|\\"messages\\"\s*:\s*\[|"input"\s*:\s*["\[]')
_LIST = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*\{")
_ROLE = re.compile(rb'"(?:role|call_id)"\s*:\s*"')


@dataclass(frozen=True, slots=True)
class RequestDocument:
    """A file with requests, read."""

    text: Text
    located: Located
    places: Sequence[Place]
    conversations: Sequence[Stored]
    findings: Sequence[Finding]

    def rendered(self, repaired: Sequence[Json]) -> bytes:
        """Return the file with repaired requests in place."""
        value = self.located.value
        for place, request in zip(self.places, repaired, strict=True):
            value = place.put(value, request)
        return self.text.encoded(self.located.rendered(value))


@dataclass(frozen=True, slots=True)
class RequestFormat:
    """Requests as JSON."""

    name: str = "request"

    def matches(self, path: Path, data: bytes) -> bool:
        """Say whether this looks like JSON with messages in it."""
        del path
        start = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if start == b"{":
            return _SAYS_SO.search(data) is not None
        return _LIST.match(data) is not None and _ROLE.search(data) is not None

    def read(self, path: Path, data: bytes) -> Document:
        """Read requests.

        Raises:
            Unreadable: it is not JSON, or no request is in it.
        """
        del path
        text = decode(data)
        located = Located(text.text, salvage=True)
        places = list(find(located.value))
        if located.cut_at is not None and not (places and places[0].field):
            Located(text.text)  # says where it was cut
        if not places:
            raise Unreadable("there is no request in this file: messages, contents or input of a model are wanted")
        many = len(places) > 1
        conversations = [
            stored(place, lines_of(place, located), label_of(place, located.value) if many else "", located.value)
            for place in places
        ]
        return RequestDocument(text, located, places, conversations, [*text.findings, *cut(located)])


def cut(located: Located) -> list[Finding]:
    """Return the finding that an array was cut off, where it was."""
    if located.cut_at is None:
        return []
    where = located.position(located.cut_at)
    return [UNCLOSED_ARRAY.finding(f"the file ends within its array; the last whole element ends at {where}")]


def lines_of(place: Place, located: Located) -> list[int]:
    """Return the lines at which the messages of a request begin; none where it is stored as a string."""
    if place.inner:
        return []
    return located.lines_of(messages_of(place.request), len(place.path) + (place.field is None))
