"""`antiphon import`: conversations of other programs become sessions, and stay where they are as they are."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from damaged import assistant, call, result, text, user
from other_programs import ASKED, COMPLETED, FIXTURES, INTERLEAVED, NOON, ROO, STORAGE, Home, home_for_test
from programs import OnTerminal, surroundings

from antiphon import __version__
from antiphon.cli.arguments import COMMANDS, module_of
from antiphon.sessions.records import Answered, Begun, Named, Prompted, Repaired, Replied, RunEnded, TurnBegan

CALLS = assistant(call("a"), call("b"))


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Home:
    return home_for_test(tmp_path / "home", capsys, monkeypatch)


def test_a_task_becomes_the_records_of_a_session_at_their_times(home: Home) -> None:
    path = home.task(ASKED, CALLS, INTERLEAVED, COMPLETED, title="Two modules")
    ended = home.imports(path)
    assert (ended.code, ended.err) == (0, "")
    state = home.only()
    begun, named, repaired, asked, calls, results, said, completed, final, handover, run_ended = home.records()
    assert begun == Begun(state.begun.session, str(home.workspace), __version__, source=str(path), format="roo")
    assert named == Named("Two modules")
    assert isinstance(repaired, Repaired)
    assert repaired.found[0].startswith("TU002 content-before-tool-result: ")
    assert asked == Prompted((text("Compare a.py and b.py"),))
    assert calls == Replied(tuple(CALLS["content"]))
    assert results == Answered((result("b", "import sys"), result("a", "import os")))
    assert said == Prompted((text("Remember to be brief."),))
    assert completed == Replied(tuple(COMPLETED["content"]))
    assert final == Answered((result("done", "The task was completed in Roo Code, and nothing was left to do."),))
    assert isinstance(handover, Answered)
    assert handover.content[0]["text"].startswith("(What stands above happened in Roo Code.")
    assert run_ended == RunEnded("end_turn")
    times = [entry.at for entry in home.sessions.entries(state.begun.session)][1:]
    minutes = [(time - NOON / 1000) / 60 for time in times]
    assert minutes == [0, 0, 0, 1, 2, 2, 3, 3, 3, 3]


def test_what_came_of_a_conversation_is_told(home: Home) -> None:
    path = home.task(ASKED, CALLS, INTERLEAVED, COMPLETED, title="Two modules")
    lines = home.imports(path).out.splitlines()
    session = next(iter(home.sessions.ids()))
    assert lines[0] == "Roo Code: Two modules"
    assert lines[1].endswith(f"in {home.workspace}")
    assert lines[1].startswith("  5 messages, ")
    assert lines[2] == f"  from {path}"
    assert lines[3].startswith("  repaired: TU002 content-before-tool-result: put the results first")
    assert lines[4] == f"  go on with: antiphon --resume {session[:8]}"
    assert lines[5:] == ["Conversations: 1 imported. Go on with one: antiphon --resume ID."]


def test_a_task_without_a_title_is_called_as_it_begins(home: Home) -> None:
    home.task(ASKED, assistant("Which?"), title="<user_message>\nCompare a.py and b.py\n</user_message>")
    home.imports("--all")
    state = home.only()
    assert (state.name, state.title) == ("", "Compare a.py and b.py")
    assert [prompt.text for prompt in state.prompts] == ["Compare a.py and b.py"]
    assert state.ended == RunEnded("end_turn")
    assert state.updated == NOON / 1000 + 60


def test_without_a_path_what_there_is_is_listed_and_nothing_imported(home: Home) -> None:
    home.everything()
    home.task(ASKED)
    before = home.originals()
    ended = home.imports()
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "Conversations of other programs on this machine:"
    assert [line.split("  ")[1] for line in lines if "newest" in line] == [
        "Claude Code",
        "Cline",
        "Codex",
        "opencode",
        "Roo Code",
        "Kilo Code",
        "Cline",
        "Zoo Code",
    ]
    places = [line.split()[-1] for line in lines if "newest" in line]
    assert places[0] == str(home.directory / ".claude/projects")
    assert f"in {home.workspace}" in ended.out
    assert lines[-1] == "Nothing was imported. `antiphon import --all` imports all, `antiphon import PATH` some."
    assert home.originals() == before
    assert not (home.directory / "data").exists()


def test_what_there_is_is_listed_for_programs(home: Home) -> None:
    home.everything()
    groups = home.imports("--json").json
    assert [(group["program"], group["conversations"], group["workspaces"]) for group in groups[:4]] == [
        ("claude-code", 3, {"/home/ada/engine": 3}),
        ("cline", 1, {}),
        ("codex", 2, {"/home/ada/engine": 2}),
        ("opencode", 3, {"/home/ada/engine": 3}),
    ]
    assert {group["program"] for group in home.imports("--json", "--from", "cline").json} == {"cline"}
    assert list(home.sessions.ids()) == []


def test_places_that_variables_name_are_looked_into_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    rollout = "rollout-2026-09-01T10-00-00-0199-aa.jsonl"
    for variable, place, fixture in [
        ("CLAUDE_CONFIG_DIR", ".config/claude/projects/p/s.jsonl", "claude-code.jsonl"),
        ("CODEX_HOME", f"codex/archived_sessions/{rollout}", f"codex/{rollout}"),
        ("CLINE_DIR", "cline/data/sessions/s1/s1.messages.json", "cline/sess_01.messages.json"),
        ("XDG_DATA_HOME", "share/opencode/opencode.db", "opencode.db"),
        ("VSCODE_PORTABLE", "portable/user-data/User/globalStorage/kilocode.kilo-code/tasks/t1", "roo/task-native"),
    ]:
        home.copy(fixture, place)
        depth = {"CLAUDE_CONFIG_DIR": 2}.get(variable, 1)
        monkeypatch.setenv(variable, str(home.directory / "/".join(place.split("/")[:depth])))
    found = [(group["program"], group["conversations"]) for group in home.imports("--json").json]
    assert found == [("claude-code", 1), ("cline", 1), ("codex", 1), ("opencode", 3), ("kilo", 1)]


def test_on_a_mac_editors_keep_their_things_elsewhere(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    home.task(ASKED, storage="Library/Application Support/Cursor/User/globalStorage/rooveterinaryinc.roo-cline")
    assert [(group["program"], group["conversations"]) for group in home.imports("--json").json] == [("roo", 1)]


def test_where_nothing_is_that_is_said(home: Home) -> None:
    nothing = "No conversation of another program was found in the usual places. Name files to import.\n"
    assert home.imports().out == nothing
    ended = home.imports("--all")
    assert (ended.code, ended.out) == (0, "There is no conversation to import.\n")
    ended = home.imports(home.workspace)
    assert (ended.code, ended.out) == (1, "There is no conversation to import.\n")


@pytest.mark.parametrize(("answer", "count"), [("y", 1), ("n", 0), ("", 0)])
def test_on_a_terminal_it_asks_first(tmp_path: Path, home: Home, answer: str, count: int) -> None:
    home.task(ASKED)
    environment = surroundings(home.directory, ANTIPHON_DATA_DIR=str(home.directory / "data"))
    with OnTerminal("import", environment=environment, cwd=tmp_path) as terminal:
        terminal.sees(r"Import all of them\? The originals stay as they are\. \[y/N\]")
        assert list(home.sessions.ids()) == []
        terminal.types(answer)
        assert terminal.ends() == 0
    assert len(list(home.sessions.ids())) == count


def test_everything_of_every_program_is_taken_over_and_stays_as_it_is(home: Home) -> None:
    home.everything()
    for path in home.directory.rglob("*.jsonl"):
        path.chmod(0o400)
    before = home.originals()
    ended = home.imports("--all", "--json")
    assert (ended.code, ended.err) == (0, "")
    assert home.originals() == before
    assert {(outcome["program"], outcome["status"]) for outcome in ended.json} == {
        ("Claude Code", "imported"),
        ("Claude Code", "left-out"),
        ("Cline", "imported"),
        ("Codex", "imported"),
        ("opencode", "imported"),
        ("Roo Code", "imported"),
        ("Kilo Code", "imported"),
        ("Zoo Code", "imported"),
    }
    told = [outcome["session"] for outcome in ended.json if outcome["status"] == "imported"]
    assert sorted(told) == sorted(home.sessions.ids())
    assert len(told) == 20
    for session in told:
        assert home.sessions.state(session).ended is not None


def test_only_one_program_is_taken_over_where_it_is_named(home: Home) -> None:
    home.everything()
    home.imports("--all", "--from", "zoo")
    assert [begun.format for begun in home.began()] == ["roo"]
    home.imports("--all", "--from", "opencode")
    database = home.directory / ".local/share/opencode/opencode.db"
    assert [begun.source for begun in home.began()][:3] == [
        f"{database}#{session}" for session in ("ses_01good", "ses_02broken", "ses_03compacted")
    ]


def test_a_session_that_is_written_to_right_now_is_only_read(home: Home) -> None:
    path = home.task(ASKED, CALLS)
    lock = path.with_name(f"{path.name}.lock")
    lock.mkdir()
    before = home.originals()
    assert home.imports(path).code == 0
    assert home.originals() == before


def test_what_is_not_in_a_database_yet_is_told(home: Home) -> None:
    path = home.copy("opencode.db", "opencode.db")
    path.with_name("opencode.db-wal").write_bytes(b"x" * 100)
    assert "note: what is in opencode.db-wal is not in the file yet, and was not looked at" in home.imports(path).out


def test_what_was_imported_is_not_imported_again_until_it_grows(home: Home) -> None:
    path = home.task(ASKED, CALLS, INTERLEAVED)
    (first,) = home.imports(path, "--json").json
    ended = home.imports(path)
    assert (ended.code, len(list(home.sessions.ids()))) == (0, 1)
    assert ended.out.splitlines() == [
        f"imported before, and unchanged: {path} is session {first['session'][:8]}",
        "Conversations: 1 imported before.",
    ]
    path.touch()
    assert home.imports("--all", "--json").statuses == ["known"]
    home.task(ASKED, CALLS, INTERLEAVED, assistant("They differ."))
    (grown,) = home.imports(path, "--json").json
    assert (grown["status"], grown["messages"]) == ("imported", 4)
    assert grown["session"] != first["session"]
    assert home.imports(path, "--json").statuses == ["known"]
    assert len(list(home.sessions.ids())) == 2


def test_what_was_imported_is_imported_again_where_that_is_wanted(home: Home) -> None:
    path = home.task(ASKED)
    sessions = [home.imports(path, "--again", "--json").json[0]["session"] for _ in range(3)]
    assert len(set(sessions)) == 3
    assert home.imports(path, "--json").json[0]["session"] == sessions[0]


def test_what_was_deleted_is_imported_anew(home: Home) -> None:
    path = home.task(ASKED)
    (first,) = home.imports(path, "--json").json
    home.sessions.delete(first["session"])
    assert home.imports(path, "--json").json == [first]


def test_a_session_that_went_on_here_is_not_touched_by_a_second_import(home: Home) -> None:
    path = home.task(ASKED)
    (first,) = home.imports(path, "--json").json
    with home.sessions.open(first["session"]) as session:
        session.record(Prompted((text("And now here."),)))
    home.imports(path)
    assert [prompt.text for prompt in home.only().prompts] == ["Compare a.py and b.py", "And now here."]


def test_an_import_that_was_broken_off_is_begun_again(home: Home) -> None:
    path = home.task(ASKED, CALLS, INTERLEAVED)
    (first,) = home.imports(path, "--json").json
    entries = home.sessions.entries(first["session"])
    for count in range(1, len(entries)):
        home.sessions.delete(first["session"])
        with home.sessions.create(home.workspace, id=first["session"]) as session:
            for entry in entries[1:count]:
                session.record(entry.record, at=entry.at)
        assert home.imports(path, "--json").json == [first]
        assert [entry.record for entry in home.sessions.entries(first["session"])] == [
            entry.record for entry in entries
        ]


def test_a_session_that_went_on_is_never_taken_for_one_that_was_broken_off(home: Home) -> None:
    path = home.task(ASKED, CALLS, INTERLEAVED)
    (first,) = home.imports(path, "--json").json
    kept = home.sessions.entries(first["session"])[1:4]
    home.sessions.delete(first["session"])
    with home.sessions.create(home.workspace, id=first["session"]) as session:
        for entry in kept:
            session.record(entry.record)
        session.record(TurnBegan(1, 4))
    assert home.imports(path, "--json").statuses == ["known"]
    assert len(home.records()) == 5


def test_what_somebody_else_is_importing_is_left_to_them(home: Home) -> None:
    path = home.task(ASKED)
    (first,) = home.imports(path, "--json").json
    home.sessions.delete(first["session"])
    with home.sessions.create(home.workspace, id=first["session"]):
        ended = home.imports(path)
    assert ended.code == 1
    assert f"session {first['session'][:8]} is open in " in ended.err


def test_a_directory_that_is_left_without_a_session_is_in_nobodys_way(home: Home) -> None:
    path = home.task(ASKED)
    (first,) = home.imports(path, "--json").json
    home.sessions.delete(first["session"])
    (home.sessions.directory / first["session"]).mkdir()
    (second,) = home.imports(path, "--json").json
    assert second["status"] == "imported"
    assert home.imports(path, "--json").json[0]["session"] == second["session"]


def test_one_bad_file_does_not_stop_the_others(home: Home) -> None:
    home.task(ASKED, name="a")
    bad = home.task(ASKED, name="b")
    bad.write_text("garbage")
    home.task(ASKED, name="c")
    nowhere = home.directory / "nowhere.json"
    ended = home.imports(home.directory / ROO, nowhere)
    assert ended.code == 1
    assert len(list(home.sessions.ids())) == 2
    assert ended.err.splitlines() == [
        f"antiphon: failed: {bad}: not JSON: Expecting value, at line 1 column 1",
        f"antiphon: failed: {nowhere}: it cannot be read (No such file or directory)",
    ]
    assert ended.out.splitlines()[-1] == "Conversations: 2 imported, 2 failed. Go on with one: antiphon --resume ID."


def test_a_conversation_in_which_nothing_was_said_is_told(home: Home) -> None:
    path = home.task(user(text("<environment_details>\nx\n</environment_details>")))
    assert home.imports(path).err == f"antiphon: failed: {path}: nothing was said in it that could be gone on with\n"


def test_where_sessions_cannot_be_kept_nothing_is_left_behind(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home.task(ASKED)
    monkeypatch.setenv("ANTIPHON_DATA_DIR", str(path))
    before = home.originals()
    ended = home.imports(path)
    assert ended.code == 1
    assert "the session cannot be kept in" in ended.err
    assert home.originals() == before


def test_a_dry_run_says_all_and_writes_nothing(home: Home) -> None:
    path = home.task(ASKED, CALLS, INTERLEAVED)
    (told,) = home.imports(path, "--dry-run", "--json").json
    assert not (home.directory / "data").exists()
    (done,) = home.imports(path, "--json").json
    assert (told["status"], told["session"]) == ("would-import", None)
    assert {**told, "status": "imported", "session": done["session"]} == done
    assert home.imports(path, "--dry-run", "--json").statuses == ["known"]


def test_times_and_repairs_are_told_to_programs(home: Home) -> None:
    path = home.task(ASKED, CALLS, INTERLEAVED, title="Two modules")
    (told,) = home.imports(path, "--json").json
    assert told == {
        "status": "imported",
        "source": str(path),
        "conversation": None,
        "program": "Roo Code",
        "format": "roo",
        "session": next(iter(home.sessions.ids())),
        "title": "Two modules",
        "workspace": str(home.workspace),
        "messages": 3,
        "began": "2025-09-01T12:00:00+00:00",
        "ended": "2025-09-01T12:02:00+00:00",
        "damage": [],
        "repaired": ["TU002 content-before-tool-result: put the results first, and what stood before them behind them"],
        "notes": [],
        "error": None,
    }


def test_a_session_is_put_into_the_workspace_that_is_named(home: Home) -> None:
    place = home.directory / "elsewhere"
    place.mkdir()
    path = home.copy("claude-code.jsonl", "s.jsonl")
    home.imports(path, "--workspace", place)
    assert home.only().begun.workspace == str(place)


def test_a_workspace_that_is_not_here_is_told(home: Home) -> None:
    path = home.copy("claude-code.jsonl", "s.jsonl")
    ended = home.imports(path)
    assert home.only().begun.workspace == "/home/ada/engine"
    assert "note: its directory /home/ada/engine is not there; --workspace names another" in ended.out


@pytest.mark.parametrize("named", ["", r"C:\\Users\\ada"])
def test_a_conversation_whose_workspace_is_not_known_belongs_to_where_it_is_imported(home: Home, named: str) -> None:
    path = home.task(ASKED)
    (path.parent / "history_item.json").write_text(json.dumps({"id": "t1", "workspace": named}))
    ended = home.imports(path)
    assert home.only().begun.workspace == str(home.workspace)
    assert f"it is a session of {home.workspace} now; --workspace names another" in ended.out


def test_work_of_subagents_is_left_out_unless_it_is_named(home: Home) -> None:
    home.copy("claude-code-subagent.jsonl", ".claude/projects/p/s.jsonl")
    lines = (FIXTURES / "claude-code-subagent.jsonl").read_text().splitlines(keepends=True)
    alone = home.directory / ".claude/projects/p/agent-a1b2c3d.jsonl"
    alone.write_text("".join(line for line in lines if '"isSidechain":true' in line))
    ended = home.imports("--all")
    assert ended.out.splitlines()[-1].startswith("Conversations: 1 imported, 2 of subagents left out.")
    assert [prompt.text for prompt in home.only().prompts] == ["Ask an agent."]
    (told,) = home.imports(alone, "--json").json
    assert (told["status"], told["conversation"], told["title"]) == ("imported", "subagent a1b2c3d", "Count.")


def test_what_a_crash_left_is_taken_over_where_the_file_itself_is_gone(home: Home) -> None:
    left = home.copy("roo/task-killed", f"{ROO}/tasks/t1")
    assert home.imports("--all", "--json").statuses == ["imported"]
    (left / "api_conversation_history.json").write_text(json.dumps([ASKED]))
    assert home.began()[0].source.endswith(".tmp")
    (told,) = home.imports("--all", "--json").json
    assert told["source"].endswith("/api_conversation_history.json")


def test_a_request_is_taken_over_where_it_is_named_and_passed_over_in_a_directory(home: Home) -> None:
    path = home.copy("requests/chat.json", "requests/chat.json")
    assert home.imports(path.parent).code == 1
    (told,) = home.imports(path, "--json").json
    assert (told["status"], told["program"], told["format"]) == ("imported", "another program", "request")


def test_a_file_is_read_as_of_the_program_that_is_named(home: Home) -> None:
    path = home.directory / "saved.json"
    path.write_text(json.dumps([ASKED, COMPLETED]))
    (told,) = home.imports(path, "--from", "kilo", "--json").json
    assert (told["program"], told["format"]) == ("Kilo Code", "roo")
    assert "completed in Kilo Code" in str(home.only().messages)
    ended = home.imports(path, "--from", "codex")
    assert ended.code == 1
    assert "no line of this file is an item of a conversation of Codex" in ended.err


def test_of_a_directory_only_what_the_program_stores_is_taken_over(home: Home) -> None:
    home.everything()
    ended = home.imports(home.directory, "--from", "codex", "--json")
    assert {outcome["format"] for outcome in ended.json if outcome["status"] == "imported"} == {"codex"}
    assert len(list(home.sessions.ids())) == 2
    told = home.imports(home.task(ASKED, storage=".cline/data").parent, "--from", "cline", "--json").json
    assert [(outcome["program"], outcome["status"]) for outcome in told] == [("Cline", "imported")]


def test_a_task_of_each_heir_is_called_by_its_name(home: Home) -> None:
    heirs = {
        ROO: "Roo Code",
        f"{STORAGE}/kilocode.kilo-code": "Kilo Code",
        f"{STORAGE}/ZooCodeOrganization.zoo-code": "Zoo Code",
        f"{STORAGE}/saoudrizwan.claude-dev": "Cline",
        ".cline/data": "Cline",
    }
    for number, (storage, title) in enumerate(heirs.items()):
        (told,) = home.imports(home.task(ASKED, name=f"t{number}", storage=storage), "--json").json
        assert told["program"] == title


def test_many_conversations_are_told_in_a_line_each(home: Home) -> None:
    for number in range(13):
        home.task(user(text(f"Task {number}")), CALLS, name=f"t{number:02}")
    lines = home.imports("--all").out.splitlines()
    assert len(lines) == 14
    assert lines[3].startswith("Roo Code: Task 3 (3 messages, ")
    assert lines[3].split()[-2] == "repaired)"
    assert home.imports("--all", "--quiet").out == "Conversations: 13 imported before.\n"


def test_what_files_hold_is_safe_to_print(home: Home) -> None:
    path = home.task(user(text("\x1b[31mred\nand more")), name="t\x1b[0m")
    ended = home.imports(path)
    assert "\x1b" not in ended.out
    assert ended.out.startswith("Roo Code: red and more\n")
    path.write_text("\x1b]0;title\x07")
    assert "\x1b" not in home.imports(path).err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--all", "x.json"], "--all means all there is on this machine; it goes with no PATH."),
        (["--workspace", "nowhere", "x.json"], "which is no directory."),
    ],
)
def test_flags_that_make_no_sense_are_refused(home: Home, arguments: list[str], said: str) -> None:
    ended = home.imports(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_standard_input_is_no_conversation(home: Home) -> None:
    ended = home.imports("-")
    assert ended.code == 1
    assert "standard input is no file to take over" in ended.err


def test_every_command_has_its_module() -> None:
    assert module_of("import") == "antiphon.cli.importing"
    assert [module_of(name) for name in COMMANDS if name != "import"] == [
        f"antiphon.cli.{name}" for name in COMMANDS if name != "import"
    ]


def cut(data: bytearray, dice: random.Random) -> bytearray:
    return data[: dice.randrange(len(data))]


def flip_bits(data: bytearray, dice: random.Random) -> bytearray:
    for _ in range(3):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return data


def insert(data: bytearray, dice: random.Random) -> bytearray:
    place = dice.randrange(len(data))
    nonsense = (b"\xed\xa0\x80", rb"\ud800", b"[" * 20_000, b'{"a":' * 20_000, b"1e400", b"9" * 5000, b"\n")
    data[place:place] = dice.choice(nonsense)
    return data


@pytest.mark.parametrize("mangle", [cut, flip_bits, insert])
def test_a_mangled_file_is_told_or_taken_over_and_never_a_bug_of_ours(
    home: Home, mangle: Callable[[bytearray, random.Random], bytearray]
) -> None:
    dice = random.Random(11804)
    home.everything()
    for path in [path for path in home.directory.rglob("*") if path.is_file()]:
        whole = path.read_bytes()
        for _ in range(3):
            path.write_bytes(mangle(bytearray(whole), dice))
            ended = home.imports(path)
            assert ended.code in {0, 1}
            assert "internal error" not in ended.err
            assert ended.code == 0 or path.name in ended.err or "There is no conversation" in ended.out
    for session in home.sessions.ids():
        assert home.sessions.state(session).ended is not None
