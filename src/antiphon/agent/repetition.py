"""Notices a model that goes round in circles: the same calls turn after turn, or nothing but failures. Pure.

Worked out from the conversation alone, so a session that is gone on with has lost no count. A reply counts once,
however many calls it has. A prompt of the user begins the count anew, and so does any other work.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from antiphon.engine.events import ToolCall
from antiphon.protocol.messages import Json, blocks_of, tool_uses

NOTICED_AT = 3
"""Turns in a row after which it is noticed, and again after so many more."""

_MAY_REPEAT = frozenset({"background_command", "update_todos", "ask_user"})
"""Tools that are asked the same thing again with good reason: they look at what changes by itself, or at a person."""

NOTE_BEGINS = "[Antiphon has noticed: "
_LONGEST = 60
_ORDINALS = {3: "third", 6: "sixth", 9: "ninth"}


@dataclass(frozen=True, slots=True)
class Repetition:
    """What the last turns have in common.

    Attributes:
        same: how many of the last turns in a row asked for the same calls; 1 where the last differs from before.
        failed: in how many of the last turns in a row every call failed.
        call: the first call of the last turn.
        calls: how many different calls the last turn has.
    """

    same: int
    failed: int
    call: ToolCall
    calls: int

    @property
    def turns(self) -> int:
        """For how many turns something is to be noticed now; 0 where nothing is."""
        return max((count for count in (self.same, self.failed) if count and count % NOTICED_AT == 0), default=0)

    @property
    def is_again(self) -> bool:
        """Whether it was noticed before, and nothing has changed since."""
        return self.turns > NOTICED_AT

    @property
    def text(self) -> str:
        """What is noticed, a sentence without its full stop."""
        if self.turns == self.same:
            what = _shown(self.call) + (f" and {self.calls - 1} more" if self.calls > 1 else "")
            how = "fails" if self.failed >= self.same else "is called"
            nth = f"for the {_ORDINALS.get(self.turns, f'{self.turns}th')} time in a row"
            return f"{what} {how} {nth}, with the same arguments"
        return f"In the last {self.turns} turns every tool call failed, the last one being {_shown(self.call)}"

    @property
    def note(self) -> str:
        """What the model is told."""
        advice = "Doing it once more will not help. Find out why, try another way, or say what stands in the way."
        return f"{NOTE_BEGINS}{self.text}. {advice}]"


def repetition(messages: Sequence[Json], notes: Sequence[str] = (NOTE_BEGINS,)) -> Repetition | None:
    """Return what the last turns of a conversation that ends with results have in common; None where it does not.

    Args:
        messages: the conversation.
        notes: how texts behind results begin that are no words of the user.
    """
    turns = _turns(messages, tuple(notes))
    last = next(turns, None)
    if last is None or not last.calls:
        return None
    same = failed = 1
    still_same, still_failed = True, last.all_failed
    for turn in turns:
        still_same = still_same and turn.calls == last.calls
        still_failed = still_failed and turn.all_failed
        same, failed = same + still_same, failed + still_failed
        if not still_same and not still_failed:
            break
    return Repetition(same, failed if last.all_failed else 0, last.first, len(last.calls))


@dataclass(frozen=True, slots=True)
class _TurnSeen:
    """A turn's calls, those left out that may repeat; and whether all of them failed."""

    calls: frozenset[str]
    first: ToolCall
    all_failed: bool


def _turns(messages: Sequence[Json], notes: tuple[str, ...]) -> Iterator[_TurnSeen]:
    """Yield the turns from the last one back to the last words of the user."""
    for place in range(len(messages) - 2, -1, -2):
        reply, answer = messages[place], messages[place + 1]
        calls = [ToolCall(str(use["id"]), str(use["name"]), use["input"]) for use in tool_uses(reply)]
        blocks = blocks_of(answer)
        results = [block for block in blocks if block.get("type") == "tool_result"]
        if not calls or not results or not all(_is_note(block, notes) for block in blocks[len(results) :]):
            return
        counted = [call for call in calls if call.name not in _MAY_REPEAT]
        keys = frozenset(f"{call.name} {json.dumps(call.input, sort_keys=True)}" for call in counted)
        yield _TurnSeen(keys, (counted or calls)[0], all(block.get("is_error") is True for block in results))


def _is_note(block: Json, notes: tuple[str, ...]) -> bool:
    return block.get("type") == "text" and str(block.get("text", "")).startswith(notes)


def _shown(call: ToolCall) -> str:
    """Return a call by its name and its first telling argument, safe to print."""
    first = next((value for value in call.input.values() if isinstance(value, str) and value.strip()), "")
    line = "".join(each if each.isprintable() else "?" for each in " ".join(first.split()))
    shown = line if len(line) <= _LONGEST else f"{line[:_LONGEST].rstrip()}..."
    return f"{call.name} `{shown}`" if shown else call.name
