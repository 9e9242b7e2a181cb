"""The stretches of an assistant message in which tool calls come last.

Thinking blocks end a stretch: with interleaved thinking, calls and thinking alternate, and their order is signed. So do
`fallback` blocks and kinds of blocks that nobody here knows, since moving something across them might change what they
mean.
"""

from collections.abc import Iterable
from typing import NamedTuple

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import rewrite
from antiphon.protocol.messages import (
    SERVER_TOOL_USE_TYPES,
    THINKING_TYPES,
    Json,
    blocks_of,
    indexed_blocks,
    is_object,
    is_server_tool_result,
    kind_of,
    role_of,
)


class Behind(NamedTuple):
    """An assistant message and the blocks in it that stand behind a call of their stretch, with their index."""

    message: int
    blocks: list[tuple[int, Json]]


def is_text(block: Json) -> bool:
    """Say whether a block is text that says something (an empty one is refused for being empty)."""
    return block.get("type") == "text" and bool(block.get("text"))


def _moves(block: Json) -> bool:
    kind = kind_of(block)
    return kind in {"text", "tool_use"} or kind in SERVER_TOOL_USE_TYPES or is_server_tool_result(block)


def behind_calls(conversation: Conversation) -> list[Behind]:
    """Return, for each assistant message that has any, the blocks that stand behind a call of their stretch."""
    return conversation.work_out(_behind_calls)


def _behind_calls(conversation: Conversation) -> list[Behind]:
    found: list[Behind] = []
    positions: dict[int, list[int]] = {}
    for index, position, _ in conversation.of_type("tool_use"):
        positions.setdefault(index, []).append(position)
    for index, own in positions.items():
        message = conversation.messages[index]
        # Calls that are the last blocks of their message have nothing behind them.
        if own[0] == len(message["content"]) - len(own) or role_of(message) != "assistant":
            continue
        behind: list[tuple[int, Json]] = []
        seen = False
        for j, block in indexed_blocks(message):
            is_call = block.get("type") == "tool_use"
            seen = is_call or (seen and _moves(block))
            if seen and not is_call:
                behind.append((j, block))
        if behind:
            found.append(Behind(index, behind))
    return found


def texts_behind_calls(conversation: Conversation, *, prefill: bool) -> list[tuple[int, int]]:
    """Return message and index of the first text behind a call, for the assistant messages that have one.

    Args:
        conversation: what is looked at.
        prefill: the messages of which the API then says that they are prefill (they hold thinking, and thinking is
            on); else the others.
    """
    found: list[tuple[int, int]] = []
    for index, behind in behind_calls(conversation):
        texts = [j for j, block in behind if is_text(block)]
        if texts and prefill == _counts_as_prefill(conversation, index):
            found.append((index, texts[0]))
    return found


def _counts_as_prefill(conversation: Conversation, index: int) -> bool:
    message = conversation.messages[index]
    return is_thinking_on(conversation.request) and any(kind_of(b) in THINKING_TYPES for b in blocks_of(message))


def is_thinking_on(request: Json) -> bool:
    """Say whether the request asks for thinking."""
    thinking = request.get("thinking")
    return is_object(thinking) and kind_of(thinking) in {"enabled", "adaptive"}


def calls_before(message: Json, position: int) -> list[Json]:
    """Return the tool calls of a message that stand before a block."""
    return [block for j, block in indexed_blocks(message) if j < position and block.get("type") == "tool_use"]


def with_calls_last(conversation: Conversation, indices: Iterable[int]) -> Json:
    """Return the request with tool calls last in the stretches of some messages."""
    return rewrite(conversation, {index: _calls_last(blocks_of(conversation.messages[index])) for index in indices})


def _calls_last(blocks: list[Json]) -> list[Json]:
    ordered: list[Json] = []
    calls: list[Json] = []
    for block in blocks:
        if not _moves(block):
            ordered += [*calls, block]
            calls = []
        elif block.get("type") == "tool_use":
            calls.append(block)
        else:
            ordered.append(block)
    return ordered + calls
