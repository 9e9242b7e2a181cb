"""What the files of a project say. They are data: only the keys listed here count, and most of them need trust.

`.antiphon/settings.toml` is the project's, `.antiphon/settings.local.toml` is for one person's copy of it. Both may
have come with the repository, so the same holds for both. Rules that ask or deny count at once, since they can only
narrow. What could widen or steer anything counts when a person has trusted exactly that. All else is the user's alone.
"""

import hashlib
import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from antiphon.errors import SettingsError
from antiphon.policy.hooks import HookSetting
from antiphon.policy.rules import Rule, RuleSource
from antiphon.policy.workspace import Workspace
from antiphon.settings.model import KEYS, suggestion, value_of
from antiphon.settings.sources import Layer
from antiphon.tools.files import Changed, open_file

ProjectKind = Literal["project", "local"]

DIRECTORY = ".antiphon"
FILES: Mapping[ProjectKind, str] = {"project": "settings.toml", "local": "settings.local.toml"}
"""The files of a project, the weaker first."""
LARGEST = 64 * 1024
"""Bytes that such a file may have."""

AT_ONCE = frozenset({"ask_tools", "disallowed_tools"})
"""Keys that count without trust."""
LIMITS = frozenset({"max_turns", "max_parallel_tools", "timeout", "max_budget_usd", "max_tool_calls"})
"""Keys that a project can only lower."""
_WHAT_IT_WANTS: Mapping[str, str] = {
    "model": "use the model {}",
    "max_turns": "stop after {} turns",
    "max_parallel_tools": "run at most {} tool calls at once",
    "timeout": "stop after {} seconds",
    "permission_mode": "begin in the permission mode {}",
    "allowed_tools": "run without asking: {}",
    "sandbox_domains": "let commands in the sandbox reach {}",
    "ignore_files": "hide from the agent what is listed in files named {}",
    "max_budget_usd": "stop at {} dollars",
    "max_tool_calls": "stop after {} tool calls",
    "append_system_prompt": "add to what the model is told: {}",
    "compact_at": "sum up long conversations from {} percent on",
    "compact_model": "have them summed up by the model {}",
    "hooks": "run a program of its own {}",
}
"""Keys that count when they are trusted, and what a person is told that they want."""
NARROW_MODES = frozenset({"default", "plan", "dont-ask"})
_NOT_SETTINGS = frozenset(
    {"api_key", "auth_token", "base_url", "env", "environment", "headers", "mcp", "mcp_servers", "mcpServers"}
)
"""What others have in such files, and what is never taken from one."""
_LABEL = "[a-z0-9]([a-z0-9_-]*[a-z0-9])?"
_HOST = re.compile(rf"(\*\.)?({_LABEL}\.)+[a-z][a-z0-9-]*[a-z0-9](:\d+)?", re.IGNORECASE)
"""A name with at least two labels, perhaps all names below it; no address."""
_LOCAL = (".local", ".localhost", ".internal", ".localdomain", ".lan", ".home", ".arpa")
"""Ends of names that mean something in this network alone."""
_MOST_NAMES = 12


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """What one file of a project says.

    Attributes:
        path: the file.
        at_once: what counts without trust.
        on_trust: what counts when it is trusted.
        wants: the latter in words, to be trusted or not; made of text that may be hostile.
        refused: what does not count at all, one sentence each.
    """

    path: Path
    at_once: Layer
    on_trust: Layer
    wants: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """What trust is bound to: the values that need it, so neither comments nor keys that do not count matter."""
        plain = {key: _plain(value) for key, value in self.on_trust.items()}
        return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


def project_directory(directory: Path, home: Path) -> Path | None:
    """Return the directory whose `.antiphon` counts for work in `directory`: the top of its git repository, or itself.

    A home directory is no project, nor is the root of the file system.
    """
    start = directory.resolve()
    never = {home.resolve(), Path(start.anchor)}
    for above in (start, *start.parents):
        if above in never:
            break
        if os.path.exists(above / ".git"):  # noqa: PTH110  (that of pathlib fails where one may not look)
            return above
    return None if start in never else start


def read_project(root: Path) -> list[ProjectFile]:
    """Read the files of a project that are there; no link is followed.

    Raises:
        SettingsError: one cannot be used. It may hold rules that deny, so it is not passed over.
    """
    found: list[ProjectFile] = []
    for kind, name in FILES.items():
        path = root / DIRECTORY / name
        data = read_bytes(root, path)
        if data is not None:
            found.append(understood(kind, path, data))
    return found


def read_bytes(root: Path, path: Path) -> bytes | None:
    """Return the content of a project's file; None where there is none.

    Raises:
        SettingsError: it is no regular file, is reached by a link, or is too large.
    """
    try:
        with open_file(Workspace(root), path) as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except (OSError, Changed) as problem:
        raise SettingsError(
            f"{path} is not read as settings: it must be a regular file, and no link may lead to it ({problem})."
        ) from problem
    if len(data) > LARGEST:
        raise SettingsError(f"{path} is not read as settings: it is larger than {LARGEST} bytes.")
    return data


def understood(kind: ProjectKind, path: Path, data: bytes) -> ProjectFile:
    """Sort what a file says into what counts at once, what counts on trust, and what does not count.

    Raises:
        SettingsError: it is not TOML, or a key that can count has a value of another kind.
    """
    try:
        table = tomllib.loads(data.decode())
    # A hostile nesting ends in the recursion limit of the parser.
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as problem:
        raise SettingsError(f"{path} cannot be read as settings: {problem}.") from problem
    source = RuleSource(kind, str(path))
    at_once: dict[str, Any] = {}
    on_trust: dict[str, Any] = {}
    wants: list[str] = []
    never: dict[str, list[str]] = {}
    for key, raw in table.items():
        if key in AT_ONCE:
            at_once[key] = value_of(key, raw, source)
        elif key in _WHAT_IT_WANTS:
            value, why = _acceptable(key, value_of(key, raw, source))
            never.update(why)
            if value is not None:
                on_trust[key] = value
                wants.extend(_WHAT_IT_WANTS[key].format(text) for text in _texts(value))
        else:
            never.setdefault(_why_never(key), []).append(key)
    refused = (f"{path}: {reason}: {_bounded(names)}" for reason, names in never.items())
    return ProjectFile(path, at_once, on_trust, tuple(wants), tuple(refused))


def _acceptable(key: str, value: Any) -> tuple[Any, dict[str, list[str]]]:
    """Return what of a value can be trusted (None for nothing), and the rest by why it cannot."""
    if key == "permission_mode" and value not in NARROW_MODES:
        modes = ", ".join(sorted(NARROW_MODES))
        return None, {f"a project's permission_mode can only be one of {modes}": [value]}
    if key == "sandbox_domains":
        good = tuple(host for host in value if _is_public(host))
        why = "a project's sandbox_domains can only name hosts of the internet"
    elif key == "ignore_files":
        good = tuple(name for name in value if name not in {"", ".", ".."} and "/" not in name)
        why = "a project's ignore_files can only be names of files"
    else:
        return (value if value not in ("", ()) else None), {}
    bad = [repr(each) for each in value if each not in good]
    return good or None, {why: bad} if bad else {}


def _is_public(host: str) -> bool:
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    if name.lower().endswith(_LOCAL):
        return False
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return _HOST.fullmatch(host) is not None
    return False


def _plain(value: Any) -> Any:
    """Return a value as the file has it: where it was written is no part of what was trusted."""
    if isinstance(value, tuple):
        return [_plain(each) for each in cast("tuple[Any, ...]", value)]
    if isinstance(value, HookSetting):
        return [value.event, value.command, value.tools, value.timeout]
    return str(value) if isinstance(value, Rule) else value


def _texts(value: Any) -> list[str]:
    each = cast("tuple[str | Rule | HookSetting, ...]", value) if isinstance(value, tuple) else (str(value),)
    return [_hook(one) if isinstance(one, HookSetting) else str(one) for one in each]


def _hook(hook: HookSetting) -> str:
    tools = f" of {hook.tools}" if hook.tools else ""
    return f"at {hook.event}{tools} (for up to {hook.timeout:g} s): {hook.command}"


def _why_never(key: str) -> str:
    if key in _NOT_SETTINGS:
        return "addresses, keys, headers, variables and servers are never taken from a project"
    if key in KEYS:
        return "a project cannot set these, only your own file, variables and flags can"
    return f"there is no such setting{suggestion(key)}"


def _bounded(names: Sequence[str]) -> str:
    """Return names for a person; a hostile file could fill the screen with them."""
    more = len(names) - _MOST_NAMES
    return ", ".join([*names[:_MOST_NAMES], *([f"and {more} more"] if more > 0 else [])])
