import json
import re
import time
from pathlib import Path

import pytest
from programs import OnTerminal, run_antiphon, surroundings

from antiphon.cli.main import main
from antiphon.protocol.messages import Json
from antiphon.sessions import Sessions
from antiphon.sessions.records import Answered, Configured, Prompted, Replied, RunEnded, TurnBegan

Printed = pytest.CaptureFixture[str]
USAGE: Json = {"input_tokens": 100_000, "output_tokens": 50_000, "cache_read_input_tokens": 300_000}
DAY = 86400.0


class Home:
    """A user's sessions, and a directory to be in."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.here = home / "project"
        self.here.mkdir()
        self.data = home / "data"
        self.sessions = Sessions(self.data / "sessions")
        self.environment = surroundings(home, ANTIPHON_DATA_DIR=str(self.data), TZ="UTC")

    def begin(self, prompt: str, *, ago: float = 0, at: Path | str | None = None, result: str = "fine") -> str:
        """Add a session of one call."""
        began = time.time() - ago
        call = {"type": "tool_use", "id": "a", "name": "run_command", "input": {"command": "make test"}}
        answer: Json = {"type": "tool_result", "tool_use_id": "a", "content": result}
        model = "claude-sonnet-5-5"
        with self.sessions.create(at or self.here) as session:
            session.record(Prompted(({"type": "text", "text": prompt},)), at=began)
            session.record(Configured({"model": model}), at=began)
            session.record(TurnBegan(1, 8), at=began)
            thought = {"type": "thinking", "thinking": "Hm, hm.", "signature": "s"}
            session.record(Replied((thought, call), {"model": model, "usage": USAGE}), at=began)
            session.record(Answered((answer,)), at=began)
            session.record(TurnBegan(2, 8), at=began)
            session.record(Replied(({"type": "text", "text": "It is **done**."},)), at=began)
            session.record(RunEnded("end_turn"), at=began)
            return session.id


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = Home(tmp_path)
    for name in ("HOME", "ANTIPHON_DATA_DIR", "TZ"):
        monkeypatch.setenv(name, made.environment[name])
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.chdir(made.here)
    return made


def told(printed: Printed, *arguments: str) -> str:
    """Run the command and return what it printed."""
    assert main(["sessions", *arguments]) == 0
    return printed.readouterr().out


def refused(printed: Printed, *arguments: str, code: int = 1) -> str:
    """Run the command, which fails, and return what it said."""
    assert main(["sessions", *arguments]) == code
    said = printed.readouterr()
    assert said.out == ""
    return said.err


def test_sessions_of_this_directory_are_listed_newest_first(home: Home, capsys: Printed) -> None:
    old, new = home.begin("Old one", ago=3 * DAY), home.begin("New one", ago=150)
    home.begin("Elsewhere", at="/elsewhere")
    home.begin("Ancient", ago=4000 * DAY)
    lines = told(capsys).splitlines()
    assert lines[0] == f"{new[:8]}    2 min ago    2 turns  New one"
    assert lines[1] == f"{old[:8]}   3 days ago    2 turns  Old one"
    assert [line.split()[-1] for line in lines] == ["one", "one", "Ancient"]
    assert lines == told(capsys, "list").splitlines()


def test_sessions_of_all_directories_are_listed_with_them(home: Home, capsys: Printed) -> None:
    home.begin("Here", ago=100)
    home.begin("There", ago=200, at="/elsewhere")
    assert [line.split()[-2:] for line in told(capsys, "--all").splitlines()] == [
        ["~/project", "Here"],
        ["/elsewhere", "There"],
    ]
    assert "There" in told(capsys, "-C", "/elsewhere")
    assert "There" in told(capsys, "list", "--cd", "/elsewhere")


def test_a_long_list_ends_with_how_much_is_left_out(home: Home, capsys: Printed) -> None:
    for number in range(23):
        home.begin(f"Session {number}", ago=number)
    assert told(capsys).splitlines()[20:] == ["3 more; --limit 0 lists all."]
    assert len(told(capsys, "--limit", "0").splitlines()) == 23
    assert len(told(capsys, "list", "-n", "2").splitlines()) == 3
    assert len(json.loads(told(capsys, "--json"))) == 23
    assert "--limit" in refused(capsys, "--limit", "-1", code=2)


def test_where_there_is_nothing_the_list_says_where_there_is_something(home: Home, capsys: Printed) -> None:
    assert told(capsys) == "There are no sessions of ~/project yet.\n"
    assert told(capsys, "--all") == "There are no sessions yet.\n"
    home.begin("There", at="/elsewhere")
    assert told(capsys).splitlines()[1] == "1 of other directories: antiphon sessions --all"
    assert json.loads(told(capsys, "--json")) == []


def test_a_list_is_there_for_programs(home: Home, capsys: Printed) -> None:
    session_id = home.begin("Here")
    (listed,) = json.loads(told(capsys, "--json"))
    assert (listed["id"], listed["title"], listed["turns"], listed["live"]) == (session_id, "Here", 2, False)
    assert listed["tokens"] == {"input": 100_000, "output": 50_000, "cache_read": 300_000, "cache_written": 0}
    assert listed["created"].endswith("Z")


def test_an_open_and_a_damaged_session_are_marked(home: Home, capsys: Printed) -> None:
    torn = home.begin("Torn", ago=100)
    with home.sessions.open(home.begin("Open")):
        told(capsys)
        (home.sessions.directory / torn / "session.db").write_bytes(b"garbage" * 1000)
        lines = told(capsys, "--all").splitlines()
    assert any(line.endswith("open  Open") for line in lines)
    assert any("damaged  " in line for line in lines)


HOSTILE = "\x1b]0;title\x07\x1b[31mred \u202edrow\x00 東京"


@pytest.mark.parametrize("action", ["list", "show", "show --full", "search 東京", "search x --all"])
def test_nothing_of_a_session_reaches_the_terminal_unseen(home: Home, capsys: Printed, action: str) -> None:
    session_id = home.begin(HOSTILE, result=f"{HOSTILE}\nx")
    with home.sessions.open(session_id) as session:
        session.rename(HOSTILE)
        session.record(Replied(({"type": "tool_use", "id": HOSTILE, "name": HOSTILE, "input": {HOSTILE: HOSTILE}},)))
    printed = told(capsys, *action.split())
    assert "東京" in printed
    assert not set("\x1b\x07\x00\u202e") & set(printed)


def test_lines_fit_a_narrow_terminal(home: Home) -> None:
    home.begin("東京都に住む人々のためのとても長い題名がここにあります" * 3, result="x" * 300)
    with OnTerminal("sessions", environment=home.environment, cwd=home.here, width=40) as terminal:
        assert terminal.ends() == 0
        (line,) = terminal.text.splitlines()
        assert line.endswith("…")
        assert len(line) <= 40
        assert "turns" not in line
    for action in ("show", "search"):
        words = ("x",) if action == "search" else ()
        with OnTerminal("sessions", action, *words, environment=home.environment, cwd=home.here, width=40) as terminal:
            assert terminal.ends() == 0
            assert max(map(len, terminal.text.splitlines())) <= 40


def test_a_search_shows_who_said_it_and_where(home: Home, capsys: Printed) -> None:
    session_id = home.begin("Where is the needle?", result="the haystack\nneedle\n" * 5)
    home.begin("nothing here", ago=100)
    assert told(capsys, "search", "NEEDLE").splitlines() == [
        f"{session_id[:8]}          now    2 turns  Where is the needle?",
        "  you             now  Where is the needle?",
        f"  result          now  {' '.join(['the haystack needle'] * 5)}",
    ]
    (found,) = json.loads(told(capsys, "search", "needle", "--json"))
    assert (found["session"]["id"], found["count"]) == (session_id, 2)
    assert found["hits"][0]["role"] == "prompt"
    assert found["hits"][0]["text"] == "Where is the needle?"
    assert found["hits"][0]["spans"] == [[13, 19]]


def test_a_search_without_result_says_where_else_to_look(home: Home, capsys: Printed) -> None:
    home.begin("needle", at="/elsewhere")
    assert told(capsys, "search", "needle") == (
        "Nothing was found in the sessions of ~/project; --all looks in those of other directories.\n"
    )
    assert "needle" in told(capsys, "search", "needle", "--all")
    assert told(capsys, "search", "--all", "nothing") == "Nothing was found in any session.\n"
    assert "has no word" in refused(capsys, "search", "...")


def test_a_session_is_shown_to_be_read(home: Home, capsys: Printed) -> None:
    session_id = home.begin("Run the tests", result="\n".join(f"line {number}" for number in range(1, 8)))
    lines = told(capsys, "show", session_id[:8]).splitlines()
    assert lines[0] == "Run the tests"
    assert lines[1].startswith(f"{session_id}, ~/project, 20")
    figures = r"claude-sonnet-5-5, 2 turns, 400,000 tokens in \(75% from the cache\), 50,000 out, \$\d\.\d\d$"
    assert re.search(figures, lines[1])
    shown = [line for line in lines[2:] if "  20" not in line]
    assert shown == [
        "",
        "> Run the tests",
        "",
        "  ✓ run_command make test",
        "      line 1",
        "      line 2",
        "      line 3",
        "      … 4 more lines",
        "",
        "It is **done**.",
    ]


def test_a_session_is_shown_in_full_when_asked(home: Home, capsys: Printed) -> None:
    home.begin("Run the tests", result="\n".join(f"line {number}" for number in range(1, 8)))
    printed = told(capsys, "show", "--full")
    assert "      line 7\n" in printed
    assert '        "command": "make test"\n' in printed
    assert "  Hm, hm.\n" in printed


def test_without_an_id_the_latest_of_this_directory_is_meant(home: Home, capsys: Printed) -> None:
    assert "there is no session of" in refused(capsys, "show")
    home.begin("Old", ago=100)
    home.begin("New")
    home.begin("There", at="/elsewhere")
    assert told(capsys, "show").startswith("New\n")
    assert told(capsys, "export").startswith("# New\n")
    assert "there is no session 'x'; the latest are " in refused(capsys, "show", "x")


@pytest.mark.parametrize(
    ("arguments", "beginning"),
    [
        ((), "# Title"),
        (("--format", "html"), "<!doctype html>"),
        (("--format", "json"), '{\n  "format": "antiphon-session"'),
        (("--json",), '{\n  "format": "antiphon-session"'),
    ],
)
def test_an_export_goes_to_standard_output(
    home: Home, capsys: Printed, arguments: tuple[str, ...], beginning: str
) -> None:
    home.begin("Title")
    assert told(capsys, "export", *arguments).startswith(beginning)


@pytest.mark.parametrize(("name", "beginning"), [("a.md", "# "), ("a.html", "<!doc"), ("a.JSON", "{"), ("a", "# ")])
def test_an_export_goes_to_a_file_in_the_form_of_its_name(
    home: Home, capsys: Printed, name: str, beginning: str
) -> None:
    home.begin("Title \udcff".encode("utf-8", "replace").decode())
    (home.here / name).write_text("old")
    assert told(capsys, "export", "-o", name) == f"{name}\n"
    assert (home.here / name).read_text().startswith(beginning)
    assert (home.here / name).stat().st_mode & 0o777 == 0o600
    assert [file.name for file in home.here.iterdir()] == [name]


def test_an_export_that_cannot_be_written_says_so(home: Home, capsys: Printed) -> None:
    home.begin("Title")
    assert "no/such.md cannot be written: No such file" in refused(capsys, "export", "-o", "no/such.md")


def test_json_of_an_export_has_records_when_asked(home: Home, capsys: Printed) -> None:
    home.begin("Title")
    assert "records" not in json.loads(told(capsys, "export", "--json"))
    assert len(json.loads(told(capsys, "export", "--json", "--records"))["records"]) == 9


def test_an_export_can_be_checked(home: Home, capsys: Printed) -> None:
    home.begin("Title")
    told(capsys, "export", "-o", "session.json")
    assert main(["check", "session.json"]) == 0, capsys.readouterr()


def test_a_session_gets_a_name_and_loses_it(home: Home, capsys: Printed) -> None:
    session_id = home.begin("Title")
    assert told(capsys, "rename", session_id, "A", "better ", "name") == f"{session_id[:8]} (A better name)\n"
    assert told(capsys).endswith("A better name\n")
    assert json.loads(told(capsys, "rename", "better", "", "--json"))["title"] == "Title"
    with home.sessions.open(session_id):
        assert "is open in" in refused(capsys, "rename", session_id, "x")


def test_sessions_are_deleted_without_a_terminal_only_when_told_twice(home: Home, capsys: Printed) -> None:
    one, two = home.begin("One"), home.begin("Two", ago=100)
    assert "--yes" in refused(capsys, "delete", one, code=2)
    assert told(capsys, "delete", one, two, one, "--yes") == f"Deleted {one[:8]} (One), {two[:8]} (Two).\n"
    assert list(home.sessions.ids()) == []
    three = home.begin("Three")
    assert json.loads(told(capsys, "delete", "Three", "-y", "--json")) == {"deleted": [three]}


def test_a_session_that_is_open_is_not_deleted(home: Home, capsys: Printed) -> None:
    one, two = home.begin("One"), home.begin("Two")
    with home.sessions.open(one):
        said = refused(capsys, "delete", two, one, "--yes")
    assert said == f"antiphon: session {one[:8]} (One) is open in another Antiphon. Leave that one first.\n"
    assert sorted(home.sessions.ids()) == sorted([one, two])


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 1), ("", 1)])
def test_a_person_is_asked_before_something_is_deleted(home: Home, answer: str, left: int) -> None:
    session_id = home.begin("One")
    with OnTerminal("sessions", "delete", session_id, environment=home.environment, cwd=home.here) as terminal:
        terminal.sees(r"Delete .* \(One\)\? This cannot be undone\. \[y/N\]")
        terminal.types(answer)
        assert terminal.ends() == 0
    assert len(list(home.sessions.ids())) == left


def test_pruning_shows_first_and_deletes_when_told(home: Home, capsys: Printed) -> None:
    old, new = home.begin("Old", ago=40 * DAY), home.begin("New", ago=DAY)
    there = home.begin("There", ago=40 * DAY, at="/elsewhere")
    shown = told(capsys, "prune", "--older-than", "30d", "--dry-run").splitlines()
    assert shown[0].endswith("Old")
    assert shown[1].startswith("1 session, ")
    assert shown[2] == "Nothing was deleted."
    assert main(["sessions", "prune", "--older-than", "30d"]) == 2
    capsys.readouterr()
    assert sorted(home.sessions.ids()) == sorted([old, new, there])
    printed = told(capsys, "prune", "--older-than", "30d", "--yes")
    assert printed.splitlines()[2].startswith("Deleted; ")
    assert sorted(home.sessions.ids()) == sorted([new, there])
    pruned = json.loads(told(capsys, "prune", "--all", "--older-than", "4w", "--yes", "--json"))
    assert (pruned["sessions"], pruned["deleted"]) == ([there], True)
    assert told(capsys, "prune", "--older-than", "1w") == "There is nothing to delete.\n"


@pytest.mark.parametrize("arguments", [(), ("--older-than", "soon"), ("--older-than", "30"), ("--keep", "-1")], ids=str)
def test_pruning_wants_to_know_what(home: Home, capsys: Printed, arguments: tuple[str, ...]) -> None:
    home.begin("One", ago=9 * DAY)
    assert refused(capsys, "prune", "--yes", *arguments, code=2)
    assert len(list(home.sessions.ids())) == 1


@pytest.mark.parametrize("action", ["list", "search", "show", "export", "rename", "delete", "prune"])
def test_the_page_tells_every_action_and_flag(capsys: Printed, action: str) -> None:
    page = (Path(__file__).parents[2] / "docs/sessions.md").read_text("utf-8")
    with pytest.raises(SystemExit):
        main(["sessions", action, "--help"])
    flags = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out)) - {"--help"}
    assert f"`{action}" in page
    assert "--json" in flags
    assert [flag for flag in flags if flag not in page] == []


def test_it_runs_as_a_program_in_a_pipe(home: Home) -> None:
    home.begin("One")
    ended = run_antiphon("sessions", environment=home.environment, cwd=home.here)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith("  One\n")
