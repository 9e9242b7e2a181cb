"""What a recording of one exchange says: enough to see a fault again, and nothing that was said in it.

Headers are on a list of those that matter, so keys are in none. The request is redacted, unless that is not wanted;
then only keys, tokens and passwords are taken out of it.
"""

import json
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from antiphon.protocol.raw import decode_body
from antiphon.proxy.notes import Done
from antiphon.proxy.redaction import Redaction
from antiphon.redaction import Redactor

_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "anthropic-beta",
        "anthropic-version",
        "content-encoding",
        "content-length",
        "content-type",
        "openai-beta",
        "transfer-encoding",
        "user-agent",
    }
)
_HEADERS_OF_SDKS = "x-stainless-"
_PLAIN = re.compile(r"[\w./+*;:=(), -]{0,300}", re.ASCII)
_SEGMENT = re.compile(r"(?:v\d(?:beta\d?)?|[a-z_]{0,24})(?::[A-Za-z]{1,24})?", re.ASCII)


LONGEST_ERROR = 64 * 1024
"""How much of an error is recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One exchange that is to be recorded.

    Attributes:
        number: of the exchange, since the proxy was started.
        at: when it came, in seconds since 1970.
        method: of the request.
        path: without the query.
        profile: what kind of upstream it went to.
        dialect: in which it was judged.
        counting: it asked for a token count.
        headers: of the request, all of them.
        body: as it came.
        sent: as it went upstream; the very object `body` where nothing was changed.
        repaired: what was repaired.
        resent: whether it was repaired again and sent a second time.
        hint: the rule that the error is about, or empty.
        failed_open: the kind of exception that a repair raised, or empty.
        status: of the answer.
        error: the body of the answer, or its beginning, where it is an error.
        encoding: the content encoding of the error, or empty.
    """

    number: int
    at: float
    method: str
    path: str
    profile: str
    dialect: str
    counting: bool = False
    headers: Iterable[tuple[str, str]] = ()
    body: bytes
    sent: bytes
    repaired: tuple[Done, ...] = ()
    resent: bool = False
    hint: str = ""
    failed_open: str = ""
    status: int
    error: bytes = b""
    encoding: str = ""

    @property
    def size(self) -> int:
        """How many bytes are held for it."""
        return len(self.body) + (0 if self.sent is self.body else len(self.sent)) + len(self.error)

    @property
    def name(self) -> str:
        """The name of its file, which sorts by time."""
        when = datetime.fromtimestamp(self.at, UTC)
        return f"{when:%Y%m%dT%H%M%S}.{when.microsecond // 1000:03d}Z-{self.number:06d}.json"


NAME = re.compile(r"\d{8}T\d{6}\.\d{3}Z-\d{6,}\.json")
"""What the names of recordings look like."""


def rendered(case: Case, salt: bytes | None) -> bytes:
    """Return the recording of an exchange: JSON that `antiphon check` reads.

    Args:
        case: the exchange.
        salt: of the stand-ins; None keeps what was said, but for secrets.
    """
    redaction = _Said() if salt is None else Redaction(salt)
    request = _body(case.body, redaction)
    value = {
        "antiphon": "recording",
        "redacted": salt is not None,
        "at": datetime.fromtimestamp(case.at, UTC).isoformat(timespec="milliseconds"),
        "number": case.number,
        "method": case.method,
        "path": _path(case.path),
        "profile": case.profile,
        "dialect": case.dialect,
        "counting": case.counting,
        "headers": _headers(case.headers),
        "repaired": [
            {"rule": one.rule, "name": one.name, "where": one.where, "done": one.done} for one in case.repaired
        ],
        "resent": case.resent,
        "hint": case.hint or None,
        "failed_open": case.failed_open or None,
        "status": case.status,
        "error": _error(case, redaction),
        "request": request,
        "sent": None if case.sent is case.body else _body(case.sent, redaction),
    }
    # In ASCII: half characters stay what they are.
    data = json.dumps(value).encode()
    try:
        return msgspec.json.format(data, indent=1)
    except (msgspec.DecodeError, RecursionError):
        return data


class _Said:
    """Leaves what was said, without the secrets in it."""

    def __init__(self) -> None:
        self._redactor = Redactor()

    def request(self, request: Any) -> Any:
        return self._redactor.redact_json(request)

    def error(self, body: bytes) -> Any:
        try:
            return self._redactor.redact_json(json.loads(body))
        except (ValueError, RecursionError):
            return self._redactor.redact(body.decode(errors="replace"))


def _body(body: bytes, redaction: Redaction | _Said) -> Any:
    value = _decoded(body)
    if value is not None:
        return redaction.request(value)
    if isinstance(redaction, Redaction):
        return f"<{len(body)} bytes that are no JSON>"
    return redaction.request(body.decode(errors="backslashreplace"))


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        # Takes half characters and numbers that are none, and leaves them what they are.
        return json.loads(body)
    except (ValueError, RecursionError):
        return decode_body(body).request


def _error(case: Case, redaction: Redaction | _Said) -> Any:
    if not case.error:
        return None
    body = case.error
    if case.encoding in {"gzip", "x-gzip"}:
        try:
            body = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, LONGEST_ERROR)
        except zlib.error:
            return f"<{len(body)} bytes that cannot be unpacked>"
    elif case.encoding not in {"", "identity"}:
        return f"<{len(body)} bytes of {case.encoding[:20]}>"
    return redaction.error(body)


def _headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        if lower in _HEADERS or lower.startswith(_HEADERS_OF_SDKS):
            shown = value if _PLAIN.fullmatch(value) else f"<{len(value)} characters>"
            kept[lower] = f"{kept[lower]}, {shown}" if lower in kept else shown
    return kept


def _path(path: str) -> str:
    """Return a path without what is in it of accounts: gateways have keys there, Vertex has projects."""
    parts = path.split("/")
    return "/".join(part if _SEGMENT.fullmatch(part) else f"<{len(part)} characters>" for part in parts)
