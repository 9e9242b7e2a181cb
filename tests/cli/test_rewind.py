"""`antiphon rewind`, on sessions whose prompts changed files."""

import json
import time
from pathlib import Path

import anyio
import pytest
from programs import OnTerminal, run_antiphon, surroundings
from project import Antiphon

from antiphon.checkpoints import Checkpoints
from antiphon.cli.main import main
from antiphon.emulator import Emulator, ToolUse, reply
from antiphon.protocol.messages import Json, text_of
from antiphon.sessions import Sessions
from antiphon.sessions.places import workspace_directory
from antiphon.sessions.records import Answered, Checkpointed, Prompted, Replied, RunEnded, TurnBegan

CHANGES: list[dict[str, str]] = [{}, {"main": "print(2)\n", "new": "n\n"}, {}, {"main": "print(4)\n"}]
Printed = pytest.CaptureFixture[str]


class Project:
    """A workspace, and a session whose second and fourth prompt changed files of it."""

    def __init__(self, home: Path) -> None:
        self.here = home / "project"
        self.here.mkdir()
        self.data = home / "data"
        self.environment = surroundings(home, ANTIPHON_DATA_DIR=str(self.data), TZ="UTC")
        self.sessions = Sessions(self.data / "sessions")
        self.checkpoints = Checkpoints(self.here, workspace_directory(self.data, self.here) / "checkpoints")
        self.write(main="print(1)\n", kept="k\n")
        self.taken: list[str] = []
        with self.sessions.create(self.here) as session:
            self.session = session.id
            for number, change in enumerate(CHANGES, 1):
                session.record(Prompted(({"type": "text", "text": f"Prompt {number}\x1b[31m, please"},)))
                session.record(TurnBegan(number, 8))
                if change:
                    self.taken.append(anyio.run(self.checkpoints.take, "before write_file").id)
                    call: Json = {"type": "tool_use", "id": f"c{number}", "name": "write_file", "input": {}}
                    session.record(Replied((call,)))
                    session.record(Checkpointed(self.taken[-1], "write_file"))
                    session.record(Answered(({"type": "tool_result", "tool_use_id": f"c{number}", "content": "ok"},)))
                    session.record(TurnBegan(number, 8))
                self.write(**change)
                session.record(Replied(({"type": "text", "text": f"Reply {number}"},)))
                session.record(RunEnded("end_turn"), at=time.time() - 120)

    def write(self, **files: str) -> None:
        """Write files of the workspace."""
        for name, content in files.items():
            (self.here / name).write_text(content)

    @property
    def files(self) -> dict[str, str]:
        """What is in the workspace."""
        return {path.name: path.read_text() for path in sorted(self.here.iterdir())}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(tmp_path)
    for name in ("HOME", "ANTIPHON_DATA_DIR", "TZ"):
        monkeypatch.setenv(name, made.environment[name])
    monkeypatch.chdir(made.here)
    return made


FIRST = {"kept": "k\n", "main": "print(1)\n"}
SECOND = {"kept": "k\n", "main": "print(2)\n", "new": "n\n"}
FOURTH = {**SECOND, "main": "print(4)\n"}


def told(printed: Printed, *arguments: str, code: int = 0) -> str:
    """Run the command and return what it printed."""
    assert main(["rewind", *arguments]) == code
    return printed.readouterr().out


def refused(printed: Printed, *arguments: str, code: int = 2) -> str:
    """Run the command, which fails, and return what it said."""
    assert main(["rewind", *arguments]) == code
    return printed.readouterr().err


def test_prompts_are_listed_with_the_checkpoints_they_led_to(project: Project, capsys: Printed) -> None:
    for arguments in ([], ["--list"]):
        assert [line.split(maxsplit=3) for line in told(capsys, *arguments).splitlines()] == [
            ["1", "now", "-", "Prompt 1, please"],
            ["2", "now", project.taken[0][:10], "Prompt 2, please"],
            ["3", "now", "-", "Prompt 3, please"],
            ["4", "now", project.taken[1][:10], "Prompt 4, please"],
        ]
    assert project.files == FOURTH


def test_the_list_is_there_as_json(project: Project, capsys: Printed) -> None:
    answer = json.loads(told(capsys, "--list", "--json"))
    assert answer["session"] == project.session
    assert [(one["number"], one["checkpoint"]) for one in answer["prompts"]] == [
        (1, None),
        (2, project.taken[0]),
        (3, None),
        (4, project.taken[1]),
    ]


def test_files_and_conversation_go_back_to_before_a_prompt(project: Project, capsys: Printed) -> None:
    answer = json.loads(told(capsys, "--to", "2", "--yes", "--json"))
    assert project.files == FIRST
    assert answer["files"]["written"] == ["main"]
    assert answer["files"]["deleted"] == ["new"]
    assert answer["files"]["kept"] == []
    copy = project.sessions.state(answer["conversation"])
    assert [text_of(message) for message in copy.messages] == ["Prompt 1\x1b[31m, please", "Reply 1"]
    assert copy.begun.parent == project.session
    assert len(project.sessions.state(project.session).prompts) == 4


def test_a_prompt_that_changed_nothing_goes_back_to_the_next_change(project: Project, capsys: Printed) -> None:
    told(capsys, "--to", "3", "--yes", "--files")
    assert project.files == SECOND
    told(capsys, "--to", "1", "--yes", "--files")
    assert project.files == FIRST


def test_files_go_back_alone_and_it_can_be_undone(project: Project, capsys: Printed) -> None:
    said = told(capsys, "--to", "2", "--files", "--yes")
    assert said.splitlines()[:2] == [
        "1 file brought back, 1 deleted that did not exist then.",
        said.splitlines()[1],
    ]
    assert said.splitlines()[1].startswith("To undo it: antiphon rewind --checkpoint ")
    assert len(list(project.sessions.ids())) == 1
    assert project.files == FIRST
    told(capsys, "--checkpoint", said.split()[-1], "--yes")
    assert project.files == FOURTH
    assert told(capsys, "--checkpoint", project.taken[1], "--yes").startswith("1 file brought back")
    assert told(capsys, "--checkpoint", project.taken[1], "--yes") == "The files are as they were then.\n"


def test_the_conversation_goes_back_alone_without_a_question(project: Project, capsys: Printed) -> None:
    said = told(capsys, "--to", "4", "--conversation")
    assert project.files == FOURTH
    (copy,) = set(project.sessions.ids()) - {project.session}
    assert said == (f"The conversation up to there: antiphon --resume {copy}\nWhat was said then: Prompt 4, please\n")
    assert len(project.sessions.state(copy).prompts) == 3


def test_before_the_first_prompt_there_is_no_conversation(project: Project, capsys: Printed) -> None:
    assert "begins a new session" in told(capsys, "--to", "1", "--conversation")
    assert list(project.sessions.ids()) == [project.session]


def test_a_diff_shows_what_has_changed_and_changes_nothing(project: Project, capsys: Printed) -> None:
    said = told(capsys, "--to", "2", "--diff")
    assert "-print(1)\n+print(4)\n" in said
    assert "+++ b/new" in said
    assert project.files == FOURTH
    assert json.loads(told(capsys, "--to", "2", "--diff", "--json"))["diff"] == said
    project.write(**SECOND)
    assert told(capsys, "--to", "4", "--diff") == "No file has changed since.\n"
    assert len(list(project.sessions.ids())) == 1


def test_what_cannot_be_brought_back_is_named_and_the_exit_code_says_so(project: Project, capsys: Printed) -> None:
    (project.here / "main").unlink()
    anyio.run(project.checkpoints.take)
    (project.here / ".gitignore").write_text("main\n")
    project.write(main="mine now\n")
    said = told(capsys, "--to", "2", "--files", "--yes", code=1)
    assert "Left as it is: main: what is there now is ignored" in said
    assert project.files == {"kept": "k\n", "main": "mine now\n"}


def test_without_a_terminal_nothing_is_overwritten_unasked(project: Project) -> None:
    ended = run_antiphon("rewind", "--to", "2", environment=project.environment, cwd=project.here)
    assert (ended.returncode, ended.stderr) == (
        2,
        "antiphon: there is no terminal to ask at; with --yes it is done without asking.\n",
    )
    assert project.files == FOURTH


def test_what_cannot_be_meant_is_refused(project: Project, capsys: Printed) -> None:
    for number in ("0", "5", "-1"):
        assert f"has no prompt {number}; it has 4 prompts" in refused(capsys, "--to", number, "--yes")
    assert "say where to: --to N" in refused(capsys, "--yes")
    assert "files only" in refused(capsys, "--checkpoint", project.taken[0], "--conversation")
    assert "There is no checkpoint 'nope'" in refused(capsys, "--checkpoint", "nope", "--yes", code=1)
    assert "there is no session 'nope'" in refused(capsys, "--session", "nope", code=1)
    assert project.files == FOURTH


def test_a_session_without_prompts_has_nowhere_to_go_back_to(project: Project, capsys: Printed) -> None:
    with project.sessions.create(project.here) as session:
        pass
    assert "Nothing was said in session" in told(capsys, "--session", session.id)
    assert "nothing was said in it yet" in refused(capsys, "--session", session.id, "--to", "1")


def test_a_person_is_shown_what_changes_and_asked(project: Project) -> None:
    with OnTerminal("rewind", environment=project.environment, cwd=project.here) as antiphon:
        assert "\x1b" not in antiphon.sees(r"Back to before which prompt\?")
        antiphon.types("2")
        said = antiphon.sees(r"change 2 files\? \[y/N\]")
        assert "modified  main  +1 -1" in said
        assert "added     new  +1 -0" in said
        antiphon.types("n")
        antiphon.sees("Nothing was changed")
        assert antiphon.ends() == 0
    assert project.files == FOURTH
    with OnTerminal("rewind", "--to", "2", environment=project.environment, cwd=project.here) as antiphon:
        antiphon.sees(r"\[y/N\]")
        antiphon.types("y")
        antiphon.sees("antiphon --resume")
        assert antiphon.ends() == 0
    assert project.files == FIRST


def test_what_the_agent_did_is_taken_back(emulator: Emulator, tmp_path: Path) -> None:
    antiphon = Antiphon(emulator, tmp_path)
    here = antiphon.project
    write = ToolUse("write_file", {"path": "new.txt", "content": "new\n"})
    command = ToolUse("run_command", {"command": "echo more >> a.txt"})
    edit = ToolUse("edit_file", {"path": "b.txt", "old_text": "beta", "new_text": "gamma"})
    antiphon.run("-p", "First", "--yolo", script=[reply("Now.", write, command), "Done."])
    antiphon.run("-p", "Second", "--yolo", "--continue", script=[reply("Now.", edit), "Done."])
    assert {path.name: path.read_text() for path in here.iterdir()} == {
        "a.txt": "alpha\nmore\n",
        "b.txt": "gamma\n",
        "new.txt": "new\n",
    }
    second = antiphon.run("rewind", "--to", "2", "--yes", script=[])
    assert second.stdout.startswith("1 file brought back.\n")
    assert (here / "b.txt").read_text() == "beta\n"
    antiphon.run("rewind", "--to", "1", "--yes", "--files", script=[])
    assert {path.name: path.read_text() for path in here.iterdir()} == {"a.txt": "alpha\n", "b.txt": "beta\n"}
    antiphon.run("-p", "Instead", "--continue", script=["Well."])
    said = [text_of(message) for message in emulator.requests[-1]["messages"]]
    assert said[0].endswith("First")
    assert said[-1].endswith("Instead")
    assert "Second" not in str(said)


def test_a_rewind_that_died_is_told(project: Project, capsys: Printed) -> None:
    note = {"to": project.taken[0], "before": project.taken[1]}
    (project.checkpoints.directory / "restoring").write_text(json.dumps(note))
    assert f"antiphon rewind --checkpoint {project.taken[0][:10]}; to undo" in told(capsys)
    told(capsys, "--checkpoint", project.taken[0], "--yes")
    assert "cut short" not in told(capsys)
