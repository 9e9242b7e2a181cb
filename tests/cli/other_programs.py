"""A home in which other programs have stored conversations, and `antiphon import` run in it in this process."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from damaged import assistant, call, result, text, user

from antiphon.cli.main import main
from antiphon.protocol.messages import Json, text_of
from antiphon.sessions import Sessions
from antiphon.sessions.records import Begun, Record
from antiphon.sessions.replay import State

FIXTURES = Path(__file__).parents[1] / "transcripts/fixtures"
STORAGE = ".config/Code/User/globalStorage"
ROO = f"{STORAGE}/rooveterinaryinc.roo-cline"
NOON = 1_756_728_000_000
"""2025-09-01 12:00:00 UTC, in milliseconds."""

ASKED = user(text("<user_message>\nCompare a.py and b.py\n</user_message>"))
INTERLEAVED = user(result("b", "import sys"), text("Remember to be brief."), result("a", "import os"))
"""What Roo Code stores when something comes between two results: the API refuses it from then on."""
COMPLETED = assistant(text("They differ."), {**call("done"), "name": "attempt_completion", "input": {"result": "x"}})


@dataclass
class Imported:
    """What a run of the command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def statuses(self) -> list[str]:
        return [outcome["status"] for outcome in self.json]


class Home:
    """A home, with conversations of other programs and sessions of our own."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.workspace = directory / "engine"
        self.workspace.mkdir(parents=True)
        self.sessions = Sessions(directory / "data/sessions")
        self._capsys = capsys

    def imports(self, *arguments: str | Path) -> Imported:
        """Run the command."""
        self._capsys.readouterr()
        code = main(["import", *map(str, arguments)])
        captured = self._capsys.readouterr()
        return Imported(code, captured.out, captured.err)

    def task(self, *messages: Json, name: str = "t1", storage: str = ROO, title: str = "") -> Path:
        """Store a task as Roo Code and its heirs do: messages a minute apart."""
        directory = self.directory / storage / "tasks" / name
        directory.mkdir(parents=True, exist_ok=True)
        item = {"id": name, "task": title, "workspace": str(self.workspace)}
        (directory / "history_item.json").write_text(json.dumps(item))
        shown = {"ts": NOON, "type": "say", "say": "text", "text": text_of(messages[0])}
        (directory / "ui_messages.json").write_text(json.dumps([shown]))
        path = directory / "api_conversation_history.json"
        stored = [{**message, "ts": NOON + 60_000 * number} for number, message in enumerate(messages)]
        path.write_text(json.dumps(stored))
        return path

    def everything(self) -> None:
        """Store the fixtures of every program where each keeps its own."""
        for name in ("claude-code.jsonl", "claude-code-interrupted.jsonl", "claude-code-subagent.jsonl"):
            self.copy(name, f".claude/projects/-home-ada-engine/{name}")
        self.copy("cline/sess_01.messages.json", ".cline/data/sessions/sess_01/sess_01.messages.json")
        self.copy("cline/saoudrizwan.claude-dev", f"{STORAGE}/saoudrizwan.claude-dev")
        for name in ("aa", "bb"):
            hour = {"aa": "10", "bb": "11"}[name]
            rollout = f"rollout-2026-09-01T{hour}-00-00-0199-{name}.jsonl"
            self.copy(f"codex/{rollout}", f".codex/sessions/2026/09/01/{rollout}")
        self.copy("opencode.db", ".local/share/opencode/opencode.db")
        self.copy("roo", f"{ROO}/tasks")
        self.copy("roo/task-native", f"{STORAGE}/kilocode.kilo-code/tasks/task-native")
        self.copy("roo/task-v2", ".vscode-server/data/User/globalStorage/ZooCodeOrganization.zoo-code/tasks/task-v2")

    def copy(self, fixture: str, place: str) -> Path:
        """Copy a fixture, a file or a directory, into the home."""
        source, copy = FIXTURES / fixture, self.directory / place
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, copy)
        return copy

    def originals(self) -> dict[Path, tuple[bytes, int, int]]:
        """Return all that the other programs have: bytes, times and modes."""
        found: dict[Path, tuple[bytes, int, int]] = {}
        for path in self.directory.rglob("*"):
            if self.directory / "data" not in (path, *path.parents):
                state = path.stat()
                found[path] = (path.read_bytes() if path.is_file() else b"", state.st_mtime_ns, state.st_mode)
        return found

    def only(self) -> State:
        """Return the state of the one session there is."""
        (session_id,) = self.sessions.ids()
        return self.sessions.state(session_id)

    def records(self) -> list[Record]:
        """Return the records of the one session there is."""
        (session_id,) = self.sessions.ids()
        return [entry.record for entry in self.sessions.entries(session_id)]

    def began(self) -> list[Begun]:
        """Return how the sessions began, in the order of their sources."""
        states = [self.sessions.state(session_id) for session_id in self.sessions.ids()]
        return sorted((state.begun for state in states), key=lambda begun: begun.source)


def home_for_test(directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return a home that this process takes for the user's, with nothing of the developer's."""
    for name in list(os.environ):
        if name.startswith(("XDG_", "CLAUDE_", "CODEX_", "CLINE_", "VSCODE_", "ANTIPHON_")):
            monkeypatch.delenv(name)
    home = Home(directory, capsys)
    monkeypatch.setenv("HOME", str(directory))
    monkeypatch.setenv("ANTIPHON_DATA_DIR", str(directory / "data"))
    monkeypatch.chdir(home.workspace)
    return home
