import inspect
from pathlib import Path

import pytest
from msgspec.structs import fields

from antiphon.errors import SettingsError
from antiphon.settings import KEYS, Settings, load, user_file


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty home."""
    return {"HOME": str(tmp_path), "PATH": "/usr/bin"}


def write(environment: dict[str, str], text: str) -> Path:
    path = user_file(environment)
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8")
    return path


def test_without_anything_the_defaults_hold(home: dict[str, str]) -> None:
    assert load({}, home) == Settings()


def test_flags_win_over_the_environment_and_that_over_the_file(home: dict[str, str]) -> None:
    write(home, 'model = "from-file"\nmax_turns = 1\ntimeout = 10\n')
    environment = {**home, "ANTIPHON_MAX_TURNS": "2", "ANTIPHON_MODEL": "from-environment"}
    settings = load({"model": "from-flag", "max_turns": None}, environment)
    assert (settings.model, settings.max_turns, settings.timeout) == ("from-flag", 2, 10.0)


def test_the_fields_name_of_the_model_variable_counts_and_ours_wins(home: dict[str, str]) -> None:
    assert load({}, {**home, "ANTHROPIC_MODEL": "theirs"}).model == "theirs"
    assert load({}, {**home, "ANTHROPIC_MODEL": "theirs", "ANTIPHON_MODEL": "ours"}).model == "ours"


def test_lists_of_all_sources_add_up(home: dict[str, str]) -> None:
    write(home, 'allowed_tools = ["read_file"]\n')
    environment = {**home, "ANTIPHON_ALLOWED_TOOLS": "edit_file, write_file"}
    assert load({"allowed_tools": ["run_command"]}, environment).allowed_tools == (
        "read_file",
        "edit_file",
        "write_file",
        "run_command",
    )


def test_an_empty_variable_is_none(home: dict[str, str]) -> None:
    assert load({}, {**home, "ANTIPHON_MAX_TURNS": ""}).max_turns is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_turn = 3", "max_turn is not a setting; did you perhaps mean max_turns."),
        ("api_key = 'x'", "api_key is not a setting; there are model, max_turns,"),
        ("max_turns = 'ten'", "max_turns is 'ten'; wanted is a whole number from 1."),
        ("max_turns = 0", "max_turns is 0; wanted is a whole number from 1."),
        ("permission_mode = 'yes'", "permission_mode is 'yes'; wanted is one of default, accept-edits,"),
        ("allowed_tools = 'read_file'", "allowed_tools is 'read_file'; wanted is a list of rules."),
        ("model = ", "cannot be read as settings: Invalid value"),
    ],
)
def test_a_wrong_file_is_named_with_its_key_and_what_is_wanted(home: dict[str, str], text: str, said: str) -> None:
    path = write(home, text)
    with pytest.raises(SettingsError) as caught:
        load({}, home)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_a_wrong_variable_is_named(home: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"ANTIPHON_TIMEOUT is 'soon'; wanted is a number of seconds above 0\."):
        load({}, {**home, "ANTIPHON_TIMEOUT": "soon"})


def test_a_wrong_flag_is_named_as_it_is_written(home: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="--max-parallel-tools is 0; wanted is a whole number from 1"):
        load({"max_parallel_tools": 0}, home)


def test_the_config_directory_of_the_desktop_standard_is_used(tmp_path: Path) -> None:
    elsewhere = {"HOME": "/home/somebody", "XDG_CONFIG_HOME": str(tmp_path)}
    assert user_file(elsewhere) == tmp_path / "antiphon" / "settings.toml"
    relative = {"HOME": "/home/somebody", "XDG_CONFIG_HOME": "config"}
    assert user_file(relative) == Path("/home/somebody/.config/antiphon/settings.toml")


def test_every_setting_is_documented_and_can_be_written() -> None:
    names = {field.name for field in fields(Settings)}
    assert set(KEYS) == names - {"rules"} | {"allowed_tools", "ask_tools", "disallowed_tools"}
    explained = inspect.getdoc(Settings) or ""
    positions = [explained.index(f"\n    {name}: ") for name in KEYS]
    assert positions == sorted(positions)


def test_every_key_can_be_set_in_the_users_file(home: dict[str, str]) -> None:
    values = {"model": "m", "timeout": 1.5, "compact_at": 7, "durability": "power", "sandbox": "off"}
    write(home, "\n".join(f"{key} = {value!r}" for key, value in values.items()))
    found = load({}, home)
    assert {key: getattr(found, key) for key in values} == values
