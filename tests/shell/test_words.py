"""Words are what the shell makes of them."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.shell.parsing import parse

WORDS = st.lists(
    st.sampled_from(
        [
            "a",
            "a b",
            "",
            "'",
            '"',
            "$x",
            "\\",
            "*",
            "x'y",
            "-n",
            ";",
            "&&",
            "|",
            "é",
            "~",
            "`",
            "\t",
            "\n",
            "{a,b}",
            "#",
        ]
    ),
    min_size=1,
    max_size=4,
)


def texts(command: str) -> list[str | None]:
    script = parse(command)
    assert script is not None
    return [word.text for word in script.commands[0].words[1:]]


@settings(deadline=None)  # the first of them loads the grammar
@given(WORDS, st.integers(0, 2**30))
def test_quoted_words_are_what_was_quoted(words: list[str], seed: int) -> None:
    quoted: list[str] = []
    for position, word in enumerate(words):
        if (seed >> position) & 1:
            quoted.append("'" + word.replace("'", "'\\''") + "'")
        else:
            quoted.append('"' + "".join(f"\\{c}" if c in '$`"\\' else c for c in word) + '"')
    assert texts("printf " + " ".join(quoted)) == words


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_shell_agrees_about_words(shell: str) -> None:
    command = r"""printf '<%s>\n' a\ b 'c d'"e f" "g\h" "i\"j" HEAD~1 x^y a:b,c@d%e+f=g ! "k\\l" m\;n '' a$ "b$" """
    said = subprocess.run([shell, "-c", command], check=True, capture_output=True, text=True).stdout.splitlines()
    assert said == [f"<{text}>" for text in texts(command)[1:]]


@pytest.mark.parametrize(
    "word",
    [
        "$x",
        '"$x"',
        "${x}",
        "$(ls)",
        "`ls`",
        "$((1+2))",
        "~",
        "~/x",
        "a=~/x",
        "a:~",
        "{a,b}",
        "{1..3}",
        "$'a'",
        "é",
        "<(ls)",
    ],
)
def test_what_only_the_shell_will_know_is_not_guessed(word: str) -> None:
    assert texts(f"echo {word}") == [None]


def test_what_looks_up_files_is_marked() -> None:
    script = parse("ls *.py a? [ab] '*' [ a] \\*")
    assert script is not None
    assert [word.glob for word in script.commands[0].words] == [False, True, True, True, False, False, False, False]
