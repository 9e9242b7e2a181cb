import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import pytest
from process_table import carrying, open_files, until, zombies_of_ours
from sandboxes import sandbox_of

from antiphon.engine.events import EXCLUSIVE, Access, Result
from antiphon.policy.sandbox.base import Sandbox
from antiphon.testing import check_tool
from antiphon.tools.base import InvalidArguments, Limits, ToolContext, Workspace
from antiphon.tools.processes import output as command_output
from antiphon.tools.processes.limits import ProcessLimits
from antiphon.tools.run_command import RunCommand

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes through /proc")


class Shell:
    """A run_command tool, with a token to find its processes by."""

    def __init__(self, path: Path, token: str, workspace: Workspace, sandbox: Sandbox | None) -> None:
        self.token = token
        self.root = workspace.root
        self.spill = path / "spill"
        self.workspace = workspace
        self.sandbox = sandbox
        self.tool = RunCommand(self.workspace, Limits(result_chars=4000), sandbox=sandbox)
        self.look = self.tool.background_tool()
        self.told: list[str] = []

    async def __call__(self, command: str, **arguments: Any) -> Result:
        context = ToolContext("call_1", self.told.append)
        return await self.tool.run(self.tool.parse({"command": command, **arguments}), context)

    async def background(self, **arguments: Any) -> Result:
        return await self.look.run(self.look.parse(arguments), ToolContext("call_2"))

    def access(self, command: str, **arguments: Any) -> Access:
        return self.tool.access(self.tool.parse({"command": command, **arguments}))

    @property
    def processes(self) -> list[int]:
        return carrying(self.token)


@pytest.fixture(params=["none", "bubblewrap", "landlock"])
async def shell(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Shell]:
    mark = uuid4().hex
    monkeypatch.setenv("STARTED_BY", mark)
    (tmp_path / "work").mkdir()
    workspace = Workspace.at(tmp_path / "work", spill=tmp_path / "spill")
    async with sandbox_of(request.param, workspace) as sandbox:
        shell = Shell(tmp_path, mark, workspace, sandbox)
        yield shell
        await shell.tool.aclose()
        assert shell.processes == []


async def test_output_of_both_streams_in_their_order(shell: Shell) -> None:
    assert await shell("echo one; echo two >&2; echo three") == Result("one\ntwo\nthree")


async def test_silence_is_said(shell: Shell) -> None:
    assert await shell("true") == Result("(no output)")


async def test_a_command_that_fails_is_a_failure_with_code_and_output(shell: Shell) -> None:
    assert await shell("echo oops; exit 3") == Result("Exit code 3\n\noops", is_error=True)


async def test_a_command_that_crashes_tells_its_signal(shell: Shell) -> None:
    assert await shell("kill -SEGV $$") == Result("Ended by SIGSEGV", is_error=True)


async def test_it_is_bash(shell: Shell) -> None:
    assert await shell("a=(1 2 3); echo ${#a[@]}") == Result("3")


async def test_without_bash_it_is_sh(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(shell.root))
    assert await shell("echo ${BASH_VERSION-none}") == Result("none")


async def test_it_starts_in_the_workspace_or_where_it_is_told_to(shell: Shell) -> None:
    (shell.root / "below").mkdir()
    assert await shell("pwd") == Result(str(shell.root))
    assert await shell("pwd", cwd="below") == Result(str(shell.root / "below"))
    assert await shell("pwd", cwd="nothing") == Result("nothing is no directory.", is_error=True)
    with pytest.raises(InvalidArguments, match="outside the workspace"):
        await shell("pwd", cwd="..")


async def test_a_directory_that_became_a_link_is_noticed(shell: Shell) -> None:
    (shell.root / "below").mkdir()
    plan = shell.tool.parse({"command": "pwd", "cwd": "below"})
    (shell.root / "below").rmdir()
    (shell.root / "elsewhere").mkdir()
    (shell.root / "below").symlink_to("elsewhere")
    result = await shell.tool.run(plan, ToolContext())
    assert result.is_error
    assert "ask again" in str(result.content)


async def test_a_reading_command_that_would_read_something_else_by_now_does_not_run(shell: Shell) -> None:
    (shell.root / "a").write_text("mine")
    plan = shell.tool.parse({"command": "cat a"})
    assert plan.reads
    (shell.root / "a").unlink()
    (shell.root / "a").symlink_to("/etc/passwd")
    result = await shell.tool.run(plan, ToolContext())
    assert result.is_error
    assert "ask again" in str(result.content)


async def test_keys_of_model_apis_are_hidden_and_the_users_own_are_not(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = [
        *("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_FOUNDRY_API_KEY"),
        *("ANTHROPIC_WORK_SECRET", "AWS_BEARER_TOKEN_BEDROCK", "CLAUDE_CODE_OAUTH_TOKEN"),
    ]
    for name in secrets:
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("GITHUB_TOKEN", "the user's")
    monkeypatch.setenv("ANTHROPIC_MODEL", "plain")
    said = str((await shell("env")).content)
    assert "canary" not in said
    assert "ANTHROPIC_MODEL=plain" in said
    # In a sandbox they are what somebody would want to take away.
    assert ("GITHUB_TOKEN=the user's" in said) == (shell.sandbox is None)
    hiding = RunCommand(shell.workspace, hidden=["GITHUB_TOKEN"])
    assert await hiding.run(hiding.parse({"command": "echo $GITHUB_TOKEN"}), ToolContext()) == Result("(no output)")


async def test_programs_are_asked_for_plain_output_and_no_prompts(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    said = (await shell("echo $TERM $PAGER $GIT_PAGER $NO_COLOR $GIT_TERMINAL_PROMPT ${FORCE_COLOR-unset}")).content
    assert said == "dumb cat cat 1 0 unset"
    assert await shell("cat; tty; [ -t 0 ] || echo no input") == Result("not a tty\nno input")


async def test_output_is_what_a_terminal_would_show(shell: Shell) -> None:
    result = await shell(r"printf '\033[31mred\033[0m\r\n 10%%\r100%%\n\033]0;title\007caf\xe9\n'")
    assert result == Result("red\n100%\ncaf\N{REPLACEMENT CHARACTER}")


async def test_output_is_told_while_it_comes(shell: Shell) -> None:
    os.mkfifo(shell.root / "gate")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shell, "echo one; printf two; read x < gate; echo $x")
        await until(lambda: "".join(shell.told) == "one\ntwo")
        await anyio.Path(shell.root / "gate").write_text("three\n")
    assert "".join(shell.told) == "one\ntwothree\n"


async def test_a_long_output_keeps_head_and_tail_and_the_whole_in_a_file(shell: Shell) -> None:
    result = str((await shell("seq 1 20000")).content)
    assert len(result) <= 4000
    assert result.startswith("1\n2\n")
    assert result.endswith("19999\n20000")
    assert f"the whole is in {shell.spill / 'call_1.txt'}" in result
    assert (shell.spill / "call_1.txt").read_text() == "".join(f"{n}\n" for n in range(1, 20001))


async def test_a_flood_takes_no_memory_no_disk_and_no_other_calls_time(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_output, "MOST_KEPT", 1_000_000)

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before = resident()
    done: list[float] = []

    async def other() -> None:
        began = time.monotonic()
        await shell("echo quick")
        done.append(time.monotonic() - began)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shell, "yes")
        await until(lambda: len(shell.told) > 2)
        await other()
        assert resident() - before < 30_000_000
        tasks.cancel_scope.cancel()
    assert done[0] < 5
    assert (shell.spill / "call_1.txt").stat().st_size <= 50_000_000
    assert max(map(len, shell.told)) < 20_000


async def test_at_its_time_limit_a_command_ends_with_what_it_wrote(shell: Shell) -> None:
    result = await shell("echo before; sleep 600", timeout=0.2)
    assert result.is_error
    assert str(result.content).startswith("Timed out after 0.2 s and was stopped.")
    assert str(result.content).endswith("\n\nbefore")


async def test_a_time_limit_given_in_milliseconds_is_the_longest(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.tools.run_command.LONGEST_TIMEOUT", 0.1)
    assert "Timed out after 0.1 s" in str((await shell("sleep 600", timeout=120_000)).content)


async def test_processes_that_a_command_leaves_are_stopped_and_told(shell: Shell) -> None:
    result = await shell("sleep 600 & setsid sleep 600 & echo started")
    assert str(result.content).startswith("started\n\n(2 processes it left running stopped with it.")
    assert not result.is_error


@pytest.mark.parametrize("command", ["x" * 200_000, "echo \ud800"])
async def test_a_command_that_cannot_be_started_is_a_failure(shell: Shell, command: str) -> None:
    result = await shell(command)
    assert result.is_error
    assert "could not be started" in str(result.content)


@pytest.mark.parametrize("command", [" ", "a\0b"])
async def test_a_command_that_is_none_is_refused(shell: Shell, command: str) -> None:
    with pytest.raises(InvalidArguments):
        await shell(command)


async def test_unknown_commands_run_alone_and_reading_ones_beside_others(shell: Shell) -> None:
    assert shell.access("make") == EXCLUSIVE
    assert shell.access("cat a | head") == Access(reads=(("file",),), early=True)
    assert shell.access("cat a", background=True) == EXCLUSIVE


async def test_a_reading_command_does_not_even_refresh_gits_index(shell: Shell) -> None:
    await shell("git init -q; echo one > a; git add a; touch -d 2000-01-01 a")
    index = shell.root / ".git" / "index"
    before = index.read_bytes()
    assert "a" in str((await shell("git status -s")).content)
    assert index.read_bytes() == before
    await shell("git status -s; :")  # unclear to us, so git does what it likes
    assert index.read_bytes() != before


async def test_other_agents_names_for_arguments_are_taken(shell: Shell) -> None:
    plan = shell.tool.parse({"cmd": "ls", "run_in_background": True, "workdir": "."})
    assert (plan.given.command, plan.given.background, plan.given.cwd) == ("ls", True, ".")


async def test_cancelled_at_any_moment_a_command_leaves_nothing(shell: Shell) -> None:
    await shell("true")
    files, threads = open_files(), threading.active_count()
    for moment in range(25):
        with anyio.move_on_after(moment * 0.006):
            await shell("seq 1 5000; setsid sleep 600 & sleep 600")
        assert shell.processes == []
        assert zombies_of_ours() == []
    assert open_files() == files
    assert threading.active_count() == threads


async def test_the_contract_of_a_tool_holds(shell: Shell) -> None:
    result = await check_tool(shell.tool, {"command": "echo hi"})
    assert result.content == "hi"


async def test_a_command_in_the_background_goes_on_and_can_be_looked_at(shell: Shell) -> None:
    os.mkfifo(shell.root / "gate")
    began = await shell("echo ready; read x < gate; echo $x; sleep 600", background=True)
    assert str(began.content).startswith("bg_1 is running. Its output: the whole is in ")
    assert "\n\nready\n\n" in str(began.content)
    await anyio.Path(shell.root / "gate").write_text("more\n")
    await until(lambda: shell.tool.background["bg_1"].last_lines(9) == "ready\nmore")
    looked = await shell.background(id="bg_1", lines=1)
    assert str(looked.content).endswith("\n\nmore")
    assert (shell.spill / "bg_1.txt").read_text() == "ready\nmore\n"
    stopped = await shell.background(id="bg_1", action="stop")
    assert str(stopped.content).startswith("bg_1 was stopped.")
    assert shell.processes == []
    assert zombies_of_ours() == []


async def test_a_command_in_the_background_that_fails_at_once_is_a_failure(shell: Shell) -> None:
    result = await shell("echo no such port; exit 2", background=True)
    assert result.is_error
    assert "bg_1 has ended: exit code 2." in str(result.content)
    assert "no such port" in str(result.content)


async def test_the_end_of_a_command_in_the_background_can_be_waited_for(shell: Shell) -> None:
    os.mkfifo(shell.root / "gate")
    await shell("read x < gate; echo $x", background=True)
    looks: list[Result] = []

    async def look() -> None:
        looks.append(await shell.background(id="bg_1", wait=60))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look)
        await anyio.Path(shell.root / "gate").write_text("done\n")
    assert "bg_1 has ended: exit code 0" in str(looks[0].content)
    assert str(looks[0].content).endswith("done")


async def test_an_id_that_is_none_names_those_there_are(shell: Shell) -> None:
    await shell("sleep 600", background=True)
    result = await shell.background(id="bg_9")
    assert result == Result("No command in the background has the id 'bg_9'. There are: bg_1.", is_error=True)


async def test_closing_the_tool_stops_everything_and_its_thread(shell: Shell) -> None:
    for _ in range(3):
        await shell("setsid sleep 600 & sleep 600", background=True)
    assert len(shell.processes) >= 6
    began = time.monotonic()
    await shell.tool.aclose()
    assert time.monotonic() - began < 3
    assert shell.processes == []
    assert zombies_of_ours() == []
    assert [thread.name for thread in threading.enumerate() if "antiphon" in thread.name] == []
    await shell.tool.aclose()


async def test_after_closing_it_can_be_used_again(shell: Shell) -> None:
    await shell("sleep 600", background=True)
    await shell.tool.aclose()
    assert "bg_2 is running" in str((await shell("sleep 600", background=True)).content)
    assert "bg_1 was stopped" in str((await shell.background(id="bg_1")).content)


async def test_a_call_cancelled_while_it_starts_something_in_the_background_leaves_nothing(shell: Shell) -> None:
    for moment in range(6):
        with anyio.move_on_after(moment * 0.03):
            await shell("sleep 600", background=True)
        assert shell.processes == []


async def test_there_is_a_limit_to_commands_in_the_background(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.tools.processes.background.MOST_RUNNING", 1)
    await shell("sleep 600", background=True)
    result = await shell("sleep 600", background=True)
    assert result.is_error
    assert "stop one of them first" in str(result.content)


async def test_a_look_may_be_early_and_a_stop_waits_its_turn(shell: Shell) -> None:
    look, stop = shell.look.parse({"id": "bg_1"}), shell.look.parse({"id": "bg_1", "action": "stop"})
    assert shell.look.access(look) == Access(reads=(("background", "bg_1"),), early=True)
    assert shell.look.access(stop) == Access(writes=(("background", "bg_1"),))


async def test_a_program_that_forgets_to_close_leaves_nothing_either(shell: Shell) -> None:
    script = shell.root / "forgetful.py"
    script.write_text(
        "import anyio\n"
        "from antiphon.tools.base import ToolContext, Workspace\n"
        "from antiphon.tools.run_command import RunCommand\n"
        "tool = RunCommand(Workspace.at('.'))\n"
        "plan = tool.parse({'command': 'sleep 601 & setsid sleep 601 & sleep 601', 'background': True})\n"
        "print(anyio.run(tool.run, plan, ToolContext()).content)\n"
    )
    result = await anyio.run_process([sys.executable, str(script)], cwd=shell.root)
    assert b"bg_1 is running" in result.stdout
    assert shell.processes == []


async def test_what_a_call_is_about_names_its_parts_and_its_sandbox(shell: Shell) -> None:
    subject = shell.tool.subject(shell.tool.parse({"command": "make && rm -r build"}))
    assert subject.script is not None
    assert [part.raw for part in subject.script.commands] == ["make", "rm -r build"]
    assert subject.sandbox == ("" if shell.sandbox is None else shell.sandbox.name)
    outside = shell.tool.subject(shell.tool.parse({"command": "make", "outside_sandbox": True}))
    assert outside.sandbox == ""


async def test_outside_of_the_sandbox_a_command_may_do_what_we_may(shell: Shell, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    await shell(f"echo hi > {outside}")
    assert outside.exists() == (shell.sandbox is None)
    await shell(f"echo hi > {outside}", outside_sandbox=True)
    assert outside.read_text() == "hi\n"


async def test_a_failure_that_may_be_the_sandboxs_doing_says_how_to_go_on(shell: Shell) -> None:
    assert "outside_sandbox" not in str((await shell("echo Permission denied")).content)
    denied = await shell("echo Permission denied >&2; false")
    assert ("outside_sandbox" in str(denied.content)) == (shell.sandbox is not None)
    assert "outside_sandbox" not in str((await shell("false")).content)


async def test_protected_files_that_a_command_made_are_told(shell: Shell) -> None:
    result = await shell("echo evil > .envrc")
    assert ((shell.root / ".envrc").exists(), ".envrc" in str(result.content)) == (
        (True, False) if shell.sandbox is None else (False, True)
    )


async def test_in_the_background_they_are_told_and_left(shell: Shell) -> None:
    await shell("echo evil > .envrc; exit 3", background=True)
    await until(lambda: shell.tool.background["bg_1"].over)
    looked = await shell.background(id="bg_1")
    assert "exit code 3" in str(looked.content)
    assert (".envrc" in str(looked.content)) == (shell.sandbox is not None)
    assert (shell.root / ".envrc").exists()


async def test_a_command_that_takes_too_much_is_stopped_and_told_so(shell: Shell) -> None:
    shell.tool = RunCommand(
        shell.workspace, sandbox=shell.sandbox, taking=ProcessLimits(written=10**8, free=0, places=(shell.root,))
    )
    result = await shell("yes > big; echo never", timeout=60)
    assert result == Result("It was stopped because it took more than 100 MB of the disk", is_error=True)


async def test_nothing_that_our_environment_names_runs_before_a_command(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shell.root / "prelude").write_text("echo evil")
    monkeypatch.setenv("BASH_ENV", str(shell.root / "prelude"))
    monkeypatch.setenv("BASH_FUNC_ls%%", "() { echo evil; }")
    assert await shell("ls") == Result("prelude")
