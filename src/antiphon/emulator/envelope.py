"""Whether a request may be read at all: its headers, its size, its JSON.

What it may hold is not known here: that is `antiphon.protocol.check`.
"""

import re
from collections.abc import Mapping

from antiphon.emulator.refusal import Refusal
from antiphon.protocol.messages import Json
from antiphon.protocol.raw import decode_body

VERSIONS = ("2023-01-01", "2023-06-01", "2026-10-21")
MEGABYTE = 1024 * 1024
MAX_BODY = 32 * MEGABYTE
"""Bytes of a request that the first-party API takes; the others take less."""

_BETA = re.compile(r"[a-z0-9][a-z0-9.-]*-(?:\d{4}-\d{2}-\d{2}|\d{8})")


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse a request that does not say who asks, and in which version.

    Raises:
        Refusal: 401 or 400.
    """
    key = headers.get("x-api-key")
    bearer = headers.get("authorization")
    if key is not None and bearer is not None:
        raise Refusal(401, "Only one of the `x-api-key` and `Authorization` headers may be sent.")
    if bearer is not None and not bearer.removeprefix("Bearer").strip():
        raise Refusal(401, "Invalid bearer token")
    if bearer is None and not key:
        raise Refusal(401, "x-api-key header is required")
    version = headers.get("anthropic-version")
    if version is None:
        raise Refusal(400, "anthropic-version: header is required")
    if version not in VERSIONS:
        raise Refusal(400, f'anthropic-version: "{version}" is not a valid version')
    unknown = [beta for beta in betas(headers) if not _BETA.fullmatch(beta)]
    if unknown:
        names = ", ".join(f"`{beta}`" for beta in unknown)
        raise Refusal(
            400,
            f"Unexpected value(s) {names} for the `anthropic-beta` header. Please consult our documentation at "
            "platform.claude.com/docs or try again without the header.",
        )


def betas(headers: Mapping[str, str]) -> list[str]:
    """Return the features asked for in `anthropic-beta`."""
    return [beta.strip() for beta in headers.get("anthropic-beta", "").split(",") if beta.strip()]


def read_body(body: bytes, megabytes: int) -> Json:
    """Return the JSON object of a request.

    Raises:
        Refusal: 400 with the API's text for JSON that it cannot read, 413 for too much of it.
    """
    if len(body) > megabytes * MEGABYTE:
        raise Refusal(413)
    found = decode_body(body)
    if found.violations or found.request is None:
        rules = tuple(violation.rule for violation in found.violations)
        raise Refusal(400, next(violation.text for violation in found.violations), rules=rules)
    return found.request
