"""An agent goes on with a session of which any record was lost; the loss costs itself only."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from antiphon import Agent, tool
from antiphon.emulator import Emulator, Text, ToolUse, reply
from antiphon.engine.events import Finished
from antiphon.engine.turn import UNKNOWN
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import ANTHROPIC
from antiphon.protocol.messages import Json, blocks_of
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.sessions.records import Entry, MessageEnded, Replied
from antiphon.sessions.session import Session
from antiphon.sessions.store import Sessions

SCRIPT = [
    reply(Text("I look."), ToolUse("look", {"name": "a"}), ToolUse("write", {"name": "b"})),
    reply(ToolUse("write", {"name": "c"}), ToolUse("look", {"name": "d"}), ToolUse("write", {"name": "e"})),
    "All done.",
]


@tool(early=True)
async def look(name: str) -> str:
    """Look at something."""
    return f"{name} was seen"


@tool
async def write(name: str) -> str:
    """Write something."""
    WRITTEN.append(name)
    return f"{name} was written"


WRITTEN: list[str] = []


def agent_of(session: Session, emulator: Emulator) -> Agent:
    provider = AnthropicProvider(api_key="any", base_url=emulator.url)
    return Agent(tools=[look, write], provider=provider, session=session)


async def whole(sessions: Sessions) -> list[Entry]:
    """Run the script, and return what was recorded."""
    async with Emulator(SCRIPT) as emulator:
        with sessions.create("/work", id="whole") as session:
            async with agent_of(session, emulator) as agent:
                await agent.run("go")
            return session.entries()


def without(sessions: Sessions, entries: Sequence[Entry], lost: set[int], name: str) -> str:
    """Keep these records in a session of its own, and take away those that are lost."""
    with sessions.create("/work", id=name) as session:
        for entry in entries[1:]:
            session.record(entry.record, at=entry.at)
    with closing(sqlite3.connect(sessions.directory / name / "session.db", isolation_level=None)) as connection:
        numbers = ", ".join(map(str, lost))
        connection.executescript(f"DROP TRIGGER records_are_kept; DELETE FROM records WHERE number IN ({numbers});")
    return name


async def gone_on_with(sessions: Sessions, name: str) -> list[Json]:
    """Go on with a session; return the conversation, which is valid."""
    async with Emulator(["Nothing more."]) as emulator:
        with sessions.open(name) as session:
            assert len(session.found.mended) == 1
            async with agent_of(session, emulator) as agent:
                await agent.run("What now?")
                assert check({"messages": agent.messages}, ANTHROPIC) == []
                messages = agent.messages
        assert emulator.refused == []
    return messages


def results_in(messages: Sequence[Json]) -> dict[str, object]:
    return {
        str(block["tool_use_id"]): block["content"]
        for message in messages
        for block in blocks_of(message)
        if block["type"] == "tool_result"
    }


async def test_an_agent_goes_on_whichever_record_was_lost(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    entries = await whole(sessions)
    assert len(entries) > 20
    WRITTEN.clear()
    for entry in entries[:-1]:
        messages = await gone_on_with(sessions, without(sessions, entries, {entry.number}, f"lost-{entry.number}"))
        assert "All done." in str(messages) or isinstance(entry.record, Replied)
    assert WRITTEN == [], "nothing is done again"


async def test_a_result_lost_from_a_turn_that_was_left_open_is_unknown_and_the_others_stay(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    entries = await whole(sessions)
    ends = [index for index, entry in enumerate(entries) if isinstance(entry.record, MessageEnded)]
    finished = [entry for entry in entries[ends[1] :] if isinstance(entry.record, Finished)]
    left = entries[: entries.index(finished[-1]) + 1]
    WRITTEN.clear()
    lost = next(entry for entry in finished if "written" in str(entry.record))
    messages = await gone_on_with(sessions, without(sessions, left, {lost.number}, "open"))
    results = results_in(messages)
    assert isinstance(lost.record, Finished)
    assert results[lost.record.id] == UNKNOWN.content
    for entry in left:
        if isinstance(entry.record, Finished) and entry != lost:
            assert results[entry.record.id] == entry.record.result.content
    assert WRITTEN == []


async def test_an_agent_goes_on_after_several_losses(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    entries = await whole(sessions)
    WRITTEN.clear()
    for step in (2, 3, 5):
        for first in range(1, step + 1):
            lost = {entry.number for entry in entries[first:-1:step]}
            await gone_on_with(sessions, without(sessions, entries, lost, f"lost-{step}-{first}"))
    assert WRITTEN == []
