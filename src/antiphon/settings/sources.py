"""The sources that belong to the user alone: their file, the environment and the command line's flags."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from antiphon.errors import SettingsError
from antiphon.policy.rules import RuleSource
from antiphon.settings.model import ENVIRONMENT_PREFIX, KEYS, split_names, suggestion, value_of

_OTHER_VARIABLES = {"ANTHROPIC_MODEL": "model"}
"""Variables that are settings under a name the field uses; ours win over them."""
IN_FILES_ONLY = frozenset({"hooks"})
"""Keys that no variable and no flag can hold."""


Layer = Mapping[str, Any]
"""What one source says: checked values by key."""


def user_file(environment: Mapping[str, str]) -> Path:
    """Return where the user's settings file is, whether or not it exists."""
    base = environment.get("XDG_CONFIG_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    root = Path(base) if Path(base).is_absolute() else Path(environment.get("HOME", "~")).expanduser() / ".config"
    return root / "antiphon" / "settings.toml"


def from_user_file(path: Path) -> Layer:
    """Read the user's file; there may be none.

    Raises:
        SettingsError: names the file, and the key and what is wanted where one is wrong.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        table: dict[str, Any] = {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise SettingsError(f"{path} cannot be read as settings: {problem}.") from problem
    for key in table:
        if key not in KEYS:
            raise SettingsError(f"{path}: {key} is not a setting{suggestion(key)}.")
    source = RuleSource("user", str(path))
    return {key: value_of(key, value, source) for key, value in table.items()}


def from_environment(environment: Mapping[str, str]) -> Layer:
    """Read the variables `ANTIPHON_<KEY>`; an empty one counts as none.

    Raises:
        SettingsError: names the variable and what is wanted.
    """
    ours = {f"{ENVIRONMENT_PREFIX}{key.upper()}": key for key in KEYS if key not in IN_FILES_ONLY}
    values: dict[str, Any] = {}
    for variable, key in {**_OTHER_VARIABLES, **ours}.items():
        text = environment.get(variable, "")
        if text:
            given = split_names(text) if KEYS[key].is_list else text
            values[key] = value_of(key, given, RuleSource("environment", variable), strict=False)
    return values


def from_flags(flags: Mapping[str, Any]) -> Layer:
    """Take what was given on the command line, by key; None means not given.

    Raises:
        SettingsError: names the flag and what is wanted.
    """
    given = {key: value for key, value in flags.items() if value is not None}
    return {key: value_of(key, value, RuleSource("flag", f"--{key.replace('_', '-')}")) for key, value in given.items()}
