"""Runs clients that are not ours through the proxy, against the emulator, with their histories broken on the way.

The client asks; the saboteur breaks every message with results, each in another way; the proxy repairs; the emulator
(for OpenAI's protocols a small upstream of our own) refuses whatever the API would refuse. A client passes when it
reaches the end of the script and nothing was refused::

    python trials/run.py                       all clients that can be installed
    python trials/run.py claude-code pi        those
    python trials/run.py --plain claude-code   without saboteur: nothing may be changed then
    python trials/run.py --direct claude-code  without proxy: to see it fail

Clients are installed from npm and PyPI on first use, into `.trials` beside this file. Needs node, npm and uv. The model
is the emulator; nothing but this machine is asked.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import anyio

from antiphon.emulator import Emulator, Thinking, ToolUse, reply
from antiphon.emulator.script import Reply
from antiphon.proxy import Proxy, Upstream, parse_upstreams
from clients import CLIENTS, MODEL, OPENAI_MODEL, Client, Place
from openai_upstream import Call, OpenAIUpstream
from saboteur import FAULTS, Saboteur

HERE = Path(__file__).parent
FINAL = "All files are as they should be."
TURNS = len(FAULTS) + 3
COMMANDS = ("cat a.txt", "cat b.txt", "wc -c c.txt")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one client.

    Attributes:
        name: the client.
        reached_end: it printed the last reply of the script.
        requests: how many requests for a reply the emulator got.
        refused: what it answered with 400, and why.
        broken: how many requests the saboteur broke.
        repaired: how many requests the proxy repaired.
        rules: what they broke.
        said: the end of what the client printed.
    """

    name: str
    reached_end: bool
    requests: int
    refused: list[str]
    broken: int
    repaired: int
    rules: list[str]
    said: str

    @property
    def passed(self) -> bool:
        """Whether the client got to the end, and never saw a 400."""
        return self.reached_end and not self.refused


def script(tool: str, *, thinks: bool) -> list[Reply | str]:
    """Return replies with three parallel calls each, and an end."""
    turns: list[Reply | str] = []
    for number in range(TURNS if tool else 0):
        calls = [ToolUse(tool, {"command": f"{command} # {number}", "description": "look"}) for command in COMMANDS]
        thought = [Thinking(f"Round {number}.")] if thinks else []
        turns.append(reply(*thought, "I look.", *calls))
    return [*turns, FINAL]


def install(client: Client) -> Path:
    """Install a client, unless it is there, and return where its programs are."""
    where = HERE / ".trials" / client.package.replace("/", "_").replace("@", "").replace(":", "_")
    if client.package.startswith("pypi:"):
        if not (where / "bin").exists():
            subprocess.run(["uv", "venv", "--quiet", where], check=True)
            command = ["uv", "pip", "install", "--quiet", "--python", where, client.package.removeprefix("pypi:")]
            subprocess.run(command, check=True)
        return where / "bin"
    programs = where / "node_modules" / ".bin"
    if not programs.parent.exists():
        where.mkdir(parents=True, exist_ok=True)
        (where / "package.json").write_text(json.dumps({"name": "trial", "private": True}))
        # Some bring their program in a package of its own and put it into place when they are installed.
        (where / ".npmrc").write_text("dangerously-allow-all-scripts=true\n")
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", client.package], cwd=where, check=True)
    return programs


def openai_turns(client: Client) -> list[list[Call]]:
    """Return the same turns for a client of OpenAI's protocols."""
    return [
        [Call(client.tool, {client.argument: f"{command} # {number}", "description": "look"}) for command in COMMANDS]
        for number in range(TURNS if client.tool else 0)
    ]


async def run(name: str, options: argparse.Namespace) -> Outcome:
    """Run one client through all of it."""
    client = CLIENTS[name]
    programs = install(client)
    root = Path(tempfile.mkdtemp(prefix="antiphon-trial-"))
    home, work = root / "home", root / "work"
    home.mkdir()
    work.mkdir()
    for letter in "abc":
        (work / f"{letter}.txt").write_text(f"content of {letter}\n")
    async with AsyncExitStack() as stack:
        api: Emulator | OpenAIUpstream
        if client.api == "messages":
            api = await stack.enter_async_context(Emulator(script(client.tool, thinks=options.thinking)))
        else:
            api = await stack.enter_async_context(OpenAIUpstream(openai_turns(client), FINAL).listening())
        url, proxy, saboteur = api.url, None, None
        if not options.direct:
            proxy = await stack.enter_async_context(Proxy(*_first_party(url, client)))
            url = proxy.url
        if not options.plain:
            saboteur = Saboteur(url)
            url = (await stack.enter_async_context(saboteur.listening())).url
        place = Place(home, work, programs, url, options.model or client.model)
        variables = {key: os.environ[key] for key in ("PATH", "LANG", "TERM") if key in os.environ}
        variables |= {"HOME": str(home), "ANTHROPIC_API_KEY": "any", "OPENAI_API_KEY": "any"}
        said = await _printed(client.command(place), work, {**variables, **client.variables(place)})
        outcome = Outcome(
            name=name,
            reached_end=FINAL in said,
            requests=len(api.requests),
            refused=[found if isinstance(found, str) else found.text or "" for found in api.refused],
            broken=saboteur.faults if saboteur else 0,
            repaired=sum(bool(note.repaired) for note in proxy.notes) if proxy else 0,
            rules=sorted({done.rule for note in proxy.notes for done in note.repaired}) if proxy else [],
            said=said[-2000:],
        )
    shutil.rmtree(root, ignore_errors=True)
    return outcome


def _first_party(url: str, client: Client) -> tuple[Upstream, ...]:
    return parse_upstreams([f"{url} as {'anthropic' if client.api == 'messages' else 'openai'}"])


async def _printed(command: Sequence[str], work: Path, variables: dict[str, str]) -> str:
    with anyio.move_on_after(240):
        done = await anyio.run_process(
            command, cwd=work, env=variables, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, check=False
        )
        return done.stdout.decode(errors="replace")
    return "(it did not end within four minutes)"


def main() -> int:
    """Run what the command line names, print a line for each, and return the exit code."""
    parser = argparse.ArgumentParser(description="Run clients that are not ours through the proxy.")
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help=f"of {', '.join(CLIENTS)}; default: all")
    parser.add_argument("--plain", action="store_true", help="break nothing")
    parser.add_argument("--direct", action="store_true", help="leave the proxy out")
    parser.add_argument("--thinking", action="store_true", help="let the model think, signed, before each round")
    parser.add_argument("--model", help=f"default: {MODEL}, or {OPENAI_MODEL}")
    options = parser.parse_args()
    unknown = set(options.clients) - CLIENTS.keys()
    if unknown:
        parser.error(f"there is no client {', '.join(sorted(unknown))}")
    failed = False
    for name in options.clients or CLIENTS:
        outcome = anyio.run(run, name, options)
        failed = failed or not outcome.passed
        verdict = "passed" if outcome.passed else "FAILED"
        figures = f"{outcome.requests} requests, {outcome.broken} broken, {outcome.repaired} repaired"
        print(f"{name:22} {verdict}  {figures}, {len(outcome.refused)} refused  {' '.join(outcome.rules)}")
        if not outcome.passed:
            print("\n".join([*outcome.refused[:3], outcome.said]))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
