"""One HTTP/1.1 response out of bytes, by RFC 9112. Pure.

Knows heads, chunks and lengths. Does not know connections, time, or what a body means.
"""

_LONGEST_HEAD = 100_000
_LONGEST_LINE = 4_000
_HEX = frozenset(b"0123456789abcdefABCDEF")
_BODYLESS = frozenset({204, 304})


class BadResponse(ValueError):
    """The bytes are not an HTTP/1.1 response, or they ended before it did."""


class ResponseReader:
    """Reads one response, whatever the boundaries of the bytes.

    Attributes:
        status: the status code, 0 before the head is there.
        headers: names in lower case; values of one name are joined by a comma.
        is_over: the body is complete.
        keeps_alive: once it is over, the connection may serve another request.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.is_over = False
        self.keeps_alive = False
        self._head = b""
        self._rest = b""
        self._left: int | None = None
        """Bytes of the body, or of the current chunk, that are still to come; None until the connection ends."""
        self._is_chunked = False
        self._chunk_ends = False
        self._in_trailer = False

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return what they hold of the body.

        Raises:
            BadResponse: they are not HTTP, or follow the end.
        """
        if not self.status:
            data = self._read_head(data)
            if not self.status:
                return b""
        if self.is_over:
            self._refuse_more(data)
            return b""
        return self._read_chunks(data) if self._is_chunked else self._read_plain(data)

    def end(self) -> None:
        """Say that the connection ended.

        Raises:
            BadResponse: the response did not.
        """
        if not self.status:
            raise BadResponse("the connection was closed without an answer")
        if not self.is_over and (self._is_chunked or self._left is not None):
            raise BadResponse("the connection was closed before the answer was complete")
        self.is_over = True

    def _read_head(self, data: bytes) -> bytes:
        """Take bytes of the head; returns what follows it."""
        self._head += data
        while (end := self._head.find(b"\r\n\r\n")) >= 0:
            head, data = self._head[:end], self._head[end + 4 :]
            first, *lines = head.decode("latin-1").split("\r\n")
            version, _, status = first.partition(" ")
            if version not in ("HTTP/1.1", "HTTP/1.0") or not status[:3].isdecimal() or status[3:4].strip():
                break
            if not status.startswith("1"):
                self._understand(version, int(status[:3]), lines)
                return data
            # An interim answer, such as 103 Early Hints; the real one follows.
            self._head = data
        if len(self._head) > _LONGEST_HEAD or not self._head.startswith(b"HTTP/1."[: len(self._head)]) or end >= 0:
            raise BadResponse(f"the answer is not HTTP/1.1: {self._head[:50]!r}")
        return b""

    def _understand(self, version: str, status: int, lines: list[str]) -> None:
        headers = self.headers
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise BadResponse(f"the answer has a header line without a name: {line[:50]!r}")
            name, value = name.lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        self.status = status
        self.keeps_alive = version == "HTTP/1.1" and "close" not in headers.get("connection", "").lower()
        if status in _BODYLESS:
            self.is_over = True
        elif "transfer-encoding" in headers:
            if headers["transfer-encoding"].lower() != "chunked":
                raise BadResponse(f"the transfer encoding {headers['transfer-encoding']!r} is not known")
            self._is_chunked, self._left = True, 0
        elif (length := headers.get("content-length")) is not None:
            if not (length.isascii() and length.isdecimal()):
                raise BadResponse(f"the content length {length!r} is no number")
            self._left = int(length)
            self.is_over = self._left == 0
        else:
            self.keeps_alive = False

    def _read_plain(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        body = data[: self._left]
        self._left -= len(body)
        self.is_over = self._left == 0
        self._refuse_more(data[len(body) :])
        return body

    def _read_chunks(self, data: bytes) -> bytes:
        if self._rest:
            data = self._rest + data
        pieces: list[bytes] = []
        at = 0
        while not self.is_over:
            if self._left:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if self._left:
                    break
                self._chunk_ends = True
            end = data.find(b"\r\n", at)
            if end < 0:
                break
            self._read_line(data[at:end])
            at = end + 2
        self._rest = data[at:]
        if self.is_over:
            self._refuse_more(self._rest)
        elif len(self._rest) > _LONGEST_LINE:
            raise BadResponse("the answer has a chunk without a size")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read_line(self, line: bytes) -> None:
        """Take a line between chunks: the end of one, the size of the next, or what follows the last."""
        if self._chunk_ends:
            if line:
                raise BadResponse("the answer has a chunk that is longer than it says")
            self._chunk_ends = False
        elif self._in_trailer:
            self.is_over = not line
        else:
            size = line.partition(b";")[0].strip()
            if not size or not _HEX.issuperset(size) or len(size) > 16:
                raise BadResponse(f"the answer has a chunk of the size {line[:50]!r}")
            self._left = int(size, 16)
            self._in_trailer = self._left == 0

    def _refuse_more(self, data: bytes) -> None:
        # Bytes that nobody asked for: whatever they are, the next answer on this connection could not be trusted.
        if data:
            self.keeps_alive = False
