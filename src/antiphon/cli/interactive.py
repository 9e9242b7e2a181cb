"""A session at the terminal: prompt after prompt in one conversation.

The event loop runs in a thread of its own for the whole session, so connections and background commands live on between
prompts, while the main thread reads lines, where Ctrl-C can interrupt them. Ctrl-C once stops the turn, twice leaves.
"""

import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from antiphon import __version__
from antiphon.agent.events import AgentEvent, RunResult, Usage
from antiphon.agent.prices import add
from antiphon.cli.approving.standing import Standing
from antiphon.cli.building import Workbench, open_workbench
from antiphon.cli.exit_codes import ExitCode
from antiphon.cli.failures import why_stopped
from antiphon.cli.figures import compacted_text, context_text, run_text, usage_text
from antiphon.cli.interrupts import Interrupts
from antiphon.cli.invocation import Invocation
from antiphon.cli.opening import Opened, close_session, last_words, open_session, what_was_left
from antiphon.cli.prompting import History, history_file, read_prompt
from antiphon.cli.questions import Questions
from antiphon.cli.running import Stopping, follow
from antiphon.cli.safe_text import one_line
from antiphon.cli.screen import Piece, Screen
from antiphon.cli.session_choice import choose_session
from antiphon.cli.showing import screen_for
from antiphon.cli.slash_commands import Leave, SlashCommands
from antiphon.cli.terminal import Terminal
from antiphon.errors import CompactionFailed
from antiphon.sessions.listing.summary import Summary
from antiphon.sessions.places import data_directory
from antiphon.sessions.store import Sessions
from antiphon.settings import Settings
from antiphon.settings.local_rules import add_local_rule

T = TypeVar("T")


def run(settings: Settings, invocation: Invocation) -> int:
    """Run a session until the person leaves, and return the exit code."""
    terminal = Terminal.of(sys.stdout, os.environ)
    questions = Questions(terminal, sys.stdin)
    data = data_directory(os.environ) if invocation.which.recorded else None
    with start_blocking_portal() as portal, Interrupts().installed(portal) as interrupts:
        bench = open_workbench(
            settings, approve=questions.approve, ask=questions.ask, go_on=questions.confirm, data=data
        )
        with portal.wrap_async_context_manager(bench) as opened:
            talk = Talk(opened, portal, terminal, questions, interrupts, invocation=invocation)
            return talk.loop(invocation.prompt)


class Talk:
    """A person at a terminal, and the session they are in.

    Attributes:
        agent: answers in that session.
        sessions: all there are.
        workbench: what agents of this process share.
        used: tokens and money, over all sessions of this process.
        standing: adds rules to the permissions.
    """

    def __init__(
        self,
        bench: Workbench,
        portal: BlockingPortal,
        terminal: Terminal,
        questions: Questions,
        interrupts: Interrupts,
        *,
        invocation: Invocation,
    ) -> None:
        """Open the session that is asked for; `loop` talks in it.

        Raises:
            SessionError: it cannot be gone on with.
        """
        self.workbench = bench
        self.sessions = Sessions(durability=bench.settings.durability)
        self.used = Usage()
        self._portal = portal
        self._terminal = terminal
        self._questions = questions
        self._interrupts = interrupts
        self._verbose = invocation.verbose
        self.standing = questions.calls.standing = Standing(
            bench.permissions, lambda rule: add_local_rule(rule, bench.workspace.root)
        )
        questions.calls.workspace = bench.workspace
        self._history = History(history_file(os.environ))
        self._commands = SlashCommands(self)
        opened = open_session(invocation.which, self.sessions, bench.workspace.root, self.choose)
        self.agent = bench.agent(opened.session)
        self._opened = opened

    def loop(self, prompt: str) -> int:
        """Read prompts and run them until the person leaves; return the exit code."""
        root = str(self.workbench.workspace.root)
        self.say(f"Antiphon {__version__}, {self.agent.model}, {one_line(root)}. /help lists commands, Ctrl-D leaves.")
        for sentence in self.workbench.told:
            self.say(one_line(sentence), "wait")
        try:
            self._greet(self._opened)
            while True:
                if prompt:
                    self.run(prompt)
                if self._interrupts.leaving is not None:
                    return self._interrupts.leaving
                line = self.read()
                if line is None:
                    return self._interrupts.leaving or ExitCode.OK
                prompt = line if not self._commands.carry_out(line) else ""
        except Leave:
            return ExitCode.OK
        finally:
            self._history.save()
            self._leave_session()
            if self.used != Usage():
                self.say(f"This session: {usage_text(self.used)}.")

    def enter(self, opened: Opened, *, model: str | None = None) -> None:
        """Leave this session and go on in another one."""
        self._leave_session()
        self.agent = self._portal.call(lambda: self.workbench.agent(opened.session, model=model))
        self._greet(opened)

    def choose(self, summaries: Sequence[Summary]) -> Summary | None:
        """Let the person choose a session; None for a new one."""
        return choose_session(summaries, self.say, self.read)

    def run(self, prompt: str | None) -> None:
        """Run a prompt, or go on without one; the conversation is valid afterwards however it ends."""
        screen = screen_for(self._terminal, thinking=self._verbose)
        stopping = Stopping(self.agent)
        self._questions.calls.stop = lambda: stopping.stop(ExitCode.INTERRUPTED)
        # From here on Ctrl-C stops the run. It is stopped in its own thread.
        self._interrupts.stop = lambda: self._portal.start_task_soon(stopping.stop, ExitCode.INTERRUPTED)
        try:
            future = self._portal.start_task_soon(self._follow, prompt, screen, stopping)
            result = future.result()
        finally:
            self._interrupts.stop = None
            screen.close()
        self.used = add(self.used, result.usage)
        why = why_stopped(result)
        if why:
            self.say(why, "wait" if result.stop_reason == "cancelled" else "bad")
        if result.turns:
            context = context_text(self.agent.context.budget)
            self.say(f"{run_text(result)}{', ' if context else ''}{context}")

    def compact(self, instructions: str) -> None:
        """Have the conversation summed up, and say what came of it."""
        self.say("The conversation is being summed up. Ctrl-C stops that.")
        self._interrupts.stop = lambda: self._portal.start_task_soon(self.agent.cancel)
        try:
            compacted = self._portal.call(self.agent.compact, instructions)
        except CompactionFailed as failed:
            self.say(one_line(str(failed)), "bad")
            return
        finally:
            self._interrupts.stop = None
        self.used = add(self.used, compacted.usage)
        self.say(compacted_text(compacted))

    def say(self, text: str, style: str = "quiet") -> None:
        """Print a line."""
        piece: Piece = (text, style)
        self._terminal.write(self._terminal.styled([piece]) + "\n")

    def suggest(self, text: str) -> None:
        """Let the next prompt begin with a text that the person can change."""
        self._history.suggest(text)

    def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something in the event loop and return what it came to."""
        return self._portal.call(work)

    def _greet(self, opened: Opened) -> None:
        """Say what there is to know about the session that was entered, and finish what was left open in it."""
        for note in opened.notes:
            self.say(one_line(note))
        for words in last_words(self.agent.messages) if opened.resumed else ():
            self.say(one_line(words))
        left = what_was_left(self.agent, self._portal.call(self.agent.settle))
        for warning in (*opened.warnings, *left):
            self.say(one_line(warning), "wait")
        if self.agent.waits_for_reply:
            self.say("It was interrupted before the model had answered. Say something, or /continue to let it go on.")

    def _leave_session(self) -> None:
        how = close_session(self.agent.session, self.sessions)
        if how:
            self.say(f"Go on with this session: {how}")

    def read(self) -> str | None:
        """Read the next line or prompt; None to leave."""
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
            self.say("Ctrl-C again leaves; so does Ctrl-D.")
            return ""
        return line

    async def _follow(self, prompt: str | None, screen: Screen, stopping: Stopping) -> RunResult:
        self._questions.screen = screen
        results: list[RunResult] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._questions.serve)
            results.append(await follow(self.agent, prompt, _Watched(screen, self._questions), stopping))
            tasks.cancel_scope.cancel()
        return results[0]


class _Watched:
    """A screen, and questions that number calls like its rows."""

    def __init__(self, screen: Screen, questions: Questions) -> None:
        self._screen = screen
        self._questions = questions

    def receive(self, event: AgentEvent) -> None:
        self._questions.calls.tray.number_rows(event)
        self._screen.receive(event)

    def tick(self) -> None:
        self._screen.tick()
