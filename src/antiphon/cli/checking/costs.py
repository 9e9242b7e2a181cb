"""What a repair costs: the prompt cache behind the first change, and thinking that is bound to what stood before it."""

from collections.abc import Iterator, Sequence

from antiphon.cli.checking.judging import messages_of, path_of
from antiphon.protocol.messages import THINKING_TYPES, Json, indexed_blocks, kind_of
from antiphon.transcripts.document import Stored


def costs(pairs: Sequence[tuple[Stored, Json]], model: str | None) -> list[str]:
    """Say what repairs cost, as sentences.

    Args:
        pairs: conversations, each with what repairs made of its request.
        model: the model that goes on with them, where that was said.
    """
    return [text for stored, repaired in pairs for text in _costs(stored, repaired, model)]


def _costs(stored: Stored, repaired: Json, model: str | None) -> Iterator[str]:
    old = stored.request
    where = f"{stored.label}: " if stored.label else ""
    first = first_change(old, repaired)
    if first is None:
        return
    yield f"{where}{path_of(old, first, None)} is the first message that changes; a prompt cache holds up to there"
    lost = [path_of(old, *place) for place in lost_thinking(old, repaired)]
    if lost:
        yield f"{where}signed thinking that goes, as it would be refused: {', '.join(lost)}"
    if model is None and "model" not in old and _has_signed_thinking(repaired, first):
        yield f"{where}signed thinking stands behind it, which newer models refuse then; --model says which one goes on"


def first_change(old: Json, new: Json) -> int | None:
    """Return the index of the first message that is another one than before, or None where none is."""
    before, after = messages_of(old), messages_of(new)
    for index, (left, right) in enumerate(zip(before, after, strict=False)):
        if left is not right and left != right:
            return index
    return None if len(before) == len(after) else min(len(before), len(after))


def lost_thinking(old: Json, new: Json) -> list[tuple[int, int]]:
    """Return message and block index of the signed thinking that a repair takes away."""
    kept = {_seal(block) for message in messages_of(new) for _, block in indexed_blocks(message)}
    return [
        (index, place)
        for index, message in enumerate(messages_of(old))
        for place, block in indexed_blocks(message)
        if _seal(block) and _seal(block) not in kept
    ]


def _has_signed_thinking(request: Json, start: int) -> bool:
    return any(_seal(block) for message in messages_of(request)[start:] for _, block in indexed_blocks(message))


def _seal(block: Json) -> str:
    seal = (block.get("signature") or block.get("data")) if kind_of(block) in THINKING_TYPES else None
    return seal if isinstance(seal, str) else ""
