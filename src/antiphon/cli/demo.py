"""`antiphon demo`: parallel tool calls, answered in order; on this machine, without a key.

A script plays the model behind the strict emulator. The agent, the client, the HTTP between them and the tools are the
real ones.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import anyio

from antiphon.agent import DEFAULT_MODEL, Agent
from antiphon.cli.demo_order import CompletionOrder
from antiphon.cli.demo_scene import NOTES, SEARCH_PROMPT, TOOLS_PROMPT, script, searches, two_tools
from antiphon.cli.demo_search import search_engine
from antiphon.cli.demo_stage import Stage
from antiphon.cli.exit_codes import ExitCode
from antiphon.cli.failures import exit_code, why_stopped
from antiphon.cli.figures import run_text
from antiphon.cli.keys import key_source
from antiphon.cli.safe_text import one_line
from antiphon.cli.terminal import Terminal
from antiphon.emulator import Emulator
from antiphon.errors import Rejected, SettingsError
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.providers.base import Provider
from antiphon.tools.base import Tool, Workspace
from antiphon.tools.read_file import ReadFile
from antiphon.tools.web_search import WebSearch

FAST = 0.35
"""How much of its time the fast demo takes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the demo."""
    parser.add_argument(
        "--completion-order",
        action="store_true",
        help="show the bug instead: send results in the order the calls finished, and see the API refuse it",
    )
    parser.add_argument("--fast", action="store_true", help="play it more than twice as fast")
    parser.add_argument(
        "--live",
        action="store_true",
        help="use the real API and a real web search (needs ANTHROPIC_API_KEY; costs a few cents)",
    )
    parser.add_argument("-m", "--model", metavar="MODEL", help="with --live: which model answers")


def run(arguments: argparse.Namespace) -> int:
    """Play the demo and return the exit code: 0 when what it is to show has been seen."""
    if arguments.live and key_source(os.environ) == "none":
        raise SettingsError("--live needs ANTHROPIC_API_KEY in the environment; without --live the demo needs no key.")
    if arguments.live and arguments.completion_order:
        raise SettingsError("--completion-order shows a request that is refused; it does not send one to the real API.")
    if not arguments.live:
        _stay_on_this_machine()
    return anyio.run(_play_until_stopped, arguments)


async def _play_until_stopped(arguments: argparse.Namespace) -> int:
    """Play, and end in good order when a signal comes."""
    codes: list[int] = []
    async with anyio.create_task_group() as tasks:

        async def play() -> None:
            codes.append(await _play(arguments))
            tasks.cancel_scope.cancel()

        tasks.start_soon(play)
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
            async for number in signals:
                codes.append(ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.TERMINATED)
                tasks.cancel_scope.cancel()
    return codes[0]


async def _play(arguments: argparse.Namespace) -> int:
    stage = Stage(Terminal.of(sys.stdout, os.environ))
    pace = FAST if arguments.fast else 1.0
    with tempfile.TemporaryDirectory(prefix="antiphon-demo-") as directory:
        workspace = _workspace(directory)
        if arguments.live:
            return await _live(stage, workspace, arguments.model or DEFAULT_MODEL)
        async with Emulator(script(pace), strict_order=True) as emulator, search_engine(searches(pace)) as engine:
            provider = AnthropicProvider(api_key="demo", base_url=emulator.url)
            tools = [WebSearch(engine), ReadFile(workspace), *two_tools(pace)]
            if arguments.completion_order:
                return await _broken(stage, emulator, CompletionOrder(provider), tools)
            return await _ordered(stage, emulator, provider, tools)


async def _ordered(stage: Stage, emulator: Emulator, provider: Provider, tools: Sequence[Tool]) -> int:
    stage.say("Antiphon demo: parallel tool calls, answered in the order they were asked.", "strong")
    stage.say(
        f"A script plays the model behind a strict fake of the Messages API at {emulator.url}. "
        "The agent, the HTTP client and the tools are the real ones.",
        "quiet",
    )
    async with Agent(tools=tools, provider=provider) as agent:
        for prompt in (SEARCH_PROMPT, TOOLS_PROMPT):
            seen = await stage.play(agent, prompt)
            stage.draw(seen.turns)
            if why_stopped(seen.result):
                stage.say(why_stopped(seen.result), "bad")
                return exit_code(seen.result)
    stage.show([])
    refused = len(emulator.refused)
    verdict = f"{len(emulator.requests)} requests, {refused} refused"
    stage.show([("The API, strict about the order of results: ", ""), (verdict, "bad" if refused else "ok"), (".", "")])
    stage.say("Calls finished in another order than they were asked; their results were sent as they were asked.")
    stage.say("antiphon demo --completion-order shows what happens otherwise.", "quiet")
    return ExitCode.ERROR if refused else ExitCode.OK


async def _broken(stage: Stage, emulator: Emulator, provider: CompletionOrder, tools: Sequence[Tool]) -> int:
    stage.say("Antiphon demo: the bug. Results are sent in the order in which the calls finish.", "strong")
    stage.say(
        "The agent is the same; a provider made for this demo changes the order of the results before they are sent. "
        f"The API at {emulator.url} wants results in the order of the calls.",
        "quiet",
    )
    async with Agent(tools=tools, provider=provider) as agent:
        seen = await stage.play(agent, SEARCH_PROMPT, provider.receive)
    stage.draw([replace(turn, sent=provider.sent) for turn in seen.turns])
    stage.show([])
    refusal = seen.result.cause
    if not isinstance(refusal, Rejected) or not emulator.refused:
        stage.say("The API did not refuse this. That is not what this demo expects; please report it.", "bad")
        return ExitCode.ERROR
    stage.show([("The API answered ", ""), (f"HTTP {refusal.status}", "bad"), (":", "")])
    stage.say(one_line(str(refusal)), "bad")
    stage.show([])
    stage.say(
        "This is how sessions die: the conversation holds results in the wrong order, so every retry sends the same "
        "body and gets the same answer. Antiphon keeps a place for each result from the moment its call is asked, "
        "fills it whenever the call is done, and sends them as they were asked: antiphon demo."
    )
    return ExitCode.OK


async def _live(stage: Stage, workspace: Workspace, model: str) -> int:
    stage.say(f"Antiphon demo on the real API, with {model}.", "strong")
    tools = [WebSearch(_live_engine()), ReadFile(workspace), *two_tools(1.0)]
    async with Agent(model, tools=tools) as agent:
        for prompt in (SEARCH_PROMPT, TOOLS_PROMPT):
            seen = await stage.play(agent, prompt)
            stage.draw(seen.turns)
            if why_stopped(seen.result):
                stage.say(why_stopped(seen.result), "bad")
                return exit_code(seen.result)
            stage.say(run_text(seen.result), "quiet")
    return ExitCode.OK


def _live_engine() -> str:
    """Return the search engine of this machine, or the API's own where there is none."""
    return "ddgs" if find_spec("ddgs") else "anthropic"


def _stay_on_this_machine() -> None:
    """Keep requests to our own servers away from a proxy that the environment may name."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1")))


def _workspace(directory: str) -> Workspace:
    root = Path(directory).resolve()
    (root / "notes.md").write_text(NOTES, "utf-8")
    return Workspace(root)
