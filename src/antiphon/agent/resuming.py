"""Going on with a session: what a killed process left open, and what may be sent again as it was. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from antiphon.engine.events import Denied, Event, Finished, Requested, ToolCall
from antiphon.engine.turn import NOT_REACHED, UNKNOWN
from antiphon.protocol.messages import Json, tool_uses
from antiphon.sessions.replay import OpenTurn, State

_BOUND = "model", "system", "tools"
"""The parameters that newer models bind their thinking to, beside the messages."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the calls that a killed process left open.

    Attributes:
        finished: had finished; their results were kept.
        repeated: only read, and ran again.
        unknown: were running and may have changed something; the model was told that their outcome is unknown.
        not_started: had not begun, and were not carried out.
    """

    finished: tuple[ToolCall, ...] = ()
    repeated: tuple[ToolCall, ...] = ()
    unknown: tuple[ToolCall, ...] = ()
    not_started: tuple[ToolCall, ...] = ()


def left_open(found: State) -> OpenTurn | None:
    """Return the turn whose reply ends the conversation with calls that are not answered, or None."""
    if found.turn is None or found.turn.replied is None or not found.messages:
        return None
    return found.turn if any(True for _ in tool_uses(found.messages[-1])) else None


def events_for(left: OpenTurn, message: Json) -> list[Event]:
    """Return the events of a turn for exactly the calls of its message.

    They are what was recorded, unless the log was damaged: a call that nothing is known of may have run.
    """
    calls = [
        ToolCall(str(block["id"]), str(block["name"]), cast("Json", block["input"])) for block in tool_uses(message)
    ]
    asked = {event.call.id: event for event in left.events if isinstance(event, Requested)}
    if list(asked) == [call.id for call in calls]:
        return left.events
    requested = [asked.get(call.id) or Requested(call, answer=UNKNOWN) for call in calls]
    return [*requested, *(event for event in left.events if not isinstance(event, Requested))]


def settled(left: Sequence[Event], results: Iterable[tuple[ToolCall, object]]) -> Settled:
    """Say what became of the calls of a turn that was gone on with: `left` is what was recorded before."""
    answered = {event.id for event in left if isinstance(event, Finished | Denied)}
    answered |= {event.call.id for event in left if isinstance(event, Requested) and event.answer is not None}
    pairs = list(results)
    fresh = [(call, result) for call, result in pairs if call.id not in answered]
    return Settled(
        finished=tuple(call for call, _ in pairs if call.id in answered),
        repeated=tuple(call for call, result in fresh if result not in (UNKNOWN, NOT_REACHED)),
        unknown=tuple(call for call, result in fresh if result == UNKNOWN),
        not_started=tuple(call for call, result in fresh if result == NOT_REACHED),
    )


def system_of(params: Json | None) -> str | None:
    """Return the system prompt of these parameters, or None: caches and bound thinking rest on its being the same."""
    system: Any = (params or {}).get("system")
    if isinstance(system, list):
        return "\n\n".join(str(block.get("text", "")) for block in cast("list[Json]", system)) or None
    return system if isinstance(system, str) else None


def same_prefix(one: Json, other: Json) -> bool:
    """Whether requests with these parameters begin alike, so that thinking that one led to stands in the other."""
    return all(one.get(name) == other.get(name) for name in _BOUND)
