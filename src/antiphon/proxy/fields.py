"""Fields that an API says it does not know: new features of clients, in front of upstreams that are older.

`tools.0.custom.eager_input_streaming: Extra inputs are not permitted` names one place; what is dropped is the field in
all places of that kind, for the API would name the next one otherwise.
"""

import re
from typing import Any

from antiphon.protocol.messages import Json, is_array, is_object

Path = tuple[str, ...]
"""Keys down to a field; a number stands for all items of an array, the type of a block for nothing."""

_REFUSED = re.compile(r"([\w$-]+(?:\.[\w$-]+)*): Extra inputs are not permitted")
_LONGEST = 12
_NEEDED = frozenset(
    {
        "model",
        "messages",
        "max_tokens",
        "role",
        "content",
        "type",
        "id",
        "name",
        "input",
        "text",
        "tool_use_id",
        "tools",
    }
)


def refused_field(text: str) -> Path | None:
    """Return the path of the field that an error is about, None where it is about none that could be left out."""
    found = _REFUSED.search(text)
    path = tuple(found[1].split(".")) if found is not None else ()
    if not path or len(path) > _LONGEST or path[-1] in _NEEDED or path[-1].isdigit():
        return None
    return tuple("0" if part.isdigit() else part for part in path)


def without_field(request: Json, path: Path) -> Json:
    """Return the request without a field, the very object where it has none; what is not changed is shared."""
    return _without(request, path)


def _without(value: Any, path: Path) -> Any:
    first, rest = path[0], path[1:]
    if is_array(value):
        if first != "0" or not rest:
            return value
        items = [_without(item, rest) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if not is_object(value):
        return value
    if not rest:
        return {key: item for key, item in value.items() if key != first} if first in value else value
    if first in value:
        inner = _without(value[first], rest)
        if inner is not value[first]:
            return {**value, first: inner}
    # Errors name the type of a block on the way; tools of the client's own are `custom`, also where they do not say so.
    return _without(value, rest) if first == value.get("type", "custom") else value
