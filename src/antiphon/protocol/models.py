"""What rules need to know of models: data, by family.

A model that is not listed gets the benefit of the doubt: nobody is refused for a name that this table has not heard of.
"""

import re
from typing import Any

PREFILL_TEXT = "This model does not support assistant message prefill. The conversation must end with a user message."

Version = tuple[int, int]

_FIRST = (0, 0)
_NAME = re.compile(
    r"claude-(?P<family>opus|sonnet|haiku|fable|mythos)-(?P<major>\d{1,2})(?:[.-](?P<minor>\d{1,2}))?(?!\d)"
)
# claude-3-5-sonnet-20241022 and its like put the version first.
_OLD_NAME = re.compile(r"claude-(?P<major>[123])(?:[.-](?P<minor>\d))?(?:-(?P<family>opus|sonnet|haiku))?(?!\d)")

WITHOUT_PREFILL: dict[str, Version] = {
    "opus": (4, 6),
    "sonnet": (4, 6),
    "haiku": (4, 6),
    "fable": _FIRST,
    "mythos": _FIRST,
}
"""First version of each family that refuses to go on from an assistant message. Source: docs:/api/errors."""

WITH_SYSTEM_MESSAGES: dict[str, Version] = {"opus": (4, 8), "fable": (5, 0), "mythos": (5, 0)}
"""First version of each family that takes `system` messages inside the conversation.

Source: docs:/build-with-claude/mid-conversation-system-messages.
"""

WITHOUT_SYSTEM_MESSAGES: dict[str, Version] = {"opus": (4, 7), "sonnet": (4, 6), "haiku": (4, 5)}
"""Last version of each family that is known not to. About Sonnet 5 documentation and practice disagree."""


def model_version(model: Any) -> tuple[str, Version] | None:
    """Return family and version of a Claude model, also in the names that Bedrock and Vertex give it, or None."""
    if not isinstance(model, str):
        return None
    if "claude-mythos-preview" in model:
        return "mythos", _FIRST
    found = _NAME.search(model) or _OLD_NAME.search(model)
    if found is None:
        return None
    # The families before 3 had no names; they behave like the oldest that has one.
    return found["family"] or "sonnet", (int(found["major"]), int(found["minor"] or 0))


def refuses_prefill(model: Any) -> bool:
    """Say whether a model is known to refuse a conversation that ends with an assistant message."""
    known = model_version(model)
    return known is not None and known[1] >= WITHOUT_PREFILL[known[0]]


def takes_system_messages(model: Any) -> bool | None:
    """Say whether a model takes `system` messages inside the conversation; None where that is not known."""
    known = model_version(model)
    if known is None:
        return None
    family, version = known
    if family in WITH_SYSTEM_MESSAGES and version >= WITH_SYSTEM_MESSAGES[family]:
        return True
    if family in WITHOUT_SYSTEM_MESSAGES and version <= WITHOUT_SYSTEM_MESSAGES[family]:
        return False
    return None
