"""One request a line: logs of requests, and the input files of batches."""

from codecs import BOM_UTF8
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from antiphon.protocol.messages import Json
from antiphon.transcripts.document import Document, Finding, Stored, Unreadable
from antiphon.transcripts.lines import Line, Lines, read_lines
from antiphon.transcripts.located import DEPTH
from antiphon.transcripts.places import Place, find, label_of, stored
from antiphon.transcripts.shapes import messages_of
from antiphon.transcripts.sniffing import first_objects

_SUFFIXES = frozenset({".jsonl", ".ndjson"})


@dataclass(frozen=True, slots=True)
class JsonLinesDocument:
    """A file with one request a line, read."""

    lines: Lines
    places: Sequence[tuple[Line, Place]]
    conversations: Sequence[Stored]

    @property
    def findings(self) -> Sequence[Finding]:
        """What is wrong with the lines."""
        return self.lines.findings

    def rendered(self, repaired: Sequence[Json]) -> bytes:
        """Return the file with repaired requests in their lines."""
        values = {line.number: line.value for line in self.lines.lines}
        for (line, place), request in zip(self.places, repaired, strict=True):
            values[line.number] = place.put(values[line.number], request)
        return self.lines.rendered(line.rendered(values[line.number]) for line in self.lines.lines)


@dataclass(frozen=True, slots=True)
class JsonLinesFormat:
    """Requests, one a line."""

    name: str = "jsonl"

    def matches(self, path: Path, data: bytes) -> bool:
        """Say whether the first lines hold requests."""
        if path.suffix not in _SUFFIXES and data.find(b"\n", 0, len(data) - 2) < 0:
            return False  # one line is one request
        starts = data[:64].removeprefix(BOM_UTF8).lstrip()[:1] == b"{"
        return starts and any(next(find(value), None) for value in first_objects(data))

    def read(self, path: Path, data: bytes) -> Document:
        """Read requests.

        Raises:
            Unreadable: no line holds one.
        """
        del path
        lines = read_lines(data, depth=DEPTH)
        places = [(line, place) for line in lines.lines for place in find(line.value)]
        if not places:
            found = f" ({lines.findings[0].text})" if lines.findings else ""
            raise Unreadable(f"no line of this file holds a request{found}")
        return JsonLinesDocument(lines, places, [_stored(line, place) for line, place in places])


def _stored(line: Line, place: Place) -> Stored:
    messages = messages_of(place.request)
    label = label_of(place, line.value)
    return stored(place, [line.number] * len(messages), f"line {line.number}" + (f" ({label})" if label else ""))
