"""The agent that is killed: a scripted session of three turns with reads, edits and commands, and how it is resumed.

Knows what the agent does and what can be seen of it afterwards. Does not know when or how it dies: `crashes.py`.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path
from typing import Any

import anyio

from antiphon.agent.agent import Agent
from antiphon.emulator import Text, ToolUse, reply
from antiphon.errors import AntiphonError
from antiphon.protocol.messages import Json, blocks_of, tool_uses
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.sessions.session import Session
from antiphon.sessions.storage.log import SessionLog
from antiphon.sessions.store import Sessions
from antiphon.testing.system_calls import announce_file_changes
from antiphon.tools.base import Workspace
from antiphon.tools.edit_file import EditFile
from antiphon.tools.list_files import ListFiles
from antiphon.tools.read_file import ReadFile
from antiphon.tools.run_command import RunCommand
from antiphon.tools.search_files import SearchFiles
from antiphon.tools.write_file import WriteFile

SESSION = "crashing-session"
PROMPT = "Do all of it."
_RAN = "ran.txt"
_EDITED = "one.py", "two.py"
_WRITTEN = "made.txt"
_END = "# end\n"


def _command(label: str, more: str = "") -> ToolUse:
    return ToolUse("run_command", {"command": f"echo {label} >> {_RAN}{more}"})


def _edit(path: str, label: str) -> ToolUse:
    return ToolUse("edit_file", {"path": path, "old_string": _END, "new_string": f"# {label}\n{_END}"})


def script() -> list[Any]:
    """Return what the model says: three replies with calls, and the end."""
    return [
        reply(
            Text("I look, and begin."),
            ToolUse("read_file", {"path": "one.py"}),
            ToolUse("read_file", {"path": "two.py"}),
            ToolUse("search_files", {"pattern": "word"}),
            _edit("one.py", "edit-1"),
            _command("command-1"),
        ),
        reply(
            ToolUse("read_file", {"path": "one.py"}),
            _edit("two.py", "edit-2"),
            _command("command-2", "; sleep 0.01; echo said"),
            _edit("one.py", "edit-3"),
            ToolUse("list_files", {}),
        ),
        reply(
            ToolUse("write_file", {"path": _WRITTEN, "content": "made-1\n"}),
            _command("command-3"),
            ToolUse("read_file", {"path": _WRITTEN}),
        ),
        "All is done.",
    ]


def prepare(place: Path) -> None:
    """Make the files the agent works with."""
    workspace = place / "workspace"
    workspace.mkdir(parents=True)
    for name in _EDITED:
        (workspace / name).write_text(f"# a word in {name}\n{_END}")


def label_of(call: Json) -> str:
    """Return what to look for to know whether a call had its effect; empty for a call that only reads."""
    given = call["input"]
    match call["name"]:
        case "run_command":
            return str(given["command"]).split()[1]
        case "edit_file":
            return str(given["new_string"]).split()[1]
        case "write_file":
            return str(given["content"]).strip()
        case _:
            return ""


def effects(place: Path) -> dict[str, int]:
    """Return how often each label can be found."""
    found: dict[str, int] = {}
    for name in (_RAN, *_EDITED, _WRITTEN):
        path = place / "workspace" / name
        for word in path.read_text().split() if path.exists() else ():
            if word.startswith(("edit-", "command-", "made-")):
                found[word] = found.get(word, 0) + 1
    return found


def sessions_at(place: Path) -> Sessions:
    """Return the sessions of a trial."""
    return Sessions(place / "data" / "sessions")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an agent's process told before it ended.

    Attributes:
        messages: the conversation.
        error: what ended the run early, as text; empty if nothing did.
        problem: why its session could not be written in the end; empty if it was.
    """

    messages: list[Json]
    error: str
    problem: str


def work(connection: Connection, place: Path, url: str, *, watched: bool) -> None:
    """Begin the session and do all of it. Runs in a process of its own."""
    _settle_in(place)
    if watched:
        descriptor = announce_file_changes()
        send_handle(connection, descriptor, os.getppid())
        os.close(descriptor)
    connection.send("ready")
    try:
        session = sessions_at(place).create(place / "workspace", id=SESSION)
    except AntiphonError as problem:
        connection.send(Outcome([], str(problem), str(problem)))
        return
    connection.send(_ran(session, place, url, PROMPT))


def go_on(connection: Connection, place: Path, url: str) -> None:
    """Go on with the session that another process left. Runs in a process of its own."""
    _settle_in(place)
    connection.send(_ran(sessions_at(place).open(SESSION), place, url, "What now?"))


def mend(connection: Connection, directory: Path, _: str) -> None:
    """Open a damaged session. Runs in a process of its own."""
    descriptor = announce_file_changes()
    send_handle(connection, descriptor, os.getppid())
    os.close(descriptor)
    SessionLog.open(directory)[0].close()


def _settle_in(place: Path) -> None:
    os.environ["HOME"] = str(place)
    os.chdir(place)


def _ran(session: Session, place: Path, url: str, prompt: str) -> Outcome:
    with session:
        messages, error = anyio.run(_run, session, place, url, prompt)
    return Outcome(messages, error, session.problem)


async def _run(session: Session, place: Path, url: str, prompt: str) -> tuple[list[Json], str]:
    workspace = Workspace.at(place / "workspace", spill=place / "data" / "results")
    tools = [
        ReadFile(workspace),
        ListFiles(workspace),
        SearchFiles(workspace),
        EditFile(workspace),
        WriteFile(workspace),
        RunCommand(workspace),
    ]
    async with Agent(
        tools=tools, provider=AnthropicProvider(api_key="any", base_url=url), session=session, workspace=workspace
    ) as agent:
        error = ""
        try:
            await agent.run(prompt)
        except AntiphonError as problem:
            error = str(problem)
        return agent.messages, error


def calls_of(messages: list[Json]) -> Iterator[tuple[Json, Json | None]]:
    """Yield the calls of a conversation, each with its result, or None."""
    results = {
        str(block["tool_use_id"]): block
        for message in messages
        for block in blocks_of(message)
        if block.get("type") == "tool_result"
    }
    for message in messages:
        for call in tool_uses(message):
            yield call, results.get(str(call["id"]))
