"""Writes a rule into a project's local settings: what "always" means when a person allows a call.

The person's own lines and comments stay as they are: one element is put into one list, and the result is read again
before it replaces the file, so that nothing but that has changed.
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from antiphon.errors import SettingsError
from antiphon.policy import Rule
from antiphon.policy.rules import SETTING_OF, RuleSource, parse_rule
from antiphon.policy.workspace import Workspace
from antiphon.settings.anchoring import written_at
from antiphon.settings.project import DIRECTORY, FILES, project_directory, read_bytes, understood
from antiphon.settings.trust import TrustStore
from antiphon.tools.files import Changed, Stamp, replace_file, stamp_of

_NEW_FILE = "# Settings for this copy of the project alone. Antiphon adds what you always allow.\n"
_ATTEMPTS = 5
"""How often it is tried again when somebody else writes the file at the same time."""


def add_local_rule(rule: Rule, directory: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Write a rule into `.antiphon/settings.local.toml` of the project that a directory belongs to, and return it.

    What the file said stays trusted, and a new file is. Git is told to leave it alone.

    Args:
        rule: the rule, as it is meant in that directory; its source does not matter.
        directory: where the agent works.
        environment: the process's environment.

    Raises:
        SettingsError: the directory is no project, the file cannot be changed, or it holds what nobody has trusted,
            so that the rule would not count. The file is as it was.
    """
    root = project_directory(directory, Path(environment.get("HOME", "~")).expanduser())
    if root is None:
        raise SettingsError(f"{directory} is no project, so it has no settings of its own.")
    path = root / DIRECTORY / FILES["local"]
    rule = written_at(rule, root, directory.resolve())
    rule = parse_rule(str(rule), rule.verdict, RuleSource("local", str(path)))
    store = TrustStore.of(environment)
    try:
        _hide_from_git(root)
        for _ in range(_ATTEMPTS - 1):
            with suppress(Changed):
                return _add(rule, root, path, store)
        return _add(rule, root, path, store)
    except (OSError, Changed, UnicodeError) as problem:
        raise SettingsError(f"{path} cannot be written: {problem}") from problem


def _add(rule: Rule, root: Path, path: Path, store: TrustStore) -> Path:
    was = stamp_of(Workspace(root), path)
    data = read_bytes(root, path)
    before = understood("local", path, data or b"")
    if not store.trusts(before):
        raise SettingsError(f"{path} holds settings that you have not trusted; antiphon permissions trust shows them.")
    text = (data or _NEW_FILE.encode()).decode()
    changed = with_rule(text, SETTING_OF[rule.verdict], str(rule))
    if changed is None:
        raise SettingsError(f"{path} is written in a way that no rule can be added to; add {rule} to it yourself.")
    if changed != text:
        after = understood("local", path, changed.encode())
        replace_file(Workspace(root), path, changed.encode(), was=was)
        if after.on_trust:
            store.trust([after])
    return path


def with_rule(text: str, key: str, rule: str) -> str | None:
    """Return a TOML text with a rule in the list of a key, and nothing else changed; None where that is not possible.

    Args:
        text: a valid TOML text.
        key: the key of the list.
        rule: the rule as it is written.
    """
    wanted: dict[str, Any] = tomllib.loads(text)
    rules = wanted.setdefault(key, [])
    if rule in rules:
        return text
    rules.insert(0, rule)
    # A JSON string is one of TOML, but for one control character.
    element = json.dumps(rule, ensure_ascii=False).replace("\x7f", "\\u007f")
    # Outside of any table is the beginning, or a list that is there already.
    candidates = [f"{text[:at]}\n  {element},{text[at:]}" for at in _lists(text, key)]
    candidates.append(f"{_comments(text)}{key} = [\n  {element},\n]\n{text[len(_comments(text)) :]}")
    return next((candidate for candidate in candidates if _says(candidate, wanted)), None)


def _lists(text: str, key: str) -> list[int]:
    return [match.end() for match in re.finditer(rf"^{key}[ \t]*=[ \t]*\[", text, re.MULTILINE)]


def _comments(text: str) -> str:
    """Return the comment that a text begins with."""
    match = re.match(r"(?:#[^\n]*\n)*", text)
    return match[0] if match else ""


def _says(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _hide_from_git(root: Path) -> None:
    """List the local file in a `.gitignore` beside it."""
    path = root / DIRECTORY / ".gitignore"
    was: Stamp | None = stamp_of(Workspace(root), path)
    data = read_bytes(root, path) or b""
    name = FILES["local"].encode()
    if name not in data.split():
        end = b"" if not data or data.endswith(b"\n") else b"\n"
        # Another process that does the same at this moment has done it for us too.
        with suppress(Changed):
            replace_file(Workspace(root), path, data + end + name + b"\n", was=was)
