import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from programs import alive, surroundings
from project import Antiphon

from antiphon.cli.prompt_tool import PromptTool
from antiphon.emulator import Emulator, ToolUse, reply
from antiphon.engine.events import INDEPENDENT, ToolCall
from antiphon.errors import SettingsError
from antiphon.policy import Approval, ApprovalRequest

CALL = ToolCall("toolu_1", "run_command", {"command": "make \u00e4"})
REQUEST = ApprovalRequest(CALL, INDEPENDENT, reason="make is in no rule")
SECONDS = 20


class Programs:
    """Writes programs that decide, and asks them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = surroundings(home, ANTHROPIC_API_KEY="sk-secret")

    def tool(self, body: str, *arguments: str, timeout: float = SECONDS) -> PromptTool:
        program = self.home / "decides.py"
        program.write_text(f"import json, os, subprocess, sys, time\n{body}\n")
        command = " ".join([sys.executable, str(program), *arguments])
        return PromptTool(command, self.home, self.environment, timeout=timeout)

    async def decide(self, body: str, *arguments: str) -> Approval:
        return await self.tool(body, *arguments).approve(REQUEST)

    async def says(self, answer: str) -> Approval:
        return await self.decide(f"sys.stdout.write({answer!r})")


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


async def test_a_program_gets_the_question_and_none_of_our_keys(programs: Programs) -> None:
    body = """
question = json.load(sys.stdin)
seen = {"question": question, "arguments": sys.argv[1:], "key": os.environ.get("ANTHROPIC_API_KEY"), "in": os.getcwd()}
print(json.dumps({"behavior": "deny", "message": json.dumps(seen)}))
"""
    approval = await programs.decide(body, "'two words'", "$HOME")
    assert not approval.allowed
    assert json.loads(approval.reason) == {
        "question": {
            "tool_name": "run_command",
            "input": {"command": "make ä"},
            "tool_use_id": "toolu_1",
            "reason": "make is in no rule",
            "cwd": str(programs.home),
        },
        "arguments": ["two words", "$HOME"],
        "key": None,
        "in": str(programs.home),
    }


@pytest.mark.parametrize(
    "answer",
    [
        '{"behavior": "allow"}',
        ' {"behavior": "allow", "message": "fine"}\n',
        '{"behavior": "allow", "updatedInput": {"command": "make \u00e4"}}',  # as it was
    ],
)
async def test_a_program_can_allow(programs: Programs, answer: str) -> None:
    assert await programs.says(answer) == Approval(allowed=True)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('{"behavior": "deny"}', ""),
        ('{"behavior": "deny", "message": "not on a Friday"}', "not on a Friday"),
        ('{"behavior": "deny", "message": 3}', ""),
        ("yes", "which was to decide, did not answer with JSON."),
        ("", "did not answer with JSON."),
        ("[" * 100_000, "did not answer with JSON."),
        ('"allow"', "answered neither"),
        ('{"behaviour": "allow"}', "answered neither"),
        ('{"behavior": true}', "answered neither"),
        ('{"behavior": {}}', "answered neither"),
        ('{"behavior": "allow", "updatedInput": {"command": "rm -rf /"}}', "what was checked is what runs"),
        ('{"behavior": "allow", "updatedInput": null}', "what was checked is what runs"),
        ('{"behavior": "allow", "rule": "run_command"}', "something that is not known here: rule"),
    ],
)
async def test_everything_else_denies(programs: Programs, answer: str, reason: str) -> None:
    approval = await programs.says(answer)
    assert not approval.allowed
    assert reason in approval.reason
    assert bool(reason) == bool(approval.reason)


async def test_a_program_that_fails_denies(programs: Programs) -> None:
    body = 'print(json.dumps({"behavior": "allow"})); print("no\\nidea", file=sys.stderr); sys.exit(3)'
    assert await programs.decide(body) == Approval(
        allowed=False, reason=f"{Path(sys.executable).name}, which was to decide, ended with exit code 3: no idea."
    )


async def test_a_program_that_takes_too_long_denies_and_is_ended_with_what_it_started(programs: Programs) -> None:
    tool = programs.tool('subprocess.Popen(["sleep", "600"]); time.sleep(600)', timeout=0.5)
    approval = await tool.approve(REQUEST)
    assert not approval.allowed
    assert "gave no answer within 0.5 seconds" in approval.reason
    assert await gone(programs) == []


async def test_a_cancelled_question_ends_the_program(programs: Programs) -> None:
    tool = programs.tool('open("started", "w").close(); subprocess.Popen(["sleep", "600"]); time.sleep(600)')
    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tool.approve, REQUEST)
            while not (programs.home / "started").exists():  # noqa: ASYNC110  (it is another process that tells)
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
    assert await gone(programs) == []


async def gone(programs: Programs) -> list[str]:
    """Wait until no program is left, and return those that are."""
    with anyio.move_on_after(SECONDS):
        while alive(programs.environment):  # noqa: ASYNC110  (nobody tells when a process is gone)
            await anyio.sleep(0.01)
    return alive(programs.environment)


async def test_several_questions_are_open_at_once(programs: Programs) -> None:
    # Each waits until the other has come.
    body = """
mine = json.load(sys.stdin)["tool_use_id"]
open(mine, "w").close()
while not (os.path.exists("a") and os.path.exists("b")):
    time.sleep(0.01)
print(json.dumps({"behavior": "allow" if mine == "a" else "deny", "message": mine}))
"""
    tool = programs.tool(body)
    decided: dict[str, Approval] = {}

    async def ask(id_: str) -> None:
        decided[id_] = await tool.approve(ApprovalRequest(ToolCall(id_, "run_command", {}), INDEPENDENT))

    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, "a")
            tasks.start_soon(ask, "b")
    assert decided == {"a": Approval(allowed=True), "b": Approval(allowed=False, reason="b")}


@pytest.mark.parametrize("command", ["", "no-such-program-anywhere", "'open quote"])
def test_a_program_that_is_not_there_is_told_before_anything_is_asked(programs: Programs, command: str) -> None:
    with pytest.raises(SettingsError, match="--permission-prompt-tool"):
        PromptTool(command, programs.home, programs.environment)


TWO_WRITES: list[Any] = [
    reply(
        ToolUse("write_file", {"path": "yes.txt", "content": "yes\n"}),
        ToolUse("write_file", {"path": "no.txt", "content": "no\n"}),
    ),
    "Done.",
]
DECIDES = """
import json, sys
question = json.load(sys.stdin)
allowed = question["input"]["path"] == "yes.txt"
print(json.dumps({"behavior": "allow"} if allowed else {"behavior": "deny", "message": "only yes.txt"}))
"""


@pytest.fixture
def antiphon(emulator: Emulator, tmp_path: Path) -> Antiphon:
    return Antiphon(emulator, tmp_path)


def test_a_headless_run_asks_the_program(antiphon: Antiphon, tmp_path: Path) -> None:
    program = tmp_path / "decides.py"
    program.write_text(DECIDES)
    ended = antiphon.run("-p", "write", "--permission-prompt-tool", f"{sys.executable} {program}", script=TWO_WRITES)
    assert (ended.returncode, ended.stdout) == (0, "Done.\n")
    assert (antiphon.project / "yes.txt").read_text() == "yes\n"
    assert not (antiphon.project / "no.txt").exists()
    results = antiphon.emulator.requests[1]["messages"][-1]["content"]
    assert [result.get("is_error", False) for result in results] == [False, True]
    assert "only yes.txt" in json.dumps(results[1])


def test_a_run_that_is_stopped_ends_the_programs_it_asked(antiphon: Antiphon, tmp_path: Path) -> None:
    program = tmp_path / "decides.py"
    program.write_text("import os, time\nopen(f'asked-{os.getpid()}', 'w').close()\ntime.sleep(600)\n")
    command = f"{sys.executable} {program}"
    started = antiphon.start("-p", "write", "--permission-prompt-tool", command, script=TWO_WRITES)
    deadline = time.monotonic() + SECONDS
    while len(list(antiphon.project.glob("asked-*"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    started.communicate(timeout=SECONDS)
    assert started.returncode == 130
    assert alive(antiphon.environment) == []


def test_without_a_program_the_result_names_the_rule_that_would_allow_the_call(antiphon: Antiphon) -> None:
    antiphon.run("-p", "write", script=TWO_WRITES)
    results = antiphon.emulator.requests[1]["messages"][-1]["content"]
    assert "nobody is there to be asked. It can be allowed beforehand with --allowed-tools " in json.dumps(results[0])


def test_a_program_that_does_not_exist_ends_the_run_before_it_begins(antiphon: Antiphon) -> None:
    ended = antiphon.run("-p", "write", "--permission-prompt-tool", "no-such-program", script=TWO_WRITES)
    assert ended.returncode == 2
    assert "there is no program no-such-program" in ended.stderr
    assert antiphon.emulator.requests == []
