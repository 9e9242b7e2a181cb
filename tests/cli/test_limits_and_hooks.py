"""Limits and hooks as people meet them: flags, a settings file, exit codes, a question at the terminal."""

import json
from pathlib import Path
from typing import Any

import pytest
from project import Antiphon

from antiphon.emulator import Emulator, ToolUse, reply

pytestmark = pytest.mark.usefixtures("nothing_refused")


@pytest.fixture
def antiphon(emulator: Emulator, tmp_path: Path) -> Antiphon:
    return Antiphon(emulator, tmp_path)


def read(*names: str) -> Any:
    return reply(*(ToolUse("read_file", {"path": name}) for name in names))


def write_hook(antiphon: Antiphon, event: str, command: str, tools: str = "") -> None:
    """Put a hook into the settings of the user."""
    file = antiphon.project.parent / ".config" / "antiphon" / "settings.toml"
    file.parent.mkdir(parents=True)
    rows = {"event": event, "command": command, "tools": tools}
    file.write_text("[[hooks]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in rows.items()))


@pytest.mark.parametrize(
    ("flags", "code", "subtype", "turns"),
    [
        (("--max-tool-calls", "2"), 55, "error_max_tool_calls", 2),
        (("--max-budget-usd", "0.000001"), 54, "error_max_budget_usd", 1),
        ((), 56, "error_during_execution", 6),
    ],
    ids=["calls", "money", "the same again and again"],
)
def test_a_run_that_nobody_lets_go_on_stops_with_a_code_of_its_own(
    antiphon: Antiphon, flags: tuple[str, ...], code: int, subtype: str, turns: int
) -> None:
    script = [read("a.txt", "b.txt") for _ in range(8)]
    ended = antiphon.run("-p", "x", "-o", "json", *flags, script=script)
    result = json.loads(ended.stdout)
    assert (ended.returncode, result["subtype"], result["num_turns"]) == (code, subtype, turns)
    assert ended.stderr.startswith("antiphon: Stopped")
    assert result["errors"] == [result["result"]]


def test_a_person_is_asked_whether_a_run_may_go_on(antiphon: Antiphon) -> None:
    script = [read("a.txt", "b.txt"), read("b.txt"), "Both are there."]
    with antiphon.on_terminal("--max-tool-calls", "1", "read them", script=script) as session:
        session.sees(r"The run has asked for 2 tool calls and may make 1\. Go on\?")
        session.types("y")
        session.sees(r"The run has asked for 3 tool calls and may make 2\. Go on\?")
        session.types("y")
        session.sees(r"Both are there\.[\s\S]*> $")
        session.presses("\x04")
        assert session.ends() == 0


def test_a_hook_of_the_user_denies_a_call_that_was_allowed(antiphon: Antiphon) -> None:
    write_hook(antiphon, "PreToolUse", "echo 'not this file' >&2; exit 2", tools="write_*")
    write = reply(ToolUse("write_file", {"path": "new.txt", "content": "x"}), ToolUse("read_file", {"path": "a.txt"}))
    ended = antiphon.run("-p", "write", "--yolo", script=[write, "It was denied."])
    assert (ended.returncode, ended.stdout) == (0, "It was denied.\n")
    assert not (antiphon.project / "new.txt").exists()
    denied, done = antiphon.emulator.requests[1]["messages"][-1]["content"]
    assert denied["content"] == "A hook of the user did not allow this call: not this file"
    assert "alpha" in json.dumps(done["content"])


def test_a_prompt_that_a_hook_holds_back_is_not_sent(antiphon: Antiphon) -> None:
    write_hook(antiphon, "UserPromptSubmit", "echo 'not today' >&2; exit 2")
    ended = antiphon.run("-p", "hello", script=["never"])
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "antiphon: A hook did not let the prompt through, and it was not sent: not today\n"
    assert antiphon.emulator.requests == []
