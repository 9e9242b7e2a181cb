"""What 200 turns with parallel calls cost, and how much of their input comes from the prompt cache.

One script of a long piece of work, played by the emulator over HTTP to each agent. Ours is the agent as users build it.
The others are one hand-written loop with the same cache breakpoints as ours (at the end of the system prompt and of the
last two user messages), and one habit each:

- completion order: results stand in the order in which the calls were done;
- one breakpoint: only the last user message is marked, not the one before it as well;
- reminder: a text at the end of each request, which is not there any more in the next;
- clearing: what results said is left out as soon as ten turns have passed;
- clock: the system prompt says what time it is.

The emulator counts tokens as the API does: an entry for each breakpoint, found again at a breakpoint or up to 20 blocks
before one. "best" is what could have come from the cache if each request had read all that was the same in the one
before it. Money is by the table of `antiphon models`. Goal for ours: at least 95 percent, and the best.

The second table is about work in which every fifth turn has 12 to 24 calls: there a second breakpoint is needed, since
more than 20 blocks come between the last ones of two requests. The third is about pauses so long that nothing is left
in the cache: what it saves to clear old results then, which is the only time the agent does (`agent/clearing.py`), and
what it saves to have the cache keep everything for an hour. The last says from which request on an API refuses each
agent that binds thinking to what stood before it (as for Sonnet 5.5), or that wants results in the order of the calls.

    python dev.py bench long_run
    python bench/long_run.py --turns 40
"""

import argparse
import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio

from antiphon.agent.events import Usage
from antiphon.agent.prices import add, usage_of
from antiphon.emulator import Emulator, Record, Script
from antiphon.emulator.usage import tokens_of
from antiphon.protocol.prefix import pieces
from long_agents import AGENTS, FOR_AN_HOUR, KEPT_TURNS, MODEL, PAUSE, PAUSE_EVERY, Loop, Working, with_pauses
from long_script import Work
from measuring import Table

BOUND_MODEL = "claude-sonnet-5-5"
GOAL = 0.95


@dataclass
class Ledger:
    """What the emulator saw of one agent.

    Attributes:
        usage: of all replies.
        total: input tokens of all requests.
        unchanged: those of them that stood at the beginning of the request before, just so.
        requests: that were answered.
        refused: the number of the first request that was not, or None.
    """

    model: str
    usage: Usage = field(default_factory=Usage)
    total: int = 0
    unchanged: int = 0
    requests: int = 0
    refused: int | None = None
    _before: list[bytes] = field(default_factory=list[bytes])

    def told(self, record: Record) -> None:
        """Take note of a request and its reply."""
        if record.message is None:
            self.refused = self.refused or self.requests + 1
            return
        self.requests += 1
        usage = usage_of(record.message, self.model)
        self.usage = add(self.usage, usage)
        self.total += usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
        read = list(pieces(record.body or {}))
        same = itertools.takewhile(lambda pair: pair[0].data == pair[1], zip(read, self._before, strict=False))
        self.unchanged += sum(tokens_of(piece) for piece, _ in same)
        self._before = [piece.data for piece in read]

    @property
    def share(self) -> float:
        """Which part of the input came from the cache."""
        return self.usage.cache_read_input_tokens / self.total

    @property
    def best(self) -> float:
        """Which part could have."""
        return self.unchanged / self.total

    @property
    def dollars(self) -> float:
        """What it cost, replies included."""
        if self.usage.cost is None:
            raise RuntimeError(f"there is no price for {self.model}")
        return self.usage.cost


def played(agent: Working, model: str, work: Work, *, strict: bool = False) -> Ledger:
    """Let one agent do the work, and return what the emulator saw."""
    ledger = Ledger(model)
    clock = agent.clock if isinstance(agent, Loop) else time.monotonic
    script = Script(work.replies, shared=True)
    with Emulator(script, told=ledger.told, keep=1, strict_order=strict, clock=clock) as emulator:
        anyio.run(agent, emulator.url, model, work)
    return ledger


def costs(work: Work, agents: Mapping[str, Working]) -> list[Ledger]:
    """Print what the work costs with each agent, and return what the emulator saw of each.

    Raises:
        RuntimeError: an agent did not do all of it.
    """
    print(f"\n{work.turns} turns with {work.calls} calls, {MODEL}")
    table = Table("agent", "input tokens", "from cache", "best", "written", "fresh", "$/turn", "$", "ratio")
    ledgers: list[Ledger] = []
    for name, agent in agents.items():
        ledger = played(agent, MODEL, work)
        if ledger.requests != work.turns + 1 or ledger.refused:
            raise RuntimeError(f"{name}: {ledger.requests} requests were answered, not {work.turns + 1}")
        ledgers.append(ledger)
        table.row(
            name,
            f"{ledger.total:,}",
            f"{ledger.share:.1%}",
            f"{ledger.best:.1%}",
            f"{ledger.usage.cache_creation_input_tokens:,}",
            f"{ledger.usage.input_tokens:,}",
            f"{ledger.dollars / ledger.requests:.4f}",
            f"{ledger.dollars:.2f}",
            f"{ledger.dollars / ledgers[0].dollars:.2f}",
        )
    table.print()
    return ledgers


def reads_all_it_can(ledger: Ledger) -> bool:
    """Say whether an agent reaches the goal. In a short conversation even the best is less than 95 percent."""
    return ledger.share >= min(GOAL, ledger.best) and ledger.usage.cache_read_input_tokens == ledger.unchanged


def refusals(work: Work) -> bool:
    """Print which request of each agent is the first to be refused; say whether none of ours is."""
    print(f"\nfirst request that is refused, in {work.turns} turns")
    table = Table("agent", "bound thinking", "order wanted")
    ours_passes = True
    for name, agent in AGENTS.items():
        found = [played(agent, BOUND_MODEL, work).refused, played(agent, MODEL, work, strict=True).refused]
        table.row(name, *("never" if number is None else f"request {number}" for number in found))
        ours_passes = ours_passes and (name != "ours" or found == [None, None])
    table.print()
    return ours_passes


def main() -> int:
    """Run the comparison; the exit code says whether ours reaches its goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=200)
    turns = parser.parse_args().turns
    wide = {name: AGENTS[name] for name in ("ours", "one breakpoint")}
    paused = {
        "nothing done": with_pauses(),
        "cleared after pauses": with_pauses(clears=True),
        "cached for an hour": with_pauses(marker=FOR_AN_HOUR),
    }
    good = [
        reads_all_it_can(costs(Work(turns), AGENTS)[0]),
        reads_all_it_can(costs(Work(-(-turns // 4), wide=True), wide)[0]),
    ]
    print(f"\na pause of {PAUSE / 60:.0f} minutes before every {PAUSE_EVERY}th request:", end="")
    costs(Work(turns), paused)
    good.append(refusals(Work(max(turns // 8, KEPT_TURNS + 2))))
    print("\ngoal reached" if all(good) else "goal missed")
    return not all(good)


if __name__ == "__main__":
    raise SystemExit(main())
