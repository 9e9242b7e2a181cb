"""What a command line is found to consist of."""

import pytest

from antiphon.shell.parsing import parse


def names(text: str) -> list[str]:
    script = parse(text)
    assert script is not None, text
    return [" ".join(word.raw for word in command.words) for command in script.commands]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ls -la", ["ls -la"]),
        ("a && b || c; d | e", ["a", "b", "c", "d", "e"]),
        ("(a; b) && { c; }", ["a", "b", "c"]),
        ("if a; then b; elif c; then d; else e; fi", ["a", "b", "c", "d", "e"]),
        ("echo $(rm x) `rm y` <(rm z)", ["echo $(rm x) `rm y` <(rm z)", "rm x", "rm y", "rm z"]),
    ],
)
def test_every_command_is_found_in_the_order_it_stands(text: str, found: list[str]) -> None:
    assert names(text) == found
