"""What an answer that is no reply means: which error, whether to ask again, and a text for the person who has to act.

Knows HTTP status, headers and error bodies, also those of the proxies and clouds between us and the API. Does not know
how they were fetched. Servers quote the key they refuse: no text that is made here has one.
"""

import os
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, cast

from antiphon.errors import Overloaded, Rejected, StreamBroken
from antiphon.protocol.decoding import decode
from antiphon.protocol.messages import Json
from antiphon.protocol.streaming import ReplyFailed
from antiphon.redaction import Redactor

LONGEST_WAIT = 60.0
"""Seconds; a server that asks for more is not waited for."""

_RETRYABLE_STATUS = frozenset({408, 409, 429})
_FINAL_TYPES = frozenset(
    {
        "invalid_request_error",
        "authentication_error",
        "billing_error",
        "permission_error",
        "not_found_error",
        "request_too_large",
    }
)
_SPENT = "enforced_spend_limit_reached"
_LONGEST_EXCERPT = 300


def refusal(status: int, headers: Mapping[str, str], body: bytes, *, server: str, now: float) -> Rejected:
    """Return the error that an HTTP answer stands for: `Overloaded` where the status invites another try.

    `retryable` may differ from that: the server may say otherwise (`x-should-retry`), and a spent budget stays spent.

    Args:
        status: the HTTP status, not 200.
        headers: of the answer, names in lower case.
        body: whatever there was of it.
        server: the host, to be named where the answer is not the API's own.
        now: seconds since the epoch, for `retry-after` dates.
    """
    error, request_id = _api_error(body)
    text = _text_of(error) or _foreign_text(status, body, server)
    details = cast("Json", error["details"]) if isinstance(error.get("details"), dict) else {}
    wait = _wait(headers, now)
    if wait is not None and wait > LONGEST_WAIT:
        text = f"{text} (The server asks to wait {wait:.0f} seconds.)"
    text = _without_secrets(text)
    kind = Overloaded if status in _RETRYABLE_STATUS or status >= 500 else Rejected
    found = kind(
        status,
        text,
        error_type=str(error.get("type") or _type_of_status(status)),
        details=details,
        request_id=headers.get("request-id") or request_id,
    )
    found.retry_after = wait if wait is not None and 0 < wait <= LONGEST_WAIT else None
    advice = headers.get("x-should-retry")
    if details.get("error_code") == _SPENT or advice == "false":
        found.retryable = False
    elif advice == "true":
        found.retryable = True
    return found


def broken(failed: ReplyFailed, request_id: str | None) -> StreamBroken:
    """Return the error that a reply's failure stands for."""
    error = StreamBroken(_without_secrets(failed.text))
    error.retryable = failed.error_type not in _FINAL_TYPES
    error.request_id = request_id
    return error


def _without_secrets(text: str) -> str:
    return Redactor.of(os.environ).redact(text)


def _api_error(body: bytes) -> tuple[Json, str | None]:
    """Find the API's `error` object in a body, and the request id beside it; empty where there is none."""
    try:
        answer = decode(body)
    except ValueError:
        return {}, None
    if isinstance(answer, list) and answer:
        # Google's clouds answer with a list of one.
        answer = cast("list[Any]", answer)[0]
    if not isinstance(answer, dict):
        return {}, None
    found = cast("Json", answer)
    error: Any = found.get("error", found)
    if not isinstance(error, dict):
        return {"message": error, "type": None}, None
    error = cast("Json", error)
    # Gateways put the API's whole answer, as text, into the message of their own.
    message = error.get("message")
    if isinstance(message, str) and (begin := message.find('{"')) >= 0:
        inner, inner_id = _api_error(message[begin:].encode(errors="replace"))
        if _text_of(inner):
            return inner, inner_id
    request_id = found.get("request_id")
    return error, request_id if isinstance(request_id, str) else None


def _text_of(error: Json) -> str:
    text = error.get("message") or error.get("detail") or ""
    return text if isinstance(text, str) else str(text)


def _foreign_text(status: int, body: bytes, server: str) -> str:
    """Describe an answer that did not come from the API: a proxy's page, a login wall, nothing."""
    text = body.decode(errors="replace").strip()
    if title := re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL):
        said = f'a web page, "{_excerpt(title[1])}"'
    elif text.startswith("<"):
        said = "a web page"
    else:
        said = f"{_excerpt(text)!r}" if text else "nothing more"
    hint = " The request may be too large." if status == 413 else ""
    return f"{server} answered with HTTP status {status} and {said}.{hint}"


def _excerpt(text: str) -> str:
    text = _without_secrets(" ".join(text.split()))
    return text if len(text) <= _LONGEST_EXCERPT else f"{text[:_LONGEST_EXCERPT]}..."


def _type_of_status(status: int) -> str:
    types = {
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        409: "conflict_error",
        413: "request_too_large",
        429: "rate_limit_error",
        504: "timeout_error",
        529: "overloaded_error",
    }
    return types.get(status, "api_error" if status >= 500 else "invalid_request_error")


def _wait(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that the server asks to wait, None where it says nothing one can read."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return float(headers.get(name, "")) / unit
        except ValueError:
            continue
    try:
        return parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now
    except (ValueError, OverflowError):
        return None
