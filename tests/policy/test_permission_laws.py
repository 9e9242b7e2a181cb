"""What holds of every decision, whatever the rules, the call and the mode."""

import random
import string
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st
from permission_calls import ROOT, command, file, page

from antiphon.engine.events import EXCLUSIVE, INDEPENDENT, READS_NOTHING_LOCAL, Access, ToolCall
from antiphon.policy import Decision, PermissionMode, Permissions, Rule, RuleSource
from antiphon.policy.rules import SourceKind, Verdict
from antiphon.policy.subjects import Subject

Call = tuple[ToolCall, Access, Subject | None]

PATTERNS = {
    "run_command": [
        None, "rm:*", "rm *", "git push:*", "git push", "git:*", "npm test:*", "npm run *", "env:*", "bash:*", "cd:*",
        "npm te*", "timeout 5 rm x", "* push", "A=b rm:*",
    ],
    "edit_file": [None, "src/**", "*.py", "**", ".vscode/**", "//home/me/**"],
    "write_file": [None, "out/**", "*.txt", ".envrc"],
    "read_file": [None, "src/**"],
    "web_fetch": [None, "domain:example.com", "domain:*.example.com", "domain:*"],
    "mcp__store__add": [None],
    "*": [None],
    "*_file": [None],
}  # fmt: skip
COMMANDS = [
    "rm x", "git push", "git -C a push", "npm test", "npm run a > out/x.txt", "npm test > .envrc", "cd src && rm x",
    "$X y", "if nothing", "A=b rm x", "env A=b npm test", "bash -c 'rm x'", "bash -c $X", "npm test | xargs rm",
    "git push &", "cat a; git $X", "x=$(git push) npm test", "# remark", "> .git/config", "rm *", "cat ../x",
]  # fmt: skip
RANK: dict[Verdict, int] = {"allow": 0, "ask": 1, "deny": 2}

rules = st.lists(
    st.sampled_from(sorted(PATTERNS)).flatmap(
        lambda tool: st.builds(
            Rule,
            st.sampled_from(get_args(Verdict)),
            st.just(tool),
            st.sampled_from(PATTERNS[tool]),
            st.builds(RuleSource, st.sampled_from(get_args(SourceKind))),
        )
    ),
    max_size=6,
)
modes = st.sampled_from(get_args(PermissionMode))


def a_command(text: str, sandbox: str) -> Call:
    return command(text, sandbox=sandbox.removeprefix("not "), leaves=sandbox.startswith("not "))


def a_call(name: str, access: Access) -> Call:
    return ToolCall("a", name, {}), access, None


calls: st.SearchStrategy[Call] = st.one_of(
    st.builds(a_command, st.sampled_from(COMMANDS), st.sampled_from(["", "bubblewrap", "not "])),
    st.builds(
        file,
        st.sampled_from(["read_file", "edit_file", "write_file"]),
        st.sampled_from(["src/a.py", "out/a.txt", ".envrc", ".vscode/a.json", "/etc/a"]),
    ),
    st.builds(page, st.sampled_from(["example.com", "www.example.com", "", "evil.example"])),
    st.builds(
        a_call,
        st.sampled_from(["mcp__store__add", "edit_file", "run_command"]),
        st.sampled_from([EXCLUSIVE, INDEPENDENT, READS_NOTHING_LOCAL]),
    ),
)


def decided(call: Call, mode: PermissionMode, given_rules: list[Rule]) -> Decision:
    return Permissions(mode, given_rules, root=ROOT).decide(*call)


@given(calls, modes, rules, rules)
def test_a_further_rule_moves_a_decision_only_to_its_own_side(
    call: Call, mode: PermissionMode, some: list[Rule], more: list[Rule]
) -> None:
    for rule in more:
        before, after = decided(call, mode, some), decided(call, mode, [*some, rule])
        if rule.verdict == "allow":
            assert RANK[after.verdict] <= RANK[before.verdict]
        else:
            assert RANK[after.verdict] >= RANK[before.verdict]


@given(calls, modes, rules, st.randoms())
def test_the_order_of_rules_changes_nothing(
    call: Call, mode: PermissionMode, some: list[Rule], chance: random.Random
) -> None:
    other = list(some)
    chance.shuffle(other)
    assert decided(call, mode, some) == decided(call, mode, other)


@given(calls, modes, rules)
def test_a_rule_that_denies_a_tool_beats_all_others(call: Call, mode: PermissionMode, some: list[Rule]) -> None:
    assert decided(call, mode, [*some, Rule("deny", call[0].name)]).verdict == "deny"


@given(calls, modes, rules)
def test_every_decision_says_why_and_who_is_not_to_be_asked_is_not(
    call: Call, mode: PermissionMode, some: list[Rule]
) -> None:
    decision = decided(call, mode, some)
    assert decision.reason
    assert not decision.reason.endswith(".")
    assert mode != "dont-ask" or decision.verdict != "ask"
    assert decision.verdict != "deny" or decision.rule in (None, *some)


@given(calls, rules)
def test_what_bypass_does_not_allow_no_other_mode_allows(call: Call, some: list[Rule]) -> None:
    in_bypass = decided(call, "bypass", some)
    for mode in get_args(PermissionMode):
        assert RANK[decided(call, mode, some).verdict] >= RANK[in_bypass.verdict]


@given(calls, rules)
def test_what_is_suggested_would_allow_the_call(call: Call, some: list[Rule]) -> None:
    permissions = Permissions("default", some, root=ROOT)
    suggested = permissions.suggestions(call[0], call[2])
    if suggested:
        assert permissions.with_rules([*some, *suggested]).decide(*call).verdict == "allow"
    assert permissions.decide(*call).verdict == "ask" or not suggested or call[1].early


wrapped = st.recursive(
    st.sampled_from(["rm", "rm -rf x", "/bin/rm x", "'rm' \"x\"", "command rm x", "git push", "git -c a.b=c push -f"]),
    lambda inner: st.one_of(
        st.builds(
            "{} {}".format,
            st.sampled_from(
                ["env", "env A=b", "timeout 5", "nice -n 3", "nohup", "sudo -n", "xargs -n1", "time", "stdbuf -oL", "!"]
            ),
            inner.filter(lambda text: not set(text) & set(";&|(){}\n`$") and not text.startswith(("if", "while", "!"))),
        ),
        st.builds(
            "{} {} {}".format, st.sampled_from(["npm test", "ls"]), st.sampled_from(["&&", "||", ";", "|"]), inner
        ),
        st.builds("{} {} npm test".format, inner, st.sampled_from(["&&", "||", ";", "|", "&", "\n"])),
        st.builds("({})".format, inner),
        st.builds("{{ {}; }}".format, inner),
        st.builds("if {}; then ls; fi".format, inner),
        st.builds("while true; do {}; done".format, inner),
        st.builds("for x in a b; do {}; done".format, inner),
        st.builds("echo $({})".format, inner),
        st.builds('echo "$({})"'.format, inner),
        st.builds("x=$({})".format, inner),
        st.builds("cat <({})".format, inner),
        st.builds("cat > out.txt <<END\n$({})\nEND".format, inner.filter(lambda text: "END" not in text)),
    ),
    max_leaves=5,
)
DENYING = [Rule("deny", "run_command", "rm:*"), Rule("deny", "run_command", "git push:*")]


@given(wrapped, modes)
def test_a_denied_command_is_not_allowed_by_wrapping_it(text: str, mode: PermissionMode) -> None:
    everything = [Rule("allow", "run_command"), Rule("allow", "run_command", "env:*"), *DENYING]
    call = command(text, sandbox="bubblewrap")
    decision = decided(call, mode, everything)
    if call[2].script is None:
        assert decision.verdict != "allow"
    else:
        assert decision.verdict == "deny"


@given(
    st.one_of(st.text(string.printable), st.text(), st.sampled_from(["> $'a\\0b'", "> '\ud800'", "cd 'a\0b'"])), modes
)
def test_whatever_is_not_understood_is_allowed_by_no_pattern(text: str, mode: PermissionMode) -> None:
    call = command(text)
    patterns = [Rule("allow", "run_command", pattern) for pattern in PATTERNS["run_command"] if pattern is not None]
    if call[2].script is None and mode != "bypass":
        assert decided(call, mode, patterns).verdict != "allow"
    assert decided(call, mode, [*patterns, *DENYING]).verdict != "allow" or call[2].script is not None
