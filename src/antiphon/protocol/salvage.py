"""Keeps what a result says where it cannot stay a result: as text, behind the results of its turn."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from antiphon.protocol.calls import Place, id_text, is_synthetic, nearest, places
from antiphon.protocol.conversation import Conversation, Turn
from antiphon.protocol.editing import as_json, by_message, fingerprint, rewrite, text_block
from antiphon.protocol.messages import Json, is_array, is_object, kind_of

_STAYS = frozenset({"text", "image", "document", "search_result"})
"""Kinds of content that mean the same in a user message as in a result."""

_ELSEWHERE = "(What the tool returned stands behind the results.)"


def as_user_content(parts: Iterable[Any]) -> list[Json]:
    """Return the content of a result as blocks that may stand in a user message."""
    return [part if _stays(part) else text_block(as_json(part)) for part in parts]


def _stays(part: object) -> TypeGuard[Json]:
    return is_object(part) and kind_of(part) in _STAYS


def not_text(result: Json) -> list[Json]:
    """Return the parts of a result that are no text."""
    content: Any = result.get("content")
    return [part for part in content if _is_other(part)] if is_array(content) else []


def _is_other(part: object) -> TypeGuard[Json]:
    return is_object(part) and part.get("type") != "text"


def move_what_is_not_text(conversation: Conversation, concerned: Callable[[Json], bool]) -> Json:
    """Return the request with some results reduced to their text, and their other parts behind the results of the turn.

    Behind all of them: what stands between two results tears the second from its call.

    Args:
        conversation: what is edited.
        concerned: says of a result whether it is to hold text only.
    """
    contents: dict[int, list[Json]] = {}
    for turn in conversation.turns:
        changed: dict[tuple[int, int], Json] = {}
        moved: dict[tuple[int, int], list[Json]] = {}
        for i, j, block in turn.blocks:
            others = not_text(block) if block.get("type") == "tool_result" and concerned(block) else []
            if others:
                texts = [part for part in block["content"] if not _is_other(part)]
                changed[i, j] = {**block, "content": texts or _ELSEWHERE}
                moved[i, j] = as_user_content(others)
        if changed:
            contents |= behind_results(turn, (), changed, moved)
    return rewrite(conversation, contents)


def as_text(result: Json) -> list[Json]:
    """Return blocks that say what a result said, for the body of a user message."""
    failed = ", an error" if result.get("is_error") is True else ""
    head = f"[Result of tool call {id_text(result.get('tool_use_id'))}{failed}]"
    content: Any = result.get("content")
    parts: list[Json] = []
    if isinstance(content, str):
        head += f"\n{content}"
    elif is_array(content):
        parts = as_user_content(content)
    elif content is not None:
        head += f"\n{as_json(content)}"
    blocks = [text_block(head), *parts]
    if "cache_control" in result:
        blocks[-1] = {**blocks[-1], "cache_control": result["cache_control"]}
    return blocks


def release(conversation: Conversation, results: Iterable[Place]) -> Json:
    """Return the request with results turned into text behind the results of their turn.

    A result whose call has nothing but the note that none was recorded takes the place of that note. What says nothing
    new goes: such a note itself, and the exact repetition of another result.
    """
    gone = {result.at: result for result in results}
    blocks = [place for turn in conversation.turns for place in places(turn.blocks, "tool_result")]
    kept = [place for place in blocks if place.at not in gone]
    known = {fingerprint(place.body) for place in kept}
    said: list[Place] = []
    for result in gone.values():
        content = fingerprint(result.body)
        if not is_synthetic(result.body) and content not in known:
            known.add(content)
            said.append(result)
    notes = nearest(said, (place for place in kept if is_synthetic(place.body)))
    swapped = {note.at: gone[at].body for at, note in notes.items()}
    texts = {result.at: as_text(result.body) for result in said if result.at not in notes}
    contents: dict[int, list[Json]] = {}
    for turn in conversation.turns:
        if any((i, j) in gone or (i, j) in swapped for i, j, _ in turn.blocks):
            contents |= behind_results(turn, gone.keys(), swapped, texts)
    return rewrite(conversation, contents)


def behind_results(
    turn: Turn,
    gone: Collection[tuple[int, int]],
    changed: Mapping[tuple[int, int], Json],
    texts: Mapping[tuple[int, int], Sequence[Json]],
) -> dict[int, list[Json]]:
    """Return the contents of a turn's messages with blocks taken out, changed, and others put behind the results.

    Args:
        turn: the turn.
        gone: places of blocks that go.
        changed: what stands instead of the block at a place.
        texts: blocks that come from a result, to stand behind the run of results it is in.
    """
    blocks: list[tuple[int, Json]] = []
    waiting: list[tuple[int, Json]] = []
    for i, j, block in turn.blocks:
        if block.get("type") != "tool_result":
            blocks += _in_place(blocks, waiting)
            waiting = []
        waiting += [(i, text) for text in texts.get((i, j), ())]
        if (i, j) not in gone:
            blocks.append((i, changed.get((i, j), block)))
    return by_message(turn.messages, blocks + _in_place(blocks, waiting))


def _in_place(before: list[tuple[int, Json]], waiting: list[tuple[int, Json]]) -> list[tuple[int, Json]]:
    """Return texts with the message they go to: their own, unless results stand in a later one before them."""
    last = before[-1][0] if before else 0
    return [(max(i, last), text) for i, text in waiting]
