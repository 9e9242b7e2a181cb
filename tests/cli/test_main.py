import re
import subprocess
import sys
from pathlib import Path

import pytest
from programs import OnTerminal, run_antiphon, surroundings

import antiphon
from antiphon.cli.main import main


@pytest.mark.parametrize("flag", ["--version", "-V", "-v"])
def test_the_version_is_told(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    assert main([flag]) == 0
    assert capsys.readouterr().out == f"antiphon {antiphon.__version__}\n"


def test_the_version_is_told_wherever_the_flag_stands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-p", "--version"]) == 0
    assert capsys.readouterr().out == f"antiphon {antiphon.__version__}\n"


def test_help_is_told_and_loads_no_agent(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom antiphon.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('anyio', 'asyncio', 'msgspec', 'httpx2', 'rich', 'yaml') if name in sys.modules])"
    )
    (tmp_path / "probe.py").write_text(code)
    ended = subprocess.run([sys.executable, tmp_path / "probe.py"], capture_output=True, text=True, check=True)
    assert "usage: antiphon" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "[]"


def test_without_a_key_it_says_what_to_do(tmp_path: Path) -> None:
    ended = run_antiphon("-p", "hello", environment=surroundings(tmp_path), cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "antiphon: there is no key for the model's API. Set ANTHROPIC_API_KEY (or ANTHROPIC_AUTH_TOKEN), or keep one "
        "in the system's keyring with `antiphon key set`, and try again; `antiphon demo` shows Antiphon at work "
        "without one.\n"
    )


def test_without_a_key_a_session_says_so_too(tmp_path: Path) -> None:
    with OnTerminal(environment=surroundings(tmp_path), cwd=tmp_path) as program:
        program.sees("there is no key for the model's API")
        assert program.ends() == 2


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        (("--add-dir", "nowhere", "-p", "x"), {}, "--add-dir nowhere is not a directory."),
        (("--cd", "nowhere", "-p", "x"), {}, "--cd nowhere cannot be entered: No such file or directory."),
        (("--max-turns", "0", "-p", "x"), {}, "--max-turns is 0; wanted is a whole number from 1."),
        (
            ("-p", "x"),
            {"ANTIPHON_TIMEOUT": "long"},
            "ANTIPHON_TIMEOUT is 'long'; wanted is a number of seconds above 0.",
        ),
        (
            ("--allowed-tools", "Bash(git *)", "-p", "x"),
            {},
            "--allowed-tools: Bash(git *) is not a usable rule: here it is run_command(git *).",
        ),
        (
            ("--disallowed-tools", "reed_file", "-p", "x"),
            {},
            "--disallowed-tools: reed_file is not a usable rule: no tool is named reed_file; did you perhaps mean",
        ),
        (("-p", "x"), {"ANTIPHON_WEB_SEARCH": "altavista"}, "web_search: 'altavista' is no search engine"),
        (("-p", "x"), {"ANTHROPIC_BASE_URL": "nonsense"}, "The base URL 'nonsense' is none"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(
    tmp_path: Path, arguments: tuple[str, ...], variables: dict[str, str], said: str
) -> None:
    environment = surroundings(tmp_path, ANTHROPIC_API_KEY="any", **variables)
    ended = run_antiphon(*arguments, environment=environment, cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"antiphon: {said}")
    assert ended.stderr.count("\n") == 1


def test_wrong_settings_in_the_users_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / ".config" / "antiphon" / "settings.toml"
    path.parent.mkdir(parents=True)
    path.write_text("max_turn = 3\n")
    ended = run_antiphon("-p", "x", environment=surroundings(tmp_path, ANTHROPIC_API_KEY="any"), cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (
        2,
        f"antiphon: {path}: max_turn is not a setting; did you perhaps mean max_turns.\n",
    )


def test_without_prompt_and_terminal_it_says_what_is_missing(tmp_path: Path) -> None:
    ended = run_antiphon(environment=surroundings(tmp_path, ANTHROPIC_API_KEY="any"), cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.endswith("there is no prompt: give one as an argument or on standard input\n")


def test_on_a_terminal_too_a_headless_run_wants_a_prompt(tmp_path: Path) -> None:
    environment = surroundings(tmp_path, ANTHROPIC_API_KEY="any")
    with OnTerminal("-p", environment=environment, cwd=tmp_path) as program:
        program.sees("there is no prompt: give one")
        assert program.ends() == 2


@pytest.mark.parametrize("flags", [(), ("--verbose",)])
def test_no_error_shows_a_password(flags: tuple[str, ...], tmp_path: Path) -> None:
    environment = {**surroundings(tmp_path), "ANTHROPIC_BASE_URL": "htp://me:hunter22x@host", "ANTHROPIC_API_KEY": "k"}
    ended = run_antiphon("-p", "x", *flags, environment=environment, cwd=tmp_path)
    assert ended.returncode == 2
    assert "ANTHROPIC_BASE_URL" in ended.stderr
    assert "hunter22x" not in ended.stderr
    assert ("Traceback" in ended.stderr) == bool(flags)


def test_verbose_shows_where_an_error_comes_from(tmp_path: Path) -> None:
    ended = run_antiphon("-p", "x", "--verbose", environment=surroundings(tmp_path), cwd=tmp_path)
    assert "Traceback" in ended.stderr
    assert re.search(r"SettingsError: there is no key", ended.stderr)
