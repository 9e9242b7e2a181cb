import json
import re
from pathlib import Path
from typing import Any

import pytest
from damaged import BOTH, UNANSWERED, VALID, Checker, assistant, call, request, user, written, written_lines

import antiphon
from antiphon.cli.checking.json_report import github_lines
from antiphon.cli.checking.problem import Problem, Report
from antiphon.cli.checking.rules import rule_entry
from antiphon.cli.checking.sarif_report import sarif


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Checker:
    return Checker(capsys)


MISSING_C = (
    "messages.3: `tool_use` ids were found without `tool_result` blocks immediately after: c."
    " Each `tool_use` block must have a corresponding `tool_result` block in the next message."
)


def test_json_has_an_object_for_each_problem(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", BOTH)
    ended = check(path, "--output-format", "json", "--select", "TU001")
    assert (ended.code, ended.err) == (1, "")
    assert json.loads(ended.out) == [
        {
            "code": "TU001",
            "name": "missing-tool-result",
            "message": MISSING_C,
            "filename": str(path),
            "location": {"line": None, "conversation": None, "message": 3, "block": None, "path": "messages[3]"},
            "url": "docs/rules/TU001-missing-tool-result.md",
            "fix": {"applicability": "lossy", "done": rule_entry("TU001").done},
        }
    ]


def test_json_tells_the_line_where_lines_tell_places_apart(check: Checker, tmp_path: Path) -> None:
    path = written_lines(tmp_path / "a.jsonl", [VALID, UNANSWERED])
    (found,) = json.loads(check(path, "-o", "json").out)
    assert found["location"] == {"line": 2, "conversation": None, "message": 1, "block": None, "path": "messages[1]"}


@pytest.mark.parametrize("form", ["json", "sarif", "github"])
def test_formats_for_programs_are_whole_when_there_is_nothing_to_report(
    check: Checker, tmp_path: Path, form: str
) -> None:
    ended = check(written(tmp_path / "a.json", VALID), "--format", form)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "" if form == "github" else json.loads(ended.out) is not None


def test_after_fixes_programs_are_told_what_remains(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", BOTH)
    ended = check(path, "--fix", "-o", "json")
    assert [found["code"] for found in json.loads(ended.out)] == ["TU001"]
    assert f"as it was: {path}.antiphon-backup" in ended.err


def test_an_error_goes_to_standard_error_beside_a_whole_list(check: Checker, tmp_path: Path) -> None:
    ended = check(tmp_path / "nowhere.json", "-o", "json")
    assert (ended.code, ended.out) == (2, "[]\n")
    assert "nowhere.json: it cannot be read" in ended.err


# What the standard's schema asks of the parts that are used here: https://docs.oasis-open.org/sarif/sarif/v2.1.0
SARIF: dict[str, tuple[set[str], set[str]]] = {
    # object: properties it must have, properties it may have
    "log": ({"version", "runs"}, {"$schema"}),
    "run": ({"tool"}, {"results", "invocations"}),
    "driver": ({"name"}, {"version", "rules"}),
    "rule": ({"id"}, {"name", "shortDescription", "help", "defaultConfiguration", "properties"}),
    "invocation": ({"executionSuccessful"}, {"toolExecutionNotifications"}),
    "notification": ({"message"}, {"level", "locations"}),
    "result": ({"message"}, {"ruleId", "ruleIndex", "level", "locations"}),
    "location": (set(), {"physicalLocation", "logicalLocations"}),
    "physical": ({"artifactLocation"}, {"region"}),
    "logical": (set(), {"fullyQualifiedName", "kind"}),
}
LEVELS = {"none", "note", "warning", "error"}


def shaped(value: dict[str, Any], kind: str) -> dict[str, Any]:
    must, may = SARIF[kind]
    assert must <= value.keys() <= must | may, f"{kind}: {sorted(value)}"
    return value


def require_sarif(log: dict[str, Any]) -> dict[str, Any]:
    """Check a log against the shape of the standard, and return its only run."""
    shaped(log, "log")
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    shaped(run, "run")
    rules = shaped(run["tool"]["driver"], "driver")["rules"]
    for rule in rules:
        shaped(rule, "rule")
        assert rule["defaultConfiguration"]["level"] in LEVELS
        assert rule["help"]["text"]
        assert rule["shortDescription"]["text"]
    ids = [rule["id"] for rule in rules]
    assert len(ids) == len(set(ids))
    for found in run["results"]:
        shaped(found, "result")
        assert found["ruleId"] == ids[found["ruleIndex"]]
        assert found["level"] in LEVELS
        require_message(found)
        for location in found["locations"]:
            require_location(location)
    for invocation in run["invocations"]:
        for notification in shaped(invocation, "invocation")["toolExecutionNotifications"]:
            require_message(shaped(notification, "notification"))
    return run


def require_message(holder: dict[str, Any]) -> None:
    assert holder["message"].keys() == {"text"}
    assert holder["message"]["text"]


def require_location(location: dict[str, Any]) -> None:
    physical = shaped(shaped(location, "location")["physicalLocation"], "physical")
    # A reference as RFC 3986 has it: nothing but its characters, and escapes.
    assert re.fullmatch(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", physical["artifactLocation"]["uri"])
    assert physical["region"].keys() == {"startLine"}
    assert physical["region"]["startLine"] >= 1
    for logical in location.get("logicalLocations", []):
        assert shaped(logical, "logical")["fullyQualifiedName"]


def test_sarif_is_what_the_standard_describes(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a b\u00e4.json", BOTH)
    lines = written_lines(tmp_path / "c.jsonl", [VALID, UNANSWERED])
    ended = check(path, lines, tmp_path / "nowhere.json", "-o", "sarif")
    assert ended.code == 2
    run = require_sarif(json.loads(ended.out))
    assert run["tool"]["driver"]["version"] == antiphon.__version__
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["TU002", "TU001"]
    assert run["tool"]["driver"]["rules"][1]["help"]["markdown"].startswith("# TU001: missing-tool-result\n")
    places = [
        (found["ruleId"], location["physicalLocation"], location["logicalLocations"][0]["fullyQualifiedName"])
        for found in run["results"]
        for location in found["locations"]
    ]
    place = f"file://{tmp_path}"
    assert places == [
        ("TU002", physical(f"{place}/a%20b%C3%A4.json", 1), "messages[1]"),
        ("TU001", physical(f"{place}/a%20b%C3%A4.json", 1), "messages[3]"),
        ("TU001", physical(f"{place}/c.jsonl", 2), "messages[1]"),
    ]
    assert run["results"][1]["message"]["text"] == MISSING_C
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "No such file" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def physical(uri: str, line: int) -> dict[str, Any]:
    return {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}


def test_sarif_names_relative_files_relatively_and_conversations_by_their_label() -> None:
    problem = Problem(rule_entry("TU001"), "missing", 7, 'sub "a"', 2, 1, "messages[2].content[1]")
    (found,) = require_sarif(json.loads(sarif([Report("logs/50% a:b.jsonl", problems=[problem])])))["results"]
    assert found["locations"] == [
        {
            "physicalLocation": physical("logs/50%25%20a%3Ab.jsonl", 7),
            "logicalLocations": [
                {
                    "fullyQualifiedName": r'conversations["sub \"a\""].messages[2].content[1]',
                    "kind": "element",
                }
            ],
        }
    ]


def test_github_annotations_are_escaped_as_github_reads_them(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a,b:100%.json", BOTH)
    ended = check(path, "--format", "github", "--select", "TU001")
    name = f"{tmp_path}/a%2Cb%3A100%25.json"
    text = MISSING_C.removeprefix("messages.3: ")
    assert ended.lines == [f"::error title=TU001 (missing-tool-result),file={name},line=1::messages[3]: {text}"]


def test_no_file_can_write_a_workflow_command_of_its_own() -> None:
    evil = "50%\r\n::set-output name=x::y\x1b[31m"
    problem = Problem(rule_entry("TU001"), evil, 3, "", 1, None, "messages[1]")
    (line,) = github_lines([Report("a\n::b.json", problems=[problem])])
    place = "file=a␊%3A%3Ab.json,line=3"
    text = "messages[1]: 50%25%0A::set-output name=x::y"
    assert line == f"::error title=TU001 (missing-tool-result),{place}::{text}"


def test_github_is_told_of_files_that_cannot_be_read(check: Checker, tmp_path: Path) -> None:
    ended = check(tmp_path / "nowhere.json", "--format", "github")
    assert ended.lines == [f"::error file={tmp_path}/nowhere.json::it cannot be read (No such file or directory)"]


def test_json_is_ascii_whatever_a_file_holds(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", request(user("hi"), assistant(call("\x1b[31m\u202e\ud800")), user("no")))
    for form in ("json", "sarif"):
        ended = check(path, "--format", form)
        assert ended.out.isascii()
        assert "\x1b" not in ended.out
        assert "TU017" in ended.out
