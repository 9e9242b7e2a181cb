"""One settings model: the user's file, the environment and the command line's flags merge here.

Flags win over the environment, the environment over the user's file, the file over the defaults; lists of all of them
add up. Files of a project are not read: what a repository brings along is data, not settings. Keys and addresses of
the model API are no settings either; its client reads them from the environment (`ANTHROPIC_API_KEY`,
`ANTHROPIC_BASE_URL`).
"""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta, Struct

from antiphon.errors import SettingsError
from antiphon.policy import PermissionMode, Rule
from antiphon.policy.rules import Verdict
from antiphon.sessions.storage.database import Durability

Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Dollars = Annotated[float, Meta(gt=0)]
Names = tuple[str, ...]
SandboxChoice = Literal["auto", "on", "off"]

ENVIRONMENT_PREFIX = "ANTIPHON_"
_OTHER_VARIABLES = {"ANTHROPIC_MODEL": "model"}
"""Variables that are settings under a name the field uses; ours win over them."""


class Settings(Struct, frozen=True, kw_only=True):
    """What a user can set. A field is set by the flag, the variable `ANTIPHON_<FIELD>` and the key of its name.

    Attributes:
        model: which model answers; the agent's default unless given.
        max_turns: turns a run may take.
        max_parallel_tools: tool calls that may run at the same time.
        timeout: seconds a run may take.
        permission_mode: what is done with calls that change something and that no list names.
        allowed_tools: rules of what may run without a question.
        ask_tools: rules of what is asked about, whatever the mode.
        disallowed_tools: rules of what may not run at all.
        permission_prompt_tool: a program that is asked instead of a person.
        sandbox: whether commands run in a sandbox: where there is one, always or not at all, or never.
        sandbox_domains: hosts that commands in the sandbox may reach, such as `pypi.org` or `*.example.com`.
        sandbox_write: directories besides the workspace that commands in the sandbox may change.
        sandbox_show: what commands in the sandbox see of the home directory, besides toolchains.
        sandbox_environment: variables that look like secrets and that commands in the sandbox get all the same.
        ignore_files: names of files that say which others the agent does not see.
        max_budget_usd: dollars a run may cost.
        max_tool_calls: tool calls of a run.
        add_dirs: directories besides the working directory that file tools may use.
        system_prompt: replaces the agent's system prompt.
        append_system_prompt: stands behind the system prompt.
        compact_at: percent of the context from which on a conversation is summed up; 0 for never by itself.
        compact_model: who sums it up; the model itself unless given.
        durability: what a session's record survives: that the process is killed, or a power cut too.
        web_search: who searches the web: ddgs, anthropic, or the address of a SearXNG server.
    """

    model: str | None = None
    max_turns: Count | None = None
    max_parallel_tools: Count | None = None
    timeout: Seconds | None = None
    permission_mode: PermissionMode = "default"
    allowed_tools: Names = ()
    ask_tools: Names = ()
    disallowed_tools: Names = ()
    permission_prompt_tool: str | None = None
    sandbox: SandboxChoice = "auto"
    sandbox_domains: Names = ()
    sandbox_write: Names = ()
    sandbox_show: Names = ()
    sandbox_environment: Names = ()
    ignore_files: Names = (".antiphonignore",)
    max_budget_usd: Dollars | None = None
    max_tool_calls: Count | None = None
    add_dirs: Names = ()
    system_prompt: str | None = None
    append_system_prompt: str | None = None
    compact_at: Percent = 85
    compact_model: str | None = None
    durability: Durability = "process"
    web_search: str = "ddgs"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The permission rules of all sources."""
        given: tuple[tuple[Verdict, Names], ...] = (
            ("allow", self.allowed_tools),
            ("ask", self.ask_tools),
            ("deny", self.disallowed_tools),
        )
        return tuple(Rule(verdict, text) for verdict, texts in given for text in texts)


_TYPES: dict[str, Any] = get_type_hints(Settings, include_extras=True)
_WANTED = {
    "model": "a model name",
    "max_turns": "a whole number from 1",
    "max_parallel_tools": "a whole number from 1",
    "timeout": "a number of seconds above 0",
    "permission_mode": "one of default, accept-edits, plan, auto, dont-ask, bypass",
    "allowed_tools": "a list of rules",
    "ask_tools": "a list of rules",
    "disallowed_tools": "a list of rules",
    "permission_prompt_tool": "a program",
    "sandbox": "auto, on or off",
    "sandbox_domains": "a list of hosts",
    "sandbox_write": "a list of directories",
    "sandbox_show": "a list of paths",
    "sandbox_environment": "a list of names of variables",
    "ignore_files": "a list of file names",
    "max_budget_usd": "a number of dollars above 0",
    "max_tool_calls": "a whole number from 1",
    "add_dirs": "a list of directories",
    "system_prompt": "a text",
    "append_system_prompt": "a text",
    "compact_at": "a whole number of percent from 0 to 100",
    "compact_model": "a model name",
    "durability": "process or power",
    "web_search": "ddgs, anthropic, or the address of a SearXNG server",
}


def user_file(environment: Mapping[str, str]) -> Path:
    """Return where the user's settings file is, whether or not it exists."""
    base = environment.get("XDG_CONFIG_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    root = Path(base) if Path(base).is_absolute() else Path(environment.get("HOME", "~")).expanduser() / ".config"
    return root / "antiphon" / "settings.toml"


def load(flags: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Merge the user's file, the environment and the flags.

    Args:
        flags: what was given on the command line, by setting; None means not given.
        environment: the process's environment.

    Raises:
        SettingsError: names the file, variable or flag and the key, and says what is wanted.
    """
    merged: dict[str, Any] = {}
    for layer in (_from_file(user_file(environment)), _from_environment(environment), _from_flags(flags)):
        for key, value in layer.items():
            merged[key] = (*merged.get(key, ()), *value) if _TYPES[key] == Names else value
    return Settings(**merged)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise SettingsError(f"{path} cannot be read as settings: {problem}.") from problem
    for key in table:
        if key not in _TYPES:
            raise SettingsError(f"{path}: {key} is not a setting{_suggestion(key)}.")
    return {key: _value(key, value, f"{path}: {key}", strict=True) for key, value in table.items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    variables = {**_OTHER_VARIABLES, **{f"{ENVIRONMENT_PREFIX}{key.upper()}": key for key in _TYPES}}
    found: dict[str, Any] = {}
    for variable, key in variables.items():
        text = environment.get(variable, "")
        if text:
            value = split_names(text) if _TYPES[key] == Names else text
            found[key] = _value(key, value, variable, strict=False)
    return found


def _from_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in flags.items() if value is not None}
    return {key: _value(key, value, f"--{key.replace('_', '-')}", strict=True) for key, value in given.items()}


def split_names(text: str) -> list[str]:
    """Split a list as people write it on one line, by commas and white space."""
    return text.replace(",", " ").split()


def _value(key: str, value: Any, where: str, *, strict: bool) -> Any:
    try:
        return msgspec.convert(value, _TYPES[key], strict=strict)
    except msgspec.ValidationError as problem:
        raise SettingsError(f"{where} is {value!r}; wanted is {_WANTED[key]}.") from problem


def _suggestion(key: str) -> str:
    near = difflib.get_close_matches(key, _TYPES, n=1)
    return f"; did you perhaps mean {near[0]}" if near else f"; there are {', '.join(_TYPES)}"
