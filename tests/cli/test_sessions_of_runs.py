"""What `antiphon sessions` says of sessions that the agent itself kept."""

import json
from pathlib import Path

import pytest
from project import Antiphon

from antiphon.emulator import Emulator, ToolUse, reply

pytestmark = pytest.mark.usefixtures("nothing_refused")

THREE_CALLS = [
    reply(
        "I look.",
        ToolUse("read_file", {"path": "a.txt"}),
        ToolUse("read_file", {"path": "missing.txt"}),
        ToolUse("run_command", {"command": "seq 1 9999; sleep 0; echo the end"}),
    ),
    "That is all.",
]


@pytest.fixture
def antiphon(emulator: Emulator, tmp_path: Path) -> Antiphon:
    return Antiphon(emulator, tmp_path)


def sessions(antiphon: Antiphon, *arguments: str) -> str:
    """Run `antiphon sessions` and return what it printed."""
    ended = antiphon.run("sessions", *arguments, script=[])
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_a_run_is_listed_found_shown_and_exported(antiphon: Antiphon) -> None:
    assert antiphon.run("-y", "-p", "count for me", script=THREE_CALLS).returncode == 0
    (listed,) = json.loads(sessions(antiphon, "--json"))
    assert (listed["title"], listed["turns"], listed["prompts"], listed["damaged"]) == ("count for me", 2, 1, "")
    assert listed["tokens"]["output"] > 0
    shown = sessions(antiphon, "show")
    assert [line for line in shown.splitlines() if line.startswith(("> ", "  ✓", "  ✗"))] == [
        "> count for me",
        "  ✓ read_file a.txt",
        "  ✗ read_file missing.txt",
        "  ✓ run_command seq 1 9999; sleep 0; echo the end",
    ]
    assert shown.endswith("That is all.\n")
    (found,) = json.loads(sessions(antiphon, "search", "alpha", "--json"))
    assert [hit["role"] for hit in found["hits"]] == ["result"]
    exported = json.loads(sessions(antiphon, "export", "--json"))
    sent = antiphon.emulator.requests[1]["messages"]
    for block in (block for message in sent for block in message["content"]):
        block.pop("cache_control", None)
    said = {"role": "assistant", "content": [{"type": "text", "text": "That is all."}]}
    assert exported["messages"] == [*sent, said]
    assert exported["params"]["model"] == antiphon.emulator.requests[1]["model"]
    for form in ("markdown", "html"):
        assert "missing.txt" in sessions(antiphon, "export", "-f", form)


def test_what_belongs_to_a_session_goes_with_it_and_not_before(antiphon: Antiphon) -> None:
    assert antiphon.run("-y", "-p", "count for me", script=THREE_CALLS).returncode == 0
    data = antiphon.project.parent / ".local/share/antiphon"
    (workspace,) = (data / "workspaces").iterdir()
    assert any((workspace / "results").iterdir())
    assert sessions(antiphon, "prune", "--empty", "--yes") == "There is nothing to delete.\n"
    sessions(antiphon, "delete", "count", "--yes")
    pruned = sessions(antiphon, "prune", "--empty", "--yes").splitlines()
    assert pruned[0].endswith("  belongs to no session")
    assert pruned[-1].startswith("Deleted; ")
    assert list((data / "workspaces").iterdir()) == []
    assert sorted(path.name for path in data.rglob("*") if path.is_file()) == ["index.db"]
