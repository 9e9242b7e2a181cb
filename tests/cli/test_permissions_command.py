"""`antiphon permissions explain` and `list`, as people use them."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from antiphon.cli import permissions
from antiphon.errors import SettingsError
from antiphon.settings import load_all


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with settings of its own, and a user with others; no key, no network."""
    home, project = tmp_path / "home", tmp_path / "project"
    (home / ".config" / "antiphon").mkdir(parents=True)
    (project / ".git").mkdir(parents=True)
    (home / ".config" / "antiphon" / "settings.toml").write_text(
        "allowed_tools = ['run_command(npm test:*)', 'edit_file(src/**)']\nsandbox = 'off'\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(project)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "ANTHROPIC_API_KEY", "ANTIPHON_PERMISSION_MODE"):
        monkeypatch.delenv(name, raising=False)
    return project.resolve()


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    permissions.add_arguments(parser)
    return permissions.run(parser.parse_args(arguments))


def explained(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run("explain", "--json", *arguments) == 0
    return json.loads(capsys.readouterr().out)


def test_a_command_is_explained_part_by_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "--disallowed-tools", "run_command(rm:*)", "run_command", "npm test > a.txt && rm -rf b") == 0
    rule = "disallowed_tools run_command(rm:*) of the flag --disallowed-tools"
    denied = f"The settings do not allow `rm -rf b`: denied by {rule}"
    assert capsys.readouterr().out.splitlines() == [
        f"deny: {denied}.",
        "Its parts:",
        "  allow  npm test  `npm test` is allowed by allowed_tools run_command(npm test:*) of the user's settings",
        "  ask    > a.txt   It writes a.txt",
        f"  deny   rm -rf b  {denied}",
        "The rule: run_command(rm:*), --disallowed-tools",
        "The mode: default",
        "Commands run without a sandbox: they can do whatever you can.",
    ]


def test_what_would_allow_a_call_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "run_command", "cargo", "build", "--release") == 0
    assert capsys.readouterr().out.splitlines() == [
        "ask: `cargo build --release` is not in any allow rule.",
        "The mode: default",
        "Commands run without a sandbox: they can do whatever you can.",
        "It would be allowed by: run_command(cargo build:*)",
    ]


@pytest.mark.parametrize(
    ("args", "given"),
    [
        (["run_command", "git push --force"], {"command": "git push --force"}),
        (["run_command", "git", "commit", "-m", "a b"], {"command": "git commit -m 'a b'"}),
        (["run_command", "A=b npm test"], {"command": "A=b npm test"}),
        (["run_command", "command=A=b npm test", "timeout=5"], {"command": "A=b npm test", "timeout": 5}),
        (["run_command", '{"command": "ls", "background": true}'], {"command": "ls", "background": True}),
        (["list_files"], {}),
        (["read_file", "src/a.py"], {"path": "src/a.py"}),
        (["search_files", "src"], {"pattern": "a", "path": "src"}),
        (["write_file", "a"], {"content": "", "path": "a"}),
        (["web_search", "query=x", "max_results=3"], {"query": "x", "max_results": 3}),
        (["ask_user", "Why?"], {"question": "Why?"}),
    ],
)
def test_arguments_are_written_as_it_is_natural(
    capsys: pytest.CaptureFixture[str], args: list[str], given: dict[str, Any]
) -> None:
    assert explained(capsys, *args)["input"] == given


@pytest.mark.parametrize(
    ("args", "verdict", "suggestions"),
    [
        (["read_file", ".env"], "allow", []),
        (["edit_file", "src/a.py"], "allow", []),
        (["edit_file", "lib/a.py"], "ask", ["edit_file(lib/**)"]),
        (["edit_file", "AGENTS.md"], "ask", []),
        (["web_fetch", "https://docs.example.com/x"], "ask", ["web_fetch(domain:docs.example.com)"]),
        (["web_search", "x"], "allow", []),
        (["run_command", "npm test && pytest"], "ask", ["run_command(pytest:*)"]),
        (["--permission-mode", "plan", "run_command", "npm test"], "deny", []),
        (["--permission-mode", "acceptEdits", "edit_file", "lib/a.py"], "allow", []),
        (["--ask-tools", "read_file(.env)", "read_file", ".env"], "ask", []),
        (["--allowed-tools", "web_fetch, run_command(git push:*)", "run_command", "git push"], "allow", []),
    ],
)
def test_any_call_can_be_explained(
    capsys: pytest.CaptureFixture[str], args: list[str], verdict: str, suggestions: list[str]
) -> None:
    said = explained(capsys, *args)
    assert (said["verdict"], said["suggestions"]) == (verdict, suggestions)


def test_the_rule_and_its_file_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    said = explained(capsys, "edit_file", "src/a.py")
    assert said["rule"] == {
        "verdict": "allow",
        "rule": "edit_file(src/**)",
        "source": "user",
        "where": str(Path("~/.config/antiphon/settings.toml").expanduser()),
    }
    assert (said["mode"], said["sandbox"]) == ("default", None)
    assert explained(capsys, "run_command", "ls")["sandbox"] == ""


def test_rules_of_a_project_that_is_not_trusted_only_take_away(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    (project / ".antiphon").mkdir()
    (project / ".antiphon" / "settings.toml").write_text(
        "allowed_tools = ['run_command(make:*)']\ndisallowed_tools = ['run_command(npm test:*)']\n"
    )
    assert run("explain", "--json", "run_command", "make x; npm test") == 0
    out, err = capsys.readouterr()
    assert [part["verdict"] for part in json.loads(out)["parts"]] == ["ask", "deny"]
    assert json.loads(out)["rule"]["source"] == "project"
    assert "is not trusted, so of its rules only those count that deny or ask." in err
    load_all({}, {"HOME": str(Path.home())}).trusting()
    assert run("explain", "--json", "run_command", "make x") == 0
    out, err = capsys.readouterr()
    assert (json.loads(out)["verdict"], err) == ("allow", "")


def test_rules_are_listed_with_where_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--disallowed-tools", "run_command(rm:*)", "--permission-mode", "plan") == 0
    where = Path("~/.config/antiphon/settings.toml").expanduser()
    assert capsys.readouterr().out.splitlines() == [
        "Mode: plan. A rule that denies beats one that asks, and that one that allows.",
        "deny   run_command(rm:*)        the flag --disallowed-tools",
        "allow  ask_user                 the program",
        f"allow  run_command(npm test:*)  the user's settings ({where})",
        f"allow  edit_file(src/**)        the user's settings ({where})",
    ]
    assert run("list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["mode"] == "default"
    assert [rule["rule"] for rule in listed["rules"]] == ["ask_user", "run_command(npm test:*)", "edit_file(src/**)"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["frobnicate", "x"], "no tool is named frobnicate; there are read_file,"),
        (["read_file", "a", "b"], "write the arguments of read_file as JSON or as name=value, of path, offset, limit."),
        (["read_file", "{"], "{ is no JSON"),
        (["read_file", "../a"], "is outside the workspace"),
        (["run_command"], "command"),
        (["--permission-mode", "yes", "read_file", "a"], "--permission-mode yes: there is no such mode"),
        (["--ask-tools", "Bash(ls)", "read_file", "a"], "here it is run_command(ls)"),
    ],
)
def test_what_cannot_be_explained_is_refused_with_a_sentence(args: list[str], says: str) -> None:
    with pytest.raises(SettingsError) as raised:
        run("explain", *args)
    assert says in str(raised.value)


def test_a_command_cannot_play_tricks_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "run_command", "echo '\x1b]0;owned\x07\u202e'; rm x") == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
