"""What Chat Completions and Responses have in common: arguments in a string, content as a string or a list of parts."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import is_
from typing import Any, NamedTuple, NoReturn

from antiphon.protocol.dialects.reading import FAULT, WIRE, WITHIN, Origins, Spot, said, type_name
from antiphon.protocol.editing import as_json, same
from antiphon.protocol.messages import Json, blocks_of, is_array, is_object, kind_of

TEXT_TYPES = frozenset({"text", "input_text", "output_text"})
_MEDIA = {
    "image_url": "image",
    "input_image": "image",
    "computer_screenshot": "image",
    "file": "document",
    "input_file": "document",
    "input_audio": "document",
}
NOTHING = "nothing"
"""A block that stands for a message without content, or for fields that count as some: it is never written."""


def read_arguments(call: Json, where: str = "arguments") -> Json:
    """Return the fields of a block for the arguments of a call: its input, and what is wrong with them.

    Args:
        call: what has the arguments.
        where: how the API names them, within the call.
    """
    value: Any = call.get("arguments")
    if not isinstance(value, str):
        problem = f"expected a string, but got {type_name(value)} instead" if "arguments" in call else "Field required"
        return {"input": {} if value is None else value, FAULT: f"Invalid type for '{{path}}.{where}': {problem}."}
    # What no reader of JSON takes for an object stays a string, which a rule finds; of what was made a string of JSON
    # twice, once.
    found: Any = _decoded(value or "{}")
    return {"input": found if is_object(found) or isinstance(found, str) else value}


def written_arguments(block: Json, wire: Json) -> Any:
    """Return the arguments of a call as a string: the one it had, where it says the same."""
    value: Any = wire.get("arguments")
    if isinstance(value, str) and same(read_arguments(wire)["input"], block.get("input")):
        return value
    return as_json(block.get("input"))


def _decoded(text: str) -> Any:
    try:
        return _READER.decode(text)
    except (ValueError, RecursionError):
        return None


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


_READER = json.JSONDecoder(parse_constant=_refuse)


def read_content(origins: Origins, spot: Spot, content: Any, within: Json) -> list[Any]:
    """Return the content of a message as blocks; what is no part stays what it is."""
    if isinstance(content, str):
        return [origins.block(spot, None, type="text", text=content, **{WITHIN: within})] if content else []
    blocks: list[Any] = []
    for number, part in enumerate(content if is_array(content) else ()):
        if is_object(part):
            blocks.append(_block(origins, Spot(spot.item, number), part, within))
        else:
            blocks.append(part)
    return blocks


def _block(origins: Origins, spot: Spot, part: Json, within: Json) -> Json:
    kind = kind_of(part)
    if kind in TEXT_TYPES:
        fields = {"text": part["text"]} if "text" in part else {}
        return origins.block(spot, part, type="text", **fields, **{WITHIN: within})
    return origins.block(spot, part, type=_MEDIA.get(kind, "other"), **{WITHIN: within})


def read_result(origins: Origins, spot: Spot, content: Any, key: str) -> Json:
    """Return the fields of a block for what a result says, and what is wrong with it."""
    if isinstance(content, str):
        return {"content": content}
    if is_array(content) and all(is_object(part) for part in content):
        return {"content": said([_inner(origins, spot, part) for part in content])}
    fault = (
        f"Invalid type for '{{path}}.{key}': expected one of a string or array of objects, but got"
        f" {type_name(content)} instead."
    )
    return {"content": "" if content is None else as_json(content), FAULT: fault}


def _inner(origins: Origins, spot: Spot, part: Json) -> Json:
    kind = kind_of(part)
    if kind in TEXT_TYPES:
        fields = {"text": part["text"]} if "text" in part else {}
        return origins.block(spot, part, type="text", **fields)
    return origins.block(spot, part, type=_MEDIA[kind]) if kind in _MEDIA else part


def are_the_same(blocks: Sequence[Any], read: Sequence[Any] | None) -> bool:
    """Say whether blocks are the very ones that a content was read as."""
    return read is not None and len(read) == len(blocks) and all(map(is_, read, blocks))


def written_content(origins: Origins, blocks: Sequence[Any], text_type: str) -> Any:
    """Return blocks as content: one text that was not a part as a string, everything else as a list of parts."""
    blocks = [block for block in blocks if not (is_object(block) and kind_of(block) == NOTHING)]
    if not blocks:
        return ""
    if len(blocks) == 1 and is_object(blocks[0]) and kind_of(blocks[0]) == "text" and not blocks[0].get(WIRE):
        return blocks[0].get("text")
    return [_part(origins, block, text_type) for block in blocks]


def _part(origins: Origins, block: Any, text_type: str) -> Any:
    if not is_object(block):
        return block
    wire: Any = origins.unchanged(block) or block.get(WIRE)
    if kind_of(block) == "text":
        return wire if origins.unchanged(block) else {**(wire or {"type": text_type}), "text": block.get("text")}
    return wire or block


def written_result(origins: Origins, block: Json, text_type: str) -> Any:
    """Return what a result says: a string, or a list of parts."""
    content: Any = block.get("content")
    if is_array(content):
        return [_part(origins, inner, text_type) for inner in content]
    return "".join(str(inner.get("text")) for inner in blocks_of(block))


def apart(items: Iterable[Any]) -> list[Any]:
    """Return items such that no two are the same object: what comes from a program may hold one message twice."""
    seen: set[int] = set()
    found: list[Any] = []
    for item in items:
        found.append({**item} if is_object(item) and id(item) in seen else item)
        seen.add(id(item))
    return found


class Run(NamedTuple):
    """Blocks of one wire message that stand together, or a block that is a message of its own (`within` None)."""

    within: Json | None
    blocks: list[Json]


def runs(blocks: Iterable[Any], default: Json | None, alone: Callable[[Json], bool]) -> list[Run]:
    """Cut blocks into runs by the wire message they stood in.

    Args:
        blocks: in order.
        default: the wire message of blocks that do not say.
        alone: says of a block whether it is an item of its own.
    """
    found: list[Run] = []
    for value in blocks:
        block: Json = value
        if is_object(value) and alone(value):
            found.append(Run(None, [block]))
            continue
        within: Any = value.get(WITHIN, default) if is_object(value) else default
        last = found[-1] if found else None
        if last is None or last.within is not within or (within is None and alone(last.blocks[0])):
            found.append(Run(within, [block]))
        else:
            last.blocks.append(block)
    return found


def without(fields: Mapping[str, Any], *names: str) -> Json:
    """Return an object without some of its keys."""
    return {key: value for key, value in fields.items() if key not in names}
