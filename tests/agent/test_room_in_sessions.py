"""Room in the context of a recorded session: counting, clearing, and going on after a crash."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from working_model import MODEL, WorkingModel, look_tool, say, stretches, tokens_of, use, window_of

from antiphon import Agent
from antiphon.agent import room
from antiphon.agent.compaction import FILES, is_stretch
from antiphon.agent.events import ContextCompacted, ResultsCleared, RunEnded
from antiphon.errors import Rejected, Unreachable
from antiphon.policy import Permissions
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import ANTHROPIC
from antiphon.providers.models import using
from antiphon.providers.scripted import ScriptedProvider
from antiphon.sessions import Sessions
from antiphon.sessions.records import Compacted, Replaced
from antiphon.sessions.replay import replay
from antiphon.tools.base import Workspace
from antiphon.tools.search_history import SearchHistory
from antiphon.tools.standard import standard_tools

Json = dict[str, Any]

WINDOW = 10_000


@pytest.fixture(autouse=True)
def _small_window() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]  (pytest uses it)
    with using(window_of(WINDOW, "claude-haiku-4-5")):
        yield


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path / "sessions")


def looks(turn: int, *names: str, **arguments: Any) -> list[Json]:
    return [use(f"t{turn}{name}", "look", name=name, **arguments) for name in names]


def talk(turns: int, size: int) -> list[Json]:
    """A conversation that was handed in."""
    messages: list[Json] = [{"role": "user", "content": "go"}]
    for turn in range(turns):
        result = {"type": "tool_result", "tool_use_id": f"h{turn}", "content": "x" * size}
        messages += [
            {"role": "assistant", "content": [use(f"h{turn}", "look", name="a")]},
            {"role": "user", "content": [result]},
        ]
    return [*messages, {"role": "assistant", "content": "done"}]


# Counting


async def test_a_large_conversation_that_was_handed_in_is_counted_once_and_a_small_one_never() -> None:
    model = WorkingModel([looks(0, "a"), looks(1, "a"), [say("done")]])
    provider = model.provider()
    await Agent(MODEL, tools=[look_tool(100)], provider=provider, messages=talk(5, 4000), max_tokens=1000).run("go")
    (counted,) = provider.counted
    assert len(counted["messages"]) == 13
    assert model.asked == []
    model = WorkingModel([[say("done")]])
    provider = model.provider()
    await Agent(MODEL, tools=[look_tool(100)], provider=provider, messages=talk(2, 4000), max_tokens=1000).run("go")
    assert provider.counted == []


async def test_what_is_counted_decides_and_not_what_was_reckoned() -> None:
    # Half as many tokens as one would reckon by the characters.
    provider = ScriptedProvider([[say("done")]], tokens=lambda body: tokens_of(body) // 2)
    agent = Agent(MODEL, tools=[look_tool(100)], provider=provider, messages=talk(8, 4000), max_tokens=1000)
    assert (await agent.run("go")).text == "done"
    assert (len(provider.counted), len(provider.requests)) == (1, 1)
    assert agent.context.budget.used < WINDOW // 2 + 200


async def test_near_the_limit_a_reckoned_figure_is_counted() -> None:
    model = WorkingModel([looks(0, *"abcdefg"), [say("done")]])
    provider = model.provider()
    await Agent(MODEL, tools=[look_tool(4000)], provider=provider, max_tokens=1000).run("go")
    assert [len(body["messages"]) for body in provider.counted] == [3]


@pytest.mark.parametrize(
    ("error", "asked"), [(Rejected(404, "not here"), 1), (Unreachable("gone"), 2)], ids=["nowhere", "not now"]
)
async def test_where_tokens_are_not_counted_the_run_goes_on(error: Exception, asked: int) -> None:
    def nobody(_body: Json) -> int:
        raise error

    provider = ScriptedProvider([[say("one")], [say("two")]], tokens=nobody)
    agent = Agent(MODEL, provider=provider, messages=talk(6, 4000), max_tokens=1000, tools=[look_tool(1)])
    assert [(await agent.run("go")).text, (await agent.run("go")).text] == ["one", "two"]
    assert len(provider.counted) == asked


async def test_a_count_that_never_comes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(ScriptedProvider):
        async def count_tokens(self, request: Any) -> int:
            await super().count_tokens(request)
            await anyio.sleep_forever()
            raise AssertionError

    monkeypatch.setattr(room, "_COUNT_SECONDS", 0.01)
    provider = Silent([[say("done")]])
    with anyio.fail_after(5):
        agent = Agent(MODEL, provider=provider, messages=talk(6, 4000), max_tokens=1000, tools=[look_tool(1)])
        assert (await agent.run("go")).text == "done"
    assert len(provider.counted) == 1


# Clearing


def searching(sessions: Sessions, session_id: str) -> SearchHistory:
    return SearchHistory(lambda: sessions.entries(session_id))


async def a_long_session(sessions: Sessions, turns: int = 12) -> str:
    with sessions.create("/work") as session:
        script = [*(looks(turn, "a") for turn in range(turns)), [say("one")]]
        tools = [look_tool(16_000), searching(sessions, session.id)]
        with using(window_of(10**6)):
            agent = Agent(MODEL, tools=tools, provider=WorkingModel(script).provider(), session=session)
            await agent.run("go")
        return session.id


async def go_on(sessions: Sessions, session_id: str, *, searchable: bool = True, later: float = 0.0) -> Any:
    """Go on with a session some seconds later; return what was cleared, and the request."""
    with sessions.open(session_id) as session, using(window_of(10**6)):
        session.found.updated -= later
        tools = [look_tool(16_000), *([searching(sessions, session_id)] if searchable else [])]
        model = WorkingModel([[say("two")], [say("three")]])
        agent = Agent(MODEL, tools=tools, provider=model.provider(), session=session)
        events = [event async for event in agent.stream("and?")]
        assert replay(session.entries()).messages == agent.messages
        await agent.run("and then?")
        assert model.worked[1]["messages"][:20] == model.worked[0]["messages"][:20], "cleared once, then left alone"
        cleared = [event for event in events if isinstance(event, ResultsCleared)]
        replaced = [entry for entry in session.entries() if isinstance(entry.record, Replaced)]
        return cleared, model.worked[0], replaced


async def test_old_results_are_cleared_when_a_session_goes_on_after_a_pause(sessions: Sessions) -> None:
    cleared, request, replaced = await go_on(sessions, await a_long_session(sessions), later=301)
    (told,) = cleared
    assert told.results == len(replaced) == 5
    assert told.tokens > 15_000
    contents = [
        message["content"][0].get("content", "") for message in request["messages"] if message["role"] == "user"
    ]
    assert [len(text) > 1000 for text in contents] == [False] * 6 + [True] * 7 + [False]
    assert "search_history finds its text" in contents[1]


async def test_while_the_cache_may_be_warm_nothing_is_cleared(sessions: Sessions) -> None:
    cleared, _, replaced = await go_on(sessions, await a_long_session(sessions), later=200)
    assert (cleared, replaced) == ([], [])


async def test_nothing_is_cleared_that_the_model_could_not_find_again(sessions: Sessions) -> None:
    session_id = await a_long_session(sessions)
    cleared, _, replaced = await go_on(sessions, session_id, searchable=False, later=10_000)
    assert (cleared, replaced) == ([], [])


async def test_when_another_model_goes_on_old_results_are_cleared_at_once(sessions: Sessions) -> None:
    with sessions.create("/work") as session, using(window_of(10**6, "claude-haiku-4-5")):
        model = WorkingModel([*(looks(turn, "a") for turn in range(12)), [say("one")], [say("two")]])
        tools = [look_tool(16_000), searching(sessions, session.id)]
        agent = Agent(MODEL, tools=tools, provider=model.provider(), session=session)
        await agent.run("go")
        agent.use_model("claude-haiku-4-5")
        events = [event async for event in agent.stream("and?")]
    assert [event.results for event in events if isinstance(event, ResultsCleared)] == [5]


# In a session


async def test_a_summary_is_in_the_log_with_all_that_was_before_it(sessions: Sessions) -> None:
    model = WorkingModel([*(looks(turn, "a", "b") for turn in range(6)), [say("done")]])
    with sessions.create("/work") as session:
        agent = Agent(MODEL, tools=[look_tool(4000)], provider=model.provider(), session=session, max_tokens=1000)
        await agent.run("go")
        messages = agent.messages
    entries = sessions.entries(session.id)
    assert replay(entries).messages == messages
    (at,) = [index for index, entry in enumerate(entries) if isinstance(entry.record, Compacted)]
    record: Any = entries[at].record
    assert record.reason == "the context is nearly full"
    assert record.reply["usage"]["input_tokens"] == tokens_of(model.asked[0])
    assert len(replay(entries[:at]).messages) == 9


async def test_after_a_crash_behind_the_summary_the_new_stretch_goes_on(sessions: Sessions) -> None:
    model = WorkingModel([*(looks(turn, "a", "b") for turn in range(6)), [say("done")]])
    with sessions.create("/work") as session:
        agent = Agent(MODEL, tools=[look_tool(4000)], provider=model.provider(), session=session, max_tokens=1000)
        async for event in agent.stream("go"):
            if isinstance(event, ContextCompacted):
                break
    entries = sessions.entries(session.id)
    (at,) = [entry.number for entry in entries if isinstance(entry.record, Compacted)]
    # Everything behind the summary is lost, as if the process had been killed there.
    with sessions.fork(session.id, before=at + 1) as crashed:
        again = WorkingModel([looks(9, "c"), [say("done")]])
        agent = Agent(MODEL, tools=[look_tool(4000)], provider=again.provider(), session=crashed, max_tokens=1000)
        (first,) = agent.messages
        assert is_stretch(first)
        assert (await agent.run(None)).text == "done"
    assert stretches(again.worked) == [True, True]
    assert again.asked == []


async def test_files_go_on_with_what_is_in_them_now_and_only_those_that_may_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("old = 1\n")
    (tmp_path / "b.py").write_text("second = 2\n")
    (tmp_path / "large.py").write_text("y = 3\n" * 6000)
    workspace = Workspace.at(tmp_path)
    reads = [use("r1", "read_file", path="a.py"), use("r2", "read_file", path="large.py", limit=1500)]
    edit = use("e1", "edit_file", path="a.py", old_text="old", new_text="new")
    script = [reads, [use("r3", "read_file", path="b.py")], [edit], [say("done")], [say("more")]]

    async def stretch_of(**options: Any) -> str:
        (tmp_path / "a.py").write_text("old = 1\n")
        model = WorkingModel(script)
        agent = Agent(MODEL, tools=standard_tools(workspace), provider=model.provider(), max_tokens=1000, **options)
        await agent.run("go")
        (tmp_path / "b.py").unlink()
        await agent.compact()
        (tmp_path / "b.py").write_text("second = 2\n")
        return next(
            text for block in agent.messages[0]["content"] if (text := block["text"].strip("\n")).startswith(FILES)
        )

    with using(window_of(100_000)):
        kept = await stretch_of()
        assert kept.splitlines() == [
            FILES,
            "- a.py (changed), as it is now:",
            "     1\tnew = 1",
            "",
            "- b.py",
            "- large.py",
        ]
        denied = await stretch_of(permissions=Permissions.of("bypass", deny=["read_file"]))
        assert "as it is now" not in denied


# Whatever happens


SIZES = st.lists(st.lists(st.integers(0, 9000), min_size=1, max_size=4), max_size=14)
SUMMARIES: list[Any] = ["short", "s" * 3000, "s" * 60_000, [], {"content": [say("x")], "stop_reason": "refusal"}]


@settings(max_examples=60, deadline=None)
@given(
    sizes=SIZES,
    summaries=st.lists(st.sampled_from(SUMMARIES), min_size=1, max_size=6),
    compact_at=st.sampled_from([0, 1, 30, 85, 100]),
    window=st.integers(2000, 20_000),
    known=st.booleans(),
    prompt=st.sampled_from([1, 2000, 30_000]),
    refused=st.integers(0, 12),
)
async def test_whatever_fills_the_context_the_run_ends_and_the_conversation_is_valid_and_recorded(
    *,
    sizes: list[list[int]],
    summaries: list[Any],
    compact_at: int,
    window: int,
    known: bool,
    prompt: int,
    refused: int,
) -> None:
    turns: list[Any] = [
        [use(f"t{turn}{index}", "look", name="n", chars=size) for index, size in enumerate(row)]
        for turn, row in enumerate(sizes)
    ]
    turns[refused : refused + 1] = [{"content": [say("No.")], "stop_reason": "refusal"}]
    model = WorkingModel([*turns, *([[say("done")]] * 9)], summaries=summaries, window=window)
    with (
        TemporaryDirectory() as directory,
        Sessions(directory).create("/work") as session,
        using(window_of(window if known else 10**6)),
    ):
        agent = Agent(
            MODEL,
            tools=[look_tool(0)],
            provider=model.provider(),
            max_tokens=500,
            compact_at=compact_at,
            session=session,
        )
        for words in ("p" * prompt, "and now?"):
            await _run_and_look(agent, model, words)
            assert replay(session.entries()).messages == agent.messages


async def _run_and_look(agent: Agent, model: WorkingModel, words: str) -> None:
    before = agent.messages
    asked, worked, refused = len(model.asked), len(model.worked), len(model.refused)
    events = [event async for event in agent.stream(words)]
    last = events[-1]
    assert isinstance(last, RunEnded)
    replies = len(model.worked) - worked
    # At most four ways to ask between two replies, each of which may be too long; then it ends.
    assert len(model.asked) - asked <= 4 * (replies + 1)
    assert len(model.refused) - refused <= 6 * (replies + 1)
    assert last.result.stop_reason in ("end_turn", "context_window", "refusal")
    assert last.result.stop_reason == "end_turn" or last.result.error
    if replies == 0 and not any(isinstance(event, ContextCompacted) for event in events):
        assert agent.messages == before, "a prompt that got nowhere is taken back"
    request = {"model": "m", "max_tokens": 1, "messages": agent.messages}
    assert not agent.messages or check(request, ANTHROPIC) == []
