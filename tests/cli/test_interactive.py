import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from programs import OnTerminal, surroundings

from antiphon.emulator import Emulator, Script, Text, ToolUse, reply

pytestmark = pytest.mark.usefixtures("nothing_refused")

READ_BOTH = [
    reply("I look.", ToolUse("read_file", {"path": "a.txt"}), ToolUse("read_file", {"path": "b.txt"})),
    "Both are there.",
]
SLEEPS = reply(ToolUse("run_command", {"command": "sleep 600"}), ToolUse("read_file", {"path": "a.txt"}))


class Sessions:
    """Starts sessions in a project of two files, with an emulator as their API."""

    def __init__(self, emulator: Emulator, home: Path) -> None:
        self.emulator = emulator
        self.home = home
        self.project = home / "project"
        self.project.mkdir()
        (self.project / "a.txt").write_text("alpha\n")
        (self.project / "b.txt").write_text("beta\n")
        self.environment = surroundings(home, ANTHROPIC_BASE_URL=emulator.url, ANTHROPIC_API_KEY="any")

    def start(self, *arguments: str, script: Any, **variables: str) -> OnTerminal:
        self.emulator.play(script)
        return OnTerminal(*arguments, environment={**self.environment, **variables}, cwd=self.project)

    def last_message(self, request: int) -> dict[str, Any]:
        return self.emulator.requests[request]["messages"][-1]

    def until_requests(self, count: int) -> None:
        deadline = time.monotonic() + 20
        while len(self.emulator.requests) < count:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture
def sessions(emulator: Emulator, tmp_path: Path) -> Sessions:
    return Sessions(emulator, tmp_path)


def test_prompt_after_prompt_is_one_conversation(sessions: Sessions) -> None:
    with sessions.start(script=[*READ_BOTH, "You are welcome."]) as session:
        session.sees(r"Ctrl-D leaves\.\s+> $")
        session.types("read both")
        session.sees(r"Both are there\.[\s\S]*2 turns, .*tokens in.*\s+> $")
        assert re.search(r"✓ #1 done .* read_file +a\.txt", session.text)
        session.types("thank you")
        session.sees(r"You are welcome\.[\s\S]*> $")
        session.presses("\x04")
        assert session.ends() == 0
        assert "This session: " in session.text
    roles = [message["role"] for message in sessions.emulator.requests[-1]["messages"]]
    assert roles == ["user", "assistant", "user", "assistant", "user"]


def test_a_prompt_on_the_command_line_comes_first(sessions: Sessions) -> None:
    with sessions.start("hello", script=["Hello yourself."]) as session:
        session.sees(r"Hello yourself\.[\s\S]*> $")
        session.types("/exit")
        assert session.ends() == 0


def test_commands_show_change_and_forget(sessions: Sessions) -> None:
    with sessions.start(script=["One.", "Two.", "Three."]) as session:
        session.sees("> $")
        session.types("/help")
        session.sees(r"/clear[\s\S]*twice leaves\.\s+> $")
        session.types("first")
        session.sees(r"One\.[\s\S]*> $")
        session.types("/model other-model")
        session.sees(r"The model is other-model\.\s+> $")
        session.types("second")
        session.sees(r"Two\.[\s\S]*> $")
        session.types("/cost")
        session.sees(r"\d+ tokens in.*, \d+ out.*\.\s+> $")
        session.types("/clear")
        session.sees(r"A new session\.\s+> $")
        session.types("third")
        session.sees(r"Three\.[\s\S]*> $|One\.[\s\S]*> $")
        session.types("/frobnicate now")
        session.sees(r"There is no command /frobnicate; /help lists them\.\s+> $")
        session.types("/exit")
        assert session.ends() == 0
    models = [record["model"] for record in sessions.emulator.requests]
    assert models[1:] == ["other-model", "other-model"]
    assert [len(record["messages"]) for record in sessions.emulator.requests] == [1, 3, 1]


def test_prompts_may_have_several_lines(sessions: Sessions) -> None:
    with sessions.start(script=["Yes."]) as session:
        session.sees("> $")
        session.presses('"""def f():\r    pass"""\r')
        session.sees(r"Yes\.[\s\S]*> $")
        session.presses("\x04")
        session.ends()
    assert sessions.last_message(0)["content"][-1]["text"] == "def f():\n    pass"


def test_the_history_is_kept_for_the_next_session(sessions: Sessions) -> None:
    with sessions.start(script=["Yes."]) as session:
        session.sees("> $")
        session.types("remember me")
        session.sees(r"Yes\.[\s\S]*> $")
        session.presses("\x04")
        session.ends()
    assert "remember me" in (sessions.home / ".local" / "state" / "antiphon" / "history").read_text()
    with sessions.start(script=["Again."]) as session:
        session.sees("> $")
        session.presses("\x1b[A\r")
        session.sees(r"Again\.[\s\S]*> $")
        session.presses("\x04")
        session.ends()
    assert sessions.last_message(-1)["content"][-1]["text"] == "remember me"


def test_a_call_is_asked_about_and_others_go_on_meanwhile(sessions: Sessions) -> None:
    script = [
        reply(
            ToolUse("write_file", {"path": "new.txt", "content": "new\n"}),
            ToolUse("read_file", {"path": "a.txt"}),
            ToolUse("write_file", {"path": "other.txt", "content": "other\n"}),
        ),
        "Done.",
    ]
    with sessions.start("write", script=script) as session:
        while not re.search(r"2 (of 3 )?calls wait for you:\s+1  write_file new\.txt  \+1 -0", session.sees(": $")):
            session.types("")
        session.types("1 y")
        session.sees(r"\? write_file other\.txt[\s\S]*Allow it\?.*: $")
        session.types("n not this one")
        session.sees(r"Done\.[\s\S]*> $")
        session.presses("\x04")
        assert session.ends() == 0
    assert (sessions.project / "new.txt").read_text() == "new\n"
    assert not (sessions.project / "other.txt").exists()
    results = sessions.last_message(1)["content"]
    assert [result.get("is_error", False) for result in results] == [False, False, True]
    assert "not this one" in json.dumps(results[2])


def test_the_model_can_ask_a_question(sessions: Sessions) -> None:
    script = [reply(ToolUse("ask_user", {"question": "Which one?", "options": ["red", "blue"]})), "Blue it is."]
    with sessions.start("paint", script=script) as session:
        session.sees(r"\? Which one\?\s+1\. red\s+2\. blue\s+Your answer: $")
        session.types("2")
        session.sees(r"Blue it is\.[\s\S]*> $")
        session.presses("\x04")
        session.ends()
    assert "blue" in json.dumps(sessions.last_message(1))


@pytest.mark.parametrize("when", ["before the reply", "while text streams", "while tools run", "while asking"])
def test_ctrl_c_stops_the_turn_at_any_moment_and_the_next_prompt_follows(sessions: Sessions, when: str) -> None:
    slow = {
        "before the reply": reply("late", delay=600),
        "while text streams": reply(Text("Here it comes.\nand "), Text("so on", delay=600)),
        "while tools run": SLEEPS,
        "while asking": SLEEPS,
    }[when]
    flags = ["--yolo"] if when == "while tools run" else []
    with sessions.start(*flags, script=Script([slow, "Fine."], shared=True)) as session:
        session.sees("> $")
        session.types("work")
        sessions.until_requests(1)
        if when == "while text streams":
            session.sees("Here it comes")
        elif when == "while tools run":
            session.sees(r"#1 running[\s\S]*#2 (waiting|running|done)")
        elif when == "while asking":
            session.sees(r"Allow it\?.*: $")
        session.presses("\x03")
        session.sees(r"Stopped\. The conversation is valid and can go on\.[\s\S]*> $")
        session.types("go on")
        session.sees(r"Fine\.[\s\S]*> $")
        session.presses("\x04")
        assert session.ends() == 0


def test_ctrl_c_twice_leaves_and_leaves_no_process(sessions: Sessions) -> None:
    with sessions.start("--yolo", "work", script=[SLEEPS, "never"]) as session:
        session.sees("#1 running")
        session.presses("\x03")
        session.sees("Stopped")
        session.presses("\x03")
        assert session.ends() == 130


def test_ctrl_c_at_the_prompt_warns_and_twice_leaves(sessions: Sessions) -> None:
    with sessions.start(script=[]) as session:
        session.sees("> $")
        session.presses("half a line\x03")
        session.sees(r"Ctrl-C again leaves; so does Ctrl-D\.\s+> $")
        session.presses("\x03")
        assert session.ends() == 130
    assert sessions.emulator.requests == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("busy", [True, False])
def test_a_request_to_end_leaves_in_order(sessions: Sessions, number: signal.Signals, *, busy: bool) -> None:
    with sessions.start("--yolo", script=[SLEEPS, "never"]) as session:
        session.sees("> $")
        if busy:
            session.types("work")
            session.sees("#1 running")
        session.process.send_signal(number)
        assert session.ends() == 143
        assert "Traceback" not in session.text


def test_an_error_of_the_api_does_not_end_the_session(sessions: Sessions) -> None:
    with sessions.start(script=[], ANTHROPIC_BASE_URL="http://127.0.0.1:9") as session:
        session.sees("> $")
        session.types("hello")
        session.sees(r"Check the network and ANTHROPIC_BASE_URL[\s\S]*> $")
        session.presses("\x04")
        assert session.ends() == 0


def test_a_terminal_that_cannot_redraw_gets_lines(sessions: Sessions) -> None:
    with sessions.start("read both", script=READ_BOTH, TERM="dumb") as session:
        session.sees(r"Both are there\.[\s\S]*> $")
        assert re.search(r"\+ #1 done .* read_file +a\.txt", session.text)
        session.presses("\x04")
        session.ends()
        assert b"\x1b[" not in session.output.replace(b"\x1b[?2004", b"")
