"""What a user can set: the settings, the keys they are written under, and what is wanted of a value."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from antiphon.errors import SettingsError
from antiphon.policy import PermissionMode, Rule
from antiphon.policy.hooks import HookEvent, HookSetting
from antiphon.policy.rules import RuleSource, Verdict, parse_rule, split_rules
from antiphon.sessions.storage.database import Durability

Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Dollars = Annotated[float, Meta(gt=0)]
Names = tuple[str, ...]
SandboxChoice = Literal["auto", "on", "off"]

ENVIRONMENT_PREFIX = "ANTIPHON_"


class Settings(Struct, frozen=True, kw_only=True):
    """What a user can set, from all sources.

    A setting is written as the key of its name, the variable `ANTIPHON_<KEY>` or the flag. Rules are written under
    three keys, one for each verdict; hooks in files only.

    Attributes:
        model: which model answers; the agent's default unless given.
        max_turns: turns a run may take.
        max_parallel_tools: tool calls that may run at the same time.
        timeout: seconds a run may take.
        permission_mode: what is done with calls that change something and that no rule names.
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
        hooks: programs that run before and after tool calls, at prompts, stops and starts of sessions.
        rules: the permission rules of all sources, each with where it was written.
    """

    model: str | None = None
    max_turns: Count | None = None
    max_parallel_tools: Count | None = None
    timeout: Seconds | None = None
    permission_mode: PermissionMode = "default"
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
    hooks: tuple[HookSetting, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def allowed_tools(self) -> Names:
        """The rules of what may run without a question, as they are written."""
        return self._written("allow")

    @property
    def ask_tools(self) -> Names:
        """The rules of what is asked about, as they are written."""
        return self._written("ask")

    @property
    def disallowed_tools(self) -> Names:
        """The rules of what may not run at all, as they are written."""
        return self._written("deny")

    def _written(self, verdict: Verdict) -> Names:
        return tuple(str(rule) for rule in self.rules if rule.verdict == verdict)


class WrittenHook(Struct, frozen=True, forbid_unknown_fields=True):
    """A hook as a file has it; where that file is, is not for the file to say."""

    event: HookEvent
    command: Annotated[str, Meta(min_length=1)]
    tools: str = ""
    timeout: Seconds = 60.0

    def of(self, source: RuleSource) -> HookSetting:
        """Return it with where it was written."""
        return HookSetting(
            event=self.event, command=self.command, tools=self.tools, timeout=self.timeout, source=source
        )


@dataclass(frozen=True, slots=True)
class Key:
    """What can be written under a name: its type, and that type in words."""

    type: Any
    wanted: str

    @property
    def is_list(self) -> bool:
        """Whether values of several sources add up."""
        return self.type in {Names, Hooks}


Hooks = tuple[WrittenHook, ...]
VERDICTS: Mapping[str, Verdict] = {"allowed_tools": "allow", "ask_tools": "ask", "disallowed_tools": "deny"}
"""The keys that hold rules."""
KEYS: Mapping[str, Key] = {
    "model": Key(str, "a model name"),
    "max_turns": Key(Count, "a whole number from 1"),
    "max_parallel_tools": Key(Count, "a whole number from 1"),
    "timeout": Key(Seconds, "a number of seconds above 0"),
    "permission_mode": Key(PermissionMode, "one of default, accept-edits, plan, auto, dont-ask, bypass"),
    "allowed_tools": Key(Names, "a list of rules"),
    "ask_tools": Key(Names, "a list of rules"),
    "disallowed_tools": Key(Names, "a list of rules"),
    "permission_prompt_tool": Key(str, "a program"),
    "sandbox": Key(SandboxChoice, "auto, on or off"),
    "sandbox_domains": Key(Names, "a list of hosts"),
    "sandbox_write": Key(Names, "a list of directories"),
    "sandbox_show": Key(Names, "a list of paths"),
    "sandbox_environment": Key(Names, "a list of names of variables"),
    "ignore_files": Key(Names, "a list of file names"),
    "max_budget_usd": Key(Dollars, "a number of dollars above 0"),
    "max_tool_calls": Key(Count, "a whole number from 1"),
    "add_dirs": Key(Names, "a list of directories"),
    "system_prompt": Key(str, "a text"),
    "append_system_prompt": Key(str, "a text"),
    "compact_at": Key(Percent, "a whole number of percent from 0 to 100"),
    "compact_model": Key(str, "a model name"),
    "durability": Key(Durability, "process or power"),
    "web_search": Key(str, "ddgs, anthropic, or the address of a SearXNG server"),
    "hooks": Key(Hooks, "a list of tables with event, command, and perhaps tools and timeout"),
}
"""All keys, in the order in which they are explained."""


def value_of(key: str, value: Any, source: RuleSource, *, strict: bool = True) -> Any:
    """Return a value of a key as its type has it; rules and hooks know their source.

    Args:
        key: one of `KEYS`.
        value: what was written.
        source: where it was written.
        strict: a text is no number.

    Raises:
        SettingsError: it is not what is wanted.
    """
    try:
        found = msgspec.convert(value, KEYS[key].type, strict=strict)
    except msgspec.ValidationError as problem:
        where = source.where if source.kind in {"flag", "environment"} else f"{source.where}: {key}"
        raise SettingsError(f"{where} is {value!r}; wanted is {KEYS[key].wanted}.") from problem
    if key in VERDICTS:
        return tuple(parse_rule(text, VERDICTS[key], source) for text in found)
    return tuple(hook.of(source) for hook in found) if key == "hooks" else found


def suggestion(key: str) -> str:
    """Return what a key that does not exist may have been meant to be."""
    near = difflib.get_close_matches(key, KEYS, n=1)
    return f"; did you perhaps mean {near[0]}" if near else f"; there are {', '.join(KEYS)}"


def split_names(text: str) -> list[str]:
    """Split a list as people write it on one line, by commas and white space outside of parentheses."""
    return split_rules(text)
