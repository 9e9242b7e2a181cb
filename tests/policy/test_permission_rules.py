"""How rules are written, and which are refused."""

import re

import pytest

from antiphon.errors import SettingsError
from antiphon.policy.rules import Rule, RuleSource, check_tools, parse_rule, split_rules

TOOLS = ("read_file", "edit_file", "run_command", "web_fetch", "update_todos")


@pytest.mark.parametrize(
    ("text", "tool", "pattern"),
    [
        ("read_file", "read_file", None),
        ("run_command(git diff:*)", "run_command", "git diff:*"),
        ("run_command(npm run *)", "run_command", "npm run *"),
        ("run_command(grep '(a|b)' x)", "run_command", "grep '(a|b)' x"),
        ("edit_file( src/** )", "edit_file", "src/**"),
        ("web_fetch(domain:*.example.com)", "web_fetch", "domain:*.example.com"),
        ("mcp__server__*", "mcp__server__*", None),
        ("run_command(*)", "run_command", None),
        ("edit_file(**)", "edit_file", "**"),
        (" *_file ", "*_file", None),
    ],
)
def test_a_rule_is_a_tool_and_perhaps_a_pattern(text: str, tool: str, pattern: str | None) -> None:
    source = RuleSource("flag", "--allowed-tools")
    assert parse_rule(text, "allow", source, tools=TOOLS) == Rule("allow", tool, pattern, source)


def test_a_rule_is_written_as_it_was_read() -> None:
    for text in ("read_file", "run_command(git diff:*)", "mcp__server__*"):
        assert str(parse_rule(text, "deny")) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "an empty text is not a usable rule: a rule is written tool or tool(pattern)"),
        ("run_command(git", "a rule is written tool or tool(pattern)"),
        ("Bash(npm test)", "here it is run_command(npm test)."),
        ("Write(src/**)", "here it is write_file(src/**)."),
        ("WebFetch", "here it is web_fetch."),
        ("edit_fil", "no tool is named edit_fil; did you perhaps mean edit_file."),
        ("frobnicate", "no tool is named frobnicate; there are read_file, edit_file,"),
        ("frob*", "no tool is named frob*."),
        ("update_todos(x)", "this tool takes no pattern; name the tool alone."),
        ("mcp__server__tool(x)", "this tool takes no pattern; name the tool alone."),
        ("edit_file()", "the parentheses are empty, so it can never hold; write edit_file for any call of it."),
        ("edit_file(!x)", "a pattern cannot make an exception"),
        ("edit_file(../x)", "none holds `..`; write //absolute/**"),
        ("edit_file(/)", "it names no file"),
        ("read_file(domain:example.com)", "its pattern is a path"),
        ("run_command(echo 'x)", "a quote is not closed."),
        ("run_command(* x)", "it begins with no program"),
        ("run_command(npm ci && npm test)", "so none holds &&; write a rule for each."),
        ("web_fetch(example.com)", "its pattern is domain:HOST"),
        ("web_fetch(domain:)", "is a host without scheme, port or path"),
        ("web_fetch(domain:https://example.com/x)", "is a host without scheme, port or path"),
        ("web_fetch(domain:example.com:8080)", "is a host without scheme, port or path"),
    ],
)
def test_a_rule_that_could_never_hold_is_refused_and_what_is_wanted_is_said(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(says)):
        parse_rule(text, "allow", tools=TOOLS)


def test_the_refusal_names_where_the_rule_is_written() -> None:
    with pytest.raises(SettingsError, match=re.escape("/home/me/settings.toml: disallowed_tools: Bash is not")):
        parse_rule("Bash", "deny", RuleSource("user", "/home/me/settings.toml"))
    with pytest.raises(SettingsError, match=re.escape("--ask-tools: Bash is not")):
        parse_rule("Bash", "ask", RuleSource("flag", "--ask-tools"))


def test_tools_that_are_not_known_yet_are_checked_later() -> None:
    rule = parse_rule("frobnicate", "allow")
    check_tools(rule, ["frobnicate"])
    check_tools(parse_rule("mcp__later__*", "allow"), TOOLS)
    with pytest.raises(SettingsError, match="no tool is named frobnicate"):
        check_tools(rule, TOOLS)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("", []),
        ("read_file", ["read_file"]),
        ("read_file,edit_file  web_fetch\n", ["read_file", "edit_file", "web_fetch"]),
        ("run_command(git diff:*), edit_file(a, b/**)", ["run_command(git diff:*)", "edit_file(a, b/**)"]),
        ("run_command(grep (a) b) x", ["run_command(grep (a) b)", "x"]),
    ],
)
def test_a_line_of_rules_is_split_outside_of_parentheses(text: str, rules: list[str]) -> None:
    assert split_rules(text) == rules
