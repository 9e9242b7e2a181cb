"""A project in an empty home, and `antiphon` run in it against an emulator."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from programs import OnTerminal, run_antiphon, surroundings

from antiphon.emulator import Emulator


class Antiphon:
    """`antiphon` in an empty home, in a project of two files, with an emulator as its API."""

    def __init__(self, emulator: Emulator, home: Path) -> None:
        self.emulator = emulator
        self.project = home / "project"
        self.project.mkdir()
        (self.project / "a.txt").write_text("alpha\n")
        (self.project / "b.txt").write_text("beta\n")
        self.environment = surroundings(home, ANTHROPIC_BASE_URL=emulator.url, ANTHROPIC_API_KEY="any")

    def run(self, *arguments: str, script: Any, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        self.emulator.play(script)
        environment = {**self.environment, **variables}
        return run_antiphon(*arguments, environment=environment, cwd=self.project, stdin=stdin)

    def start(self, *arguments: str, script: Any) -> subprocess.Popen[str]:
        self.emulator.play(script)
        return subprocess.Popen(
            [sys.executable, "-m", "antiphon", *arguments],
            env=self.environment,
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def on_terminal(self, *arguments: str, script: Any) -> OnTerminal:
        self.emulator.play(script)
        return OnTerminal(*arguments, environment=self.environment, cwd=self.project)

    def prompts(self) -> list[str]:
        """Return the last text of each request's last message."""
        return [record["messages"][-1]["content"][-1]["text"] for record in self.emulator.requests]
