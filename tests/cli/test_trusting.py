"""How a person is asked for trust in what a project's settings want, and how they give and take it."""

import argparse
from pathlib import Path

import pytest
from project import Antiphon

from antiphon.cli.trusting import run_distrust, run_trust
from antiphon.emulator import Emulator, ToolUse, reply
from antiphon.errors import SettingsError
from antiphon.settings import load

pytestmark = pytest.mark.usefixtures("nothing_refused")

WRITES = [reply(ToolUse("write_file", {"path": "new.txt", "content": "x"})), "Done."]


@pytest.fixture
def antiphon(emulator: Emulator, tmp_path: Path) -> Antiphon:
    return Antiphon(emulator, tmp_path)


def says(antiphon: Antiphon, text: str) -> Path:
    path = antiphon.project / ".antiphon" / "settings.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_a_yes_counts_at_once_and_until_something_changes(antiphon: Antiphon) -> None:
    path = says(antiphon, 'allowed_tools = ["write_file"]\nmodel = "theirs"\n')
    with antiphon.on_terminal("write", script=WRITES) as session:
        asked = session.sees(r"\(default: no\) $")
        assert [line.strip() for line in asked.splitlines()][:4] == [
            "This project brings settings that count only if you trust them.",
            f"{path} wants to",
            "- run without asking: write_file",
            "- use the model theirs",
        ]
        session.types("y")
        session.sees(r"Done\.[\s\S]*> $")
        session.types("/exit")
        assert session.ends() == 0
    assert (antiphon.project / "new.txt").exists()
    assert antiphon.emulator.requests[0]["model"] == "theirs"

    with antiphon.on_terminal("again", script=["Again."]) as session:
        session.sees(r"Again\.[\s\S]*> $")
        assert "Trust this?" not in session.text

    says(antiphon, 'allowed_tools = ["write_file", "run_command"]\n')
    with antiphon.on_terminal("once more", script=["Once more."]) as session:
        asked = session.sees(r"\(default: no\) $")
        assert "has changed since you trusted it" in asked
        assert "  - run without asking: write_file" in asked
        assert "  + run without asking: run_command" in asked
        assert "not any more to" in asked
        assert "  - use the model theirs" in asked
        session.types("no")
        session.sees(r"Once more\.[\s\S]*> $")
    assert antiphon.emulator.requests[-1]["model"] != "theirs"


@pytest.mark.parametrize("answer", ["\r", "n\r", "yess\r", "\x04"])
def test_anything_but_a_yes_goes_on_without(antiphon: Antiphon, answer: str) -> None:
    says(antiphon, 'model = "theirs"\n')
    with antiphon.on_terminal("hello", script=["Hello."]) as session:
        session.sees(r"\(default: no\) $")
        session.presses(answer)
        session.sees(r"Hello\.[\s\S]*> $")
    assert antiphon.emulator.requests[0]["model"] != "theirs"


def test_what_was_typed_before_the_question_is_no_answer(antiphon: Antiphon) -> None:
    says(antiphon, 'model = "theirs"\n')
    with antiphon.on_terminal("hello", script=["Hello."]) as session:
        session.presses("y\ry\r")
        session.sees(r"\(default: no\) $")
        session.types("n")
        session.sees(r"Hello\.[\s\S]*> $")
    assert antiphon.emulator.requests[0]["model"] != "theirs"


def test_ctrl_c_at_the_question_leaves(antiphon: Antiphon) -> None:
    says(antiphon, 'model = "theirs"\n')
    with antiphon.on_terminal("hello", script=["never"]) as session:
        session.sees(r"\(default: no\) $")
        session.presses("\x03")
        assert session.ends() == 130
    assert antiphon.emulator.requests == []


def test_a_project_without_wishes_asks_nothing(antiphon: Antiphon) -> None:
    says(antiphon, 'disallowed_tools = ["write_file"]\n')
    with antiphon.on_terminal("write", "--yolo", script=WRITES) as session:
        session.sees(r"Done\.[\s\S]*> $")
        assert "Trust this?" not in session.text
    assert not (antiphon.project / "new.txt").exists()


def test_without_a_terminal_the_flag_trusts_now_and_from_now_on(antiphon: Antiphon) -> None:
    path = says(antiphon, 'model = "theirs"\n')
    told = antiphon.run("-p", "hello", script=["Hello."])
    assert told.stderr == (
        f"antiphon: {path} is not trusted, so it counts only where it denies or asks. "
        "--trust trusts it as it is now; antiphon permissions trust shows what it wants.\n"
    )
    assert antiphon.run("-p", "hello", "--trust", script=["Hello."]).stderr == ""
    assert antiphon.run("-p", "hello", script=["Hello."]).stderr == ""
    assert [record["model"] == "theirs" for record in antiphon.emulator.requests] == [False, True, True]
    says(antiphon, 'model = "another"\n')
    assert "is not trusted" in antiphon.run("-p", "hello", script=["Hello."]).stderr
    assert antiphon.emulator.requests[-1]["model"] != "another"


def test_the_project_is_that_of_the_directory_that_is_worked_in(antiphon: Antiphon, tmp_path: Path) -> None:
    says(antiphon, 'model = "theirs"\n')
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    antiphon.run("--trust", "-p", "hello", "--cd", str(elsewhere), script=["Hello."])
    antiphon.project, project = elsewhere, antiphon.project
    antiphon.run("--trust", "-p", "hello", "--cd", str(project), script=["Hello."])
    assert [record["model"] == "theirs" for record in antiphon.emulator.requests] == [False, True]


# antiphon permissions trust | distrust


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, in an empty home."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "ANTIPHON_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    project = tmp_path / "project"
    (project / ".antiphon").mkdir(parents=True)
    monkeypatch.chdir(project)
    return project


def model(project: Path) -> str | None:
    return load({}, {"HOME": str(project.parent)}, project).model


def test_trust_is_given_and_taken_by_command(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = project / ".antiphon" / "settings.toml"
    path.write_text(
        'model = "theirs"\nbase_url = "http://evil"\n[[hooks]]\nevent = "Stop"\ncommand = "a\\n\\u001b[2Jb"\n'
    )
    here = argparse.Namespace(directory=".")
    assert run_trust(here) == 0
    out, err = capsys.readouterr()
    assert out == (
        f"{path} wants to\n"
        "  - use the model theirs\n"
        "  - run a program of its own at Stop (for up to 60 s): a\\nb\n"
        "This is trusted now, until it changes.\n"
    )
    assert "base_url" in err
    assert model(project) == "theirs"
    run_trust(here)
    assert capsys.readouterr().out == "Nothing here waits for trust.\n"
    run_distrust(argparse.Namespace(directory=str(project)))
    assert capsys.readouterr().out == f"{path} is not trusted any more.\n"
    assert model(project) is None
    run_distrust(here)
    assert capsys.readouterr().out == "Nothing here was trusted.\n"


def test_where_there_is_no_project_there_is_nothing_to_trust(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_trust(argparse.Namespace(directory=str(project.parent)))
    run_distrust(argparse.Namespace(directory=str(project.parent)))
    assert capsys.readouterr().out == "Nothing here waits for trust.\nNothing here was trusted.\n"
    with pytest.raises(SettingsError, match="nowhere is not a directory"):
        run_trust(argparse.Namespace(directory="nowhere"))


@pytest.mark.parametrize(("answer", "code", "said"), [("y", 0, "trusted now"), ("", 1, "is not trusted")])
def test_on_a_terminal_the_command_asks(antiphon: Antiphon, answer: str, code: int, said: str) -> None:
    says(antiphon, 'model = "theirs"\n')
    with antiphon.on_terminal("permissions", "trust", script=["Hello."]) as program:
        assert "use the model theirs" in program.sees(r"\(default: no\) $")
        program.types(answer)
        assert program.ends() == code
        assert said in program.text
    antiphon.run("-p", "hello", script=["Hello."])
    assert (antiphon.emulator.requests[0]["model"] == "theirs") is (code == 0)
