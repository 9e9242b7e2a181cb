"""Requests and sessions with something wrong in them, and `antiphon check` run on them in this process."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from antiphon.cli.main import main


def call(call_id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "read_file", "input": {"path": "a.py"}}


def result(call_id: str, content: str = "done") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content}


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content[0] if isinstance(content[0], str) else list(content)}


def assistant(*content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content[0] if isinstance(content[0], str) else list(content)}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def request(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(messages)}


VALID = request(user("hello"), assistant(call("a")), user(result("a"), text("go on")))
TEXT_FIRST = request(user("hello"), assistant(call("a")), user(text("wait"), result("a")))
"""TU002, whose repair is safe."""
UNANSWERED = request(user("hello"), assistant(call("a"), call("b")), user(result("a"), text("go on")))
"""TU001, whose repair is lossy."""
BOTH = request(*TEXT_FIRST["messages"], assistant(call("c")), user("never mind"))
"""TU002 in message 1 and TU001 in message 3."""


def written(path: Path, value: Any, *, indent: int | None = None) -> Path:
    path.write_text(json.dumps(value, indent=indent), "utf-8")
    return path


def written_lines(path: Path, values: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values), "utf-8")
    return path


@dataclass
class Checked:
    """What a run of the command came to."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def rules(self) -> list[str]:
        """The rules of the problems that were printed, in order."""
        return [word for line in self.lines for word in line.split(" ")[1:2] if line.startswith(("/", "<stdin>"))]


class Checker:
    """Runs `antiphon check`."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str | Path) -> Checked:
        self.capsys.readouterr()
        code = main(["check", *map(str, arguments)])
        captured = self.capsys.readouterr()
        return Checked(code, captured.out, captured.err)

    def refused(self, *arguments: str | Path) -> str:
        """Run it with flags that argparse refuses, and return what is said."""
        with pytest.raises(SystemExit) as caught:
            self(*arguments)
        assert caught.value.code == 2
        return self.capsys.readouterr().err
