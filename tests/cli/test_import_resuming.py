"""Conversations that were taken over go on: the API takes them, and the model's calls run."""

from pathlib import Path

import pytest
from damaged import assistant, call, text, user
from other_programs import ASKED, COMPLETED, INTERLEAVED, Home, home_for_test
from programs import run_antiphon, surroundings

from antiphon import Agent, tool
from antiphon.emulator import Emulator, Text, ToolUse, reply
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import ANTHROPIC
from antiphon.protocol.messages import blocks_of, text_of
from antiphon.providers.anthropic import AnthropicProvider

CALLS = assistant(call("a"), call("b"))
LOOKS = reply(Text("I look."), ToolUse("look", {"name": "a"}), ToolUse("look", {"name": "b"}))


@tool(early=True)
async def look(name: str) -> str:
    """Look at something."""
    return f"{name} seen"


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Home:
    return home_for_test(tmp_path / "home", capsys, monkeypatch)


async def test_every_conversation_of_every_program_goes_on(home: Home) -> None:
    home.everything()
    home.task(ASKED, CALLS, INTERLEAVED, COMPLETED)
    assert home.imports("--all").code == 0
    for session_id in list(home.sessions.ids()):
        found = home.sessions.state(session_id)
        async with Emulator([LOOKS, "All is well."]) as emulator:
            with home.sessions.open(session_id) as session:
                provider = AnthropicProvider(api_key="any", base_url=emulator.url)
                async with Agent(tools=[look], provider=provider, session=session) as agent:
                    await agent.settle()
                    # Nothing of it was wrong any more: it is sent as it was kept.
                    assert agent.repaired == ()
                    ended = await agent.run("Go on, please.")
                    assert ended.text == "All is well."
                    messages = agent.messages
            assert [record.text for record in emulator.refused] == []
            first, second = emulator.requests
            assert messages[: len(found.messages) - 1] == found.messages[:-1]
            assert text_of(first["messages"][-1]).endswith("Go on, please.")
            assert [block["content"] for block in blocks_of(second["messages"][-1])] == ["a seen", "b seen"]
            assert check({"messages": messages}, ANTHROPIC) == []
        assert home.sessions.state(session_id).messages == messages


async def test_a_conversation_goes_on_with_a_model_that_thinks(home: Home) -> None:
    home.copy("claude-code.jsonl", ".claude/projects/p/s.jsonl")
    home.imports("--all")
    (session_id,) = home.sessions.ids()
    async with Emulator(["Well."]) as emulator:
        with home.sessions.open(session_id) as session:
            provider = AnthropicProvider(api_key="any", base_url=emulator.url)
            thinking = {"thinking": {"type": "enabled", "budget_tokens": 2048}}
            agent = Agent("claude-sonnet-4-5", provider=provider, session=session, params=thinking, max_tokens=4096)
            async with agent:
                assert (await agent.run("Go on.")).text == "Well."
        assert emulator.refused == []
    assert '"thinking"' not in str(emulator.requests[0]["messages"])


def test_a_task_that_died_of_a_misplaced_result_goes_on_at_the_command_line(home: Home) -> None:
    path = home.task(ASKED, CALLS, INTERLEAVED, user(text("<feedback>\nHello?\n</feedback>")))
    with Emulator(["Here I am."]) as emulator:
        environment = surroundings(
            home.directory,
            ANTIPHON_DATA_DIR=str(home.directory / "data"),
            ANTHROPIC_API_KEY="any",
            ANTHROPIC_BASE_URL=emulator.url,
        )
        ended = run_antiphon("import", str(path), environment=environment, cwd=home.workspace)
        assert (ended.returncode, ended.stderr) == (0, "")
        advice = next(line for line in ended.stdout.splitlines() if "go on with: " in line)
        flags = advice.split("antiphon ")[1].split()
        went_on = run_antiphon(*flags, "-p", "Are you there?", environment=environment, cwd=home.workspace)
        assert (went_on.returncode, went_on.stdout) == (0, "Here I am.\n")
        assert emulator.refused == []
        last = emulator.requests[0]["messages"][-1]
    assert [block["type"] for block in blocks_of(last)] == ["tool_result"] * 2 + ["text"] * 4
    texts = [block["text"] for block in blocks_of(last)[2:]]
    assert texts[:2] == ["Remember to be brief.", "Hello?"]
    assert texts[2].startswith("(What stands above happened in Roo Code.")
    assert texts[3] == "Are you there?"
