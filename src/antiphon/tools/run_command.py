"""Running shell commands, in the foreground and in the background."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, cast

import anyio
from msgspec import Meta

from antiphon.engine.events import EXCLUSIVE, Access, Result, failure, reading
from antiphon.policy.sandbox.base import Sandbox
from antiphon.policy.subjects import CommandSubject
from antiphon.protocol.messages import Json
from antiphon.shell.parsing import parse
from antiphon.shell.reading import only_reads
from antiphon.shell.reading_git import safe_git
from antiphon.shell.script import Script
from antiphon.tools.background_command import BackgroundCommand, state_of
from antiphon.tools.base import Arguments, BaseTool, InvalidArguments, Limits, ToolContext, Workspace
from antiphon.tools.command_places import places_of
from antiphon.tools.paths import resolve, shown
from antiphon.tools.processes.background import Background, Running, TooMany
from antiphon.tools.processes.ending import how_it_ended, stopped_children
from antiphon.tools.processes.environment import command_environment
from antiphon.tools.processes.limits import ProcessLimits
from antiphon.tools.processes.output import CommandOutput
from antiphon.tools.processes.running import Ended
from antiphon.tools.processes.sandboxed import Told, hint, run_confined
from antiphon.tools.schema import parse_arguments

DEFAULT_TIMEOUT = 120.0
LONGEST_TIMEOUT = 600.0
_TO_STOP = 10.0
"""Seconds beyond the longest timeout, so that nobody else's limit ends a command before its own does."""
_FIRST_LOOK = 0.3
"""Seconds in which a command in the background may fail at once, and be told so."""


class RunCommandArguments(Arguments, frozen=True):
    """What to run."""

    command: Annotated[str, Meta(min_length=1, description="The command, for bash.")]
    timeout: Annotated[float, Meta(gt=0, description="Seconds it may run, at most 600.")] = DEFAULT_TIMEOUT
    cwd: Annotated[str, Meta(description="The directory to run it in; the workspace unless given.")] = "."
    background: Annotated[
        bool, Meta(description="Start it and go on, for servers and watchers. It has no timeout.")
    ] = False
    outside_sandbox: Annotated[
        bool,
        Meta(
            description="Run it without the sandbox, for what needs the network or files outside the workspace; "
            "the user is asked."
        ),
    ] = False


@dataclass(frozen=True, slots=True)
class Planned:
    """Arguments, and what was found out about them when they arrived.

    Attributes:
        given: the arguments.
        cwd: the real directory.
        reads: the command is known to only read.
        script: what the command consists of; None where it was not understood.
    """

    given: RunCommandArguments
    cwd: Path
    reads: bool
    script: Script | None = None


class RunCommand(BaseTool[Planned]):
    """Runs a shell command in the workspace.

    Attributes:
        background: the commands that were started to go on.
    """

    name = "run_command"
    arguments = RunCommandArguments
    aliases: ClassVar[Mapping[str, str]] = {
        "cmd": "command",
        "run_in_background": "background",
        "is_background": "background",
        "workdir": "cwd",
        "working_directory": "cwd",
    }
    timeout = LONGEST_TIMEOUT + _TO_STOP

    def __init__(
        self,
        workspace: Workspace,
        limits: Limits | None = None,
        *,
        hidden: Collection[str] = (),
        sandbox: Sandbox | None = None,
        taking: ProcessLimits | None = None,
    ) -> None:
        """Run commands in a workspace.

        Args:
            workspace: where they start.
            limits: how long a result may be.
            hidden: names of environment variables that commands do not get, besides the keys of model APIs.
            sandbox: what they run in, unless they are to run outside; none without.
            taking: what one may take of the machine.
        """
        self._workspace = workspace
        self._limits = limits or Limits()
        self._hidden = hidden
        self._sandbox = sandbox
        places = (*workspace.roots(writing=True), Path(tempfile.gettempdir()))
        self._taking = taking or ProcessLimits(places=places)
        self.background = Background(workspace)

    def background_tool(self) -> BackgroundCommand:
        """Return the tool that shows and stops the commands in the background."""
        return BackgroundCommand(self.background)

    def parse(self, arguments: Json) -> Planned:
        """Read the arguments and find out what the command does, as far as that is known.

        Raises:
            InvalidArguments: they do not fit, or the directory is outside the workspace.
        """
        given = cast("RunCommandArguments", parse_arguments(self.arguments, arguments, aliases=self.aliases))
        if not given.command.strip() or "\0" in given.command:
            raise InvalidArguments("The command is empty, or holds a NUL character, which no command can.")
        cwd = resolve(self._workspace, given.cwd)
        script = parse(given.command)
        reads = not given.background and only_reads(script, places_of(self._workspace, cwd))
        return Planned(given, cwd, reads, script)

    def access(self, arguments: Planned) -> Access:
        """Anything may be changed, unless the command is known to only read."""
        return reading(("file",)) if arguments.reads else EXCLUSIVE

    def subject(self, arguments: Planned) -> CommandSubject:
        """The command, and what is known of it."""
        sandbox = self._sandbox_of(arguments)
        return CommandSubject(
            arguments.given.command,
            arguments.script,
            arguments.cwd,
            arguments.reads,
            "" if sandbox is None else sandbox.name,
            leaves_sandbox=sandbox is not self._sandbox,
        )

    def _sandbox_of(self, plan: Planned) -> Sandbox | None:
        return None if plan.given.outside_sandbox else self._sandbox

    async def run(self, arguments: Planned, context: ToolContext) -> Result:
        """Run the command to its end, or start it in the background."""
        given = arguments.given
        refusal = self._refusal(arguments)
        if refusal:
            return failure(refusal)
        env = command_environment(os.environ, self._hidden)
        argv = [shutil.which("bash") or "/bin/sh", "-c", given.command]
        try:
            if given.background:
                return await self._started(argv, arguments, env)
            return await self._ran(argv, arguments, safe_git(env) if arguments.reads else env, context)
        except (OSError, ValueError, TooMany) as error:
            return failure(f"The command could not be started: {error}")

    def _refusal(self, plan: Planned) -> str:
        """Return why the command cannot run now; nothing if it can."""
        if sys.platform == "win32":
            return "Commands need a POSIX shell. On Windows, Antiphon runs commands inside WSL only."
        try:
            now = resolve(self._workspace, plan.given.cwd)
        except InvalidArguments as error:
            return str(error)
        # Approval and order were decided by what was known when the command was asked for.
        if now != plan.cwd or (plan.reads and not only_reads(plan.script, places_of(self._workspace, now))):
            return (
                "What this command would touch is not what it was when it was asked for. Nothing was done; ask again."
            )
        return "" if now.is_dir() else f"{shown(self._workspace, now)} is no directory."

    async def _ran(self, argv: list[str], plan: Planned, env: Mapping[str, str], context: ToolContext) -> Result:
        seconds = min(plan.given.timeout, LONGEST_TIMEOUT)
        output = CommandOutput(context, self._limits, self._workspace)
        sandbox = self._sandbox_of(plan)
        told = Told(Ended(None))
        trouble: Exception | None = None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(output.tell, name="tell the output")
                try:
                    told = await run_confined(
                        sandbox, argv, cwd=plan.cwd, env=env, output=output.feed, timeout=seconds, limits=self._taking
                    )
                except (OSError, ValueError) as error:
                    trouble = error
                tasks.cancel_scope.cancel()
        finally:
            text = output.close()
        if trouble:
            raise trouble
        return _result(told, text, seconds, confined=sandbox is not None)

    async def _started(self, argv: list[str], plan: Planned, env: Mapping[str, str]) -> Result:
        async def job(output: Callable[[bytes], None]) -> Ended:
            sandbox = self._sandbox_of(plan)
            told = await run_confined(
                sandbox, argv, cwd=plan.cwd, env=env, output=output, limits=self._taking, lasting=True
            )
            output("".join(f"\n{note}\n" for note in told.notes).encode())
            return told.ended

        running = await self.background.start(plan.given.command, job)
        try:
            await running.wait(_FIRST_LOOK)
        except BaseException:
            # Nobody will ever know its id.
            await self.background.stop(running)
            raise
        return _first_look(running)

    async def aclose(self) -> None:
        """Stop all commands in the background."""
        await self.background.aclose()


def _result(told: Told, output: str, seconds: float, *, confined: bool) -> Result:
    output = output.strip("\n")
    ended = told.ended
    note = stopped_children(ended)
    ways = hint(ended, output) if confined else ""
    if ended.timed_out:
        head = (
            f"Timed out after {seconds:g} s and was stopped. Give it a longer timeout (at most {LONGEST_TIMEOUT:g}), "
            "or start it in the background."
        )
        return failure(_paragraphs(head, output or "(no output)", *told.notes))
    if ended.code != 0 or ended.exceeded:
        return failure(_paragraphs(_capital(how_it_ended(ended)), output, note, *told.notes, ways))
    return Result(_paragraphs(output or "(no output)", note, *told.notes))


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _first_look(running: Running) -> Result:
    text = "\n\n".join(part for part in (state_of(running), running.last_lines(50)) if part)
    if running.over:
        return failure(text) if running.ended is None or running.ended.code != 0 else Result(text)
    return Result(f"{text}\n\nLook at it, or stop it, with background_command.")
