"""Scripts say what the model does; a mistake in one is named with its place."""

from pathlib import Path
from typing import Any

import pytest

from antiphon.emulator import (
    After,
    Drop,
    Emulator,
    Reply,
    Script,
    Text,
    ToolUse,
    When,
    load_script,
    parse_script,
    reply,
)
from antiphon.errors import SettingsError


def test_yaml_and_python_give_the_same_script() -> None:
    script = parse_script(
        """
        loop: true
        replies:
          - content:
              - I look.
              - {type: tool_use, name: read_file, input: {path: a.py}, delay: 0.1}
            faults: [{kind: drop, after: {blocks: 1}}]
          - content: [{type: text, text: For errors, chunk: 3}]
            when: {result: error}
          - Done.
        """
    )
    assert script == Script(
        [
            reply("I look.", ToolUse("read_file", {"path": "a.py"}, delay=0.1), faults=[Drop(After(blocks=1))]),
            reply(Text("For errors", chunk=3), when=When(result="error")),
            "Done.",
        ],
        loop=True,
    )


def test_a_list_alone_is_a_script() -> None:
    assert parse_script("[hello, {content: [there]}]") == Script(["hello", Reply(content=["there"])])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "script is not YAML: "),
        ("replies: [{conten: []}]", "script: Object contains unknown field `conten` - at `$.replies[0]`"),
        ("replies: 7", "script: Expected `array`, got `int` - at `$.replies`"),
        ("just text", "script: Expected `object`, got `str`"),
        ("", "script: Expected `object`, got `null`"),
        ("[{content: [{type: tool_call}]}]", "script: Invalid value 'tool_call' - at `$.replies[0].content[0].type`"),
        (
            "[{content: [{type: tool_use}]}]",
            "script: Object missing required field `name` - at `$.replies[0].content[0]`",
        ),
        (
            "[{faults: [{kind: drop, after: {blocks: 1, events: 2}}]}]",
            "script: exactly one of blocks, events and bytes is wanted - at `$.replies[0].faults[0].after`",
        ),
        ("[{faults: [{kind: explode}]}]", "script: Invalid value 'explode' - at `$.replies[0].faults[0].kind`"),
        (
            "[{faults: [{kind: insert}]}]",
            "script: exactly one of event and data is wanted - at `$.replies[0].faults[0]`",
        ),
        ("[{when: {}}]", "script: one of text, result and model is wanted - at `$.replies[0].when`"),
        (
            "[{when: {text: '('}}]",
            "script: '(' is not a regular expression: missing ), unterminated subpattern at position 0 - at `$.repli",
        ),
        ("[{chunk: 0}]", "script: chunk must be at least 1 - at `$.replies[0]`"),
        ("[{times: 0}]", "script: times must be at least 1 - at `$.replies[0]`"),
        ("[{delay: soon}]", "script: Expected `float`, got `str` - at `$.replies[0].delay`"),
        ("[{delay: -1}]", "script: Expected `float` >= 0.0 - at `$.replies[0].delay`"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parse_script(text)
    assert str(raised.value).startswith(complaint)


def test_a_script_is_read_from_yaml_and_python_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("[hello]")
    (tmp_path / "a.py").write_text("from antiphon.emulator import reply\nscript = [reply('hello')]\n")
    assert load_script(tmp_path / "a.yaml") == Script(["hello"])
    assert load_script(tmp_path / "a.py") == Script([Reply(content=["hello"])])


def test_a_file_that_is_no_script_is_named(tmp_path: Path) -> None:
    broken, empty, missing = tmp_path / "broken.yaml", tmp_path / "empty.py", tmp_path / "missing.yaml"
    broken.write_text("replies: 7")
    empty.write_text("replies = []\n")
    expected: list[tuple[Path, str]] = [
        (broken, f"{broken}: Expected `array`, got `int` - at `$.replies`"),
        (empty, f"{empty}: a script in Python calls it `script`, and nothing is called so"),
        (missing, f"{missing}: No such file or directory"),
    ]
    for file, complaint in expected:
        with pytest.raises(SettingsError) as raised:
            load_script(file)
        assert str(raised.value) == complaint


def test_a_mistake_in_python_is_told_when_the_emulator_is_made() -> None:
    wrong: Any = [7]
    with pytest.raises(SettingsError, match="a reply is a Reply, a text, a list of blocks or a function, not 7"):
        Emulator(wrong)
