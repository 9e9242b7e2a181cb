"""A reply made fit to be sent back: what models and gateways get wrong is settled once, on arrival.

A reply becomes history as it is, but for blocks that the API would refuse to take back. Nothing here is ever applied
to a message that was sent before.
"""

import re
from collections.abc import Sequence

from antiphon.protocol.call_ids import CallIds
from antiphon.protocol.messages import THINKING_TYPES, Json

_FORBIDDEN_IN_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME = 64


def settled_call(block: Json, ids: CallIds) -> Json:
    """Return a `tool_use` block with an id and a name that the API takes back; the same object where both are fine."""
    call_id = ids.settle(block.get("id"))
    sent = block.get("name")
    name = _FORBIDDEN_IN_NAME.sub("_", sent)[:_LONGEST_NAME] if isinstance(sent, str) else ""
    name = name or "unnamed"
    if call_id == block.get("id") and name == sent:
        return block
    return {**block, "id": call_id, "name": name}


def settled_content(blocks: Sequence[Json]) -> list[Json]:
    """Return the blocks of a complete reply as they go into history.

    Empty text goes; text that is blank goes where nothing else is left; tool calls move behind what stands after them,
    up to the next thinking block, whose place is signed. The order of the calls stays.
    """
    content: list[Json] = []
    calls: list[Json] = []
    for block in blocks:
        kind = block.get("type")
        if kind == "text" and not block.get("text"):
            continue
        if kind == "tool_use":
            calls.append(block)
            continue
        if kind in THINKING_TYPES:
            content += calls
            calls = []
        content.append(block)
    content += calls
    if all(block.get("type") == "text" and not str(block.get("text")).strip() for block in content):
        return []
    return content


def salvaged_content(blocks: Sequence[Json]) -> list[Json]:
    """Return what a reply that was stopped midway leaves in history; it never ends in thinking."""
    content = settled_content(blocks)
    while content and content[-1].get("type") in THINKING_TYPES:
        content.pop()
    return content


def after_fallback(blocks: Sequence[Json]) -> list[Json]:
    """Return what stays of the blocks before a `fallback` block, where another model took over.

    Its predecessor's calls are void and its thinking cannot be verified; text and server tools stay.
    """
    return [block for block in blocks if block.get("type") not in THINKING_TYPES | {"tool_use"}]
