"""Whether a request may be read at all: its headers, its JSON, its required fields.

What its conversation may hold is not known here: that is `antiphon.protocol.check`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn, cast

from antiphon.emulator.refusal import Refusal
from antiphon.protocol.messages import Json

VERSIONS = ("2023-01-01", "2023-06-01", "2026-10-21")
MAX_BODY = 32 * 1024 * 1024
"""Bytes of a request that the first-party API takes."""

_BETA = re.compile(r"[a-z0-9][a-z0-9.-]*-(?:\d{4}-\d{2}-\d{2}|\d{8})")
_CONSTANT = re.compile(r'"(?:\\.|[^"\\])*"|(NaN|-?Infinity)', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)


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


def read_body(body: bytes) -> Json:
    """Return the JSON object of a request.

    Raises:
        Refusal: 400 with the API's text for JSON that it cannot read, 413 for too much of it.
    """
    if len(body) > MAX_BODY:
        raise Refusal(413)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        _refuse_json("str is not valid UTF-8: surrogates not allowed", body[: error.start].decode(errors="replace"))
    try:
        value: Any = json.loads(text, parse_constant=_not_json)
    except _NotJson:
        place = next(token.start(1) for token in _CONSTANT.finditer(text) if token[1])
        _refuse_json("unexpected character", text[:place])
    except json.JSONDecodeError as error:
        _refuse_json(_problem(error), text[: error.pos])
    except RecursionError:
        _refuse_json("recursion limit reached", "")
    if "\\u" in text:
        _refuse_lone_surrogates(text)
    if not isinstance(value, dict):
        raise Refusal(400, "Input should be an object")
    return cast("Json", value)


def check_fields(request: Json, required: tuple[str, ...]) -> None:
    """Refuse a request that lacks a field, or has one of a wrong type.

    Raises:
        Refusal: 400.
    """
    for name in required:
        if name not in request:
            raise Refusal(400, f"{name}: Field required")
    model: Any = request.get("model")
    if not isinstance(model, str):
        raise Refusal(400, "model: Input should be a valid string")
    if not model:
        raise Refusal(400, "model: String should have at least 1 character")
    if "max_tokens" in request:
        _check_max_tokens(request["max_tokens"])
    if not isinstance(request["messages"], list):
        raise Refusal(400, "messages: Input should be a valid list")
    if not isinstance(request.get("stream", False), bool):
        raise Refusal(400, "stream: Input should be a valid boolean")


def _check_max_tokens(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refusal(400, "max_tokens: Input should be a valid integer")
    # Zero is legal: it only warms the cache.
    if value < 0:
        raise Refusal(400, "max_tokens: Input should be greater than or equal to 0")


def _problem(error: json.JSONDecodeError) -> str:
    if error.pos >= len(error.doc) or error.msg.startswith("Unterminated"):
        return "unexpected end of data"
    if error.msg.startswith("Extra data"):
        return "unexpected content after document"
    return "unexpected character"


class _NotJson(Exception):
    """Python's reader met `NaN` or an infinity, which it alone would take."""


def _not_json(name: str) -> NoReturn:
    raise _NotJson(name)


def _refuse_lone_surrogates(text: str) -> None:
    high_end: int | None = None
    for escape in _ESCAPE.finditer(text):
        code = int(escape[1], 16) if escape[1] else 0
        follows = high_end == escape.start()
        if high_end is not None and not (follows and escape[1]):
            _refuse_json("no low surrogate in string", text[:high_end])
        if high_end is not None and not 0xDC00 <= code <= 0xDFFF:
            _refuse_json("invalid low surrogate in string", text[: escape.start()])
        if high_end is None and 0xDC00 <= code <= 0xDFFF:
            _refuse_json("invalid high surrogate in string", text[: escape.start()])
        high_end = escape.end() if 0xD800 <= code <= 0xDBFF else None
    if high_end is not None:
        _refuse_json("no low surrogate in string", text[:high_end])


def _refuse_json(problem: str, before: str) -> NoReturn:
    line = before.count("\n") + 1
    column = len(before) - before.rfind("\n")
    raise Refusal(
        400, f"The request body is not valid JSON: {problem}: line {line} column {column} (char {len(before)})"
    )
