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

ALWAYS_ADAPTIVE: dict[str, Version] = {
    "opus": (4, 7),
    "sonnet": (4, 7),
    "haiku": (4, 7),
    "fable": (5, 0),
    "mythos": (5, 0),
}
"""First version of each family that refuses a thinking budget. Source: docs:/api/errors."""

WITHOUT_ADAPTIVE: dict[str, Version] = {"opus": (4, 5), "sonnet": (4, 5), "haiku": (4, 5)}
"""Last version of each family that knows no adaptive thinking. Source: docs:/api/errors."""

ALWAYS_THINKING: dict[str, Version] = {"opus": (5, 5), "sonnet": (5, 5), "fable": (5, 0), "mythos": (5, 0)}
"""First version of each family that refuses to have thinking disabled.

Sources: docs:/api/errors; for Sonnet 5.5, which takes `between_tools` instead, danielmiessler/Fabric#2306.
"""

SILENT_UNASKED: dict[str, Version] = {"opus": (4, 8), "sonnet": (4, 6), "haiku": (4, 5)}
"""Last version of each family that is known not to think unless a request says so."""

BINDING: dict[str, Version] = {
    "opus": (5, 5),
    "sonnet": (5, 5),
    "haiku": (5, 5),
    "fable": (5, 1),
    # 5.1 only takes note of it.
    "mythos": (5, 2),
}
"""First version of each family whose thinking is bound to all that stood before it.

Source: docs:/build-with-claude/preserved-thinking/prefix-checks.
"""

NEVER_FORCED: dict[str, Version] = {"opus": (5, 5), "sonnet": (5, 5), "fable": (5, 0), "mythos": (5, 1)}
"""First version of each family that cannot be made to call a tool. Mythos Preview cannot, either.

Sources: docs:/agents-and-tools/tool-use/define-tools, and for Fable 5 pydantic/pydantic-ai.
"""

_LONG_CONTEXT: dict[str, Version] = {"opus": (4, 6), "sonnet": (4, 0), "fable": _FIRST, "mythos": _FIRST}
"""First version of each family that has a context window of a million tokens, if only as a beta."""

MANY_IMAGES = 600
FEW_IMAGES = 100


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


def _is_from(model: Any, first: dict[str, Version]) -> bool:
    """Say whether a model is known and of a version from the first of its family on."""
    known = model_version(model)
    return known is not None and known[0] in first and known[1] >= first[known[0]]


def _is_up_to(model: Any, last: dict[str, Version]) -> bool:
    """Say whether a model is known and of a version up to the last of its family."""
    known = model_version(model)
    return known is not None and known[0] in last and known[1] <= last[known[0]]


def refuses_thinking_budget(model: Any) -> bool:
    """Say whether a model is known to refuse thinking with a budget (`enabled`)."""
    return _is_from(model, ALWAYS_ADAPTIVE)


def refuses_adaptive_thinking(model: Any) -> bool:
    """Say whether a model is known to refuse adaptive thinking."""
    return _is_up_to(model, WITHOUT_ADAPTIVE)


def refuses_disabled_thinking(model: Any) -> bool:
    """Say whether a model is known to refuse to have its thinking disabled."""
    return _is_from(model, ALWAYS_THINKING)


def thinks_between_tools(model: Any) -> bool:
    """Say whether a model is known to take `between_tools` where it refuses to have its thinking disabled."""
    known = model_version(model)
    return known is not None and known[0] == "sonnet" and refuses_disabled_thinking(model)


def thinks_only_if_asked(model: Any) -> bool:
    """Say whether a model is known not to think in a request that says nothing about it."""
    return _is_up_to(model, SILENT_UNASKED)


def binds_thinking(model: Any) -> bool:
    """Say whether a model is known to refuse its own thinking behind another prefix than it was made behind."""
    return _is_from(model, BINDING)


def refuses_forced_calls(model: Any) -> bool:
    """Say whether a model is known to refuse a `tool_choice` that leaves it no choice."""
    return _is_from(model, NEVER_FORCED) or model_version(model) == ("mythos", _FIRST)


def most_images(model: Any) -> int:
    """Return how many images a request may hold; for a model that is not known, the larger number."""
    known = model_version(model)
    return MANY_IMAGES if known is None or _is_from(model, _LONG_CONTEXT) else FEW_IMAGES


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
