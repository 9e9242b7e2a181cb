"""One prompt, one answer: what scripts, pipes and CI use.

Standard output holds the answer (or JSON) and nothing else; progress goes to standard error, on a terminal or with
`--verbose`. Nobody can be asked here, so calls that need approval are denied with a result that says how to allow them,
unless a program is named that decides.
"""

import json
import os
import shlex
import sys
import uuid
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio

from antiphon import __version__
from antiphon.agent.events import AgentEvent, RunEnded, RunResult
from antiphon.cli.building import open_workbench
from antiphon.cli.exit_codes import ExitCode
from antiphon.cli.failures import exit_code, why_stopped
from antiphon.cli.invocation import Format, Invocation
from antiphon.cli.keys import key_source
from antiphon.cli.opening import close_session, open_session, what_was_left
from antiphon.cli.running import Stopping, follow, stop_after, stop_on_signals
from antiphon.cli.safe_text import one_line, safe
from antiphon.cli.screen import NoScreen, Screen
from antiphon.cli.stream_json import SessionInfo, StreamJson
from antiphon.errors import SettingsError
from antiphon.policy import Approval, ApprovalRequest, Approve
from antiphon.protocol.encoding import encode
from antiphon.protocol.messages import Json
from antiphon.sessions.places import data_directory
from antiphon.sessions.store import Sessions
from antiphon.settings import Settings


def run(settings: Settings, invocation: Invocation, prompt: str) -> int:
    """Answer one prompt and return the exit code."""
    return anyio.run(answer, settings, invocation, prompt)


async def answer(settings: Settings, invocation: Invocation, prompt: str) -> int:
    """Answer one prompt in a running event loop and return the exit code."""
    screen = _progress(invocation)
    data = data_directory(os.environ) if invocation.which.recorded else None
    async with open_workbench(settings, approve=_approve(settings), data=data) as bench:
        sessions = Sessions(durability=settings.durability)
        opened = open_session(invocation.which, sessions, bench.workspace.root)
        _warn((*bench.told, *opened.warnings))
        try:
            agent = bench.agent(opened.session)
            _warn(what_was_left(agent, await agent.settle()))
            if not prompt and not agent.waits_for_reply:
                raise SettingsError("there is no prompt, and nothing to go on with: the model has answered.")
            info = SessionInfo(str(bench.workspace.root), settings.permission_mode, __version__, key_source(os.environ))
            stream = StreamJson(info, lambda: str(uuid.uuid4()), partial=invocation.partial)
            stopping = Stopping(agent)
            result: RunResult | None = None
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stop_on_signals, stopping, tasks.cancel_scope.cancel)
                if settings.timeout is not None:
                    tasks.start_soon(stop_after, settings.timeout, stopping)
                try:
                    result = await follow(agent, prompt or None, Output(invocation.format, stream, screen), stopping)
                finally:
                    screen.close()
                tasks.cancel_scope.cancel()
        finally:
            close_session(opened.session, sessions)
    if result is None:
        return stopping.reason or ExitCode.INTERRUPTED
    return _say_why_stopped(result, stopping, settings)


def _warn(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        sys.stderr.write(f"antiphon: {one_line(sentence)}\n")


def _approve(settings: Settings) -> Approve:
    """Return who is asked about calls: the program that the user named, or nobody.

    Raises:
        SettingsError: there is no such program.
    """
    if settings.permission_prompt_tool is None:
        return _nobody_to_ask
    prompt_tool = import_module("antiphon.cli.prompt_tool")
    approve: Approve = prompt_tool.PromptTool(settings.permission_prompt_tool, Path.cwd(), os.environ).approve
    return approve


async def _nobody_to_ask(request: ApprovalRequest) -> Approval:
    """Deny a call that somebody would have to allow, and tell the model how the user can."""
    why = f"{request.reason}, and nobody is there to be asked." if request.reason else "nobody is there to be asked."
    if not request.suggestions:
        return Approval(allowed=False, reason=f"{why} No rule is to allow it; a person at a terminal can.")
    rules = shlex.quote(", ".join(map(str, request.suggestions)))
    return Approval(allowed=False, reason=f"{why} It can be allowed beforehand with --allowed-tools {rules}.")


def _say_why_stopped(result: RunResult, stopping: Stopping, settings: Settings) -> int:
    if result.stop_reason == "cancelled" and stopping.reason is not None:
        if stopping.reason is ExitCode.TIMEOUT:
            sys.stderr.write(f"antiphon: stopped after {settings.timeout:g} seconds, the limit set by --timeout.\n")
        return stopping.reason
    why = why_stopped(result)
    if why:
        sys.stderr.write(f"antiphon: {why}\n")
    return exit_code(result)


class Output:
    """Prints a run in the chosen format, and shows its progress."""

    def __init__(self, format_: Format, stream: StreamJson, screen: Screen) -> None:
        """Print on standard output; `screen` shows the progress."""
        self._format = format_
        self._stream = stream
        self._screen = screen

    def receive(self, event: AgentEvent) -> None:
        """Print what the format wants of an event."""
        self._screen.receive(event)
        if self._format == "text":
            if isinstance(event, RunEnded):
                self._screen.close()
                _print_text(event.result)
            return
        for line in self._stream.lines(event):
            if self._format == "stream-json" or line["type"] == "result":
                _print_json(line)

    def tick(self) -> None:
        """Let the progress move."""
        self._screen.tick()


def _print_text(result: RunResult) -> None:
    """Print the answer: as it is for files and pipes, made safe for a terminal.

    What the model said on the way, before a run was stopped, is no answer.
    """
    if result.text and result.stop_reason in {"end_turn", "max_tokens"}:
        text = safe(result.text) if sys.stdout.isatty() else result.text
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()


def _print_json(line: Json) -> None:
    """Print one line; on a terminal with nothing but ASCII, so that no character can drive it."""
    data = json.dumps(line).encode() if sys.stdout.isatty() else encode(line)
    stdout: Any = sys.stdout.buffer
    stdout.write(data + b"\n")
    stdout.flush()


def _progress(invocation: Invocation) -> Screen:
    if invocation.verbose or (sys.stderr.isatty() and invocation.format != "stream-json"):
        return import_module("antiphon.cli.showing").progress_screen(invocation)
    return NoScreen()
