"""Server-sent events out of bytes, by the rules of the HTML standard, section 9.2.6.

Knows lines and fields. Does not know what the data of an event means.
"""

_LF, _CR = b"\n\r"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventSplitter:
    """Cuts bytes into events, whatever the chunk boundaries, in time linear in their size."""

    __slots__ = ("_after_cr", "_at_start", "_begun", "_data", "_name")

    def __init__(self) -> None:
        self._begun: list[bytes] = []
        self._after_cr = False
        self._at_start = True
        self._name = b""
        self._data: list[bytes] = []

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Return name and data of each event that these bytes complete. An event without data is none."""
        events: list[tuple[bytes, bytes]] = []
        for line in self._lines(data):
            if not line:
                if self._data:
                    content = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                    if content and not content.isspace():
                        events.append((self._name, content))
                    self._data = []
                self._name = b""
            else:
                self._take(line)
        return events

    def rest(self) -> tuple[bytes, bytes]:
        """Return name and data of an event that no blank line has ended; the standard says to throw it away."""
        self._take(b"".join(self._begun))
        self._begun = []
        return self._name, b"\n".join(self._data)

    def _take(self, line: bytes) -> None:
        if line.startswith(b"data: "):
            self._data.append(line[6:])
        elif line.startswith(b"data:"):
            self._data.append(line[5:])
        elif line.startswith(b"event:"):
            self._name = line[6:].strip()
        # What is left are comments and fields that mean nothing here: id, retry.

    def _lines(self, data: bytes) -> list[bytes]:
        # Lines end in LF, CR or CRLF; JSON holds neither, so bytes may be cut before they are text.
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if not data:
            return []
        lines = data.splitlines()
        last = data[-1]
        if self._begun:
            self._begun.append(lines[0])
            if len(lines) == 1 and last not in (_LF, _CR):
                return []
            lines[0] = b"".join(self._begun)
            self._begun = []
        if last == _CR:
            self._after_cr = True
        elif last != _LF:
            self._begun.append(lines.pop())
        if self._at_start and lines:
            self._at_start = False
            lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
        return lines
