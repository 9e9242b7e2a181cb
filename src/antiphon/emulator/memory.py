"""What the emulator replied, so far as a later request may be held against it.

The API refuses a request whose latest assistant message lacks thinking that was in it, or has it elsewhere. A
signature cannot tell that; the reply can.
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from antiphon.emulator.models import find_model
from antiphon.emulator.places import conversation
from antiphon.emulator.refusal import Refusal
from antiphon.protocol.messages import THINKING_TYPES, Json
from antiphon.protocol.prefix import Piece, canonical


class Memory:
    """The thinking in replies that call tools, by conversation and call."""

    def __init__(self) -> None:
        self._thinking: dict[tuple[bytes, str], list[list[bytes]]] = {}

    def remember(self, request: Json, content: Sequence[Json]) -> None:
        """Keep what was replied to a request."""
        key = conversation(request)
        before: list[bytes] = []
        for block in content:
            if str(block.get("type")) in THINKING_TYPES:
                before.append(canonical(block))
            elif block.get("type") == "tool_use" and "id" in block:
                self._thinking.setdefault((key, str(block["id"])), []).append(list(before))

    def check(self, request: Json, read: Sequence[Piece]) -> None:
        """Refuse a request whose latest assistant message is not the one that was replied, in its thinking.

        Raises:
            Refusal: 400, as the API words it.
        """
        # What bound thinking may lack its binding tells: a block that does not fit is to be taken out.
        if not _thinks(request) or find_model(str(request.get("model"))).binding == "enforced":
            return
        turn = _latest_turn(read)
        before: list[bytes] = []
        key = conversation(request)
        for piece in turn:
            if piece.thinks:
                before.append(piece.data)
            elif piece.value.get("type") == "tool_use":
                replied = self._thinking.get((key, str(piece.value.get("id"))))
                # A turn may have been paused and gone on: then thinking of an earlier reply stands before.
                if replied and not any(before[len(before) - len(thinking) :] == thinking for thinking in replied):
                    _refuse(turn)


def _refuse(turn: Iterable[Piece]) -> None:
    piece = next((piece for piece in turn if piece.thinks), next(iter(turn)))
    message, block = piece.path or (0, 0)
    raise Refusal(
        400,
        f"messages.{message}.content.{block}: `thinking` or `redacted_thinking` blocks in the latest assistant message "
        "cannot be modified. These blocks must remain as they were in the original response.",
    )


def _latest_turn(read: Sequence[Piece]) -> list[Piece]:
    """Return the blocks of the last assistant turn."""
    turn: list[Piece] = []
    for piece in reversed(read):
        if piece.role == "assistant":
            turn.append(piece)
        elif turn or piece.part != "messages":
            break
    return turn[::-1]


def _thinks(request: Json) -> bool:
    thinking: Any = request.get("thinking")
    return isinstance(thinking, dict) and cast("Json", thinking).get("type") in ("enabled", "adaptive")
