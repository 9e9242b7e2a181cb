"""JSON as it comes in, read strictly: what another reader might understand differently is refused.

Python's reader accepts `NaN`, turns `1e999` into infinity and keeps the last of two equal keys. A tool call must not
run on arguments that two readers take for two things, and none of these could be sent back to the API.
"""

import json
import math
from typing import Any, NoReturn, cast

from antiphon.protocol.messages import Json

_BLANK = " \t\n\r"


def decode(data: str | bytes) -> Any:
    """Decode one JSON value; nothing but white space may stand around it.

    Raises:
        ValueError: with a sentence saying what is wrong.
    """
    return _decode(_ANY, data)


def decode_object(text: str) -> Json:
    """Decode one JSON object, in which no object holds a key twice and all text is text (no half of a surrogate pair).

    Raises:
        ValueError: with a sentence saying what is wrong.
    """
    value = _decode(_UNAMBIGUOUS, text)
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object is wanted, not {_kind(value)}")  # noqa: TRY004  (one exception for bad JSON)
    found = cast("Json", value)
    if "\\u" in text or not text.isascii():
        _require_text(found)
    return found


def _decode(decoder: json.JSONDecoder, data: str | bytes) -> Any:
    text = data if isinstance(data, str) else data.decode()
    # Events and arguments nearly always begin and end with a brace: then there is nothing to strip and no copy.
    if text and (text[0] in _BLANK or text[-1] in _BLANK):
        text = text.strip(_BLANK)
    try:
        value, end = decoder.raw_decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos} of {len(text)}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if end != len(text):
        raise ValueError(f"something follows the value, at character {end} of {len(text)}")
    return value


def _require_text(value: Json) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair is not text") from None


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    return "null" if value is None else "a string" if isinstance(value, str) else "an array"


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {digits} is too large")
    return number


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _without_repeats(pairs: list[tuple[str, Any]]) -> Json:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for position, key in enumerate(keys) if key in keys[:position])
        raise ValueError(f"the key {json.dumps(repeated)} stands twice in one object")
    return value


_ANY = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
_UNAMBIGUOUS = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_without_repeats)
