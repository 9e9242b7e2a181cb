"""`antiphon trace`, as people call it, over sessions that real runs recorded."""

import json
import sys
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen
from typing import Any
from xml.etree import ElementTree as ET

import anyio
import pytest
from programs import OnTerminal, run_antiphon, surroundings

from antiphon import Agent, tool
from antiphon.emulator import Emulator, ToolUse, reply
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.sessions import Session, Sessions
from traced_sessions import Story, long_session, shop

CALLS = [
    ToolUse("look", {"name": "a", "seconds": 0.3}),
    ToolUse("look", {"name": "b", "seconds": 0.1}),
    ToolUse("write", {"name": "c"}),
]


def tools() -> list[Any]:
    @tool(early=True)
    async def look(name: str, seconds: float) -> str:
        """Look at something."""
        await anyio.sleep(seconds)
        return f"{name} seen"

    @tool(writes=("desk",))
    async def write(name: str) -> str:
        """Write something."""
        return f"{name} written"

    return [look, write]


class Place:
    """A directory with sessions of its own."""

    def __init__(self, directory: Path) -> None:
        """Use a directory."""
        self.work = directory / "work"
        self.work.mkdir()
        self.sessions = Sessions(directory / "data" / "sessions")
        self.environment = surroundings(directory, ANTIPHON_DATA_DIR=str(directory / "data"), TZ="UTC")

    def create(self) -> Session:
        """Begin a session here."""
        return self.sessions.create(self.work)

    def keep(self, story: Story) -> str:
        """Keep a session by hand and return its id."""
        with self.create() as session:
            for entry in story.entries[1:]:
                session.record(entry.record, at=entry.at)
            return session.id

    def trace(self, *arguments: str) -> CompletedProcess[str]:
        """Run the command."""
        return run_antiphon("trace", *arguments, environment=self.environment, cwd=self.work)

    def json(self, *arguments: str) -> Any:
        """Return what the command prints as JSON."""
        done = self.trace("--json", *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Make a directory for sessions."""
    return Place(tmp_path)


async def test_a_real_run_is_shown_with_its_calls_side_by_side(place: Place) -> None:
    async with Emulator([reply(*CALLS), "done"]) as emulator:
        provider = AnthropicProvider(api_key="any", base_url=emulator.url)
        with place.create() as session:
            async with Agent(tools=tools(), provider=provider, session=session) as agent:
                result = await agent.run("Look around")
    told = await anyio.to_thread.run_sync(place.json)
    (run,) = told["runs"]
    first, second = run["requests"]
    assert [(call["name"], call["state"], call["outcome"]) for call in first["calls"]] == [
        ("look", "done", "a seen"),
        ("look", "done", "b seen"),
        ("write", "done", "c written"),
    ]
    a, b, c = ({phase["kind"]: phase for phase in call["phases"]} for call in first["calls"])
    assert a["running"]["begin"] < b["running"]["end"] < a["running"]["end"]
    assert c["running"]["begin"] >= first["replied"]
    assert first["results_complete"] <= first["results_sent"] <= second["sent"]
    assert first["saved_seconds"] >= 0.1 - 0.05
    assert (run["stop_reason"], second["stop_reason"], second["calls"]) == ("end_turn", "end_turn", [])
    figures = run["totals"]
    assert (figures["turns"], figures["calls"]) == (2, 3)
    assert figures["tokens"]["output"] == result.usage.output_tokens
    assert figures["cost"] == pytest.approx(result.usage.cost)
    assert figures["wall_seconds"] == pytest.approx(result.seconds, abs=0.5)


def test_the_latest_session_of_the_directory_is_shown_in_colourless_lines_in_a_pipe(place: Place) -> None:
    place.keep(Story().ask(-9, "an older one"))
    place.keep(shop())
    done = place.trace()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Raise the price and run the tests\n")
    assert "   4 run_command" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_terminal_gets_colours_and_lines_of_its_width(place: Place) -> None:
    place.keep(shop())
    with OnTerminal("trace", environment=place.environment, cwd=place.work, width=90) as terminal:
        assert terminal.ends() == 0
        assert b"\x1b[31m" in terminal.output
        lines = terminal.text.splitlines()
    assert "   4 run_command " in terminal.text
    assert 80 <= max(map(len, lines)) <= 90


def test_a_session_is_found_by_the_beginning_of_its_id_and_by_its_title(place: Place) -> None:
    session = place.keep(shop())
    for name in (session, session[:8], "raise the price"):
        assert place.json(name)["session"] == session


def test_a_session_that_is_not_there_is_said_to_be_missing(place: Place) -> None:
    done = place.trace()
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no session of" in done.stderr
    done = place.trace("nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nowhere" in done.stderr


def test_a_run_or_turn_that_is_not_there_is_a_wrong_use(place: Place) -> None:
    place.keep(shop())
    for wrong in (["--run", "7"], ["--turn", "7"], ["--all", "--run", "1"], ["--json", "--svg", "x.svg"]):
        assert place.trace(*wrong).returncode == 2
    assert list(place.work.iterdir()) == []


def test_one_turn_can_be_looked_at(place: Place) -> None:
    place.keep(shop())
    assert "Turn 1" not in place.trace("--turn", "2").stdout
    assert [request["turn"] for request in place.json("--turn", "2")["runs"][0]["requests"]] == [2]


def test_a_picture_and_a_page_are_written_to_files_or_to_standard_output(place: Place) -> None:
    place.keep(shop())
    assert place.trace("--svg", "a.svg").stdout == ""
    assert place.trace("--html", "a.html").stdout == ""
    picture, page = (place.work / "a.svg").read_text("utf-8"), (place.work / "a.html").read_text("utf-8")
    assert ET.fromstring(picture).tag.endswith("svg")
    assert page.startswith("<!doctype html>")
    assert place.trace("--svg", "-").stdout == picture
    assert place.trace("--html", "-").stdout == page
    done = place.trace("--html", "no/such/directory.html")
    assert (done.returncode, done.stderr) == (
        1,
        "antiphon: no/such/directory.html cannot be written: No such file or directory.\n",
    )


def test_prices_of_the_user_count(place: Place) -> None:
    place.keep(shop())
    place.environment["XDG_CONFIG_HOME"] = str(place.work.parent / "config")
    models = place.work.parent / "config" / "antiphon" / "models.toml"
    models.parent.mkdir(parents=True)
    models.write_text("[models.claude-sonnet-5-5]\ninput = 1000\noutput = 0\ncache_read = 0\nwindow = 5000\n")
    request = place.json()["runs"][0]["requests"][0]
    assert request["cost"] == pytest.approx(0.4)
    assert request["context"] == {"expected": 4000, "used": 4220, "window": 5000}


def test_a_session_at_work_is_shown_as_it_stands(place: Place) -> None:
    with place.create() as session:
        for entry in shop().entries[1:-8]:
            session.record(entry.record)
        told = place.json()
        assert told["live"]
        assert told["runs"][0]["stop_reason"] is None
        assert [call["state"] for call in told["runs"][0]["requests"][0]["calls"]] == [
            "done",
            "done",
            "running",
            "asking",
        ]
        assert "at work" in place.trace().stdout
        session.rename("still mine")  # who reads takes nothing from who writes
    assert place.sessions.state(session.id).name == "still mine"


PROGRAM = """\
import sys, anyio
from antiphon import Agent, tool
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.sessions import Sessions

@tool(early=True)
async def look(name: str) -> str:
    "Look at something."
    return "seen"

@tool
async def write(name: str) -> str:
    "Write something."
    print("writing", flush=True)
    await anyio.sleep_forever()

async def main(url, directory, workspace):
    session = Sessions(directory).create(workspace)
    provider = AnthropicProvider(api_key="any", base_url=url)
    async with Agent(tools=[look, write], provider=provider, session=session) as agent:
        await agent.run("Look and write")

anyio.run(main, *sys.argv[1:])
"""


def test_a_killed_session_says_what_is_not_known(place: Place) -> None:
    asked = [ToolUse("look", {"name": "a"}), ToolUse("write", {"name": "b"})]
    with Emulator([reply(*asked)]) as emulator:
        command = [sys.executable, "-c", PROGRAM, emulator.url, str(place.sessions.directory), str(place.work)]
        with Popen(command, env=place.environment, stdout=PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "writing\n"
            process.kill()
    told = place.json()
    assert not told["live"]
    (request,) = told["runs"][0]["requests"]
    assert [(call["name"], call["state"]) for call in request["calls"]] == [("look", "done"), ("write", "unknown")]
    assert "ended without a record" in place.trace().stdout


def test_of_a_damaged_session_the_rest_is_shown(place: Place) -> None:
    session = place.keep(long_session(40))
    file = place.sessions.directory / session / "session.db"
    content = bytearray(file.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\x55" * 4096
    file.write_bytes(content)
    done = place.trace(session)
    assert done.returncode == 0
    assert "damaged" in done.stdout
    told = place.json(session)
    assert told["runs"][-1]["stop_reason"] == "max_turns"
    assert 36 <= len(told["runs"][-1]["requests"]) <= 40
    assert [mark["kind"] for mark in told["marks"]] == ["mended"]


def test_a_thousand_turns_are_shown_at_once(place: Place) -> None:
    place.keep(long_session(1000))
    assert place.trace("--html", "a.html").returncode == 0
    assert (place.work / "a.html").stat().st_size < 5_000_000
    assert len(place.trace().stdout.splitlines()) < 250
    assert len(place.json()["runs"][0]["requests"]) == 1000
