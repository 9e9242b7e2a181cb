"""A long piece of work, drawn from a seed: what a model says for 200 turns, and what its tools answer.

Turns have one to eight calls, small numbers more often; reads, edits and commands. Results have 0.5 to 8 kB, and one of
thirty has 30 kB. Every call of the work is known by its first argument, so tools need no files: they look up what they
return, after a pause of which the longest are longest where the results are.
"""

import random
import re
from dataclasses import dataclass, field
from typing import Any

import anyio

from antiphon import tool
from antiphon.emulator import Reply, Text, Thinking, ToolUse, reply

PROMPT = (
    "The import of large orders is slow and sometimes loses lines. Find out why, repair it, and keep the tests green."
)
_CALLS = {1: 30, 2: 20, 3: 15, 4: 12, 5: 8, 6: 6, 7: 5, 8: 4}
"""How many calls a turn has, by weight."""
_WORDS: list[str] = re.findall(
    r"\w+",
    "order line import parse batch total self return for in if not None raise ValueError def class assert result cache "
    "customer price currency tax shipping decimal row column header value index offset size buffer stream chunk retry",
)

SYSTEM = "\n".join(
    f"{number}. " + " ".join(random.Random(number).choices(_WORDS, k=40)) + "." for number in range(1, 41)
)
"""As long as system prompts of coding agents are."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call returns, and after how many seconds."""

    text: str
    seconds: float


@dataclass
class Work:
    """The script.

    Attributes:
        replies: what the model says, turn by turn; a text ends it.
        outcomes: what calls return, by their first argument.
        calls: how many there are.
    """

    turns: int
    wide: bool = False
    seed: int = 11804
    replies: list[Reply | str] = field(default_factory=list[Reply | str])
    outcomes: dict[str, Outcome] = field(default_factory=dict[str, Outcome])

    def __post_init__(self) -> None:
        """Draw it all."""
        chance = random.Random(self.seed)
        for turn in range(self.turns):
            count = chance.choices(list(_CALLS), list(_CALLS.values()))[0]
            if self.wide and turn % 5 == 4:
                count = chance.randint(12, 24)
            calls = [self._call(chance, f"{turn}_{index}") for index in range(count)]
            thought, said = (_text(chance, chance.randint(*length)) for length in ((200, 1200), (40, 300)))
            self.replies.append(reply(Thinking(thinking=thought), Text(text=said), *calls, chunk=4096, pings=0))
        self.replies.append("It is done: lines were lost where a batch ended within a quoted field.")

    @property
    def calls(self) -> int:
        """How many calls there are."""
        return len(self.outcomes)

    def _call(self, chance: random.Random, number: str) -> ToolUse:
        kind = chance.choices(("read_file", "edit_file", "run_command"), (60, 20, 20))[0]
        size = 30_000 if chance.random() < 1 / 30 else int(500 * 16 ** chance.random())
        given: dict[str, str]
        if kind == "run_command":
            given = {"command": f"pytest -q tests/orders/test_import_{number}.py"}
        elif kind == "edit_file":
            size = min(size, 1000)
            old = _text(chance, chance.randint(100, 900))
            given = {"path": f"src/orders/import_{number}.py", "old": old, "new": f"{old}{_text(chance, 200)}"}
        else:
            given = {"path": f"src/orders/import_{number}.py"}
        self.outcomes[next(iter(given.values()))] = Outcome(_text(chance, size), size / 30_000 * chance.random() * 0.02)
        return ToolUse(name=kind, input=given)

    async def done(self, arguments: dict[str, Any]) -> str:
        """Carry out a call."""
        outcome = self.outcomes[next(iter(arguments.values()))]
        await anyio.sleep(outcome.seconds)
        return outcome.text


def tools_of(work: Work) -> list[Any]:
    """Return the tools as users of the library declare them."""

    def file(path: str) -> tuple[str, str]:
        return "file", path

    @tool(reads=file)
    async def read_file(path: str) -> str:
        """Return the text of a file."""
        return await work.done({"path": path})

    @tool(writes=file)
    async def edit_file(path: str, old: str, new: str) -> str:
        """Replace a piece of text that stands once in a file by another."""
        return await work.done({"path": path, "old": old, "new": new})

    @tool(exclusive=True)
    async def run_command(command: str) -> str:
        """Run a command in the shell and return what it prints."""
        return await work.done({"command": command})

    return [read_file, edit_file, run_command]


def _text(chance: random.Random, size: int) -> str:
    lines: list[str] = []
    while size > 0:
        lines.append(f"    {' '.join(chance.choices(_WORDS, k=9))}"[:size])
        size -= len(lines[-1]) + 1
    return "\n".join(lines)
