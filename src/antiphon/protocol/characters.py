"""Half characters in parsed JSON: strings with half of a surrogate pair, which no upstream can decode.

Of a body that comes as bytes, `antiphon.protocol.raw` says the same without parsing it.
"""

import json
from collections.abc import Iterator
from typing import Any, cast

from antiphon.protocol.encoding import without_lone_surrogates
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.raw import decode_body
from antiphon.protocol.rule import Violation
from antiphon.protocol.rules.rq005_lone_surrogate import LONE_SURROGATE


def is_whole(value: Any) -> bool:
    """Say whether all strings of a JSON value are text; what is nested too deeply to look at counts as such."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    except (RecursionError, TypeError, ValueError):
        return True
    return True


def made_whole(value: Any) -> Any:
    """Return a JSON value with U+FFFD for each half character; what has none is the very same object."""
    if is_whole(value):
        return value
    if isinstance(value, str):
        return without_lone_surrogates(value)
    if isinstance(value, list):
        return [made_whole(item) for item in cast("list[Any]", value)]
    return {made_whole(key): made_whole(item) for key, item in cast("Json", value).items()}


def half_characters(request: Json, array: str = "messages") -> Iterator[Violation]:
    """Yield the messages, and in them the blocks, that hold half a character, in the words of the API.

    Args:
        request: the request, in any wire form.
        array: the field that holds its messages.
    """
    if is_whole(request):
        return
    body = decode_body(json.dumps(request).encode())
    text = next((found.text for found in body.violations if found.rule == LONE_SURROGATE.id), LONE_SURROGATE.error)
    messages: Any = request.get(array)
    places = [
        (index, place)
        for index, message in enumerate(messages if is_array(messages) else ())
        if not is_whole(message)
        for place in _blocks(message)
    ]
    for message, block in places or [(None, None)]:
        yield Violation(LONE_SURROGATE.id, text, message, block)


def _blocks(message: Any) -> list[int | None]:
    content: Any = message.get("content") if is_object(message) else None
    found = [place for place, block in enumerate(content if is_array(content) else ()) if not is_whole(block)]
    return [*found] or [None]
