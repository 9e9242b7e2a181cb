"""Lets programs that are not ours store a session, damages the file, repairs it, and lets them go on with it.

A session passes when `antiphon check` finds the damage, `antiphon check --fix --lossy-fixes` leaves none, its own
program opens it again and asks on, the emulator refuses nothing, and the results from before are in what is asked::

    python trials/sessions.py                all programs and damages
    python trials/sessions.py claude-code    that program
"""

import argparse
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from antiphon.emulator import Emulator, ToolUse, reply
from clients import CLIENTS, MODEL, Place
from run import install

Json = dict[str, Any]
RESULTS = ("content of a", "content of c")
"""What stands in the results that no damage takes away."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that stores sessions.

    Attributes:
        client: what it is called in `clients.py`.
        stored: the pattern of its file, below its home.
        go_on: its command line to ask on in the last session, made of the one that began it.
        damages: what is done to the file, by name.
    """

    client: str
    stored: str
    go_on: Callable[[list[str]], list[str]]
    damages: Mapping[str, Callable[[Path], None]]


def _lines(change: Callable[[list[Json]], list[Json]]) -> Callable[[Path], None]:
    """Return a damage that changes the entries of a JSONL file."""

    def damage(path: Path) -> None:
        entries = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(f"{json.dumps(entry)}\n" for entry in change(entries)))

    return damage


def _kinds(entry: Json) -> list[str]:
    message: Json = entry.get("message") or {}
    content: Any = message.get("content")
    return [str(block["type"]) for block in cast("list[Json]", content)] if isinstance(content, list) else []


def _with_kind(entries: list[Json], kind: str) -> list[int]:
    return [number for number, entry in enumerate(entries) if kind in _kinds(entry)]


def _without_second_result(entries: list[Json]) -> list[Json]:
    gone = _with_kind(entries, "tool_result")[1]
    return entries[:gone] + entries[gone + 1 :]


def _without_second_call(entries: list[Json]) -> list[Json]:
    gone = _with_kind(entries, "tool_use")[1]
    return entries[:gone] + entries[gone + 1 :]


def _empty_text(entries: list[Json]) -> list[Json]:
    place = _with_kind(entries, "text")[1]
    entries[place]["message"]["content"] = [{"type": "text", "text": ""}]
    return entries


def _unsigned_thinking(entries: list[Json]) -> list[Json]:
    for place in _with_kind(entries, "thinking"):
        for block in entries[place]["message"]["content"]:
            block.pop("signature", None)
    return entries


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _pending_call(path: Path) -> None:
    """Leave a call of opencode's as it is while it runs: what a kill leaves behind."""
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("select id, data from part order by id").fetchall()
        calls = [(identity, json.loads(data)) for identity, data in rows if json.loads(data)["type"] == "tool"]
        identity, part = calls[1]
        part["state"] = {"status": "running", "input": part["state"]["input"], "time": {"start": 1}}
        database.execute("update part set data = ? where id = ?", (json.dumps(part), identity))
        database.commit()


PROGRAMS = (
    Program(
        "claude-code",
        ".claude/projects/*/*.jsonl",
        lambda command: [command[0], "--continue", *command[1:]],
        {
            "a result is lost": _lines(_without_second_result),
            "a call is lost": _lines(_without_second_call),
            "a text is empty": _lines(_empty_text),
            "thinking lost its signature": _lines(_unsigned_thinking),
            "the last line is torn": _torn,
        },
    ),
    Program(
        "opencode",
        ".local/share/opencode/opencode.db",
        lambda command: [*command[:-1], "--continue", command[-1]],
        {"a call still runs": _pending_call},
    ),
)


def try_one(program: Program, damage: Callable[[Path], None]) -> list[str]:
    """Return what went wrong, or nothing."""
    client = CLIENTS[program.client]
    root = Path(tempfile.mkdtemp(prefix="antiphon-session-"))
    home, work = root / "home", root / "work"
    home.mkdir()
    work.mkdir()
    for letter in "abc":
        (work / f"{letter}.txt").write_text(f"content of {letter}\n")
    calls = [ToolUse(client.tool, {"command": f"cat {letter}.txt", "description": "show"}) for letter in "abc"]
    with Emulator([reply("I look.", *calls), reply("I think about it.", *calls), "All done."]) as emulator:
        place = Place(home, work, install(client), emulator.url, MODEL)
        command = client.command(place)
        begun = _run(command, place, {**client.variables(place)})
    if begun.returncode:
        return [f"the session did not end well: {begun.stdout[-500:]}"]
    (stored,) = home.glob(program.stored)
    damage(stored)
    found, mended, left = (_check(stored, *options) for options in ((), ("--fix", "--lossy-fixes", "--force"), ()))
    wrong = [f"check said {found.returncode}: {found.stdout}{found.stderr}"] * (found.returncode != 1)
    wrong += [f"--fix said {mended.returncode}: {mended.stdout}{mended.stderr}"] * (mended.returncode != 0)
    wrong += [f"something is left: {left.stdout}"] * (left.returncode != 0)
    with Emulator(["And on."]) as emulator:
        place = Place(home, work, install(client), emulator.url, MODEL)
        gone_on = _run(program.go_on(client.command(place)), place, {**client.variables(place)})
        wrong += [f"going on failed: {gone_on.stdout[-500:]}"] * (gone_on.returncode != 0)
        wrong += [f"refused: {record.text}" for record in emulator.refused]
        asked = json.dumps([request["messages"] for request in emulator.requests])
        wrong += [f"{result!r} is not in what was asked" for result in RESULTS if result not in asked]
    shutil.rmtree(root, ignore_errors=True)
    return wrong


def _run(command: list[str], place: Place, more: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    variables = {key: os.environ[key] for key in ("PATH", "LANG", "TERM") if key in os.environ}
    variables |= {"HOME": str(place.home), "ANTHROPIC_API_KEY": "any", "ANTHROPIC_BASE_URL": place.url, **more}
    return subprocess.run(
        command, cwd=place.work, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=180, check=False,
    )  # fmt: skip


def _check(path: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "antiphon", "check", str(path), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def main() -> int:
    """Try what the command line names; return the exit code."""
    parser = argparse.ArgumentParser(description="Damage and repair sessions of programs that are not ours.")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help="default: all")
    names = parser.parse_args().programs or [program.client for program in PROGRAMS]
    failed = False
    for program in PROGRAMS:
        for name, damage in program.damages.items() if program.client in names else ():
            wrong = try_one(program, damage)
            failed = failed or bool(wrong)
            print(f"{program.client:14} {name:30} {'FAILED' if wrong else 'passed'}")
            print("".join(f"    {re.sub(chr(10), ' ', line)[:600]}\n" for line in wrong), end="")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
