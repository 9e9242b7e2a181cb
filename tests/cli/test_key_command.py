"""`antiphon key`, with a keyring of its own in a real process."""

from pathlib import Path

import pytest
from programs import run_antiphon, surroundings
from project import Antiphon

from antiphon.emulator import Emulator

SECRET = "sk-test-0123456789"


@pytest.fixture
def antiphon(emulator: Emulator, tmp_path: Path) -> Antiphon:
    """Antiphon without a key in the environment, and with a keyring that is a file."""
    antiphon = Antiphon(emulator, tmp_path)
    del antiphon.environment["ANTHROPIC_API_KEY"]
    antiphon.environment |= {
        "PYTHON_KEYRING_BACKEND": "file_keyring.FileKeyring",
        "PYTHONPATH": str(Path(__file__).parent),
        "TEST_KEYRING": str(tmp_path / "keyring.json"),
    }
    return antiphon


def host(antiphon: Antiphon) -> str:
    return antiphon.emulator.url.removeprefix("http://")


def test_a_key_is_kept_used_for_its_host_and_removed(antiphon: Antiphon) -> None:
    kept = antiphon.run("key", "set", "--host", antiphon.emulator.url, script=[], stdin=f"{SECRET}\n")
    assert (kept.returncode, kept.stderr) == (0, "")
    assert kept.stdout.startswith(f"The key for {host(antiphon)} is in the keyring.")
    assert antiphon.run("key", "list", script=[]).stdout == f"{host(antiphon)}\n"
    answered = antiphon.run("-p", "hello", script=["Hello yourself."])
    assert (answered.returncode, answered.stdout) == (0, "Hello yourself.\n")
    assert antiphon.run("key", "remove", "--host", host(antiphon), script=[]).returncode == 0
    refused = antiphon.run("-p", "hello", script=["never"])
    assert refused.returncode != 0
    assert "antiphon key set" in refused.stderr
    assert len(antiphon.emulator.requests) == 1
    assert antiphon.run("key", "list", script=[]).stdout == "There are no keys.\n"


def test_a_key_of_another_host_is_none(antiphon: Antiphon) -> None:
    antiphon.run("key", "set", script=[], stdin=SECRET)
    assert antiphon.run("key", "list", script=[]).stdout == "api.anthropic.com\n"
    refused = antiphon.run("-p", "hello", script=["never"])
    assert "there is no key for the model's API" in refused.stderr
    assert antiphon.emulator.requests == []


def test_the_base_url_of_the_environment_does_not_decide_whose_key_is_stored(antiphon: Antiphon) -> None:
    antiphon.run("key", "set", script=[], stdin=SECRET, ANTHROPIC_BASE_URL="https://evil.example")
    assert antiphon.run("key", "list", script=[]).stdout == "api.anthropic.com\n"


def test_the_stream_says_that_the_key_is_the_keyrings(antiphon: Antiphon) -> None:
    antiphon.run("key", "set", "--host", host(antiphon), script=[], stdin=SECRET)
    # A host without a scheme is one of https; on this machine http will do.
    lines = antiphon.run("-p", "hello", "--json", script=["Hello."]).stdout
    assert '"apiKeySource":"keyring"' in lines
    assert SECRET not in lines


def test_a_typed_key_is_not_shown(antiphon: Antiphon) -> None:
    with antiphon.on_terminal("key", "set", script=[]) as program:
        program.sees(r"Key for api\.anthropic\.com: $")
        program.types(SECRET)
        assert program.ends() == 0
        assert SECRET not in program.text
    assert SECRET in Path(antiphon.environment["TEST_KEYRING"]).read_text()


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (("set",), "two words", "That is no key"),
        (("set",), "", "That is no key"),
        (("set", "--host", "https://"), "k", "names no host"),
        (("remove",), "", "there is no key for api.anthropic.com"),
    ],
)
def test_what_cannot_be_done_is_told(antiphon: Antiphon, arguments: tuple[str, ...], stdin: str, said: str) -> None:
    ended = antiphon.run("key", *arguments, script=[], stdin=stdin)
    assert ended.returncode != 0
    assert said in ended.stderr


def test_a_key_is_never_an_argument(antiphon: Antiphon) -> None:
    ended = antiphon.run("key", "set", SECRET, script=[])
    assert ended.returncode == 2
    assert "unrecognized arguments" in ended.stderr


def test_without_the_package_the_error_says_what_to_install(tmp_path: Path) -> None:
    # A module of that name that is none, as it is where nothing was installed.
    (tmp_path / "keyring.py").write_text("raise ModuleNotFoundError('No module named keyring', name='keyring')\n")
    environment = surroundings(tmp_path, PYTHONPATH=str(tmp_path))
    ended = run_antiphon("key", "list", environment=environment, cwd=tmp_path)
    assert ended.returncode != 0
    assert "pip install 'antiphon[keyring]'" in ended.stderr
    without = run_antiphon("-p", "hello", environment=environment, cwd=tmp_path)
    assert "there is no key for the model's API" in without.stderr


def test_a_system_without_a_keyring_is_told(tmp_path: Path) -> None:
    environment = surroundings(tmp_path, PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring")
    ended = run_antiphon("key", "set", environment=environment, cwd=tmp_path, stdin=SECRET)
    assert "no keyring that could hold a key" in ended.stderr
    assert SECRET not in ended.stderr
