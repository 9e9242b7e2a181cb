"""Clearing old large results in place: which may go without breaking anything, and what stands there then. Pure.

An edit of an old message costs everything behind it in the prompt cache, and makes thinking behind it worthless where
the model binds it. So nothing is cleared while a cache is warm, nothing before bound thinking, and nothing unless it
is worth the loss. The whole stays in the log of the session, where the model can search it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from antiphon.agent.context import tokens_of
from antiphon.protocol.messages import THINKING_TYPES, Json, blocks_of, is_array, is_object, kind_of, text_of
from antiphon.protocol.models import binds_thinking, model_version

CACHE_SECONDS = 300.0
"""How long a prompt cache outlives its last use: that of the breakpoints the agent sets."""
KEPT_TURNS = 8
"""So many of the last replies keep their results."""
LARGE = 500
"""Tokens from which on a result is worth clearing."""
WORTH = 10_000
"""Tokens that clearing must save in all, or it is left alone."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """A message whose large results are cleared.

    Attributes:
        index: which message.
        message: what it becomes.
        results: how many results were cleared in it.
        tokens: about how many tokens that saves.
    """

    index: int
    message: Json
    results: int
    tokens: int


def clearable(
    messages: Sequence[Json],
    model: str,
    idle_seconds: float,
    *,
    turns: int = KEPT_TURNS,
    large: int = LARGE,
    worth: int = WORTH,
) -> list[Cleared]:
    """Return what of a conversation may be cleared now, in order; empty where that would break or not pay.

    Args:
        messages: the conversation.
        model: who will read it.
        idle_seconds: how long ago the last request began; infinity where its cache is lost anyway, as by a change of
            model, system prompt or tools.
        turns: so many of the last replies keep their results.
        large: from how many tokens on a result is cleared.
        worth: how many tokens must be saved in all.
    """
    if idle_seconds <= CACHE_SECONDS:
        return []
    first = _behind_bound_thinking(messages, model)
    end = _before_last(messages, turns)
    found = [cleared for index in range(first, end) if (cleared := _cleared(index, messages[index], large)) is not None]
    return found if sum(cleared.tokens for cleared in found) >= worth else []


def _behind_bound_thinking(messages: Sequence[Json], model: str) -> int:
    """Return the first message that no bound thinking stands behind."""
    # Of a name that says nothing nobody knows whether its thinking is bound.
    if not binds_thinking(model) and model_version(model) is not None:
        return 0
    for index in range(len(messages) - 1, -1, -1):
        if any(kind_of(block) in THINKING_TYPES for block in blocks_of(messages[index])):
            return index
    return 0


def _before_last(messages: Sequence[Json], turns: int) -> int:
    """Return where the last replies begin, whose results stay."""
    left = turns
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].get("role") == "assistant":
            left -= 1
            if left <= 0:
                return index
    return 0


def _cleared(index: int, message: Json, large: int) -> Cleared | None:
    content = blocks_of(message)
    changed = [_without_content(block) if _is_large(block, large) else block for block in content]
    results = sum(new is not old for new, old in zip(changed, content, strict=True))
    if not results:
        return None
    tokens = sum(map(tokens_of, content)) - sum(map(tokens_of, changed))
    return Cleared(index, {**message, "content": changed}, results, tokens)


def _is_large(block: Json, large: int) -> bool:
    return kind_of(block) == "tool_result" and tokens_of(block) >= large


def _without_content(block: Json) -> Json:
    size = f"{len(text_of(block)):,} characters"
    content: Any = block.get("content")
    images = sum(kind_of(part) == "image" for part in content if is_object(part)) if is_array(content) else 0
    if images:
        size += f" and {images} image{'' if images == 1 else 's'}"
    text = f"[A result of {size} stood here and was cleared to make room; search_history finds its text.]"
    return {**block, "content": text}
