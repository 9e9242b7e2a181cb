"""Sessions by hand, for tests of what is worked out from their records: every record with its moment."""

import os
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

from antiphon.engine.events import (
    EXCLUSIVE,
    READS_NOTHING_LOCAL,
    Access,
    Allowed,
    Finished,
    MessageEnded,
    Requested,
    Result,
    ToolCall,
    failure,
    reading,
    writing,
)
from antiphon.protocol.messages import Json
from antiphon.sessions.records import (
    Answered,
    Begun,
    Checkpointed,
    Configured,
    Entry,
    Prompted,
    Record,
    Replied,
    RunEnded,
    TurnBegan,
)

BEGAN = 1_795_435_200.0
"""When all of them begin: 2026-11-23 12:00:00 UTC."""
OK = Result("ok")
MODEL = "claude-sonnet-5-5"


class Story:
    """Records with their moments, in the order in which they are told."""

    def __init__(self, *records: tuple[float, Record], workspace: str = "/proj/shop") -> None:
        """Begin a session with these records; moments are seconds since its begin."""
        self.entries: list[Entry] = []
        self.tell(0.0, Begun("5e551011-0000-4000-8000-000000000001", workspace), Configured({"model": MODEL}))
        for at, record in records:
            self.tell(at, record)

    def tell(self, at: float, *records: Record) -> "Story":
        """Go on with records of one moment."""
        for record in records:
            self.entries.append(Entry(len(self.entries) + 1, BEGAN + at, record))
        return self

    def ask(self, at: float, text: str) -> "Story":
        """Say something."""
        return self.tell(at, Prompted(({"type": "text", "text": text},)))

    def reply(self, at: float, *calls: str, text: str = "", **usage: int) -> "Story":
        """Complete a reply with calls of these ids."""
        content: list[Json] = [{"type": "text", "text": text}] if text else []
        content += [{"type": "tool_use", "id": call, "name": "tool", "input": {}} for call in calls]
        told: Json = {"model": MODEL, "stop_reason": "tool_use" if calls else "end_turn", "usage": usage}
        return self.tell(at, Replied(tuple(content), told), MessageEnded())

    def answer(self, at: float, *calls: str) -> "Story":
        """Answer these calls."""
        return self.tell(at, Answered(tuple({"type": "tool_result", "tool_use_id": call} for call in calls)))


def requested(
    call_id: str, name: str, access: Access = READS_NOTHING_LOCAL, *, ask: bool = False, **arguments: Any
) -> Requested:
    """Return a call that was asked for."""
    return Requested(ToolCall(call_id, name, arguments), access, ask=ask)


def file(path: str) -> tuple[str, ...]:
    """Return the resource of a file."""
    return "file", *path.split("/")


def shop() -> Story:
    """Return a session with one run of two turns: calls that wait for each other, for approval and for the reply."""
    story = Story().ask(0.0, "Raise the price and run the tests")
    story.tell(0.1, TurnBegan(1, 8, 4000))
    story.tell(1.0, requested("a", "read_file", reading(file("shop.py")), path="shop.py"))
    story.tell(1.4, requested("b", "search_files", reading(("file",)), pattern="price", path="src"))
    story.tell(1.8, Finished("a", Result("def price(): ...\n")))
    story.tell(2.0, requested("c", "edit_file", writing(file("shop.py")), path="shop.py", old="1", new="2"))
    story.tell(2.4, requested("d", "run_command", EXCLUSIVE, ask=True, command="pytest -q"))
    story.reply(2.8, "a", "b", "c", "d", input_tokens=400, output_tokens=220, cache_read_input_tokens=3600)
    story.tell(3.0, Checkpointed("0" * 40, "edit_file"), Finished("b", Result("3 matches\n1\n2")))
    story.tell(3.5, Finished("c", OK))
    story.tell(4.5, Allowed("d"))
    story.tell(6.5, Finished("d", failure("1 failed\nassert 2 == 1")))
    story.answer(6.5, "a", "b", "c", "d")
    story.tell(6.6, TurnBegan(2, 8))
    story.reply(8.0, text="Done.", input_tokens=300, output_tokens=40, cache_read_input_tokens=4000)
    return story.tell(8.0, RunEnded("end_turn"))


def killed() -> Story:
    """Return a session whose process died at moment 4, with four calls in different states."""
    story = Story().ask(0, "go").tell(0, TurnBegan(1, 8))
    story.tell(1, requested("a", "read_file", reading(file("x"))), requested("b", "edit_file", writing(file("y"))))
    story.tell(1, requested("c", "edit_file", writing(file("y"))), requested("d", "read_file", reading(file("z"))))
    return story.reply(2, "a", "b", "c", "d").tell(4, Finished("a", OK))


def long_session(turns: int, calls: int = 3) -> Story:
    """Return a session with one run of so many turns."""
    story = Story().ask(0.0, "Go on and on")
    for turn in range(1, turns + 1):
        at = turn * 10.0
        ids = [f"toolu_{turn:05}_{number}" for number in range(calls)]
        story.tell(at, TurnBegan(turn, 8))
        for number, call in enumerate(ids):
            story.tell(at + 1 + number / 10, requested(call, "read_file", path=f"src/{call}.py"))
        story.reply(at + 2, *ids, input_tokens=10, output_tokens=50, cache_read_input_tokens=1000 + turn)
        for number, call in enumerate(reversed(ids)):
            story.tell(at + 3 + number / 10, Finished(call, OK))
        story.answer(at + 4, *ids)
    return story.tell(turns * 10.0 + 5, RunEnded("max_turns"))


def seconds(values: Iterable[float]) -> list[float]:
    """Return durations or moments, without what floats add to them."""
    return [round(value, 3) for value in values]


@contextmanager
def in_utc() -> Generator[None]:
    """Let this process think it is in Greenwich, so that moments are written alike everywhere."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        yield
    finally:
        del os.environ["TZ"]
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()
