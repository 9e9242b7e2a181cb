"""The files of a workspace are kept before a turn changes them first, and only then."""

from pathlib import Path
from typing import Any

import pytest

from antiphon import Agent, Workspace, standard_tools
from antiphon.agent.events import CallChanged, Warned
from antiphon.checkpoints import Checkpoints
from antiphon.emulator import Emulator, ToolUse, reply
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.sessions import Sessions
from antiphon.sessions.replay import replay


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "a.txt").write_text("one\n")
    return directory


def edit(old: str, new: str) -> ToolUse:
    return ToolUse("edit_file", {"path": "a.txt", "old_text": old, "new_text": new})


async def play(project: Path, script: list[Any], *, prompts: list[str], directory: Path | None = None) -> Any:
    kept = directory or project.parent / "checkpoints"
    checkpoints = Checkpoints(project, kept)
    sessions = Sessions(project.parent / "sessions")
    events: list[Any] = []
    workspace = Workspace.at(project)
    async with Emulator(script) as emulator:
        provider = AnthropicProvider(api_key="any", base_url=emulator.url)
        with sessions.create(project) as session:
            tools = standard_tools(workspace)
            async with Agent(tools=tools, provider=provider, session=session, checkpoints=checkpoints) as agent:
                for prompt in prompts:
                    events += [event async for event in agent.stream(prompt)]
            return replay(session.entries()), checkpoints, events


async def test_the_state_before_the_first_write_of_each_turn_can_be_brought_back(project: Path) -> None:
    script = [reply(edit("one", "two"), ToolUse("run_command", {"command": "echo x >> b.txt"})), "done", "hm"]
    state, checkpoints, _ = await play(project, script, prompts=["change it", "and?"])
    assert (project / "a.txt").read_text() == "two\n"
    first, second = state.prompts
    assert second.checkpoint == ""
    await checkpoints.restore(first.checkpoint)
    assert (project / "a.txt").read_text() == "one\n"
    assert not (project / "b.txt").exists()


async def test_calls_that_only_read_keep_nothing(project: Path) -> None:
    script = [reply(ToolUse("read_file", {"path": "a.txt"})), "done"]
    state, checkpoints, _ = await play(project, script, prompts=["look"])
    assert state.prompts[0].checkpoint == ""
    assert await checkpoints.list() == []


async def test_writes_side_by_side_wait_for_one_keeping(project: Path) -> None:
    writes = [ToolUse("write_file", {"path": f"{name}.txt", "content": name}) for name in "bcdefg"]
    state, checkpoints, events = await play(project, [reply(*writes), "done"], prompts=["write them"])
    assert len(await checkpoints.list()) == 1
    assert [change.path for change in await checkpoints.changes(state.prompts[0].checkpoint)] == [
        f"{name}.txt" for name in "bcdefg"
    ]
    assert sum(isinstance(event, CallChanged) and event.state == "done" for event in events) == 6


async def test_a_keeping_that_fails_is_told_once_and_stops_nothing(project: Path) -> None:
    unusable = project.parent / "a-file"
    unusable.write_text("no directory")
    script = [reply(edit("one", "two")), reply(edit("two", "three")), "done"]
    _, _, events = await play(project, script, prompts=["change it"], directory=unusable / "below")
    assert (project / "a.txt").read_text() == "three\n"
    warnings = [event.text for event in events if isinstance(event, Warned)]
    assert len(warnings) == 1
    assert warnings[0].startswith("Changes of files cannot be taken back by antiphon rewind: ")
