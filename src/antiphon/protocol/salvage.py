"""Keeps what a result says where it cannot stay a result: as text, behind the results of its turn."""

from collections.abc import Iterable
from typing import Any, TypeGuard

from antiphon.protocol.editing import as_json, by_message, rewrite, same, text_block
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.pairing import Place, id_text, is_synthetic, places
from antiphon.protocol.rule import Conversation, Turn

_STAYS = frozenset({"text", "image", "document", "search_result"})
"""Kinds of content that mean the same in a user message as in a result."""


def _stays(part: object) -> TypeGuard[Json]:
    return is_object(part) and part.get("type") in _STAYS


def as_text(result: Json) -> list[Json]:
    """Return blocks that say what a result said, for the body of a user message."""
    failed = ", an error" if result.get("is_error") is True else ""
    head = f"[Result of tool call {id_text(result.get('tool_use_id'))}{failed}]"
    content: Any = result.get("content")
    parts: list[Json] = []
    if isinstance(content, str):
        head += f"\n{content}"
    elif is_array(content):
        parts = [part if _stays(part) else text_block(as_json(part)) for part in content]
    elif content is not None:
        head += f"\n{as_json(content)}"
    blocks = [text_block(head), *parts]
    if "cache_control" in result:
        blocks[-1] = {**blocks[-1], "cache_control": result["cache_control"]}
    return blocks


def release(conversation: Conversation, results: Iterable[Place]) -> Json:
    """Return the request with results turned into text behind the results of their turn.

    A result whose call has nothing but the note that none was recorded takes the place of that note. What says nothing
    new goes: such a note itself, and the exact repetition of a result that stays.
    """
    gone = {result.at: result for result in results}
    staying: dict[str, list[Place]] = {}
    for turn in conversation.turns:
        for place in places(turn.blocks, "tool_result"):
            if place.at not in gone:
                staying.setdefault(place.key, []).append(place)
    swapped: dict[tuple[int, int], Json] = {}
    said: list[Place] = []
    for result in gone.values():
        kept = staying.get(result.key, [])
        note = next((place for place in kept if is_synthetic(place.body) and place.at not in swapped), None)
        if is_synthetic(result.body) or any(same(result.body, swapped.get(place.at, place.body)) for place in kept):
            continue
        if note is not None:
            swapped[note.at] = result.body
        else:
            said.append(result)
    texts = {result.at: as_text(result.body) for result in said}
    contents: dict[int, list[Json]] = {}
    for turn in conversation.turns:
        if any((i, j) in gone or (i, j) in swapped for i, j, _ in turn.blocks):
            blocks = _with_texts_behind_results(turn, gone, swapped, texts)
            contents |= by_message(turn.messages, blocks)
    return rewrite(conversation, contents)


def _with_texts_behind_results(
    turn: Turn,
    gone: dict[tuple[int, int], Place],
    swapped: dict[tuple[int, int], Json],
    texts: dict[tuple[int, int], list[Json]],
) -> list[tuple[int, Json]]:
    blocks: list[tuple[int, Json]] = []
    waiting: list[Json] = []
    for i, j, block in turn.blocks:
        if (i, j) in gone:
            waiting += texts.get((i, j), ())
            continue
        if block.get("type") != "tool_result":
            # The first message of the two, so that nothing slides from one into the next.
            blocks += [(blocks[-1][0] if blocks else i, text) for text in waiting]
            waiting = []
        blocks.append((i, swapped.get((i, j), block)))
    last = blocks[-1][0] if blocks else turn.messages[0]
    return blocks + [(last, text) for text in waiting]
