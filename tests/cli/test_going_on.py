"""Sessions as a person has them: left, killed, gone on with, copied."""

import json
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from programs import OnTerminal, alive
from project import Antiphon

from antiphon import __version__
from antiphon.emulator import Emulator, ToolUse, reply
from antiphon.sessions import Sessions

pytestmark = pytest.mark.usefixtures("nothing_refused")

WAITS = "touch running; sleep 600"
LOOK = [reply("I look.", ToolUse("read_file", {"path": "a.txt"})), "It says alpha."]


@pytest.fixture
def antiphon(emulator: Emulator, tmp_path: Path) -> Antiphon:
    return Antiphon(emulator, tmp_path)


def kept(antiphon: Antiphon) -> Sessions:
    return Sessions(antiphon.project.parent / ".local/share/antiphon/sessions")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kill(antiphon: Antiphon, process: subprocess.Popen[Any]) -> None:
    """End the agent as the system would; its commands end with it."""
    process.kill()
    process.communicate()
    until(lambda: alive(antiphon.environment) == [])


def texts(messages: Any) -> str:
    return json.dumps(messages)


def test_a_headless_run_is_recorded_and_gone_on_with(antiphon: Antiphon) -> None:
    first = antiphon.run("-p", "what is in a?", script=LOOK)
    assert first.stdout == "It says alpha.\n"
    assert first.stderr == ""
    second = antiphon.run("-p", "and now?", "--continue", script=["Still alpha."])
    assert second.stdout == "Still alpha.\n"
    roles = [message["role"] for message in antiphon.emulator.requests[-1]["messages"]]
    assert roles == ["user", "assistant", "user", "assistant", "user"]
    [session] = kept(antiphon).ids()
    assert kept(antiphon).state(session).begun.version == __version__


def test_nothing_is_kept_where_nothing_is_to_be_kept(antiphon: Antiphon) -> None:
    antiphon.run("-p", "hello", "--no-session", script=["Hello."])
    assert list(kept(antiphon).ids()) == []
    assert not (antiphon.project.parent / ".local/share/antiphon").exists()


def test_a_session_can_have_a_certain_id_once(antiphon: Antiphon) -> None:
    wanted = "0b6f1c9e-5c6e-4d7a-9a0e-3f2d7b9a1c11"
    ended = antiphon.run("-p", "hello", "--session-id", wanted, "-o", "json", script=["Hello."])
    assert json.loads(ended.stdout)["session_id"] == wanted
    again = antiphon.run("-p", "hello", "--session-id", wanted, script=["Hello."])
    assert again.returncode == 1
    assert f"there is a session {wanted} already; --resume {wanted} goes on with it." in again.stderr


def test_a_copy_goes_its_own_way(antiphon: Antiphon) -> None:
    antiphon.run("-p", "one", script=["1"])
    [first] = kept(antiphon).ids()
    antiphon.run("-p", "two", "--resume", first[:8], "--fork", script=["2"])
    antiphon.run("-p", "three", "--resume", first[:8], script=["3"])
    said = {session: texts(kept(antiphon).state(session).messages) for session in kept(antiphon).ids()}
    assert len(said) == 2
    assert ("two" in said[first], "three" in said[first]) == (False, True)
    [copy] = [session for session in said if session != first]
    assert ("two" in said[copy], "three" in said[copy]) == (True, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--continue"], "there is no session of "),
        (["--resume", "nothing-like-it"], "nothing-like-it"),
        (["--resume"], "there is no session of "),
    ],
)
def test_what_cannot_be_gone_on_with_is_said_and_nothing_is_sent(
    antiphon: Antiphon, arguments: list[str], said: str
) -> None:
    ended = antiphon.run("-p", "go on", *arguments, script=[])
    assert ended.returncode == 1
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert antiphon.emulator.requests == []


def test_a_killed_run_is_gone_on_with_where_it_stopped(antiphon: Antiphon) -> None:
    slow = reply(
        ToolUse("read_file", {"path": "a.txt"}),
        ToolUse("run_command", {"command": f"echo done >> effects.txt; {WAITS}"}),
        ToolUse("write_file", {"path": "c.txt", "content": "never"}),
    )
    process = antiphon.start("-p", "work", "--yolo", script=[slow])
    until((antiphon.project / "running").exists)
    kill(antiphon, process)
    ended = antiphon.run("--continue", "-p", "what happened?", "--yolo", script=["I see."])
    assert ended.stdout == "I see.\n"
    assert (
        "The last turn was interrupted. Its calls: 1 had finished; 1 had not started and was dropped; " in ended.stderr
    )
    assert (antiphon.project / "effects.txt").read_text() == "done\n"
    assert not (antiphon.project / "c.txt").exists()
    results = antiphon.emulator.requests[-1]["messages"][-1]["content"]
    assert [block["type"] for block in results] == ["tool_result"] * 3 + ["text"] * 2
    assert "alpha" in texts(results[0])
    assert "Outcome unknown" in texts(results[1])
    assert "Nothing was done" in texts(results[2])


def test_a_session_that_is_open_elsewhere_is_refused(antiphon: Antiphon) -> None:
    sleeping = reply(ToolUse("run_command", {"command": WAITS}))
    process = antiphon.start("-p", "work", "--yolo", script=[sleeping])
    until((antiphon.project / "running").exists)
    ended = antiphon.run("--continue", "-p", "me too", script=[])
    assert ended.returncode == 1
    assert f"(process {process.pid})" in ended.stderr
    assert "--fork" in ended.stderr
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert antiphon.run("--continue", "-p", "now?", script=["Yes."]).stdout == "Yes.\n"


def test_going_on_needs_no_prompt(antiphon: Antiphon) -> None:
    stopped = reply(ToolUse("read_file", {"path": "a.txt"}))
    assert antiphon.run("-p", "look", "--max-turns", "1", script=[stopped]).returncode == 53
    ended = antiphon.run("--continue", "-p", script=["It says alpha."])
    assert ended.stdout == "It says alpha.\n"
    assert antiphon.emulator.requests[-1]["messages"][-1]["content"][0]["type"] == "tool_result"


def test_without_a_prompt_there_must_be_something_to_go_on_with(antiphon: Antiphon) -> None:
    antiphon.run("-p", "hello", script=["Hello."])
    ended = antiphon.run("--continue", "-p", script=[])
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "antiphon: there is no prompt, and nothing to go on with: the model has answered.\n"


def test_a_damaged_session_is_repaired_and_says_so(antiphon: Antiphon) -> None:
    antiphon.run("-p", "what is in a?", script=LOOK)
    [session] = kept(antiphon).ids()
    path = kept(antiphon).directory / session / "session.db"
    database = sqlite3.connect(path)
    database.executescript("DROP TRIGGER records_are_kept; DELETE FROM records WHERE kind = 'answered';")
    database.close()
    ended = antiphon.run("--continue", "-p", "and now?", script=["Fine."])
    assert ended.stdout == "Fine.\n"
    assert re.search("damaged", ended.stderr)


def test_a_home_that_cannot_be_written_is_told_and_work_goes_on(antiphon: Antiphon) -> None:
    (antiphon.project.parent / "full").write_text("")
    ended = antiphon.run("-p", "hello", script=["Hello."], ANTIPHON_DATA_DIR=str(antiphon.project.parent / "full"))
    assert ended.stdout == "Hello.\n"
    assert "This session is not recorded: " in ended.stderr


def leave(session: OnTerminal) -> str:
    session.presses("\x04")
    assert session.ends() == 0
    return session.text


def test_on_a_terminal_a_session_is_left_and_chosen_again(antiphon: Antiphon) -> None:
    with antiphon.on_terminal(script=["One.", "Two."]) as session:
        session.sees("> $")
        session.types("first things")
        session.sees(r"One\.[\s\S]*> $")
        session.types("/name My afternoon")
        session.sees(r"named My afternoon\.\s+> $")
        how = re.search(r"Go on with this session: (antiphon --resume \w{8})", leave(session))
        assert how is not None
    with antiphon.on_terminal("--resume", script=["Two."]) as session:
        session.sees(r"1  My afternoon  \(now, 1 prompt\)[\s\S]*> $")
        session.types("1")
        session.sees(r"Session \w{8}: My afternoon\s+You said: first things\s+It said: One\.\s+> $")
        session.types("second things")
        session.sees(r"Two\.[\s\S]*> $")
        leave(session)
    assert texts(antiphon.emulator.requests[-1]["messages"]).count("things") == 2


def test_on_a_terminal_sessions_are_copied_left_and_entered(antiphon: Antiphon) -> None:
    with antiphon.on_terminal(script=["One.", "Two.", "Three."]) as session:
        session.sees("> $")
        session.types("first")
        session.sees(r"One\.[\s\S]*> $")
        session.types("/fork")
        session.sees(r"It is a copy of \w{8}, which stays as it is\.[\s\S]+> $")
        session.types("second")
        session.sees(r"Two\.[\s\S]*> $")
        session.types("/resume")
        session.sees(r"1  first[\s\S]*> $")
        session.types("1")
        session.sees(r"Session \w{8}: first[\s\S]+> $")
        session.types("third")
        session.sees(r"Three\.[\s\S]*> $")
        leave(session)
    last = texts(antiphon.emulator.requests[-1]["messages"])
    assert ("first" in last, "second" in last, "third" in last) == (True, False, True)


def test_a_session_in_which_nothing_was_said_is_not_kept(antiphon: Antiphon) -> None:
    with antiphon.on_terminal(script=[]) as session:
        session.sees("> $")
        assert "Go on with" not in leave(session)
    assert list(kept(antiphon).ids()) == []


def test_a_killed_session_shows_what_was_left_and_goes_on_when_told_to(antiphon: Antiphon) -> None:
    sleeping = reply(ToolUse("run_command", {"command": WAITS}))
    with antiphon.on_terminal("--yolo", "work", script=[sleeping]) as session:
        session.sees("#1 running")
        until((antiphon.project / "running").exists)
        kill(antiphon, session.process)
    with antiphon.on_terminal("--continue", script=["I see."]) as session:
        session.sees(r"1 was running, outcome unknown\.[\s\S]*/continue to let it go on\.\s+> $")
        session.types("/continue")
        session.sees(r"I see\.[\s\S]*> $")
        session.types("/continue")
        session.sees(r"nothing to go on with\. Say something\.\s+> $")
        leave(session)


def test_on_a_terminal_one_goes_back_and_says_something_else(antiphon: Antiphon) -> None:
    edit = reply(ToolUse("edit_file", {"path": "a.txt", "old_text": "alpha", "new_text": "omega"}))
    with antiphon.on_terminal("--yolo", script=["Hello.", edit, "Changed.", "Better."]) as session:
        session.sees("> $")
        session.types("hello")
        session.sees(r"Hello\.[\s\S]*> $")
        session.types("change it")
        session.sees(r"Changed\.[\s\S]*> $")
        assert (antiphon.project / "a.txt").read_text() == "omega\n"
        session.types("/rewind")
        session.sees(r"1  hello\s+2  change it  \(files changed\)[\s\S]*> $")
        session.types("2")
        session.sees(r"Files, conversation, or both\?[\s\S]*> $")
        session.types("b")
        session.sees(r"modified  a\.txt  \+1 -1\s+Change 1 file back\? y or n\s+> $")
        session.types("y")
        session.sees(r"1 brought back, 0 deleted[\s\S]*up to before prompt 2\.[\s\S]*> change it$")
        assert (antiphon.project / "a.txt").read_text() == "alpha\n"
        session.types(" for the better")
        session.sees(r"Better\.[\s\S]*> $")
        leave(session)
    last = texts(antiphon.emulator.requests[-1]["messages"])
    assert ("hello" in last, "change it for the better" in last, "omega" in last) == (True, True, False)
    assert len(list(kept(antiphon).ids())) == 2
