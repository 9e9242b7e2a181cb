import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot
from programs import SECONDS, alive
from project import Antiphon

from antiphon.emulator import Emulator, Refuse, ToolUse, reply

pytestmark = pytest.mark.usefixtures("nothing_refused")

HELLO = ["Hello."]
THREE_READS = [
    reply(
        "I look.",
        ToolUse("read_file", {"path": "a.txt"}),
        ToolUse("read_file", {"path": "b.txt"}),
        ToolUse("read_file", {"path": "missing.txt"}),
    ),
    "a and b are there.",
]


@pytest.fixture
def antiphon(emulator: Emulator, tmp_path: Path) -> Antiphon:
    return Antiphon(emulator, tmp_path)


def test_the_answer_is_all_there_is_on_standard_output(antiphon: Antiphon) -> None:
    ended = antiphon.run("-p", "read them", script=THREE_READS)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "a and b are there.\n", "")


def test_standard_input_is_added_to_the_prompt(antiphon: Antiphon) -> None:
    antiphon.run("-p", "review this", script=HELLO, stdin="the diff\n")
    assert antiphon.prompts() == ["review this\n\nthe diff\n"]


@pytest.mark.parametrize("arguments", [("-p",), ("-",), ("-p", "-"), ()])
def test_standard_input_can_be_the_prompt(antiphon: Antiphon, arguments: tuple[str, ...]) -> None:
    ended = antiphon.run(*arguments, script=HELLO, stdin="what time is it?\n")
    assert ended.stdout == "Hello.\n"
    assert antiphon.prompts() == ["what time is it?\n"]


def test_a_silent_standard_input_is_not_waited_for_for_ever(antiphon: Antiphon) -> None:
    antiphon.emulator.play(HELLO)
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "antiphon", "-p", "hello"]
    ended = subprocess.run(
        command,
        env=antiphon.environment,
        cwd=antiphon.project,
        stdin=reading,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    os.close(reading)
    os.close(writing)
    assert ended.stdout == "Hello.\n"
    assert "nothing came on standard input; going on without it" in ended.stderr


def test_the_model_and_the_prompts_are_what_the_flags_say(antiphon: Antiphon) -> None:
    antiphon.run(
        "-p",
        "x",
        "-m",
        "claude-test-1",
        "--system-prompt",
        "Be brief.",
        "--append-system-prompt",
        "Be kind.",
        script=HELLO,
    )
    request = antiphon.emulator.requests[0]
    assert request["model"] == "claude-test-1"
    assert "Be brief.\n\nBe kind." in json.dumps(request["system"])[: -len("'")].encode().decode("unicode_escape")


def test_the_agents_own_prompt_can_be_added_to(antiphon: Antiphon) -> None:
    antiphon.run("-p", "x", "--append-system-prompt", "Be kind.", script=HELLO)
    system = json.dumps(antiphon.emulator.requests[0]["system"])
    assert "You are Antiphon" in system
    assert "Be kind." in system
    assert str(antiphon.project) in system


def test_it_works_in_the_directory_it_is_told(antiphon: Antiphon, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "here.txt").write_text("found\n")
    script = [reply(ToolUse("read_file", {"path": "here.txt"})), "ok"]
    antiphon.run("-p", "x", "-C", str(elsewhere), script=script)
    (result,) = antiphon.emulator.requests[1]["messages"][-1]["content"]
    assert "found" in json.dumps(result)


def test_an_added_directory_can_be_read(antiphon: Antiphon, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "there.txt").write_text("found\n")
    script = [reply(ToolUse("read_file", {"path": str(elsewhere / "there.txt")})), "ok"]
    antiphon.run("-p", "x", "--add-dir", "../elsewhere", script=script)
    (result,) = antiphon.emulator.requests[1]["messages"][-1]["content"]
    assert "found" in json.dumps(result)


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def comparable(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line without what differs from run to run."""
    volatile = {
        "uuid",
        "session_id",
        "tools",
        "at",
        "duration_ms",
        "duration_api_ms",
        "total_cost_usd",
        "usage",
        "modelUsage",
        "used_tokens",
        "cwd",
    }
    kept = {key: value for key, value in line.items() if key not in volatile}
    if kept.get("type") == "assistant":
        kept["message"] = {key: line["message"][key] for key in ("role", "content", "stop_reason")}
    return kept


def test_stream_json_is_the_conversation_and_what_happened_meanwhile(antiphon: Antiphon) -> None:
    ended = antiphon.run("-p", "read them", "--output-format", "stream-json", script=THREE_READS)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = lines_of(ended.stdout)
    assert len({line["session_id"] for line in lines}) == 1
    assert len({line["uuid"] for line in lines}) == len(lines)
    assert lines[0]["cwd"] == str(antiphon.project)
    assert {"read_file", "write_file", "edit_file", "run_command", "ask_user"} <= set(lines[0]["tools"])
    assert [comparable(line) for line in lines if line.get("subtype") != "tool_state"] == snapshot(
        [
            {
                "type": "system",
                "subtype": "init",
                "model": "claude-sonnet-5-5",
                "mcp_servers": [],
                "slash_commands": [],
                "agents": [],
                "permissionMode": "default",
                "apiKeySource": "ANTHROPIC_API_KEY",
                "output_style": "default",
                "antiphon_version": "0.1.0",
            },
            {
                "type": "assistant",
                "message": {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "I look."},
                        {
                            "type": "tool_use",
                            "id": "toolu_016PBSGm8SBSK41FdNRmFUse",
                            "name": "read_file",
                            "input": {"path": "a.txt"},
                        },
                        {
                            "type": "tool_use",
                            "id": "toolu_01QrLMmhh7JCJ7vq33kKszJg",
                            "name": "read_file",
                            "input": {"path": "b.txt"},
                        },
                        {
                            "type": "tool_use",
                            "id": "toolu_01GQGQQEQMAYuyPEf5sdU1kC",
                            "name": "read_file",
                            "input": {"path": "missing.txt"},
                        },
                    ],
                    "stop_reason": "tool_use",
                },
                "parent_tool_use_id": None,
            },
            {
                "type": "user",
                "message": {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_016PBSGm8SBSK41FdNRmFUse",
                            "content": "     1\talpha",
                        },
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_01QrLMmhh7JCJ7vq33kKszJg",
                            "content": "     1\tbeta",
                        },
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_01GQGQQEQMAYuyPEf5sdU1kC",
                            "content": "missing.txt does not exist.",
                            "is_error": True,
                        },
                    ],
                },
                "parent_tool_use_id": None,
            },
            {"type": "system", "subtype": "context", "window_tokens": 1000000},
            {
                "type": "assistant",
                "message": {
                    "role": "assistant",
                    "content": [{"type": "text", "text": "a and b are there."}],
                    "stop_reason": "end_turn",
                },
                "parent_tool_use_id": None,
            },
            {"type": "system", "subtype": "context", "window_tokens": 1000000},
            {
                "type": "result",
                "subtype": "success",
                "is_error": False,
                "num_turns": 2,
                "result": "a and b are there.",
                "stop_reason": "end_turn",
                "permission_denials": [],
            },
        ]
    )


def test_stream_json_tells_every_state_of_every_call(antiphon: Antiphon) -> None:
    ended = antiphon.run("-p", "read them", "--json", script=THREE_READS)
    states: dict[int, list[str]] = {}
    for line in lines_of(ended.stdout):
        if line.get("subtype") == "tool_state":
            states.setdefault(line["index"], []).append(line["state"])
    assert states == {
        0: ["streaming", "running", "done"],
        1: ["streaming", "running", "done"],
        2: ["streaming", "running", "failed"],
    }


def test_partial_messages_join_to_the_messages(antiphon: Antiphon) -> None:
    ended = antiphon.run("-p", "read them", "--json", "--include-partial-messages", script=THREE_READS)
    lines = lines_of(ended.stdout)
    deltas = [line["event"]["delta"] for line in lines if line["type"] == "stream_event" and "delta" in line["event"]]
    assert "".join(delta.get("text", "") for delta in deltas) == "I look.a and b are there."
    calls = [json.loads(delta["partial_json"]) for delta in deltas if delta.get("type") == "input_json_delta"]
    assert calls == [{"path": "a.txt"}, {"path": "b.txt"}, {"path": "missing.txt"}]


def test_json_is_the_last_line_of_stream_json(antiphon: Antiphon) -> None:
    ended = antiphon.run("-p", "hello", "-o", "json", script=HELLO)
    (line,) = lines_of(ended.stdout)
    assert (line["type"], line["subtype"], line["result"], line["num_turns"]) == ("result", "success", "Hello.", 1)
    assert line["usage"]["output_tokens"] > 0


def test_verbose_shows_progress_on_standard_error_as_plain_lines(antiphon: Antiphon) -> None:
    ended = antiphon.run("-p", "read them", "--verbose", script=THREE_READS)
    assert ended.stdout == "a and b are there.\n"
    assert "\x1b" not in ended.stderr
    assert re.search(r"✓ #1 done +\d\.\d s read_file +a\.txt", ended.stderr)
    assert re.search(r"✗ #3 failed +\d\.\d s read_file +missing\.txt", ended.stderr)


WRITE = [reply(ToolUse("write_file", {"path": "new.txt", "content": "new\n"})), "ok"]


def test_what_nobody_allowed_is_denied_and_the_model_is_told_how_it_can_be(antiphon: Antiphon) -> None:
    ended = antiphon.run("-p", "write", "-o", "json", script=WRITE)
    (line,) = lines_of(ended.stdout)
    assert [denial["tool_name"] for denial in line["permission_denials"]] == ["write_file"]
    assert not (antiphon.project / "new.txt").exists()
    (result,) = antiphon.emulator.requests[1]["messages"][-1]["content"]
    assert result["is_error"] is True
    assert "--allowed-tools 'write_file(/new.txt)'" in json.dumps(result)


@pytest.mark.parametrize(
    "flags", [("--allowed-tools", "write_file"), ("--permission-mode", "accept-edits"), ("--yolo",), ("-y",)]
)
def test_what_was_allowed_runs(antiphon: Antiphon, flags: tuple[str, ...]) -> None:
    ended = antiphon.run("-p", "write", *flags, script=WRITE)
    assert ended.returncode == 0
    assert (antiphon.project / "new.txt").read_text() == "new\n"


@pytest.mark.parametrize("flags", [("--yolo", "--disallowed-tools", "write_file"), ("--permission-mode", "plan")])
def test_what_was_forbidden_does_not_run(antiphon: Antiphon, flags: tuple[str, ...]) -> None:
    ended = antiphon.run("-p", "write", *flags, script=WRITE)
    assert ended.returncode == 0
    assert not (antiphon.project / "new.txt").exists()


ESCAPE = [reply(ToolUse("run_command", {"command": "echo free > ../escaped; cat ../escaped; echo done"})), "ok"]


def test_commands_that_nobody_approves_run_in_the_sandbox(antiphon: Antiphon) -> None:
    ended = antiphon.run("-p", "x", "--permission-mode", "auto", "--sandbox", "on", script=ESCAPE)
    (result,) = antiphon.emulator.requests[1]["messages"][-1]["content"]
    assert "done" in json.dumps(result)
    assert not (antiphon.project.parent / "escaped").exists()
    assert ended.stderr == ""


def test_who_switches_the_sandbox_off_is_told_what_that_means(antiphon: Antiphon) -> None:
    ended = antiphon.run("-p", "x", "--permission-mode", "auto", "--sandbox", "off", script=ESCAPE)
    assert ended.stderr == "antiphon: Commands run without a sandbox: they can do whatever you can.\n"
    (result,) = antiphon.emulator.requests[1]["messages"][-1]["content"]
    # Auto mode allows what is confined, and asks about everything else.
    assert result["is_error"] is True
    ended = antiphon.run("-p", "x", "--yolo", "--sandbox", "off", script=ESCAPE)
    assert (antiphon.project.parent / "escaped").read_text() == "free\n"


def test_a_run_ends_at_its_most_turns(antiphon: Antiphon) -> None:
    loop = [reply(ToolUse("read_file", {"path": "a.txt"})) for _ in range(5)]
    ended = antiphon.run("-p", "x", "--max-turns", "2", "-o", "json", script=loop)
    (line,) = lines_of(ended.stdout)
    assert (ended.returncode, line["subtype"], line["num_turns"], line["is_error"]) == (53, "error_max_turns", 2, True)
    assert ended.stderr.startswith("antiphon: Stopped at the limit set by max_turns")


def test_a_run_ends_when_its_time_is_over(antiphon: Antiphon) -> None:
    ended = antiphon.run("-p", "x", "--timeout", "0.5", script=[reply("late", delay=60)])
    assert (ended.returncode, ended.stdout) == (124, "")
    assert ended.stderr == "antiphon: stopped after 0.5 seconds, the limit set by --timeout.\n"


def test_what_was_said_before_a_run_was_stopped_is_no_answer(antiphon: Antiphon) -> None:
    script = [reply("Let me look.", ToolUse("read_file", {"path": "a.txt"})), reply("late", delay=60)]
    ended = antiphon.run("-p", "x", "--timeout", "1", script=script)
    assert (ended.returncode, ended.stdout) == (124, "")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ([reply("x", faults=[Refuse(401)])], "Check the key in ANTHROPIC_API_KEY"),
        ([reply("x", faults=[Refuse(404)])], "Check the name given by --model"),
        ([reply("x", faults=[Refuse(529, retry_after=0)]) for _ in range(9)], "Try again later"),
        (
            [reply("x", faults=[Refuse(400, message="prompt is too long: 200001 tokens > 200000 maximum")])],
            "does not fit the context window",
        ),
    ],
)
def test_what_the_api_refuses_is_one_sentence_with_advice(antiphon: Antiphon, script: Any, said: str) -> None:
    ended = antiphon.run("-p", "x", script=script)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("antiphon: ")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_an_api_that_is_not_there_is_told(antiphon: Antiphon) -> None:
    ended = antiphon.run("-p", "x", script=HELLO, ANTHROPIC_BASE_URL="http://127.0.0.1:9")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "Check the network and ANTHROPIC_BASE_URL" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_an_error_is_a_result_for_programs_too(antiphon: Antiphon) -> None:
    ended = antiphon.run("-p", "x", "--json", script=[reply("x", faults=[Refuse(401)])])
    line = lines_of(ended.stdout)[-1]
    assert (line["subtype"], line["is_error"], line["stop_reason"]) == ("error_during_execution", True, "error")
    assert line["errors"]


def test_retries_are_told_to_programs(antiphon: Antiphon) -> None:
    script = [reply("x", faults=[Refuse(529, retry_after=0)]), "Hello."]
    ended = antiphon.run("-p", "x", "--json", script=script)
    (retry,) = [line for line in lines_of(ended.stdout) if line.get("subtype") == "retry"]
    assert (retry["attempt"], ended.returncode) == (1, 0)


SLEEP = [reply("Wait.", ToolUse("run_command", {"command": "sleep 600"})), "never"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_a_signal_ends_the_run_its_processes_and_the_output_in_order(
    antiphon: Antiphon, number: signal.Signals, code: int
) -> None:
    process = antiphon.start("-p", "x", "--json", "--yolo", script=SLEEP)
    assert process.stdout is not None
    lines: list[dict[str, Any]] = []
    while not lines or lines[-1].get("state") != "running":
        lines.append(json.loads(process.stdout.readline()))
    process.send_signal(number)
    out, err = process.communicate(timeout=SECONDS)
    lines += lines_of(out)
    assert (process.returncode, err) == (code, "")
    assert alive(antiphon.environment) == []
    assert lines[-1]["stop_reason"] == "cancelled"
    assert [
        block["tool_use_id"] for line in lines if line["type"] == "user" for block in line["message"]["content"][:1]
    ]


def test_a_signal_at_the_very_start_ends_it_too(antiphon: Antiphon) -> None:
    process = antiphon.start("-p", "x", script=[reply("late", delay=60)])
    while not antiphon.emulator.requests:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, err) == (130, "", "")


def test_a_reader_that_goes_away_ends_it_without_noise(antiphon: Antiphon) -> None:
    process = antiphon.start("-p", "x", "--json", "--yolo", script=SLEEP)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=SECONDS) == 141
    assert process.stderr.read() == ""
    process.stderr.close()
    assert alive(antiphon.environment) == []


def test_on_a_terminal_progress_is_live_and_the_answer_is_last(antiphon: Antiphon) -> None:
    with antiphon.on_terminal("-p", "read them", script=THREE_READS) as program:
        assert program.ends() == 0
        assert program.text.rstrip().endswith("a and b are there.")
        assert program.text.count("a and b are there.") == 1
        assert re.search(r"✓ #1 done", program.text)


def test_a_terminal_never_gets_what_would_drive_it(antiphon: Antiphon) -> None:
    evil = "\x1b]0;owned\x07\x1b[2Jtext\u202e"
    (antiphon.project / "a.txt").write_text(evil)
    script = [reply(ToolUse("run_command", {"command": f"cat a.txt; echo '{evil}'; false"})), evil]
    for flags in ((), ("--json",), ("-o", "json")):
        with antiphon.on_terminal("-p", "x", "--yolo", *flags, script=script) as program:
            assert program.ends() == 0
            assert b"\x1b]" not in program.output
            assert b"\x1b[2J" not in program.output
            assert "\u202e" not in program.output.decode()


def test_into_a_pipe_the_answer_goes_as_it_is(antiphon: Antiphon) -> None:
    ended = antiphon.run("-p", "x", script=["\x1b[31mred\x1b[0m\n"])
    assert ended.stdout == "\x1b[31mred\x1b[0m\n"


def test_an_old_encoding_is_no_reason_to_fail(antiphon: Antiphon) -> None:
    ended = antiphon.run("-p", "x", script=["na\u00efve \u65e5\u672c"], PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert (ended.returncode, ended.stdout) == (0, "na?ve ??\n")


def test_settings_of_the_user_hold(antiphon: Antiphon, tmp_path: Path) -> None:
    path = tmp_path / ".config" / "antiphon" / "settings.toml"
    path.parent.mkdir(parents=True)
    path.write_text('model = "from-the-file"\nallowed_tools = ["write_file"]\n')
    antiphon.run("-p", "write", script=WRITE)
    assert antiphon.emulator.requests[0]["model"] == "from-the-file"
    assert (antiphon.project / "new.txt").exists()


def test_a_project_can_set_nothing(antiphon: Antiphon) -> None:
    for name in ("settings.toml", ".antiphon/settings.toml", ".env"):
        path = antiphon.project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text('permission_mode = "bypass"\nANTHROPIC_BASE_URL = "http://evil.example"\n')
    antiphon.run("-p", "write", script=WRITE)
    assert len(antiphon.emulator.requests) == 2
    assert not (antiphon.project / "new.txt").exists()
