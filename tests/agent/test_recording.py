"""An agent with a session: what happened is in the log, and another agent goes on from any point of it."""

import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from antiphon import Agent, tool
from antiphon.agent.resuming import Settled
from antiphon.emulator import After, Drop, Emulator, Text, Thinking, ToolUse, reply
from antiphon.engine.events import Finished, MessageEnded, Requested, Resumed
from antiphon.engine.turn import NOT_REACHED, UNKNOWN
from antiphon.errors import SessionError
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import ANTHROPIC
from antiphon.protocol.messages import Json
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.sessions import Sessions
from antiphon.sessions.records import Answered, Entry, Prompted, Record, Repaired, Replied, RunEnded, TurnBegan
from antiphon.sessions.replay import replay
from antiphon.sessions.session import Session

Names = list[str]


def tools_noting(done: Names) -> list[Any]:
    @tool(early=True)
    async def look(name: str) -> str:
        """Look at something."""
        done.append(f"look {name}")
        return f"{name} seen"

    @tool
    async def write(name: str) -> str:
        """Write something."""
        done.append(f"write {name}")
        return f"{name} written"

    return [look, write]


SCRIPT: list[Any] = [
    reply(
        Text("I look."), ToolUse("look", {"name": "a"}), ToolUse("write", {"name": "b"}), ToolUse("look", {"name": "c"})
    ),
    reply(ToolUse("write", {"name": "d"}), ToolUse("write", {"name": "e"})),
    "done",
]


def agent_of(emulator: Emulator, session: Session, done: Names, **options: Any) -> Agent:
    provider = AnthropicProvider(api_key="any", base_url=emulator.url)
    return Agent(tools=tools_noting(done), provider=provider, session=session, **options)


async def recorded(sessions: Sessions, script: Any = SCRIPT, **options: Any) -> tuple[list[Entry], list[Json]]:
    """Run a script in a new session; return what was recorded and the conversation."""
    async with Emulator(script) as emulator:
        with sessions.create("/work") as session:
            async with agent_of(emulator, session, [], **options) as agent:
                await agent.run("go")
                messages = agent.messages
            return session.entries(), messages


def kept(sessions: Sessions, entries: Sequence[Entry]) -> str:
    """Make a session that holds these records only, as after a death behind the last of them."""
    session = sessions.create("/work")
    for entry in entries[1:]:
        session.record(entry.record)
    session.close()
    return session.id


def kinds(entries: Sequence[Entry]) -> list[type[Record]]:
    return [type(entry.record) for entry in entries]


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path / "sessions")


async def test_replaying_the_log_gives_the_conversation_as_it_was_sent(sessions: Sessions) -> None:
    entries, messages = await recorded(sessions)
    assert replay(entries).messages == messages
    assert len(messages) == 6


async def test_a_message_is_in_the_log_before_its_calls_may_write(sessions: Sessions) -> None:
    entries, _ = await recorded(sessions)
    order = kinds(entries)
    first = order[order.index(TurnBegan) : order.index(Answered) + 1]
    assert first.index(Replied) < first.index(MessageEnded) < len(first) - 1
    writes = [
        entry.number
        for entry in entries
        if isinstance(entry.record, Finished) and "written" in str(entry.record.result)
    ]
    ended = next(entry.number for entry in entries if isinstance(entry.record, MessageEnded))
    assert min(writes) > ended


async def test_after_a_death_behind_any_record_another_agent_goes_on(sessions: Sessions) -> None:
    entries, _ = await recorded(sessions)
    for count in range(1, len(entries) + 1):
        before = entries[:count]
        done: Names = []
        async with Emulator(["going on"]) as emulator:
            with sessions.open(kept(sessions, before)) as session:
                async with agent_of(emulator, session, done) as agent:
                    await agent.settle()
                    finished = [entry.record for entry in before if isinstance(entry.record, Finished)]
                    open_turn = replay(before).turn
                    replied = open_turn is None or open_turn.replied is not None
                    await agent.run("and now?")
                    assert check({"messages": agent.messages}, ANTHROPIC) == []
                    said = str(agent.messages)
                    for event in finished if replied else ():
                        assert str(event.result.content) in said
                    assert not [name for name in done if name.startswith("write")], "what may write never runs again"
                assert replay(session.entries()).messages == agent.messages
            assert emulator.refused == []


async def test_what_was_running_is_unknown_unless_it_only_read(sessions: Sessions) -> None:
    entries, _ = await recorded(sessions)
    first_end = next(entry.number for entry in entries if isinstance(entry.record, MessageEnded))
    # Only what was asked for, the reply and its end are left: nothing had finished.
    left = [entry for entry in entries[:first_end] if not isinstance(entry.record, Finished)]
    done: Names = []
    async with Emulator(["going on"]) as emulator:
        with sessions.open(kept(sessions, left)) as session:
            async with agent_of(emulator, session, done) as agent:
                settled = await agent.settle()
                assert [call.input["name"] for call in settled.repeated] == ["a", "c"]
                assert [call.input["name"] for call in settled.unknown] == ["b"]
                assert sorted(done) == ["look a", "look c"]
                results = agent.messages[-1]["content"]
                assert [block.get("content") for block in results][:3] == ["a seen", UNKNOWN.content, "c seen"]
                assert (await agent.run(None)).text == "going on"


async def test_what_had_not_started_is_not_carried_out(sessions: Sessions) -> None:
    entries, _ = await recorded(sessions, max_parallel=1)
    second_end = [entry.number for entry in entries if isinstance(entry.record, MessageEnded)][1]
    async with Emulator(["going on"]) as emulator:
        with sessions.open(kept(sessions, entries[:second_end])) as session:
            async with agent_of(emulator, session, []) as agent:
                settled = await agent.settle()
                assert [call.input["name"] for call in settled.unknown] == ["d"]
                assert [call.input["name"] for call in settled.not_started] == ["e"]
                assert str(NOT_REACHED.content) in str(agent.messages)


async def test_a_death_while_going_on_is_gone_on_from_as_well(sessions: Sessions) -> None:
    entries, _ = await recorded(sessions)
    first_end = next(entry.number for entry in entries if isinstance(entry.record, MessageEnded))
    session_id = kept(sessions, entries[:first_end])
    with sessions.open(session_id) as session:
        session.record(Resumed())
    async with Emulator(["going on"]) as emulator:
        with sessions.open(session_id) as session:
            async with agent_of(emulator, session, []) as agent:
                assert (await agent.run("and?")).text == "going on"
        assert emulator.refused == []


async def test_a_reply_that_broke_leaves_nothing_in_the_conversation(sessions: Sessions) -> None:
    script = [reply(*SCRIPT[0].content, faults=[Drop(After(blocks=2))]), "done"]
    entries, messages = await recorded(sessions, script)
    assert [message["role"] for message in messages] == ["user", "assistant"]
    assert replay(entries).messages == messages
    assert replay(entries).turn is None


async def test_the_system_prompt_of_a_session_stays_and_bound_thinking_with_it(sessions: Sessions) -> None:
    script = [reply(Thinking("I must look."), ToolUse("look", {"name": "a"})), "done", "and more"]
    async with Emulator(script) as emulator:
        with sessions.create("/work") as session:
            async with agent_of(emulator, session, [], model="claude-opus-5-5", system="Be good.") as agent:
                await agent.run("go")
        with sessions.open(session.id) as session:
            async with agent_of(emulator, session, [], model="claude-opus-5-5") as agent:
                await agent.run("more")
        assert emulator.refused == []
        last = emulator.requests[-1]
        assert last["system"] == emulator.requests[0]["system"]
        assert "I must look." in str(last["messages"])


async def test_thinking_bound_to_another_prompt_is_left_out_and_the_session_goes_on(sessions: Sessions) -> None:
    script = [reply(Thinking("I must look."), ToolUse("look", {"name": "a"})), "done", "and more"]
    async with Emulator(script) as emulator:
        with sessions.create("/work") as session:
            async with agent_of(emulator, session, [], model="claude-opus-5-5", system="Be good.") as agent:
                await agent.run("go")
        with sessions.open(session.id) as session:
            async with agent_of(emulator, session, [], model="claude-opus-5-5", system="Be better.") as agent:
                await agent.run("more")
            assert [type(entry.record) for entry in session.entries()].count(Repaired) == 1
            assert replay(session.entries()).messages == agent.messages
        assert emulator.refused == []
        assert "I must look." not in str(emulator.requests[-1]["messages"])


async def test_a_prompt_that_was_refused_is_taken_back_in_the_log_too(sessions: Sessions) -> None:
    async with Emulator([]) as emulator:
        with sessions.create("/work") as session:
            provider = AnthropicProvider(api_key="any", base_url=emulator.url + "/nowhere")
            async with Agent(tools=[], provider=provider, session=session) as agent:
                events = [event async for event in agent.stream("go")]
            assert events
            state = replay(session.entries())
            assert state.messages == []
            assert state.prompts == []
            assert state.ended is not None
            assert state.ended.stop_reason == "error"


async def test_nothing_is_sent_and_nothing_written_while_the_log_cannot_be_written(sessions: Sessions) -> None:
    done: Names = []
    async with Emulator([*SCRIPT, *SCRIPT]) as emulator:
        with sessions.create("/work") as session:
            async with agent_of(emulator, session, done) as agent:
                disk = FullDisk(session, 6)
                try:
                    with pytest.raises(SessionError, match="cannot be written to"):
                        await agent.run("go")
                finally:
                    disk.mend()
                assert not [name for name in done if name.startswith("write")]
                assert check({"messages": agent.messages}, ANTHROPIC) == []
                await agent.run("go on")
            assert replay(session.entries()).messages == agent.messages
        assert emulator.refused == []


class FullDisk:
    """Lets every write fail from a certain record on, by the limit that the system has for the size of files."""

    def __init__(self, session: Session, records: int) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)
        self._left = records
        self._record = session.record
        session.record = self._counting  # pyright: ignore[reportAttributeAccessIssue]  (the moment the disk fills up)

    def _counting(self, record: Record, *, at: float | None = None) -> int:
        self._left -= 1
        if self._left == 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, self._before[1]))
        return self._record(record, at=at)

    def mend(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


async def test_calls_of_a_log_that_lost_records_are_answered_as_unknown(sessions: Sessions) -> None:
    entries, _ = await recorded(sessions)
    first_end = next(entry.number for entry in entries if isinstance(entry.record, MessageEnded))
    damaged = [entry for entry in entries[:first_end] if not isinstance(entry.record, Requested)]
    async with Emulator(["going on"]) as emulator:
        with sessions.open(kept(sessions, damaged)) as session:
            async with agent_of(emulator, session, []) as agent:
                settled = await agent.settle()
                assert isinstance(settled, Settled)
                assert check({"messages": agent.messages}, ANTHROPIC) == []
                await agent.run(None)
        assert emulator.refused == []


async def test_a_conversation_with_lost_messages_is_repaired_when_it_is_opened(sessions: Sessions) -> None:
    entries, _ = await recorded(sessions)
    lost = next(index for index, entry in enumerate(entries) if isinstance(entry.record, Answered))
    async with Emulator(["going on"]) as emulator:
        with sessions.open(kept(sessions, entries[:lost] + entries[lost + 1 :])) as session:
            async with agent_of(emulator, session, []) as agent:
                assert agent.repaired
                await agent.run("and?")
            assert replay(session.entries()).messages == agent.messages
        assert emulator.refused == []


async def test_a_run_says_how_it_ended_and_what_was_said(sessions: Sessions) -> None:
    entries, _ = await recorded(sessions)
    assert isinstance(entries[-1].record, RunEnded)
    assert [type(entry.record) for entry in entries].count(Prompted) == 1
    assert replay(entries).title == "go"


async def test_going_on_without_a_prompt_needs_something_unanswered(sessions: Sessions) -> None:
    async with Emulator(["done"]) as emulator:
        with sessions.create("/work") as session:
            async with agent_of(emulator, session, []) as agent:
                await agent.run("go")
                with pytest.raises(ValueError, match="nothing to go on with"):
                    await agent.run(None)
