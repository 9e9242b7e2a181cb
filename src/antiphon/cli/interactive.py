"""A session at the terminal: prompt after prompt in one conversation.

The event loop runs in a thread of its own for the whole session, so connections and background commands live on between
prompts, while the main thread reads lines, where Ctrl-C can interrupt them. Ctrl-C once stops the turn, twice leaves.
"""

import os
import re
import sys
from collections.abc import Callable

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from antiphon import __version__
from antiphon.agent import Agent
from antiphon.agent.events import RunResult, Usage
from antiphon.agent.prices import add
from antiphon.cli.building import Workbench, open_workbench
from antiphon.cli.exit_codes import ExitCode
from antiphon.cli.failures import why_stopped
from antiphon.cli.figures import run_text, usage_text
from antiphon.cli.interrupts import Interrupts
from antiphon.cli.invocation import Invocation
from antiphon.cli.prompting import History, history_file, read_prompt
from antiphon.cli.questions import Questions
from antiphon.cli.running import Stopping, follow
from antiphon.cli.safe_text import one_line
from antiphon.cli.screen import Piece, Screen
from antiphon.cli.showing import screen_for
from antiphon.cli.terminal import Terminal
from antiphon.settings import Settings

_COMMAND = re.compile(r"/([a-z]+)(?:\s+(.*))?$", re.DOTALL)
_HELP = """\
/help          this list
/model [NAME]  show the model, or go on with another one
/clear         forget the conversation and begin a new one
/cost          what the session has used so far
/exit          leave (also Ctrl-D)
A line that ends in \\ goes on in the next one; so does everything between triple quotes.
Ctrl-C stops the turn and keeps what is done; twice leaves."""


def run(settings: Settings, invocation: Invocation) -> int:
    """Run a session until the person leaves, and return the exit code."""
    terminal = Terminal.of(sys.stdout, os.environ)
    questions = Questions(terminal, sys.stdin)
    with start_blocking_portal() as portal, Interrupts().installed(portal) as interrupts:
        bench = open_workbench(settings, approve=questions.approve, ask=questions.ask)
        with portal.wrap_async_context_manager(bench) as opened:
            session = Session(opened, portal, terminal, questions, interrupts, verbose=invocation.verbose)
            return session.loop(invocation.prompt)


class Session:
    """One conversation at a terminal."""

    def __init__(
        self,
        bench: Workbench,
        portal: BlockingPortal,
        terminal: Terminal,
        questions: Questions,
        interrupts: Interrupts,
        *,
        verbose: bool = False,
    ) -> None:
        """Prepare a session; `loop` runs it."""
        self._bench = bench
        self._portal = portal
        self._terminal = terminal
        self._questions = questions
        self._interrupts = interrupts
        self._verbose = verbose
        self._agent = bench.agent()
        self._used = Usage()
        self._commands: dict[str, Callable[[str], None]] = {
            "help": self._help,
            "model": self._model,
            "clear": self._clear,
            "cost": self._cost,
        }

    def loop(self, prompt: str) -> int:
        """Read prompts and run them until the person leaves; return the exit code."""
        history = History(history_file(os.environ))
        root = str(self._bench.workspace.root)
        self._say(
            f"Antiphon {__version__}, {self._agent.model}, {one_line(root)}. /help lists commands, Ctrl-D leaves."
        )
        try:
            while True:
                if prompt:
                    self._run(prompt)
                if self._interrupts.leaving is not None:
                    return self._interrupts.leaving
                line = self._read()
                if line is None:
                    return self._interrupts.leaving or ExitCode.OK
                prompt = self._command_or_prompt(line)
        except SystemExit:
            return ExitCode.OK
        finally:
            history.save()
            if self._used != Usage():
                self._say(f"This session: {usage_text(self._used)}.")

    def _read(self) -> str | None:
        """Read the next prompt; None to leave."""
        try:
            self._interrupts.reading = True
            line = read_prompt(input)
            self._interrupts.reading = False
        except EOFError:
            self._interrupts.reading = False
            self._terminal.write("\n")
            return None
        except KeyboardInterrupt:
            self._interrupts.reading = False
            self._terminal.write("\n")
            if self._interrupts.leaving is not None:
                return None
            self._say("Ctrl-C again leaves; so does Ctrl-D.")
            return ""
        return line

    def _command_or_prompt(self, line: str) -> str:
        """Carry out a command and return an empty text, or return the prompt."""
        match = _COMMAND.match(line)
        if match is None:
            return line
        name, argument = match[1], (match[2] or "").strip()
        if name in {"exit", "quit"}:
            raise SystemExit
        command = self._commands.get(name)
        if command is None:
            self._say(f"There is no command /{name}; /help lists them.", "bad")
        else:
            command(argument)
        return ""

    def _help(self, _argument: str) -> None:
        for line in _HELP.splitlines():
            self._say(line, "")

    def _model(self, name: str) -> None:
        if name:
            self._agent = self._portal.call(self._go_on_with, name)
        self._say(f"The model is {one_line(self._agent.model)}.")

    def _go_on_with(self, model: str) -> Agent:
        agent = self._bench.agent(model=model, messages=self._agent.messages)
        agent.session_id = self._agent.session_id
        return agent

    def _clear(self, _argument: str) -> None:
        self._agent = self._portal.call(lambda: self._bench.agent(model=self._agent.model))
        self._say("A new conversation.")

    def _cost(self, _argument: str) -> None:
        self._say(f"{usage_text(self._used)}.")

    def _run(self, prompt: str) -> None:
        """Run a prompt, and leave the conversation valid however it ends."""
        screen = screen_for(self._terminal, thinking=self._verbose)
        stopping = Stopping(self._agent)
        # From here on Ctrl-C stops the run. It is stopped in its own thread.
        self._interrupts.stop = lambda: self._portal.start_task_soon(stopping.stop, ExitCode.INTERRUPTED)
        try:
            future = self._portal.start_task_soon(self._follow, prompt, screen, stopping)
            result = future.result()
        finally:
            self._interrupts.stop = None
            screen.close()
        self._used = add(self._used, result.usage)
        why = why_stopped(result)
        if why:
            self._say(why, "wait" if result.stop_reason == "cancelled" else "bad")
        if result.turns:
            self._say(f"{run_text(result)}")

    async def _follow(self, prompt: str, screen: Screen, stopping: Stopping) -> RunResult:
        self._questions.screen = screen
        results: list[RunResult] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._questions.serve)
            results.append(await follow(self._agent, prompt, screen, stopping))
            tasks.cancel_scope.cancel()
        return results[0]

    def _say(self, text: str, style: str = "quiet") -> None:
        piece: Piece = (text, style)
        self._terminal.write(self._terminal.styled([piece]) + "\n")
