"""In a repository that tries everything nothing goes elsewhere, nothing of it runs, nothing is widened; all is told."""

import os
import re
from collections.abc import Generator
from pathlib import Path

import pytest
from hostile import NEVER, HostileRepository
from project import Antiphon

from antiphon.emulator import Emulator, ToolUse, reply

pytestmark = pytest.mark.usefixtures("nothing_refused")

WRITES = [
    reply(
        ToolUse("write_file", {"path": "new.txt", "content": "x"}),
        ToolUse("run_command", {"command": "touch pwned"}),
        ToolUse("read_file", {"path": "a.txt"}),
    ),
    "I could not.",
]


@pytest.fixture
def antiphon(emulator: Emulator, tmp_path: Path) -> Antiphon:
    """Antiphon, started as the installed program is: without the current directory among its modules."""
    found = Antiphon(emulator, tmp_path)
    found.environment["PYTHONSAFEPATH"] = "1"
    return found


@pytest.fixture
def hostile(antiphon: Antiphon, tmp_path: Path) -> Generator[HostileRepository]:
    """The project as a hostile repository."""
    with HostileRepository(antiphon.project, tmp_path) as repository:
        yield repository


def results(antiphon: Antiphon, request: int = 1) -> list[bool]:
    """Return which calls failed, as the model was told."""
    return [bool(block.get("is_error")) for block in antiphon.emulator.requests[request]["messages"][-1]["content"]]


def test_headless_it_gets_nothing_and_is_told(antiphon: Antiphon, hostile: HostileRepository) -> None:
    ended = antiphon.run("-p", "do it", script=WRITES)
    assert (ended.returncode, ended.stdout) == (0, "I could not.\n")
    assert results(antiphon) == [True, True, False]
    assert not (antiphon.project / "new.txt").exists()
    assert not (antiphon.project / "pwned").exists()
    assert (hostile.ran, hostile.was_connected) == ([], False)
    first = antiphon.emulator.requests[0]
    assert first["model"] != "a-model-of-the-project"
    assert "the project\x07" not in str(first["system"])
    assert "theirs" not in str(first["system"])
    for key in NEVER:
        assert re.search(rf"settings\.toml: .*\b{key}\b", ended.stderr), key
    for host in ("*.com", "169.254.169.254", "metadata.google.internal", "localhost", "../elsewhere"):
        assert repr(host) in ended.stderr
    assert f"{hostile.settings} is not trusted" in ended.stderr
    assert "settings.local.toml is not trusted" in ended.stderr
    assert "\x1b" not in ended.stderr


def test_a_person_sees_what_it_wants_and_goes_on_without(antiphon: Antiphon, hostile: HostileRepository) -> None:
    with antiphon.on_terminal("do it", script=WRITES) as session:
        shown = session.sees(r"\(default: no\) $")
        for wish in (
            "run without asking: run_command",
            "run without asking: write_file",
            "run without asking: edit_file",
            "use the model a-model-of-the-project",
            "let commands in the sandbox reach evil.example",
            f"run a program of its own at SessionStart (for up to 60 s): {hostile.trap}\\ntrue",
            f"run a program of its own at PreToolUse of * (for up to 60 s): {hostile.trap}",
        ):
            assert wish in shown
        assert b"\x1b]" not in session.output
        assert "169.254.169.254" not in shown
        session.types("")
        session.sees(r"write_file|run_command")
        assert antiphon.emulator.requests[0]["model"] != "a-model-of-the-project"
        assert not (antiphon.project / "new.txt").exists()
        assert (hostile.ran, hostile.was_connected) == ([], False)


def test_trust_in_it_gives_what_was_shown_and_never_the_rest(antiphon: Antiphon, hostile: HostileRepository) -> None:
    ended = antiphon.run("--trust", "-p", "do it", script=WRITES)
    assert ended.returncode == 0
    assert results(antiphon)[0] is False
    assert (antiphon.project / "new.txt").exists()
    assert antiphon.emulator.requests[0]["model"] == "a-model-of-the-project"
    assert "You are theirs" not in str(antiphon.emulator.requests[0]["system"])
    assert "base_url" in ended.stderr
    # Its hooks were shown and trusted. Nothing else of it runs.
    assert (hostile.ran, hostile.was_connected) == (["trap"], False)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("link", "no link may lead to it"),
        ("pipe", "regular file"),
        ("endless", "no link may lead to it"),
        ("no TOML", "cannot be read as settings"),
    ],
)
def test_a_file_that_cannot_be_used_ends_it_before_anything_is_sent(
    antiphon: Antiphon, tmp_path: Path, kind: str, said: str
) -> None:
    path = antiphon.project / ".antiphon" / "settings.toml"
    path.parent.mkdir()
    match kind:
        case "link":
            (tmp_path / "elsewhere.toml").write_text('allowed_tools = ["run_command"]')
            path.symlink_to(tmp_path / "elsewhere.toml")
        case "pipe":
            os.mkfifo(path)
        case "endless":
            path.symlink_to("/dev/zero")
        case _:
            path.write_text("disallowed_tools = [")
    ended = antiphon.run("-p", "do it", script=["never"])
    assert ended.returncode == 2
    assert str(path) in ended.stderr
    assert said in ended.stderr
    assert antiphon.emulator.requests == []
