"""What a command line is found to consist of."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.shell.parsing import LONGEST, parse
from antiphon.shell.script import Script, SimpleCommand


def understood(text: str) -> Script:
    script = parse(text)
    assert script is not None, text
    return script


def only(text: str) -> SimpleCommand:
    (command,) = understood(text).commands
    return command


def names(text: str) -> list[str]:
    return [" ".join(word.raw for word in command.words) for command in understood(text).commands]


FOUND = {
    "ls -la": ["ls -la"],
    "a && b || c; d | e": ["a", "b", "c", "d", "e"],
    "a &\nb": ["a", "b"],
    "(a; b) && { c; }": ["a", "b", "c"],
    "! a |& b": ["a", "b"],
    "if a; then b; elif c; then d; else e; fi": ["a", "b", "c", "d", "e"],
    "while a; do b; done; until c\ndo d\ndone": ["a", "b", "c", "d"],
    "for x in a $(b); do c $x; done": ["", "b", "c $x"],
    "case $(a) in x|y) b;; (*) c; esac": ["a", "b", "c"],
    "f() { a; }; function g { b; }; f": ["function f", "a", "function g", "b", "f"],
    "echo $(rm x) `rm y` <(rm z)": ["echo $(rm x) `rm y` <(rm z)", "rm x", "rm y", "rm z"],
    'echo "a $(b "$(c)") d"': ['echo "a $(b "$(c)") d"', 'b "$(c)"', "c"],
    "echo ${x:-$(a)} > $(b)": ["echo ${x:-$(a)}", "a", "b"],
    "X=$(a) Y=`b`": ["", "a", "b"],
    "X=(1 $(a))": ["", "a"],
    "export X=$(a) Y": ["export X=$(a) Y", "a"],
    "[ -f $(a) ] && [[ -n $(b) || x == y* ]]": ["[ -f $(a) ]", "a", "[[ -n $(b) || x == y* ]]", "b"],
    "cat <<E\nx $(a) \\$(b) $(c)\nE\nd": ["cat", "a", "c", "d"],
    "cat <<'E' | a\n$(b)\nE": ["cat", "a"],
    "cat <<E && a > f\nx E\nE": ["cat", "a"],
    "cat <<-'E'\n\t$(a)\n\tE\nb": ["cat", "b"],
    "git commit -m \"$(cat <<'E'\nIt's (a) `title`\nE\n)\" && a": [
        "git commit -m \"$(cat <<'E'\nIt's (a) `title`\nE\n)\"",
        "cat",
        "a",
    ],
    "python - <<'E'\nprint(1)\nE": ["python -"],
    "cat <<<$(a)": ["cat", "a"],
    "time -p a | b": ["time -p a", "b"],
    "a \\\n  -b \\\n  && c": ["a -b", "c"],
    "a # $(b)\nc": ["a", "c"],
    "if a; then\n  # $(b)\n  c\nfi": ["a", "c"],
    'echo "a"#b; c': ['echo "a"#b', "c"],
    # The grammar takes all words after a target for further targets.
    ">f a b": ["a b"],
    "a <f b >g c": ["a b c"],
    "a | b >f c": ["a", "b c"],
    "unset x": ["unset x"],
    "echo {} {a,b} HEAD@{1}": ["echo {} {a,b} HEAD@{1}"],
}


@pytest.mark.parametrize("text", FOUND)
def test_every_command_is_found_in_the_order_it_stands(text: str) -> None:
    assert names(text) == FOUND[text]


NOT_UNDERSTOOD = [
    "ls 'unfinished", 'ls "unfinished', "ls $(", "ls `", "(ls", "ls)", "ls;;", "ls ; ; ls", "ls & ; ls", "ls ;& ls",
    "| ls", "ls |", "if ls; then", "if ls; then fi", "fi", "ls\\\nrm", "ls \\", "ls\rrm", "ls\x0brm", "ls \xa0x",
    "ls \0", "-x", "+x",
    # To bash a word of another kind, or no word.
    "{ls;}", "time (ls)", "time if a; then b; fi", "time", "coproc ls", "select x in a; do b; done", "a; then", "in x",
    "ls | ! rm", "ls[ x; rm ]", "a[$(rm)]=1", "x=([a]=1)", "case a in x) b esac", "for i in[a; do b; done",
    "for\nx in a; do b; done", "if a; then b; elif c; then else d; fi", "a\n; b", "function f{ a; }", "a\n\\\n&& b",
    # To bash `[` is a program like others.
    "[ -f x && rm y ]", "[ a > b ]", "[ x", '[ "$x" "$y"',
    # Where bash evaluates words, and what is in them, as arithmetic.
    "((x))", "((x = 1))", "echo $((x))", "echo $((a[$(rm)]))", "echo $[1]", "echo ${x@P}", "echo ${!x}", "echo ${!#}",
    "echo $(a # b\n)", "a >&$x", "a >&'$(rm)'", "a <&$x", "echo ${a[x]}",
    "echo ${x:y}", "[[ $x -eq 1 ]]", "[[ x -gt 1 ]]", "[[ -v a[0] ]]", "for ((i=0;i<3;i++)); do a; done",
    # Here documents that end elsewhere than the grammar thinks, or may.
    "cat <<E\na\n E\nE", "cat <<E\na", "cat <<'E'x\na\nE", "cat <<E <<F\na\nE\nb\nF", "cat <<E; rm\na\nE",
    "cat <<E\nx `a`\nE", "cat <<E\na\\\nE\nE", "cat <<$x\na\n$x",
    # The descriptor, or the rest of a word, would be something else.
    "ls {x}>f", "ls >& -a rm", "ls >2>f", '$"a"', "a=b(c)", "ls @(a|b)", "echo `echo \\`rm\\``",
    "alias a=b #\\\n'",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_UNDERSTOOD)
def test_it_is_not_understood(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    "part", ["(", "$(", "a|", "a=(", "<<a\n", "$[", "))", "<<<", "[[ ( ", "${x:-", '"$(', "! ", "a && ", "if a; then "]
)
def test_no_text_is_too_long_or_too_deep(part: str) -> None:
    assert parse(part * 20_000) is None
    assert parse((part * 20_000)[:LONGEST]) is None


@settings(deadline=None)  # the first of them loads the grammar
@given(st.text(alphabet="ls cat|&;<>$`'\"\\(){}*?[]~!#=-/.\n\t2>1éE", max_size=40))
def test_no_text_is_too_odd_and_what_is_understood_has_no_loose_ends(text: str) -> None:
    script = parse(text)
    if script is not None and script.plain:
        assert all(command.words for command in script.commands)
        assert [command.joint == "" for command in script.commands] == [True] + [False] * (len(script.commands) - 1)


COMMANDS = st.recursive(
    st.sampled_from(["@ x", "@ 'a; b'", "X=1 @", "@ >f", "@ <f y", "@ 2>&1", '@ "$v"', "@ --k=v \\\n -z"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" | ", " && ", " || ", "; ", " & ", "\n", "|", "&&", ";"]), inner).map(
            "".join
        ),
        inner.map("( {} )".format),
        inner.map(lambda text: "{ " + text + "\n}"),
        inner.map('@ "$( {} )"'.format),
        inner.map("@ <( {} )".format),
        inner.map("if {}\nthen @\nfi".format),
        inner.map("while @; do {}\ndone".format),
        inner.map("case x in a) {}\n;; esac".format),
    ),
    max_leaves=8,
)


@settings(deadline=None)  # the first of them loads the grammar
@given(COMMANDS)
def test_exactly_the_programs_that_were_put_in_are_found(pattern: str) -> None:
    first, *rest = pattern.split("@")
    text = first + "".join(f"prog{number}{part}" for number, part in enumerate(rest))
    found = [command.words[0].text for command in understood(text).commands]
    assert found == [f"prog{number}" for number in range(len(rest))]


def test_joints_assignments_and_redirections_are_told() -> None:
    first, second = understood("X=1 Y='a b' a >f 2>&1 <g && b >>h").commands
    assert [(name, value.text) for name, value in first.assignments] == [("X", "1"), ("Y", "a b")]
    assert [(one.operator, one.target and one.target.text, one.writes) for one in first.redirections] == [
        (">", "f", True),
        (">&", "1", False),
        ("<", "g", False),
    ]
    assert (first.joint, second.joint, second.redirections[0].operator) == ("", "&&", ">>")


@pytest.mark.parametrize(
    ("text", "writes"),
    [
        ("a >f", True), ("a >>f", True), ("a >|f", True), ("a &>f", True), ("a >&f", True), ("a >$x", True),
        ("a >/dev/tcp/host/80", True), ("a </dev/tcp/host/80", True), ("a >/dev/null", False), ("a 2>&1", False),
        ("a >&-", False), ("a <f", False), ("a <<<f", False), ("a <<E\nE\n", False), ("a &>/dev/null", False),
    ],
)  # fmt: skip
def test_redirections_that_write_are_marked(text: str, writes: bool) -> None:  # noqa: FBT001  (a table)
    assert [redirection.writes for redirection in only(text).redirections] == [writes]


@pytest.mark.parametrize("text", ["{ a; b; } >f", "(a; b) >f", "if a; then b; fi >f", "f() { a; b; } >f"])
def test_the_redirection_of_a_group_stands_with_each_of_its_commands(text: str) -> None:
    commands = [command for command in understood(text).commands if command.words[0].text != "function"]
    assert [[one.operator for one in command.redirections] for command in commands] == [[">"], [">"]]


@pytest.mark.parametrize("text", ["((1)) >f", "case x in y) ;; esac >f"])
def test_no_redirection_is_lost_where_there_is_no_command(text: str) -> None:
    assert [one.target and one.target.text for one in only(text).redirections] == ["f"]


def test_the_variable_of_a_loop_and_of_a_default_is_an_assignment() -> None:
    assert [name for name, _ in understood("for PATH in /x; do a; done").commands[0].assignments] == ["PATH"]
    assert [name for name, _ in understood("a ${PATH:=/x}").commands[1].assignments] == ["PATH"]


@pytest.mark.parametrize("text", ["a", "a | b && c; d || e\nf", "a >f 2>&1 <g", "a 'b' \"c\"", "[ -f x ]", "X=1 a"])
def test_a_list_of_simple_commands_is_plain(text: str) -> None:
    assert understood(text).plain


@pytest.mark.parametrize(
    "text",
    ["a &", "a & b", "(a)", "{ a; }", "! a", "a $x", "a $(b)", "a |& b", "a &>f", "a <<<b", "a <<E\nE\n", "[[ a ]]",
     "f() { a; }", "for x in y; do a; done", "X=1", "a é", "a ~", "a # b", "a $'b'", "a {b,c}"],
)  # fmt: skip
def test_what_other_shells_may_take_otherwise_is_not_plain(text: str) -> None:
    assert not understood(text).plain


def test_what_stands_in_another_command_is_nested() -> None:
    nested = [command.nested for command in understood("a; (b); c $(d) && if e; then f; fi").commands]
    assert nested == [False, True, False, True, True, True]
