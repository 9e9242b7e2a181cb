"""How a request thinks, and where its thinking stands.

In manual mode (`enabled`, with a budget) a reply begins with its thinking, once per turn: from the user's prompt over
all rounds of calls and results to the answer. In adaptive mode thinking may stand anywhere in a reply.
"""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation, Turn
from antiphon.protocol.messages import THINKING_TYPES, Json, is_object, kind_of

BINDING_BETA = "thinking-binding-controls-2026-08-01"
INTERLEAVED_BETA = "interleaved-thinking-2025-05-14"
DISABLED: Json = {"type": "disabled"}


def thinking_of(request: Json) -> Json:
    """Return what a request says about thinking, or an empty object."""
    value: Any = request.get("thinking") if is_object(request) else None
    return value if is_object(value) else {}


def mode(request: Json) -> str:
    """Return the type of thinking a request asks for (`enabled` is the manual mode), or an empty string."""
    return kind_of(thinking_of(request))


def with_thinking(request: Json, thinking: Json | None) -> Json:
    """Return the request with another `thinking`, or without one."""
    if thinking is not None:
        return {**request, "thinking": thinking}
    return {key: value for key, value in request.items() if key != "thinking"}


def is_thinking(block: Json) -> bool:
    """Say whether a block is thinking, readable or not."""
    return kind_of(block) in THINKING_TYPES


def interleaves(conversation: Conversation) -> bool:
    """Say whether thinking is known to go on between calls, though its budget is manual."""
    return INTERLEAVED_BETA in (conversation.context.betas or ())


def begins_with_thinking(turn: Turn) -> bool:
    """Say whether a turn begins with thinking."""
    return bool(turn.blocks) and is_thinking(turn.blocks[0][2])


def current_rounds(conversation: Conversation) -> list[Turn]:
    """Return the assistant turns since the last prompt of the user, newest first, if results are the last word.

    Those are the rounds of one reply that is still going on. Empty where the conversation does not end with results,
    and where the reply began before what can be seen (see `Conversation.start`): that was checked then.
    """
    rounds: list[Turn] = []
    answered = False
    for turn in reversed(conversation.turns):
        if turn.role == "user":
            answered = any(kind_of(block) == "tool_result" for _, _, block in turn.blocks)
            if not answered:
                return rounds
        elif turn.role == "assistant":
            if not answered:
                return rounds
            rounds.append(turn)
    in_sight = not conversation.turns or conversation.turns[0].messages[0] == 0
    return rounds if in_sight else []


def assistant_thinking(conversation: Conversation) -> Iterator[Turn]:
    """Yield the assistant turns that hold thinking which is to be checked, in order."""
    indices = {index for index, _, _ in conversation.of_type(*THINKING_TYPES)}
    for turn in conversation.turns if indices else ():
        if turn.role == "assistant" and not indices.isdisjoint(turn.messages):
            yield turn


def latest_reply(conversation: Conversation) -> Turn | None:
    """Return the last assistant turn, or None where none can be seen."""
    return next((turn for turn in reversed(conversation.turns) if turn.role == "assistant"), None)


def forces_a_call(request: Json) -> bool:
    """Say whether the choice of tools leaves the model none but to call one."""
    choice: Any = request.get("tool_choice") if is_object(request) else None
    return is_object(choice) and kind_of(choice) in {"any", "tool"}
