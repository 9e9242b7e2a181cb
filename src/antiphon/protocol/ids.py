"""Ids of calls as rules and repairs treat them: which the API accepts, and what the others become.

New ids depend on nothing but the old ones, so a conversation that is repaired before each request keeps its bytes.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from antiphon.protocol.calls import ID_FIELDS, id_key
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import with_content, with_messages
from antiphon.protocol.messages import Json, indexed_blocks, kind_of

PATTERN = "^[a-zA-Z0-9_-]+$"
_VALID = re.compile("[a-zA-Z0-9_-]+")
_FORBIDDEN = re.compile("[^a-zA-Z0-9_-]")
_LONGEST_STEM = 40
"""With the suffix well below the 64 characters that the strictest upstream accepts."""


def is_valid_id(value: Any) -> bool:
    """Say whether the API accepts this as the id of a call."""
    return isinstance(value, str) and _VALID.fullmatch(value) is not None


def are_valid_ids(values: Sequence[Any]) -> bool:
    """Say whether the API accepts all of these as ids of calls."""
    if not all(values) or not set(map(type, values)) <= {str}:
        return False
    # Each is made of letters, digits and two signs if all together are: one look instead of hundreds.
    joined = "".join(values)
    return not joined or (joined.isascii() and f"{joined}0".replace("_", "").replace("-", "").isalnum())


def derived_id(value: Any, number: int = 0) -> str:
    """Return a valid id made from another one; different ids, or numbers, give different results.

    The suffix is a hash of the whole id: replacing forbidden characters alone would let two ids collide.
    """
    key = id_key(value)
    digest = hashlib.sha256(f"{number}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()[:10]
    stem = _FORBIDDEN.sub("_", value)[:_LONGEST_STEM] if isinstance(value, str) else "call"
    return f"{stem}_{digest}"


def rename(conversation: Conversation, new_id: Callable[[int, int, Json], str | None]) -> Json:
    """Return the request with new ids for some calls and results.

    Args:
        conversation: what is edited.
        new_id: takes message index, block index and the call or result; returns its new id, or None to leave it.
    """
    messages = list(conversation.messages)
    for index, message in enumerate(messages):
        blocks = [block for _, block in indexed_blocks(message)]
        changed = False
        for position, (j, block) in enumerate(indexed_blocks(message)):
            field = ID_FIELDS.get(kind_of(block))
            chosen = new_id(index, j, block) if field else None
            if field and chosen is not None:
                blocks[position] = {**block, field: chosen}
                changed = True
        if changed:
            messages[index] = with_content(message, blocks)
    return with_messages(conversation.request, messages)
