import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from damaged import (
    BOTH,
    TEXT_FIRST,
    UNANSWERED,
    VALID,
    Checker,
    assistant,
    call,
    request,
    result,
    text,
    user,
    written,
    written_lines,
)
from programs import OnTerminal, run_antiphon, surroundings

MISSING = (
    "`tool_use` ids were found without `tool_result` blocks immediately after: {}."
    " Each `tool_use` block must have a corresponding `tool_result` block in the next message."
)


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Checker:
    return Checker(capsys)


def test_a_valid_request_is_clean(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", VALID)
    ended = check(path)
    assert (ended.code, ended.out, ended.err) == (0, "No problems found in 1 file.\n", "")


def test_a_problem_has_its_place_its_rule_and_the_words_of_the_api(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", BOTH)
    ended = check(path)
    assert (ended.code, ended.err) == (1, "")
    assert ended.lines == [
        f"{path}:messages[1]: TU002 {MISSING.format('a')} [fixable]",
        f"{path}:messages[3]: TU001 {MISSING.format('c')} [lossy fix]",
        "Found 2 problems (1 fixable with --fix, 1 with --fix --lossy-fixes).",
    ]


def test_a_place_has_its_line_where_lines_tell_places_apart(check: Checker, tmp_path: Path) -> None:
    lines = written_lines(tmp_path / "a.jsonl", [VALID, UNANSWERED])
    indented = written(tmp_path / "a.json", UNANSWERED, indent=2)
    line = indented.read_text().splitlines().index('      "role": "assistant",') + 1
    assert check(lines).lines[0].startswith(f"{lines}:2:")
    assert check(indented).lines[0].startswith(f"{indented}:{line - 1}:messages[1]: TU001 ")


@pytest.mark.parametrize(
    ("flags", "rules"),
    [
        ((), ["TU002", "TU001"]),
        (("--select", "TU"), ["TU002", "TU001"]),
        (("--select", "TU001"), ["TU001"]),
        (("--select", "tu001"), ["TU001"]),
        (("--select", "missing-tool-result"), ["TU001"]),
        (("--select", "MS,CO", "--select", "TU002"), ["TU002"]),
        (("--ignore", "TU001"), ["TU002"]),
        (("--ignore", "TU"), []),
        (("--select", "TU", "--ignore", "TU002"), ["TU001"]),
        (("--select", "TU002", "--ignore", "TU"), ["TU002"]),
        (("--select", "ALL", "--ignore", "content-before-tool-result, CO"), ["TU001"]),
    ],
)
def test_rules_are_chosen_by_id_beginning_or_name_and_the_more_exact_wins(
    check: Checker, tmp_path: Path, flags: tuple[str, ...], rules: list[str]
) -> None:
    path = written(tmp_path / "a.json", BOTH)
    ended = check(path, *flags)
    assert (ended.rules, ended.code) == (rules, 1 if rules else 0)


def test_a_rule_that_is_none_is_refused_with_its_neighbours(check: Checker, tmp_path: Path) -> None:
    ended = check(tmp_path, "--select", "missing-tool-resul")
    assert (ended.code, ended.out) == (2, "")
    assert "there is no rule 'missing-tool-resul'; near it are TU001 missing-tool-result" in ended.err
    assert check(tmp_path, "--select", "TU999").code == 2


def test_another_upstream_has_other_rules(check: Checker, tmp_path: Path) -> None:
    reversed_results = request(user("hi"), assistant(call("a"), call("b")), user(result("b"), result("a")))
    path = written(tmp_path / "a.json", reversed_results)
    assert check(path).code == 0
    assert check(path, "--strict-order").rules == ["TU003"]
    two_messages = request(user("hi"), assistant(call("a"), call("b")), user(result("a")), user(result("b")))
    path = written(tmp_path / "b.json", two_messages)
    assert check(path).code == 0
    assert check(path, "--dialect", "bedrock").rules == ["TU006", "TU006"]


def test_exit_zero_hides_problems_but_no_errors(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", BOTH)
    assert check(path, "--exit-zero").code == 0
    assert check(path, tmp_path / "nowhere.json", "--exit-zero").code == 2


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_still_checked(check: Checker, tmp_path: Path) -> None:
    cut = tmp_path / "cut.json"
    cut.write_text('{"messages": [{"role": "user", "content"')
    path = written(tmp_path / "z.json", TEXT_FIRST)
    ended = check(tmp_path / "nowhere.json", cut, path)
    assert ended.code == 2
    nowhere, cut_line = ended.err.splitlines()
    assert nowhere == f"antiphon: {tmp_path}/nowhere.json: it cannot be read (No such file or directory)"
    assert cut_line.startswith(f"antiphon: {cut}: ")
    assert "line 1" in cut_line
    assert ended.rules == ["TU002"]


def test_a_named_file_that_is_nothing_to_check_is_an_error_unless_it_may_be(check: Checker, tmp_path: Path) -> None:
    other = written(tmp_path / "package.json", {"name": "x"})
    ended = check(other)
    assert (ended.code, ended.out) == (2, "No problems found in 0 files; 1 file could not be checked.\n")
    assert "--input-format names the format of a file" in ended.err
    ended = check(other, "--ignore-unknown")
    assert (ended.code, ended.err) == (0, "")


def test_a_directory_with_nothing_to_check_is_said_to_be_one(check: Checker, tmp_path: Path) -> None:
    ended = check(tmp_path)
    assert (ended.code, ended.out) == (0, "Nothing to check was found.\n")


def test_a_link_that_leads_to_itself_is_an_error_like_any_other(check: Checker, tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to(tmp_path / "a.json")
    ended = check(tmp_path / "a.json")
    assert ended.code == 2
    assert "it cannot be read (Too many levels of symbolic links)" in ended.err


def test_of_a_directory_only_what_can_be_checked_is_looked_at_in_the_order_of_names(
    check: Checker, tmp_path: Path
) -> None:
    written(tmp_path / "package.json", {"name": "x"})
    (tmp_path / "notes.txt").write_text(json.dumps(BOTH))
    (tmp_path / "deep/er").mkdir(parents=True)
    written_lines(tmp_path / "deep/er/log.jsonl", [UNANSWERED])
    (tmp_path / "node_modules").mkdir()
    written(tmp_path / "node_modules/a.json", BOTH)
    written(tmp_path / "b.json", TEXT_FIRST)
    written(tmp_path / "a.json", VALID)
    ended = check(tmp_path)
    assert [line.split(":")[0].rpartition("/")[2] for line in ended.lines[:-1]] == ["b.json", "log.jsonl"]
    assert ended.lines[-1].startswith("Found 2 problems in 2 of 3 files ")
    assert ended.err == ""


def test_a_pattern_that_the_shell_left_alone_is_expanded_and_no_file_is_checked_twice(
    check: Checker, tmp_path: Path
) -> None:
    (tmp_path / "deep").mkdir()
    written(tmp_path / "deep/a.json", TEXT_FIRST)
    (tmp_path / "link.json").symlink_to(tmp_path / "deep/a.json")
    ended = check(f"{tmp_path}/**/*.json", tmp_path, tmp_path / "link.json")
    assert ended.rules == ["TU002"]
    assert check(f"{tmp_path}/*.jsonl").code == 2


def test_the_statistics_count_by_rule(check: Checker, tmp_path: Path) -> None:
    written(tmp_path / "a.json", BOTH)
    written(tmp_path / "b.json", UNANSWERED)
    ended = check(tmp_path, "--statistics")
    assert (ended.code, ended.lines) == (
        1,
        ["2  TU001  missing-tool-result  [lossy fix]", "1  TU002  content-before-tool-result  [fixable]"],
    )
    ended = check(tmp_path, "--statistics", "-o", "json")
    assert json.loads(ended.out) == [
        {"code": "TU001", "name": "missing-tool-result", "count": 2, "fix": "lossy"},
        {"code": "TU002", "name": "content-before-tool-result", "count": 1, "fix": "safe"},
    ]


def test_quiet_prints_problems_and_nothing_else(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", BOTH)
    assert len(check(path, "--quiet").lines) == 2
    assert check(written(tmp_path / "b.json", VALID), "-q").out == ""
    fixed = check(path, "-q", "--fix")
    assert (fixed.rules, len(fixed.lines), fixed.err) == (["TU001"], 1, "")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--lossy-fixes",), "--lossy-fixes says which repairs are made: give --fix or --diff with it."),
        (("--diff", "-o", "json"), "--diff prints a diff"),
        (("--diff", "--statistics"), "--diff prints a diff"),
        (("--statistics", "--format", "sarif"), "--statistics prints text or json."),
    ],
)
def test_flags_that_make_no_sense_together_are_refused(
    check: Checker, tmp_path: Path, flags: tuple[str, ...], said: str
) -> None:
    ended = check(tmp_path, *flags)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_an_unknown_flag_or_choice_is_refused(check: Checker, tmp_path: Path) -> None:
    assert "invalid choice" in check.refused(tmp_path, "--output-format", "xml")
    assert "'klingon' is none of anthropic, bedrock, " in check.refused(tmp_path, "--dialect", "klingon")
    assert "'docx' is none of " in check.refused(tmp_path, "--input-format", "docx")


def test_without_a_path_it_says_where_sessions_are(tmp_path: Path) -> None:
    environment = surroundings(tmp_path)
    ended = run_antiphon("check", environment=environment, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "antiphon check: name what to check.\nNo sessions of a known agent were found on this machine.\n"
    )
    (tmp_path / ".claude/projects").mkdir(parents=True)
    (tmp_path / ".config/Code - Insiders/User/globalStorage/saoudrizwan.claude-dev/tasks").mkdir(parents=True)
    ended = run_antiphon("check", environment=environment, cwd=tmp_path)
    assert ended.stderr.splitlines()[1:] == [
        "Sessions that are on this machine:",
        "  Claude Code  antiphon check ~/.claude/projects",
        r"  Cline        antiphon check ~/.config/Code\ -\ Insiders/User/globalStorage/saoudrizwan.claude-dev/tasks",
    ]


def test_standard_input_is_checked_and_repaired_onto_standard_output(tmp_path: Path) -> None:
    environment = surroundings(tmp_path)
    ended = run_antiphon("check", "-", environment=environment, cwd=tmp_path, stdin=json.dumps(BOTH))
    assert ended.returncode == 1
    assert ended.stdout.startswith("<stdin>:messages[1]: TU002 ")
    ended = run_antiphon("check", "-", "--fix", environment=environment, cwd=tmp_path, stdin=json.dumps(TEXT_FIRST))
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (0, "Found 1 problem (1 fixed, 0 remaining).")
    repaired = json.loads(ended.stdout)
    assert repaired["messages"][2]["content"] == [result("a"), text("wait")]
    # What has nothing wrong comes out as it went in.
    as_is = "  " + json.dumps(VALID) + "\n\n"
    ended = run_antiphon("check", "-", "--fix", environment=environment, cwd=tmp_path, stdin=as_is)
    assert (ended.returncode, ended.stdout) == (0, as_is)
    ended = run_antiphon("check", "-", "--fix", environment=environment, cwd=tmp_path, stdin="nonsense")
    assert (ended.returncode, ended.stdout) == (2, "")


EVIL = "\x1b]52;c;aGk=\x07\x1b[2J\u202e"


def test_what_a_file_holds_cannot_reach_the_terminal(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a\x1b[31m.json", request(user("hi"), assistant(call(EVIL)), user("no")))
    for flags in ((), ("--fix", "--lossy-fixes")):
        ended = check(path, *flags)
        assert "TU017" in ended.out
        assert not any(character in ended.out + ended.err for character in "\x1b\x07\u202e")


def test_a_diff_on_a_terminal_is_safe_too(tmp_path: Path) -> None:
    name = "a\x1b[31m.json"
    damaged = request(user("hello"), assistant(call("a"), call("b")), user(result("a", EVIL)))
    (tmp_path / name).write_text(json.dumps(damaged, ensure_ascii=False, indent=1))
    environment = surroundings(tmp_path, NO_COLOR="1")
    with OnTerminal("check", name, "--diff", "--lossy-fixes", environment=environment, cwd=tmp_path) as program:
        program.sees("Found 1 problem")
        assert program.ends() == 1
        assert b'"content": "\\u001b]52;c;aGk' in program.output
        assert not any(character in program.output for character in (b"\x1b", b"\x07", "\u202e".encode()))


def test_a_terminal_gets_colours_unless_it_wants_none(tmp_path: Path) -> None:
    written(tmp_path / "a.json", TEXT_FIRST)
    for variables, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        environment = surroundings(tmp_path, **variables)
        with OnTerminal("check", "a.json", environment=environment, cwd=tmp_path) as program:
            program.sees("Found 1 problem")
            assert program.ends() == 1
            assert (b"\x1b[31mTU002\x1b[0m" in program.output) is coloured


def test_checking_a_request_loads_nothing_of_the_agent(tmp_path: Path) -> None:
    written(tmp_path / "a.json", BOTH)
    program = (
        "import sys\nfrom antiphon.cli.main import main\nmain(['check', 'a.json'])\n"
        "print(*sorted(name for name in sys.modules if '.' not in name), file=sys.stderr)\n"
        "print(*sorted(name for name in sys.modules if name.startswith('antiphon.')), file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    modules, ours = ended.stderr.splitlines()
    assert not set(modules.split()) & {"anyio", "asyncio", "httpx2", "msgspec", "ssl", "uvicorn", "yaml"}
    assert {name.split(".")[1] for name in ours.split()} == {"cli", "errors", "protocol", "transcripts"}
