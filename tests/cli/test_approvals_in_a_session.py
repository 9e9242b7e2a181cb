"""Eight parallel calls on a terminal, answered in several orders, and what the model is told of them."""

import json
import re
import time
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from programs import SECONDS, OnTerminal
from project import Antiphon

from antiphon.emulator import Emulator, ToolUse, reply

FILES = [f"out/new{number}.txt" for number in range(1, 9)]
EIGHT: list[Any] = [
    reply(
        "I write.",
        ToolUse("read_file", {"path": "a.txt"}),
        *(ToolUse("write_file", {"path": name, "content": f"{name}\n"}) for name in FILES),
        ToolUse("read_file", {"path": "b.txt"}),
    ),
    "Done.",
]


@pytest.fixture
def antiphon(emulator: Emulator, tmp_path: Path) -> Antiphon:
    return Antiphon(emulator, tmp_path)


def until(condition: Any) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def results(antiphon: Antiphon) -> list[dict[str, Any]]:
    """Return the results of the calls as they were sent, having checked that they answer the calls in their order."""
    *_, called, answered = antiphon.emulator.requests[1]["messages"]
    calls = [block["id"] for block in called["content"] if block["type"] == "tool_use"]
    found = [block for block in answered["content"] if block["type"] == "tool_result"]
    assert [result["tool_use_id"] for result in found] == calls
    assert len(calls) == 10
    return found


def all_wait(session: OnTerminal) -> str:
    """Wait until all eight are in the list, and return it; the machine may be slow, and the list come in parts."""
    while True:
        text = session.sees(r": $")
        if re.search(r"\b8 (of \d+ )?calls wait for you:", text):
            return text
        session.types("")


def leave(session: OnTerminal) -> None:
    session.sees(r"Done\.[\s\S]*> $")
    session.presses("\x04")
    assert session.ends() == 0


WRITES = range(2, 10)
"""The numbers of the calls that write; 1 and 10 read."""
FORWARD = [f"{number} y" for number in WRITES]


@pytest.mark.parametrize(
    ("lines", "denied"),
    [
        (FORWARD, {}),
        (FORWARD[::-1], {}),
        (["y"], {}),
        (["9 4 y", "6 n use one file", "2-3 y", "8 n and not this", "y"], {6: "use one file", 8: "and not this"}),
        (["7 n seven", "n all but seven"], {7: "seven", **dict.fromkeys((2, 3, 4, 5, 6, 8, 9), "all but seven")}),
    ],
    ids=["forward", "backward", "all at once", "mixed", "denied"],
)
def test_eight_calls_are_answered_in_any_order_while_others_finish(
    antiphon: Antiphon, lines: Sequence[str], denied: Mapping[int, str]
) -> None:
    with antiphon.on_terminal("write eight files", script=EIGHT) as session:
        assert re.search(r"calls wait for you:\s+2  write_file out/new1\.txt  \+1 -0\s", all_wait(session))
        for line in lines[:-1]:
            allowed = line.endswith("y")
            session.types(line)
            session.sees(r": $")
            if allowed and line in FORWARD:
                # It runs at once, while the others wait.
                path = antiphon.project / f"out/new{int(line[0]) - 1}.txt"
                until(path.exists)
        session.types(lines[-1])
        leave(session)
    found = results(antiphon)
    assert ["alpha" in json.dumps(found[0]), "beta" in json.dumps(found[-1])] == [True, True]
    assert [result.get("is_error", False) for result in found[1:-1]] == [number in denied for number in WRITES]
    for number, reason in denied.items():
        assert found[number - 1]["content"] == f"The user did not allow this call: {reason}"
    assert [(antiphon.project / name).exists() for name in FILES] == [number not in denied for number in WRITES]


def test_what_is_allowed_always_is_not_asked_again(antiphon: Antiphon) -> None:
    again = reply(ToolUse("write_file", {"path": "out/again.txt", "content": "again\n"}))
    with antiphon.on_terminal("write eight files", script=[EIGHT[0], again, "Done."]) as session:
        all_wait(session)
        session.types("4 n not this")
        session.sees(r"7 of 10 calls wait for you:[\s\S]*help: $")
        session.types("6 a")
        session.sees(r"\? 6  write_file out/new5\.txt[\s\S]*\[a\]lways write_file\(out/\*\*\), Enter for all 7: $")
        session.types("a")
        session.sees(r"write_file\(out/\*\*\) is allowed in this project from now on: \S+/settings\.local\.toml\s")
        session.sees(r"also allowed by write_file\(out/\*\*\): 2, 3, 5, 7, 8, 9\s[\s\S]*again\.txt[\s\S]*Done\.")
        leave(session)
    assert [result.get("is_error", False) for result in results(antiphon)] == [n == 3 for n in range(10)]
    assert (antiphon.project / "out/again.txt").read_text() == "again\n"
    kept = (antiphon.project / ".antiphon" / "settings.local.toml").read_text()
    assert tomllib.loads(kept) == {"allowed_tools": ["write_file(out/**)"]}
    with antiphon.on_terminal("write it again", script=[again, "Done."]) as session:
        leave(session)
    assert "asking" not in session.text


def test_ctrl_c_withdraws_the_questions_and_what_is_done_stays(antiphon: Antiphon) -> None:
    with antiphon.on_terminal("write eight files", script=EIGHT) as session:
        all_wait(session)
        session.types("3 y")
        session.sees(r"7 of 10 calls wait for you:[\s\S]*help: $")
        until((antiphon.project / "out/new2.txt").exists)
        session.presses("\x03")
        session.sees(r"no longer needed[\s\S]*Stopped\. The conversation is valid and can go on\.[\s\S]*> $")
        session.types("go on")
        leave(session)
    assert [result.get("is_error", False) for result in results(antiphon)] == [n not in (0, 2, 9) for n in range(10)]


def test_stopping_denies_what_waits_and_stops_the_turn(antiphon: Antiphon) -> None:
    with antiphon.on_terminal("write eight files", script=EIGHT) as session:
        all_wait(session)
        session.types("s")
        session.sees(r"Stopped\. The conversation is valid and can go on\.[\s\S]*> $")
        session.types("go on")
        leave(session)
    assert [result.get("is_error", False) for result in results(antiphon)] == [n not in (0, 9) for n in range(10)]
    assert not any((antiphon.project / name).exists() for name in FILES)


def test_permissions_are_shown_and_changed_at_the_prompt(antiphon: Antiphon) -> None:
    with antiphon.on_terminal("--disallowed-tools", "web_search", script=EIGHT) as session:
        session.sees(r"> $")
        session.types("/permissions")
        session.sees(r"Mode default: what only reads is allowed[\s\S]*deny   web_search [\s\S]*> $")
        session.types("/permissions allow write(")
        session.sees(r"not a usable rule[\s\S]*> $")
        session.types("/permissions allow no_such_tool")
        session.sees(r"no tool is named no_such_tool[\s\S]*> $")
        session.types("/permissions mode yolo")
        session.sees(r"There is no mode yolo; there are default, [\s\S]*> $")
        session.types("/permissions mode plan")
        session.sees(r"Mode plan: only what reads may run\.\s+> $")
        session.types("/permissions mode default")
        session.sees(r"Mode default: [\s\S]*> $")
        session.types("/permissions allow write_file")
        session.sees(r"write_file is allowed in this [\s\S]*> $")
        session.types("write eight files")
        leave(session)
    assert [result.get("is_error", False) for result in results(antiphon)] == [False] * 10
