"""What is decided about files, pages and tools that say nothing of their calls, and why."""

from pathlib import Path
from typing import get_args

import pytest
from permission_calls import ROOT, Rules, by_rules, command, decide, file, page

from antiphon.engine.events import EXCLUSIVE, INDEPENDENT, READS_NOTHING_LOCAL, ToolCall, reading, writing
from antiphon.errors import SettingsError
from antiphon.policy import PermissionMode, Permissions, Rule, RuleSource
from antiphon.policy.ignoring import open_ignored
from antiphon.policy.rules import SourceKind
from antiphon.policy.subjects import FileSubject
from antiphon.policy.workspace import Workspace

MODES: tuple[PermissionMode, ...] = get_args(PermissionMode)


@pytest.mark.parametrize(
    ("pattern", "fits", "not_fits"),
    [
        ("src/**", ["src/a.py", "src/x/y"], ["a.py", "lib/src/a.py", "srcs/a"]),
        ("src", ["src/a.py", "lib/src/a.py"], ["a.py", "src.py"]),
        ("src/", ["src/a.py", "lib/src/x"], ["src"]),
        ("*.md", ["a.md", "docs/x/b.md"], ["a.mdx"]),
        ("/a.md", ["a.md"], ["docs/a.md"]),
        ("./a.md", ["a.md"], ["docs/a.md"]),
        ("docs/*.md", ["docs/a.md"], ["docs/x/a.md", "x/docs/a.md"]),
        ("docs/**/a.md", ["docs/a.md", "docs/x/y/a.md"], ["a.md"]),
        ("**", ["a", "x/y"], []),
        ("//home/me/project/a", ["a"], ["x/a"]),
        ("~/project/a", ["a"], ["x/a"]),
        (r"\[id\].ts", ["[id].ts"], ["i.ts"]),
        ("caf\u00e9/**", ["cafe\u0301/x"], ["cafe/x"]),
    ],
)
def test_patterns_of_paths_are_those_of_gitignore_from_the_root(
    pattern: str, fits: list[str], not_fits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for name in [*fits, *not_fits]:
        verdict = "allow" if name in fits else "ask"
        assert decide(file("edit_file", name), allow=[f"edit_file({pattern})"]).verdict == verdict, name


def test_rules_that_take_away_do_not_mind_letter_case_and_hold_for_the_directory_too() -> None:
    assert decide(file("edit_file", "SRC/A.py"), "bypass", deny=["edit_file(src/**)"]).verdict == "deny"
    assert decide(file("edit_file", "SRC/A.py"), allow=["edit_file(src/**)"]).verdict == "ask"
    assert decide(file("list_files", "src"), deny=["list_files(src/**)"]).verdict == "deny"


def test_files_outside_the_root_are_named_in_full() -> None:
    outside = file("edit_file", "a", root=Path("/elsewhere"))
    for pattern in ("a", "**", "*"):
        assert decide(outside, allow=[f"edit_file({pattern}/**)"]).verdict == "ask"
    assert decide(outside, allow=["edit_file(//elsewhere/**)"]).verdict == "allow"


@pytest.mark.parametrize(
    ("mode", "rules", "verdict", "reason"),
    [
        ("default", {}, "ask", "It changes a file, and no rule allows that"),
        ("accept-edits", {}, "allow", "Changes of files in the workspace are allowed in accept-edits mode"),
        ("auto", {}, "allow", "Changes of files in the workspace are allowed in auto mode"),
        ("plan", {}, "deny", "Plan mode: only calls that read may run. Describe the change instead"),
        ("dont-ask", {}, "deny", "and nobody is to be asked"),
        ("bypass", {}, "allow", "Bypass mode allows what no rule names"),
        ("default", {"allow": ["edit_file"]}, "allow", "is allowed by allowed_tools edit_file of the program"),
        ("default", {"allow": ["*_file"]}, "allow", "is allowed by allowed_tools *_file of the program"),
        ("bypass", {"ask": ["edit_file"]}, "ask", "is asked about, by ask_tools edit_file of the program"),
        ("bypass", {"ask": ["edit_file(*.py)"], "allow": ["edit_file"]}, "ask", "by ask_tools edit_file(*.py)"),
        ("dont-ask", {"ask": ["edit_file"]}, "deny", "and nobody is to be asked"),
        ("bypass", {"deny": ["edit_file(*.py)"], "ask": ["edit_file"]}, "deny", "by disallowed_tools edit_file(*.py)"),
        ("default", {"allow": ["write_file"]}, "ask", "and no rule allows that"),
        ("bypass", {"deny": ["*"]}, "deny", "denied by disallowed_tools * of the program"),
    ],
)
def test_an_edit_is_decided_by_rules_and_then_by_the_mode(
    mode: PermissionMode, rules: Rules, verdict: str, reason: str
) -> None:
    decision = decide(file("edit_file", "a.py"), mode, **rules)
    assert decision.verdict == verdict
    assert reason in decision.reason


def test_a_mode_that_allows_edits_allows_them_in_the_workspace_only() -> None:
    assert decide(file("edit_file", "a", root=Path("/elsewhere")), "accept-edits").verdict == "ask"
    workspace = Workspace(ROOT, added=(Path("/elsewhere"),))
    permissions = Permissions("accept-edits", workspace=workspace)
    assert permissions.decide(*file("edit_file", "a", root=Path("/elsewhere"))).verdict == "allow"


@pytest.mark.parametrize("mode", MODES)
def test_reading_is_allowed_in_every_mode_unless_a_rule_says_otherwise(mode: PermissionMode) -> None:
    assert decide(file("read_file", "a.py"), mode).verdict == "allow"
    assert decide(file("read_file", "a.py"), mode, deny=["read_file(*.py)"]).verdict == "deny"
    asked = decide(file("read_file", "a.py"), mode, ask=["read_file(*.py)"]).verdict
    assert asked == ("deny" if mode == "dont-ask" else "ask")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [".git/hooks/pre-commit", ".vscode/settings.json", "sub/AGENTS.md", ".antiphonignore"])
def test_a_protected_file_is_asked_about_in_every_mode(name: str, mode: PermissionMode) -> None:
    wanted = "deny" if mode in {"plan", "dont-ask"} else "ask"
    wide: Rules = {"allow": ["edit_file", "edit_file(**)", "edit_file(*.*)", f"edit_file({ROOT.name}/**)"]}
    decision = decide(file("edit_file", name), mode, **wide)
    assert (decision.verdict, decision.rule) == (wanted, None)
    assert f"It writes {name}, a protected file (" in decision.reason
    assert decide(file("read_file", name), mode).verdict == "allow"


@pytest.mark.parametrize(
    ("kind", "pattern", "verdict"),
    [
        ("user", ".vscode/**", "allow"),
        ("flag", ".vscode/settings.json", "allow"),
        ("session", "/.vscode/", "allow"),
        ("program", "**/.vscode/*.json", "allow"),
        ("user", "//home/me/project/.vscode/**", "allow"),
        ("user", ".vscode/tasks.json", "ask"),
        ("user", ".v*/**", "ask"),
        ("user", ".*/**", "ask"),
        ("user", "**/settings.json", "ask"),
        ("project", ".vscode/**", "ask"),
        ("local", ".vscode/**", "ask"),
        ("environment", ".vscode/**", "ask"),
    ],
)
def test_only_a_rule_of_the_user_that_names_a_protected_file_allows_it(
    kind: SourceKind, pattern: str, verdict: str
) -> None:
    rule = Rule("allow", "edit_file", pattern, RuleSource(kind))
    assert by_rules(file("edit_file", ".vscode/settings.json"), "default", rule).verdict == verdict


def test_what_a_tool_of_the_users_own_declares_to_write_is_protected_too() -> None:
    call = ToolCall("a", "my_tool", {})
    assert decide((call, writing(("file", "home", "me", "project", ".envrc")), None), "bypass").verdict == "ask"
    assert decide((call, writing(("file", ".git", "config")), None), allow=["my_tool"]).verdict == "ask"
    assert decide((call, writing(("file", "a.py")), None), "bypass").verdict == "allow"
    assert decide((call, writing(("file", "a.py")), None), "accept-edits").verdict == "allow"


@pytest.mark.parametrize(
    ("host", "rules", "verdict"),
    [
        ("example.com", {}, "ask"),
        ("example.com", {"allow": ["web_fetch"]}, "allow"),
        ("example.com", {"allow": ["web_fetch(domain:example.com)"]}, "allow"),
        ("example.com.", {"allow": ["web_fetch(domain:EXAMPLE.com)"]}, "allow"),
        ("www.example.com", {"allow": ["web_fetch(domain:example.com)"]}, "ask"),
        ("www.example.com", {"allow": ["web_fetch(domain:*.example.com)"]}, "allow"),
        ("example.com", {"allow": ["web_fetch(domain:*.example.com)"]}, "ask"),
        ("evilexample.com", {"allow": ["web_fetch(domain:*.example.com)"]}, "ask"),
        ("example.com.evil", {"allow": ["web_fetch(domain:example.com)"]}, "ask"),
        ("b\u00fccher.example", {"deny": ["web_fetch(domain:xn--bcher-kva.example)"]}, "deny"),
        ("example.com", {"allow": ["web_fetch(domain:*)"], "deny": ["web_fetch(domain:example.com)"]}, "deny"),
        ("", {"allow": ["web_fetch(domain:*)"]}, "ask"),
    ],
)
def test_a_page_is_fetched_from_hosts_that_were_allowed(host: str, rules: Rules, verdict: str) -> None:
    for mode in ("default", "accept-edits", "auto"):
        assert decide(page(host), mode, **rules).verdict == verdict


def test_a_fetch_in_the_other_modes() -> None:
    assert decide(page("example.com")).reason == "example.com is in no allow rule, and an address can carry data out"
    assert decide(page("example.com"), "bypass").verdict == "allow"
    assert decide(page("example.com"), "dont-ask").verdict == "deny"
    # It reads, and a plan may need it.
    assert decide(page("example.com"), "plan").verdict == "ask"
    assert decide(page("example.com"), "plan", allow=["web_fetch"]).verdict == "allow"


def test_tools_that_say_nothing_of_their_calls_are_known_by_name_only() -> None:
    call = ToolCall("a", "mcp__store__add", {})
    assert decide((call, INDEPENDENT, None)).verdict == "ask"
    assert decide((call, READS_NOTHING_LOCAL, None)).verdict == "allow"
    assert decide((call, INDEPENDENT, None), allow=["mcp__store__*"]).verdict == "allow"
    assert decide((call, INDEPENDENT, None), allow=["mcp__other__*"]).verdict == "ask"
    assert decide((call, READS_NOTHING_LOCAL, None), deny=["mcp__*"]).verdict == "deny"


def test_a_rule_that_cannot_be_compared_with_a_call_asks_where_it_might_deny() -> None:
    call = ToolCall("a", "my_tool", {})
    decision = decide((call, EXCLUSIVE, None), "bypass", deny=["my_tool(src/**)"], allow=["my_tool"])
    assert decision.verdict == "ask"
    assert decision.reason.startswith("my_tool does not say what it is about, so my_tool(src/**) of the program may")
    assert decide((call, EXCLUSIVE, None), allow=["my_tool(src/**)"]).verdict == "ask"


def test_in_plan_mode_only_rules_that_came_with_it_allow_more_than_reading() -> None:
    kinds: dict[SourceKind, str] = {"user": "deny", "local": "deny", "session": "deny", "flag": "allow"}
    for kind, verdict in kinds.items():
        rule = Rule("allow", "run_command", "npm test:*", RuleSource(kind))
        assert by_rules(command("npm test"), "plan", rule).verdict == verdict
    assert decide((ToolCall("a", "ask_user", {}), INDEPENDENT, None), "plan", allow=["ask_user"]).verdict == "allow"


def test_the_most_specific_rule_explains_whatever_the_order() -> None:
    rules = [
        Rule("deny", "run_command", "git:*", RuleSource("user", "/home/me/.config/antiphon/settings.toml")),
        Rule("deny", "run_command", "git push:*", RuleSource("user", "/home/me/.config/antiphon/settings.toml")),
        Rule("deny", "run_command", "git push origin main", RuleSource("project")),
        Rule("deny", "run_command", "git:*", RuleSource("flag", "--disallowed-tools")),
    ]
    for some, explains in ((rules, rules[3]), (rules[:3], rules[2]), (rules[:2], rules[1])):
        for order in (some, some[::-1]):
            decision = by_rules(command("git push origin main"), "bypass", *order)
            assert decision.rule == explains
    assert by_rules(command("git push"), "default", *rules[:2]).reason == (
        "The settings do not allow `git push`: "
        "denied by disallowed_tools run_command(git push:*) of the user's settings"
    )
    assert by_rules(command("git push"), "default", rules[3]).reason.endswith("of the flag --disallowed-tools")


def test_the_mode_and_rules_may_change_while_they_are_used() -> None:
    permissions = Permissions(root=ROOT)
    call = file("write_file", "a.py")
    assert permissions.decide(*call).verdict == "ask"
    permissions.mode = "accept-edits"
    assert permissions.decide(*call).verdict == "allow"
    permissions.add(Rule("deny", "write_file"))
    assert permissions.decide(*call).verdict == "deny"
    assert permissions.with_rules([], mode="plan").decide(*call).verdict == "deny"
    assert permissions.rules == (Rule("deny", "write_file"),)


def test_rules_in_their_written_form_are_checked() -> None:
    with pytest.raises(SettingsError, match="here it is run_command"):
        Permissions.of(allow=["Bash(ls)"])


def test_without_a_working_directory_or_a_home_decisions_are_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("HOME", "")
    permissions = Permissions.of(allow=["edit_file(src/**)", "edit_file(~/src/**)"])
    assert permissions.decide(*file("edit_file", "src/a.py")).verdict == "ask"


def test_without_a_root_patterns_start_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    permissions = Permissions.of(allow=["edit_file(src/**)"])
    path = tmp_path.resolve() / "src" / "a.py"
    call = ToolCall("a", "edit_file", {})
    assert (
        permissions.decide(call, writing(("file", *path.parts[1:])), FileSubject(path, writes=True)).verdict == "allow"
    )
    assert permissions.decide(call, reading(()), FileSubject(tmp_path / "b", writes=True)).verdict == "allow"


@pytest.mark.parametrize("mode", ["accept-edits", "auto", "bypass"])
def test_files_that_hide_others_are_protected_by_whatever_name_they_have(mode: PermissionMode, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, ignored=open_ignored(tmp_path, [".gitignore"]))
    call = file("edit_file", "sub/.GITIGNORE", root=tmp_path)
    decision = Permissions(mode, workspace=workspace).decide(*call)
    assert (decision.verdict, "which files the agent does not see" in decision.reason) == ("ask", True)
    rule = Rule("allow", "edit_file", "**/.gitignore", RuleSource("user"))
    lower = file("edit_file", "sub/.gitignore", root=tmp_path)
    assert Permissions(mode, [rule], workspace=workspace).decide(*lower).verdict == "allow"
    assert Permissions(mode, workspace=Workspace(tmp_path)).decide(*call).verdict == "allow"
