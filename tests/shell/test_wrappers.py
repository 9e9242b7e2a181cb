"""What really runs where one command is given to another."""

import pytest

from antiphon.shell.parsing import parse
from antiphon.shell.script import SimpleCommand, Word
from antiphon.shell.variables import is_harmless
from antiphon.shell.wrappers import is_harmless_wrapper, unfolded, unwrapped


def only(text: str) -> SimpleCommand:
    script = parse(text)
    assert script is not None, text
    return script.commands[0]


def raws(commands: tuple[SimpleCommand, ...] | None) -> list[str] | None:
    return None if commands is None else [" ".join(word.raw for word in command.words) for command in commands]


RUNS = {
    "ls -la": [],
    "timeout -k 5 60 npm test": ["npm test"],
    "timeout --signal=KILL 60 npm test": ["npm test"],
    "env A=1 B= rm x": ["rm x"],
    "env -i -u HOME -- rm x": ["rm x"],
    "/usr/bin/env rm x": ["rm x"],
    "env": [],
    "nice -n 5 rm x": ["rm x"],
    "nice -5 rm x": ["rm x"],
    "time -p rm x": ["rm x"],
    "stdbuf -oL rm x": ["rm x"],
    "nohup rm x": ["rm x"],
    "setsid -w rm x": ["rm x"],
    "ionice -c 3 rm x": ["rm x"],
    "chroot /x rm y": ["rm y"],
    "flock /tmp/lock rm x": ["rm x"],
    "command rm x": ["rm x"],
    "command -v rm": [],
    "builtin cd x": ["cd x"],
    "exec -a name rm x": ["rm x"],
    "exec 3<f": [],
    "sudo -u root -n rm x": ["rm x"],
    "doas rm x": ["rm x"],
    "xargs -0 -n 1 rm -f": ["rm -f ..."],
    "xargs -I{} mv {} x": ["mv {} x ..."],
    "xargs": ["echo ..."],
    "find . -name x -exec rm {} \\; -o -execdir ls {} +": ["rm {}", "ls {}"],
    "find . -name '*.py'": [],
    "fd -e py -x rm": ["rm"],
    "bash -c 'rm x && ls'": ["rm x", "ls"],
    "bash -euo pipefail -c 'rm x' name": ["rm x"],
    "bash -lc 'rm x'": ["rm x"],
    "sh -c 'rm x | ls'": ["rm x", "ls"],
    "bash --version": [],
    "eval rm x": ["rm x"],
    "eval 'rm x; ls'": ["rm x", "ls"],
    "trap 'rm x' EXIT": ["rm x"],
    "trap - EXIT": [],
    "watch -n 5 'rm x | ls'": ["rm x", "ls"],
    '[ "$x" = y ]': [],
    '[ -n "$x" ]': [],
    "printf '%s' \"$x\"": [],
    "read -r line": [],
    'export A=1 B="$x"': [],
    "set -euo pipefail": [],
    "X=1": [],
}


@pytest.mark.parametrize("text", RUNS)
def test_what_a_command_runs_is_known(text: str) -> None:
    assert raws(unwrapped(only(text))) == RUNS[text]


UNKNOWN = [
    "$x", '"$x" y', "*", "env $x rm", "env -S 'rm x'", "env --split-string='rm x'", "env *", "timeout $x rm",
    "timeout --odd 5 rm", "nice $x", "xargs sh", "xargs bash -c", "xargs env", "xargs -I{} sh -c 'rm {}'",
    "xargs -I x x", "xargs --replace rm", "xargs $x", "sudo -s", "sudo -i rm", "find . $x", "find . -exec {} \\;",
    "find . *", "find . -exec $x \\;", "bash", "bash -s", "bash x.sh", "bash -c", 'bash -c "$x"', "bash -c 'ls $('",
    "bash $x", "bash --rcfile x -c ls", "sh -c '[[ a > b ]]'", "sh -c 'ls &> x'", "zsh -c ls", "fish -c ls",
    'eval "$x"',
    "eval 'ls $('", 'trap "$x" EXIT', "source x", ". x", "parallel rm", "su -c ls", "script -c ls", 'watch "$x"',
    "flock x -c 'rm y'", "flock $x rm",
    "alias ls=rm", "let 'a[$(rm)]=1'", "test -v 'a[$(rm)]'", "[ -v 'a[$(rm)]' ]", 'test "$x" "$y"', "[ $x = y ]",
    "declare -i x='a[$(rm)]'", "declare -n x=y", "declare -a 'x=($(rm))'", "declare 'a[$(rm)]=1'", "export $x",
    "printf -v 'a[$(rm)]' x", 'printf "$x" y', "read 'a[$(rm)]'", "unset 'a[$(rm)]'", "mapfile -C rm x", "hash -p x ls",
    "enable -f x y", "shopt -s expand_aliases", "set -x", "complete -C rm x", "jobs -x rm", "bind -x rm",
    "wait -p a[0] 1", "getopts a 'x[$(rm)]'",
]  # fmt: skip


@pytest.mark.parametrize("text", UNKNOWN)
def test_what_cannot_be_known_is_not_guessed(text: str) -> None:
    assert unfolded((only(text),)) is None


def test_programs_that_run_programs_are_followed_to_the_end() -> None:
    text = """timeout 5 env bash -c 'xargs -n1 find . -exec sh -c "rm x" \\;'"""
    assert raws(unfolded((only(text),))) is None  # xargs adds words, and `find` might run what they say
    text = """timeout 5 env bash -c 'find . -exec nice sh -c "rm x" \\;'"""
    found = raws(unfolded((only(text),)))
    assert found is not None
    assert [raw.split()[0] for raw in found] == ["timeout", "env", "bash", "find", "nice", "sh", "rm"]


def test_assignments_of_env_are_those_of_what_it_runs() -> None:
    inner = unwrapped(only("X=1 env PATH=/y rm"))
    assert inner is not None
    assert [(name, value.text) for name, value in inner[0].assignments] == [("X", "1"), ("PATH", "/y")]


@pytest.mark.parametrize(
    "text",
    ["timeout 60 npm test", "nice npm test", "nohup npm test", "stdbuf -oL npm test", "time npm test",
     "command npm test", "env CI=1 LANG=C npm test"],
)  # fmt: skip
def test_some_wrappers_change_nothing(text: str) -> None:
    assert is_harmless_wrapper(only(text))


@pytest.mark.parametrize(
    "text",
    ["npm test", "env PATH=/x npm test", "env -C / npm test", "env -i npm test", "sudo npm test", "xargs npm test",
     "bash -c 'npm test'", "exec npm test", "./timeout 60 npm test", "timeout 60", "command -v npm", "chroot / npm"],
)  # fmt: skip
def test_others_change_something_or_wrap_nothing(text: str) -> None:
    assert not is_harmless_wrapper(only(text))


@pytest.mark.parametrize(
    ("name", "value"), [("CI", "1"), ("LC_ALL", "C.UTF-8"), ("PAGER", "cat"), ("TZ", "Europe/Berlin"), ("LANG", "")]
)
def test_some_variables_change_nothing_that_runs(name: str, value: str) -> None:
    assert is_harmless(name, Word(value, value))


@pytest.mark.parametrize(
    ("name", "value"),
    [("PATH", "/x"), ("LD_PRELOAD", "x"), ("PAGER", "sh"), ("GIT_SSH_COMMAND", "x"), ("BASH_ENV", "x"), ("LC_", "x"),
     ("PYTHONPATH", "x"), ("LANG", "../x"), ("TZ", "../../etc/x"), ("CI", None), ("PS4", "1"), ("PYTHONWARNINGS", "x")],
)  # fmt: skip
def test_other_variables_may(name: str, value: str | None) -> None:
    assert not is_harmless(name, Word(value or "$x", value))
