import argparse

import pytest

from antiphon.cli.arguments import COMMANDS, build_parser
from antiphon.cli.invocation import Invocation, invocation_of, setting_flags
from antiphon.settings import Settings, load


def parsed(*arguments: str) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = build_parser()
    return parser, parser.parse_args(arguments)


def invocation(*arguments: str, terminal: bool = True) -> Invocation:
    return invocation_of(*parsed(*arguments), terminal=terminal)


def settings(*arguments: str) -> Settings:
    return load(setting_flags(*parsed(*arguments)), {"HOME": "/nowhere"})


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    def use() -> None:
        invocation(*arguments)
        settings(*arguments)

    with pytest.raises(SystemExit) as caught:
        use()
    assert caught.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("-p", "say hello"),
        ("say hello", "-p"),
        ("--print", "say hello"),
        ("--prompt", "say hello"),
        ("-p", "--max-turns", "3", "say hello"),
        ("-p", "--", "say hello"),
    ],
)
def test_a_headless_prompt_may_stand_where_other_agents_have_it(arguments: tuple[str, ...]) -> None:
    assert invocation(*arguments) == Invocation("say hello", headless=True)


def test_a_prompt_may_begin_with_a_dash_behind_two_dashes() -> None:
    assert invocation("-p", "--", "-x is no flag").prompt == "-x is no flag"


def test_a_prompt_on_a_terminal_begins_a_session() -> None:
    assert invocation("say hello") == Invocation("say hello", headless=False)
    assert invocation() == Invocation("", headless=False)


def test_without_a_terminal_one_prompt_is_answered() -> None:
    assert invocation("say hello", terminal=False).headless
    assert invocation(terminal=False).headless


def test_a_dash_takes_the_prompt_from_standard_input() -> None:
    assert invocation("-") == invocation("-p", "-") == Invocation("-", headless=True)


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        (("-p", "x"), "text"),
        (("-p", "x", "-o", "json"), "json"),
        (("x", "--output-format", "stream-json"), "stream-json"),
        (("x", "--json"), "stream-json"),
        (("x", "--json", "-o", "stream-json"), "stream-json"),
    ],
)
def test_a_format_for_programs_answers_one_prompt(arguments: tuple[str, ...], chosen: str) -> None:
    found = invocation(*arguments)
    assert (found.format, found.headless) == (chosen, True)


def test_two_prompts_are_a_mistake_that_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert "more than one prompt ('bug', 'fix'); put quotes around it" in refusal(capsys, "-p", "fix", "bug")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--json", "-o", "text"), "--json is stream-json, which contradicts --output-format text"),
        (("--include-partial-messages", "-p", "x"), "needs --output-format stream-json"),
        (("--yolo", "--permission-mode", "plan"), "--yolo contradicts --permission-mode plan"),
        (("--output-format", "yaml"), "invalid choice"),
        (("--max-turns", "many"), "invalid int value"),
        (("--max-turn", "3"), "unrecognized arguments"),
    ],
)
def test_what_contradicts_itself_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert said in refusal(capsys, *arguments)


def test_tools_are_named_with_commas_spaces_or_repeated_flags() -> None:
    found = settings("--allowed-tools", "read_file,edit_file", "--allowedTools", "run_command web_fetch")
    assert found.allowed_tools == ("read_file", "edit_file", "run_command", "web_fetch")
    assert settings("--disallowed-tools", "a", "--disallowedTools", "b").disallowed_tools == ("a", "b")


@pytest.mark.parametrize("flag", ["-y", "--yolo", "--dangerously-skip-permissions"])
def test_every_name_for_allowing_everything_is_understood(flag: str) -> None:
    assert settings(flag).permission_mode == "bypass"


def test_flags_become_settings() -> None:
    assert settings(
        *("-m", "some-model", "--max-turns", "3", "--max-parallel-tools", "2", "--timeout", "1.5"),
        *("--add-dir", "a", "--add-dir", "b", "--system-prompt", "s", "--append-system-prompt", "t"),
        *("--permission-mode", "accept-edits"),
    ) == Settings(
        model="some-model",
        max_turns=3,
        max_parallel_tools=2,
        timeout=1.5,
        add_dirs=("a", "b"),
        system_prompt="s",
        append_system_prompt="t",
        permission_mode="accept-edits",
    )


def test_help_names_every_command_and_the_way_without_a_key() -> None:
    text = build_parser().format_help()
    assert all(f"\n  {name} " in text for name in COMMANDS)
    assert "antiphon demo needs no key" in text
