"""Random plans of what a model, tools, people and the network do: the input of random turns.

Knows what can go wrong around a turn. Does not know what the engine makes of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Literal, TypeVar

from antiphon.engine.events import EXCLUSIVE, INDEPENDENT, READS_NOTHING_LOCAL, Access, Resource, reading, writing

T = TypeVar("T")

Ending = Literal["return", "report failure", "raise", "hang", "cancel itself"]
Answer = Literal["allow", "deny", "raise"]

RESOURCES: tuple[Resource, ...] = (
    ("file", "src", "a.py"),
    ("file", "src", "b.py"),
    ("file", "src"),
    ("file",),
    ("file", "docs"),
    ("mcp", "tickets"),
    (),
)
"""Few, and one inside the other, so that calls get in each other's way."""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One tool call.

    Attributes:
        sent_id: the id the model sends: fine, used twice, with forbidden characters, or none.
        name: `work`, a tool that does not exist, or a name with forbidden characters.
        broken: its arguments are not JSON.
        access: what it touches.
        ask: how the question about it is answered, if there is one.
        thinking: the awaits of whoever answers, in virtual seconds; 0 lets others go first.
        working: the awaits of the tool.
        ending: how the tool ends.
        timeout: seconds it may take, or None.
        on_stop: what the tool does when it is stopped: `let go`, `clean up` (takes a second), or `go on` (returns a
            result all the same).
        locks: it holds the one lock that all such calls share.
        denied: a rule says that it may not run.
    """

    sent_id: str | None
    name: str
    broken: bool
    access: Access
    ask: Answer | None
    thinking: tuple[float, ...]
    working: tuple[float, ...]
    ending: Ending
    timeout: float | None
    on_stop: Literal["let go", "clean up", "go on"]
    locks: bool = False
    denied: bool = False


@dataclass(frozen=True, slots=True)
class PlannedReply:
    """One reply of the model.

    Attributes:
        blocks: tool calls, texts, and places where another model takes over, in order.
        pauses: the awaits before each block and before the end, each a list of virtual seconds.
        ending: `complete`, `cut` (`max_tokens`), `broken` (the stream fails) or `refused`.
    """

    blocks: tuple[PlannedCall | Literal["text", "fallback"], ...]
    pauses: tuple[tuple[float, ...], ...]
    ending: Literal["complete", "cut", "broken", "refused"]


@dataclass(frozen=True, slots=True)
class PlannedStop:
    """The user stops the turn.

    Attributes:
        how: `told` (somebody tells the turn), `cancelled` (the task that runs it is cancelled), or `cancelled with all`
            (and the tools with it, before the turn knows).
        steps: after so many steps of the loop, or None.
        seconds: else after so many virtual seconds.
    """

    how: Literal["told", "cancelled", "cancelled with all"]
    steps: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A few replies in a row, of one conversation.

    Attributes:
        replies: in order; after a broken one the request is made again.
        limit: how many calls may run at once.
        stop: when the user stops it all, if so.
    """

    replies: tuple[PlannedReply, ...]
    limit: int
    stop: PlannedStop | None


def draw_plan(chance: Random) -> Plan:
    """Draw a plan."""
    number = _pick(chance, (1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3))
    stop = None
    if chance.random() < 0.3:
        by_steps = chance.random() < 0.7
        stop = PlannedStop(
            _pick(chance, ("told", "told", "cancelled", "cancelled with all")),
            int(chance.random() ** 2 * 60) if by_steps else None,
            float(int(chance.random() * 8)),
        )
    return Plan(
        tuple(_reply(chance, last=place == number - 1) for place in range(number)),
        _pick(chance, (1, 2, 3, 32, 32, 32, 32)),
        stop,
    )


def _reply(chance: Random, *, last: bool) -> PlannedReply:
    # Two or three calls are quick, and almost every fault shows in them; a few turns are as large as they get.
    calls = _pick(chance, (1, 2, 2, 2, 2, 3, 3)) if chance.random() < 0.94 else 4 + int(chance.random() * 13)
    blocks: list[PlannedCall | Literal["text", "fallback"]] = []
    for number in range(calls):
        luck = chance.random()
        if luck < 0.06:
            blocks.append("text")
        elif luck < 0.08:
            blocks.append("fallback")
        blocks.append(_call(chance, number))
    if chance.random() < 0.05:
        blocks.append("text")
    luck = chance.random()
    ending: Literal["complete", "cut", "broken", "refused"] = "complete"
    if luck < 0.12:
        ending = "cut"
    elif luck < 0.22 or (luck < 0.5 and not last):
        ending = "broken"
    elif luck > 0.97:
        ending = "refused"
    return PlannedReply(tuple(blocks), tuple(_pick(chance, _UP_TO_ONE) for _ in range(len(blocks) + 1)), ending)


def _call(chance: Random, number: int) -> PlannedCall:
    luck = chance.random()
    sent_id: str | None = f"toolu_{number}"
    if luck < 0.15:
        sent_id = "toolu_0" if luck < 0.05 else None if luck < 0.1 else "functions.work:0"
    luck = chance.random()
    ending = _pick(chance, _ENDINGS)
    timeout = None if ending != "hang" and luck < 0.7 else 1.0 + int(luck * 50) % 4
    luck = chance.random()
    name = "work" if luck > 0.06 else "no_such_tool" if luck > 0.03 else "bad name!"
    ask = _pick(chance, _ANSWERS) if chance.random() < 0.2 else None
    return PlannedCall(
        sent_id=sent_id,
        name=name,
        broken=luck > 0.96,
        access=_access(chance),
        ask=ask,
        thinking=_pick(chance, _UP_TO_TWO) if ask is not None else (),
        working=_pick(chance, _UP_TO_THREE),
        ending=ending,
        timeout=timeout,
        on_stop=_pick(chance, ("let go", "let go", "clean up", "go on")),
        locks=chance.random() < 0.1,
        denied=chance.random() < 0.04,
    )


_MOSTLY_FINE: tuple[Ending, ...] = ("return", "return", "return", "return", "return", "return")
_ENDINGS: tuple[Ending, ...] = (*_MOSTLY_FINE, "report failure", "raise", "hang", "cancel itself")
_ANSWERS: tuple[Answer, ...] = ("allow", "allow", "allow", "deny", "raise")


def _access(chance: Random) -> Access:
    luck = chance.random()
    if luck < 0.4:
        return reading(_resource(chance))
    if luck < 0.7:
        return writing(_resource(chance))
    if luck < 0.8:
        return Access(reads=(_resource(chance), _resource(chance)), writes=(_resource(chance),))
    if luck < 0.85:
        return Access(reads=(_resource(chance),))
    return _pick(chance, (READS_NOTHING_LOCAL, INDEPENDENT, EXCLUSIVE))


def _resource(chance: Random) -> Resource:
    # The first ones are the usual: two files of one directory.
    return RESOURCES[int(chance.random() ** 2 * len(RESOURCES))]


def _combinations(most: int) -> tuple[tuple[float, ...], ...]:
    """Return rows of up to `most` awaits, each length as often as any other.

    Half of the awaits let others go first, half take a few whole seconds, so that many end together.
    """
    waits = (0.0, 0.0, 0.0, 1.0, 2.0, 3.0)
    rows: list[tuple[float, ...]] = []
    for length in range(most + 1):
        rows += [*product(waits, repeat=length)] * len(waits) ** (most - length)
    return tuple(rows)


_UP_TO_ONE, _UP_TO_TWO, _UP_TO_THREE = (_combinations(most) for most in (1, 2, 3))


def _pick(chance: Random, choices: Sequence[T]) -> T:
    return choices[int(chance.random() * len(choices))]
