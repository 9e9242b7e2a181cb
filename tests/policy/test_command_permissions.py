"""What is decided about commands, and why: a table of what people write and what attackers would."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from permission_calls import ROOT, Rules, command, decide

from antiphon.engine.events import READS_NOTHING_LOCAL
from antiphon.policy import PermissionMode, Permissions
from antiphon.policy.ignoring import open_ignored
from antiphon.policy.rules import parse_rule
from antiphon.policy.workspace import Workspace

NPM: Rules = {"allow": ["run_command(npm test:*)"]}
GIT: Rules = {"allow": ["run_command(git diff:*)", "run_command(git status)"]}
NO_RM: Rules = {"deny": ["run_command(rm:*)"]}
NO_PUSH: Rules = {"deny": ["run_command(git push:*)"]}
ASK_PUSH: Rules = {"ask": ["run_command(git push:*)"], "allow": ["run_command"]}

ALLOWED: list[tuple[str, Rules]] = [
    ("npm test", NPM),
    ("npm test --watch", NPM),
    ("npm test:unit", {"allow": ["run_command(npm test:*)"]}),
    ("'npm' \"test\"", NPM),
    ("npm test $X", NPM),
    ("npm test 2>&1", NPM),
    ("npm test >/dev/null", NPM),
    ("npm test && git diff | npm test", {"allow": [*NPM["allow"], *GIT["allow"]]}),
    ("(npm test); { npm test; }", NPM),
    ("if npm test; then git status; fi", {"allow": [*NPM["allow"], *GIT["allow"]]}),
    ("for name in a b; do npm test $name; done", NPM),
    ("cd src && npm test", NPM),
    ("cd src; cd lib; npm test", NPM),
    ("CI=1 npm test", NPM),
    ("timeout 60 npm test", NPM),
    ("time nice -n 5 npm test", NPM),
    ("env CI=1 npm test", NPM),
    ("npm run build --x", {"allow": ["run_command(npm run *)"]}),
    ("npm run", {"allow": ["run_command(npm run *)"]}),
    ("npm run test-all", {"allow": ["run_command(npm run test-*)"]}),
    ("make test", {"allow": ["run_command(make test)"]}),
    ("tool src/x/y", {"allow": ["run_command(tool src/*)"]}),
    ("git commit -m 'a && b'", {"allow": ["run_command(git commit:*)"]}),
    ("git commit -m done", {"allow": ["run_command(git commit -m 'done')"]}),
    ("PATH=/x npm test", {"allow": ["run_command(PATH=/x npm test)"]}),
    ("rm *.tmp", {"allow": ["run_command(rm *.tmp)"]}),
    ("anything < /etc/passwd || $X", {"allow": ["run_command"]}),
    ("if nothing", {"allow": ["run_command"]}),
    ("npm test > out/log.txt", {"allow": [*NPM["allow"], "write_file(out/**)"]}),
]


@pytest.mark.parametrize(("text", "rules"), ALLOWED, ids=[text for text, _ in ALLOWED])
def test_a_command_is_allowed_when_each_of_its_parts_is(text: str, rules: Rules) -> None:
    decision = decide(command(text), **rules)
    assert (decision.verdict, decision.reason.split(" of the program")[-1]) == ("allow", ""), decision


ASKED: list[tuple[str, Rules, str]] = [
    ("git push", NPM, "`git push` is not in any allow rule"),
    ("npm test && git push && git pull", NPM, "`git push` is not in any allow rule (and so for 1 more of its parts)"),
    ("npm tests", NPM, "`npm tests` is not in any allow rule"),
    ("./npm test", NPM, "`./npm test` is not in any allow rule"),
    ("NPM test", NPM, "`NPM test` is not in any allow rule"),
    ("npm 'test; rm x'", NPM, "`npm 'test; rm x'` is not in any allow rule"),
    ("npm test $(git push)", NPM, "`git push` is not in any allow rule"),
    ("npm test `git push`", NPM, "`git push` is not in any allow rule"),
    ("npm test <(git push)", NPM, "`git push` is not in any allow rule"),
    ("npm test\ngit push", NPM, "`git push` is not in any allow rule"),
    ("f() { git push; }; npm test", NPM, "`f` is not in any allow rule"),
    ("npm $X", NPM, "`npm $X` is not in any allow rule"),
    ("npm te*", NPM, "`npm te*` is not in any allow rule"),
    ("$X test", NPM, "`$X` decides at run time what runs"),
    ('bash -c "$X"', NPM, 'What `bash -c "$X"` does is not known beforehand'),
    ("source x.sh", NPM, "What `source x.sh` does is not known beforehand"),
    ("npm test | xargs git push", NPM, "`xargs git push` is not in any allow rule"),
    ("if nothing", NPM, "`if nothing` could not be understood"),
    ("# only a remark", NPM, "It is not known what it does"),
    ("tool src/../../x", {"allow": ["run_command(tool src/*)"]}, "`tool src/../../x` is not in any allow rule"),
    ("PATH=/evil npm test", NPM, "`PATH=/evil npm test` sets PATH, which may change what runs"),
    ("env PATH=/evil npm test", NPM, "`env PATH=/evil npm test` is not in any allow rule"),
    ("LD_PRELOAD=x.so npm test", NPM, "`LD_PRELOAD=x.so npm test` sets LD_PRELOAD, which may change what runs"),
    ("PATH=/evil; npm test", NPM, "`PATH=/evil` sets PATH, which may change what runs after it"),
    ("for PATH in /evil; do npm test; done", NPM, "`PATH` sets PATH, which may change what runs after it"),
    ("npm_config_script_shell=x; npm test", NPM, "sets npm_config_script_shell, which may change"),
    ("https_proxy=evil; npm test", NPM, "sets https_proxy, which may change what runs after it"),
    ("cd .. && npm test", NPM, "`cd ..` is not in any allow rule"),
    ("cd && npm test", NPM, "`cd` is not in any allow rule"),
    ("cd - && npm test", NPM, "`cd -` is not in any allow rule"),
    ("cd $X && npm test", NPM, "`cd $X` is not in any allow rule"),
    ("cd src; cd ..; npm test", NPM, "`cd ..` is not in any allow rule"),
    ("cd src; cd ../.. ; npm test", NPM, "`cd ../..` is not in any allow rule"),
    ("npm test &", NPM, "Something is started in the background, with `&`"),
    ("npm test & npm test", NPM, "Something is started in the background, with `&`"),
    ("npm test > out.txt", NPM, "It writes out.txt"),
    ("npm test > /etc/x", NPM, "It writes /etc/x"),
    ("npm test > $X", NPM, "`> $X`: only the shell will know which file is written"),
    ("npm test > .git/hooks/pre-push", NPM, "It writes .git/hooks/pre-push, a protected file (git internals"),
    (
        "git push origin",
        ASK_PUSH,
        "`git push origin` is asked about, by ask_tools run_command(git push:*) of the program",
    ),
    ("git -C . push", ASK_PUSH, "`git -C . push` is asked about"),
    ("git $X", ASK_PUSH, "What `git $X` does is not known beforehand, so run_command(git push:*) of the program may"),
]


@pytest.mark.parametrize(("text", "rules", "reason"), ASKED, ids=[text for text, *_ in ASKED])
def test_a_command_is_asked_about_with_the_reason(text: str, rules: Rules, reason: str) -> None:
    decision = decide(command(text), **rules)
    assert decision.verdict == "ask"
    assert reason in decision.reason


DENIED = [
    "rm",
    "rm -rf x",
    "/bin/rm x",
    "RM x",
    "'r'm x",
    r"\rm x",
    "npm test && rm x",
    "npm test; (rm x)",
    "echo $(rm x)",
    "echo `rm x`",
    "cat <(rm x)",
    "x=$(rm x)",
    "${x:-$(rm x)}",
    "f() { rm x; }",
    "while true; do rm x; done",
    "rm x &",
    "env A=b rm x",
    "sudo -u me rm x",
    "timeout 5 nice rm x",
    "command rm x",
    "exec rm x",
    "eval 'rm x'",
    "eval rm x",
    "bash -c 'rm x'",
    "sh -c 'bash -c \"rm x\"'",
    "find . -name x -exec rm {} +",
    "find . | xargs rm",
    "xargs -0 rm < list",
    "trap 'rm x' EXIT",
    "cat <<END\n$(rm x)\nEND",
]


@pytest.mark.parametrize("mode", ["default", "bypass", "auto"])
@pytest.mark.parametrize("text", DENIED)
def test_what_a_rule_denies_is_denied_wherever_it_stands_in_every_mode(text: str, mode: PermissionMode) -> None:
    more: Rules = {**NO_RM, "allow": ["run_command", "run_command(rm:*)"], "ask": ["run_command"]}
    for rules in (NO_RM, more):
        decision = decide(command(text, sandbox="bubblewrap"), mode, **rules)
        assert decision.verdict == "deny"
        assert "denied by disallowed_tools run_command(rm:*) of the program" in decision.reason


@pytest.mark.parametrize("text", ["$X x", "if nothing", 'bash -c "$X"', "source x.sh", "npm | bash", "xargs -I R R x"])
def test_what_might_be_denied_is_asked_about_even_where_nothing_else_is(text: str) -> None:
    for mode in ("default", "bypass", "auto"):
        decision = decide(command(text, sandbox="bubblewrap"), mode, deny=["run_command(rm:*)"], allow=["run_command"])
        assert decision.verdict == "ask"
        assert "so run_command(rm:*) of the program may be about it" in decision.reason


@pytest.mark.parametrize("text", ["git push", "git -C . push", "git --no-pager -c a=b push x", "git push $X"])
def test_options_between_the_words_do_not_hide_what_is_denied(text: str) -> None:
    assert decide(command(text), "bypass", **NO_PUSH).verdict == "deny"


@pytest.mark.parametrize("text", ["git commit -m push", "git log push", "git pushes", "agit push", "echo git push"])
def test_other_words_of_the_same_look_are_not_denied(text: str) -> None:
    assert decide(command(text), "bypass", **NO_PUSH).verdict == "allow"


@pytest.mark.parametrize(
    ("text", "mode", "sandbox", "verdict", "reason"),
    [
        ("npm ci", "default", "", "ask", "`npm ci` is not in any allow rule"),
        ("npm ci", "default", "bubblewrap", "ask", "`npm ci` is not in any allow rule"),
        ("npm ci", "accept-edits", "", "ask", "`npm ci` is not in any allow rule"),
        ("npm ci", "auto", "", "ask", "`npm ci` is not in any allow rule"),
        ("npm ci", "auto", "bubblewrap", "allow", "Auto mode allows what runs in the sandbox (bubblewrap)"),
        ("npm ci > $X || if", "auto", "bubblewrap", "allow", "Auto mode allows what runs in the sandbox (bubblewrap)"),
        ("npm ci > .envrc", "auto", "bubblewrap", "ask", "It writes .envrc, a protected file"),
        ("npm ci", "plan", "", "deny", "Plan mode: only calls that read may run. Describe the change instead"),
        ("npm ci", "dont-ask", "", "deny", "`npm ci` is not in any allow rule, and nobody is to be asked"),
        ("npm ci", "bypass", "", "allow", "Bypass mode allows what no rule names"),
        ("npm ci > .envrc", "bypass", "", "ask", "It writes .envrc, a protected file"),
        ("bash -c 'npm ci > .envrc'", "bypass", "", "ask", "It writes .envrc, a protected file"),
        ("cd $X; npm ci > .envrc", "bypass", "", "ask", "It writes .envrc, a protected file"),
        ("cd .git; npm ci > hooks/update", "bypass", "", "ask", "a protected file (git internals"),
        ("while :; do npm ci > hooks/update; cd .git; done", "bypass", "", "ask", "a protected file (git internals"),
        ("npm ci > .envrc", "dont-ask", "", "deny", "nobody is to be asked"),
    ],
)
def test_the_mode_decides_what_no_rule_names(
    text: str, mode: PermissionMode, sandbox: str, verdict: str, reason: str
) -> None:
    decision = decide(command(text, sandbox=sandbox), mode)
    assert decision.verdict == verdict
    assert reason in decision.reason


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("cat notes.txt && npm test", "allow"),
        ("npm test 2>&1 | grep -i fail | head -20", "allow"),
        ("cd sub && cat notes.txt; npm test", "allow"),
        ("for name in a b; do npm test; true; done", "allow"),
        ("cat < notes.txt; npm test", "allow"),
        ("cat /etc/passwd; npm test", "ask"),
        ("cd sub; cat ../notes.txt; npm test", "ask"),
        ("while :; do cat ../x; cd sub; done", "ask"),
        ("cat notes.txt > copy.txt", "ask"),
        ("cat $X; npm test", "ask"),
        ("cat() { npm test; }; cat notes.txt", "ask"),
        ("PATH=. cat notes.txt", "ask"),
        ("cd $X && cat notes.txt", "ask"),
        ("cat secret.txt; npm test", "ask"),
        ("grep -r x .; npm test", "ask"),
    ],
)
def test_parts_that_only_read_in_the_workspace_need_no_rule(text: str, verdict: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("notes.txt", "secret.txt"):
        (tmp_path / name).touch()
    (tmp_path / ".antiphonignore").write_text("secret.txt\n")
    workspace = Workspace(tmp_path.resolve(), ignored=open_ignored(tmp_path.resolve(), [".antiphonignore"]))
    permissions = Permissions("default", [parse_rule("run_command(npm test:*)", "allow")], workspace=workspace)
    assert permissions.decide(*command(text, cwd=tmp_path.resolve())).verdict == verdict


def test_where_it_cannot_be_told_what_is_hidden_a_part_is_asked_about(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "notes.txt").touch()
    (root / ".antiphonignore").mkdir()
    workspace = Workspace(root, ignored=open_ignored(root, [".antiphonignore"]))
    permissions = Permissions(workspace=workspace)
    assert permissions.decide(*command("cat notes.txt; cat notes.txt", cwd=root)).verdict == "ask"


def test_what_writes_is_an_edit_though_the_command_only_reads(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "notes.txt").touch()
    call = command("cat notes.txt > copy.txt", cwd=root)
    assert decide(call, "accept-edits", root=root).verdict == "allow"
    asked = decide(call, root=root)
    assert [(part.verdict, part.reason) for part in asked.parts] == [
        ("allow", "`cat notes.txt` changes nothing"),
        ("ask", "It writes copy.txt"),
    ]


def test_a_command_that_is_known_to_only_read_needs_no_rule_but_obeys_them() -> None:
    call, _, subject = command("git log")
    reading = replace(subject, reads=True)
    for mode in get_args(PermissionMode):
        assert decide((call, READS_NOTHING_LOCAL, reading), mode).verdict == "allow"
        assert decide((call, READS_NOTHING_LOCAL, reading), mode, deny=["run_command(git:*)"]).verdict == "deny"
    assert decide((call, READS_NOTHING_LOCAL, reading), ask=["run_command(git log:*)"]).verdict == "ask"


def test_files_that_a_command_writes_in_the_workspace_are_edits() -> None:
    allow = ["run_command(npm test:*)"]
    assert decide(command("npm test > out.txt"), "accept-edits", allow=allow).verdict == "allow"
    assert decide(command("npm test > ../out.txt"), "accept-edits", allow=allow).verdict == "ask"
    denied = decide(command("npm test > out.txt"), "bypass", deny=["edit_file(*.txt)"])
    assert denied.reason == (
        "The settings do not allow writing out.txt: denied by disallowed_tools edit_file(*.txt) of the program"
    )


def test_leaving_the_sandbox_is_asked_about_although_the_command_is_allowed() -> None:
    call = command("npm test", leaves=True)
    for mode in ("default", "accept-edits", "auto"):
        decision = decide(call, mode, **NPM)
        assert (decision.verdict, decision.reason) == ("ask", "`npm test` is to run outside of the sandbox")
    both = decide(command("npm test; git push", leaves=True), **NPM)
    assert both.reason.endswith("is to run outside of the sandbox, and `git push` is not in any allow rule")
    assert Permissions.of(root=ROOT).suggestions(call[0], call[2]) == ()
    assert decide(call, "dont-ask", **NPM).verdict == "deny"
    assert decide(command("rm x", leaves=True), **NO_RM).verdict == "deny"
    # Who allows all commands, or everything, has allowed this.
    assert decide(call, allow=["run_command"]).verdict == "allow"
    assert decide(call, "bypass").verdict == "allow"
    reading = replace(call[2], reads=True)
    assert decide((call[0], READS_NOTHING_LOCAL, reading)).verdict == "allow"


def test_each_part_has_a_decision_of_its_own() -> None:
    decision = decide(command("npm test > out.txt && git push; rm x"), **{**NPM, **NO_RM})
    assert [(part.verdict, str(getattr(part.part, "raw", part.part))) for part in decision.parts] == [
        ("allow", "npm test"),
        ("ask", str(ROOT / "out.txt")),
        ("ask", "git push"),
        ("deny", "rm x"),
    ]
    assert decision.verdict == "deny"


def test_a_rule_added_meanwhile_holds_at_once() -> None:
    permissions = Permissions.of(root=ROOT)
    call = command("npm test && npm test")
    assert permissions.decide(*call).verdict == "ask"
    for rule in permissions.suggestions(call[0], call[2]):
        permissions.add(rule)
    assert permissions.decide(*call).verdict == "allow"
