"""What share of damaged conversations repairers bring back: ours, and those on PyPI that are installed.

Every repairer gets the same conversations (`antiphon.testing.damages`), and the same judges: our rules, a second
opinion that shares no code with them, and a count of the results that were lost or given to another call. "pairs" is
damage to the order and completeness of messages and blocks only, which all of them claim to mend; "all" adds wrong
roles, ids, types and values. The others are left out when they are not there; to have them beside ours:

    pip install turnsafe tool-call-repair tessera-transcript
    python dev.py bench repairers
"""

import copy
import importlib
import json
import time
from collections.abc import Callable
from random import Random
from typing import Any

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import dialect
from antiphon.protocol.messages import Json, blocks_of
from antiphon.testing.damages import DAMAGES, Damage, conversation, lost_or_crossed
from antiphon.testing.second_opinion import refuses
from measuring import Table

CASES = 2000
ANTHROPIC = dialect("anthropic")
WRONG_VALUES = {"_change_role", "_change_id", "_corrupt_block", "_insert_block", "_insert_message"}
PAIRS = tuple(damage for damage in DAMAGES if damage.__name__ not in WRONG_VALUES)

Repairer = Callable[[Json], list[Json]]
"""Takes a request and returns its messages, repaired."""


def ours(request: Json) -> list[Json]:
    """Repair with Antiphon."""
    return repair(request, ANTHROPIC).request["messages"]


def repairers() -> dict[str, Repairer]:
    """Return ours, those of others that are installed, and none."""
    found: dict[str, Repairer] = {"antiphon": ours}
    for name, package, call in (
        ("turnsafe", "turnsafe", _plain),
        ("tool-call-repair", "toolrepair", _plain),
        ("tessera-transcript", "tessera", _within_a_report),
    ):
        try:
            module: Any = importlib.import_module(package)
        except ImportError:
            continue
        found[name] = call(module.repair)
    return {**found, "none": lambda request: request["messages"]}


def _plain(function: Any) -> Repairer:
    return lambda request: list(function(request["messages"]))


def _within_a_report(function: Any) -> Repairer:
    return lambda request: list(function(request["messages"]).transcript)


def damaged(seed: int, damages: tuple[Damage, ...]) -> Json:
    """Return a conversation with one to five faults of some kinds."""
    chance = Random(seed)
    request = conversation(chance)
    messages = request["messages"]
    for _ in range(chance.randint(1, 5)):
        if messages:
            messages = chance.choice(damages)(chance, messages)
    return {**request, "messages": messages}


def measured(repairer: Repairer, cases: list[Json]) -> list[str]:
    """Return the figures of one repairer over some conversations."""
    valid = kept = good = raised = 0
    seconds = 0.0
    for request in cases:
        given = copy.deepcopy(request)
        started = time.perf_counter()
        try:
            messages = repairer(given)
        except Exception:  # noqa: BLE001  (that it raises is a figure)
            raised += 1
            continue
        finally:
            seconds += time.perf_counter() - started
        is_valid, is_kept = _judged(request, {**request, "messages": messages})
        valid, kept, good = valid + is_valid, kept + is_kept, good + (is_valid and is_kept)
    shares = [f"{100 * count / len(cases):.1f} %" for count in (valid, kept, good)]
    return [*shares, str(raised), f"{seconds / len(cases) * 1e6:.0f}"]


def _judged(request: Json, repaired: Json) -> tuple[bool, bool]:
    """Return whether a repaired request is valid, and whether all of its results are there and where they belong."""
    try:
        is_valid = not check(repaired, ANTHROPIC) and not refuses(repaired)
        is_kept = not lost_or_crossed(request, repaired)
    except (KeyError, TypeError, AttributeError):
        return False, False
    # Whoever has nothing to mend must leave it as it is; where the evidence is split, both is right.
    changed = json.dumps(request["messages"]) != json.dumps(repaired["messages"])
    return is_valid, is_kept and not (changed and not check(request, ANTHROPIC.cautious()))


def main() -> None:
    """Print a table for each kind of damage."""
    for title, damages in (("pairs", PAIRS), ("all", DAMAGES)):
        drawn = [damaged(seed, damages) for seed in range(CASES)]
        cases = [request for request in drawn if any(blocks_of(message) for message in request["messages"])]
        print(f"{title}: {len(cases)} conversations")
        table = Table("repairer", "valid", "results kept", "both", "raised", "us each")
        for name, repairer in repairers().items():
            table.row(name, *measured(repairer, cases))
        table.print()


if __name__ == "__main__":
    main()
