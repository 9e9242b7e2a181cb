"""What must be true after an agent died, or met a broken disk, and after another process went on with its session."""

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from antiphon.engine.events import Finished
from antiphon.engine.message import result_block
from antiphon.engine.turn import NOT_REACHED, UNKNOWN
from antiphon.errors import SessionError
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import ANTHROPIC
from antiphon.protocol.messages import Json
from antiphon.sessions.records import Entry, Replied
from antiphon.sessions.replay import replay
from antiphon.sessions.storage.log import FILE, read_entries
from antiphon.testing.crashing_agent import SESSION, Outcome, calls_of, effects, label_of, sessions_at

_GONE_IN = 2.0
"""Seconds after which no process may be left."""


@dataclass(frozen=True, slots=True)
class Left:
    """What an agent left.

    Attributes:
        place: the files of the trial.
        calls: how many calls that change files were counted.
        reached: what was to happen to it did.
        killed: and it was that it was killed.
        outcome: what it told, where it lived to its end.
        seconds: how long it lived.
    """

    place: Path
    calls: int
    reached: bool
    killed: bool
    outcome: Outcome | None
    seconds: float


def entries_at(place: Path) -> list[Entry]:
    """Return what is in the session's log; nothing where it never began."""
    directory = sessions_at(place).directory / SESSION
    try:
        return read_entries(directory)
    except SessionError:
        if (directory / FILE).exists():
            raise
        return []


def wrong_with_what_is_left(left: Left) -> str:
    """Say what is wrong with how an agent ended; a killed one tells nothing."""
    outcome = left.outcome
    if outcome is None:
        return "" if left.killed else "the agent ended without a word"
    if not outcome.problem and replay(entries_at(left.place)).messages != outcome.messages:
        return "the log does not hold the conversation, and nothing tells of it"
    if not left.reached and outcome.error:
        return f"nothing happened to it, and it ended with: {outcome.error}"
    return ""


def wrong_with_going_on(place: Path, entries: Sequence[Entry], outcome: Outcome | None, before: dict[str, int]) -> str:
    """Say what is wrong with how another process went on."""
    if outcome is None or outcome.error:
        return f"it could not be gone on with: {outcome.error if outcome else 'the process ended without a word'}"
    if violations := check({"messages": outcome.messages}, ANTHROPIC):
        return f"the conversation is not valid: {violations[0].text}"
    if replay(entries_at(place)).messages != outcome.messages:
        return "what is in the log afterwards is not the conversation"
    after = effects(place)
    if twice := sorted(label for label, count in after.items() if count > 1):
        return f"these happened twice: {twice}"
    if after != before:
        return f"going on changed what was done: {before} became {after}"
    return _lost(entries, outcome.messages) or _misjudged(entries, outcome.messages, after)


def _lost(entries: Sequence[Entry], messages: list[Json]) -> str:
    """Say which result was in the log of a turn whose reply was complete, and is not in the conversation."""
    results = {str(call["id"]): result for call, result in calls_of(messages)}
    replied = [block for entry in entries if isinstance(entry.record, Replied) for block in entry.record.content]
    for block in replied:
        if block.get("type") == "tool_use" and results.get(str(block["id"])) is None:
            return f"the call {block['id']} was in the log and has no result in the conversation"
    for record in [entry.record for entry in entries if isinstance(entry.record, Finished)]:
        if record.id in results and results[record.id] != result_block(record.id, record.result):
            return f"the result of {record.id} was in the log and is now {results[record.id]}"
    return ""


def _misjudged(entries: Sequence[Entry], messages: list[Json], after: dict[str, int]) -> str:
    """Say which result tells of a call what was not so, and what happened without a call."""
    if unasked := set(after) - {label_of(call) for call, _ in calls_of(messages)}:
        return f"{sorted(unasked)} happened, and no call in the conversation tells of it"
    finished = {entry.record.id for entry in entries if isinstance(entry.record, Finished)}
    for call, result in calls_of(messages):
        label, text = label_of(call), str((result or {}).get("content"))
        if not label:
            if text in (UNKNOWN.content, NOT_REACHED.content):
                return f"{call['name']} only reads, and did not run again"
        elif text == NOT_REACHED.content and label in after:
            return f"{label} was done, and is said not to have been begun"
        elif str(call["id"]) not in finished and text not in (UNKNOWN.content, NOT_REACHED.content):
            return f"nobody knows what became of {label}, and its result is {text!r}"
    return ""


def processes_left(place: Path) -> str:
    """Say which processes still work in a place, after a time in which they may end."""
    deadline = time.monotonic() + _GONE_IN
    while there := _processes_in(place):
        if time.monotonic() > deadline:
            for pid, _ in there:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return f"left behind: {', '.join(name for _, name in there)}"
        time.sleep(0.005)
    return ""


def _processes_in(place: Path) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with suppress(OSError):
                if (process / "cwd").readlink().is_relative_to(place):
                    name = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found.append((int(process.name), name.strip()))
    return found
