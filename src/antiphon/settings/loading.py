"""Reads all sources, and merges those that count."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antiphon.errors import SettingsError
from antiphon.policy import PermissionMode
from antiphon.settings.anchoring import read_at
from antiphon.settings.model import KEYS, VERDICTS, Settings
from antiphon.settings.project import LIMITS, ProjectFile, project_directory, read_project
from antiphon.settings.sources import Layer, from_environment, from_flags, from_user_file, user_file
from antiphon.settings.trust import TrustStore

_WIDTH: Mapping[PermissionMode, int] = {
    mode: width for width, mode in enumerate(("plan", "dont-ask", "default", "accept-edits", "auto", "bypass"))
}
"""The modes, by how much they let through."""
_MOST_WARNINGS = 8
"""Sentences about one file."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file of a project with something that waits for a person's trust.

    Attributes:
        path: the file.
        wants: what it wants to do, each to be read after "to"; the text is the project's and may be hostile.
        before: what it wanted when it was trusted; None if it never was.
    """

    path: Path
    wants: tuple[str, ...]
    before: tuple[str, ...] | None = None

    @property
    def new(self) -> tuple[str, ...]:
        """What it wants now and did not want when it was trusted."""
        return tuple(want for want in self.wants if want not in (self.before or ()))

    @property
    def gone(self) -> tuple[str, ...]:
        """What it wanted when it was trusted and does not want any more."""
        return tuple(want for want in self.before or () if want not in self.wants)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings of all sources that count.

    Attributes:
        settings: what holds.
        warnings: what was written and does not count, one sentence without full stop each; may hold hostile text.
        untrusted: what would count if it were trusted.
        directory: where the agent works, resolved.
        root: the directory whose `.antiphon` was looked into; None where there is no project.
        files: what the project's files say.
        user: the layer below the project's.
        ours: those above it.
        store: what was trusted.
    """

    settings: Settings
    warnings: tuple[str, ...]
    untrusted: tuple[Waiting, ...]
    directory: Path
    root: Path | None
    files: tuple[ProjectFile, ...]
    user: Layer
    ours: tuple[Layer, ...]
    store: TrustStore

    def trusting(self) -> "Loaded":
        """Trust what the project's files said when they were read, now and from now on.

        Nothing is read again: what counts is what was shown.
        """
        warnings = self.warnings
        try:
            self.store.trust(file for file in self.files if file.on_trust)
        except SettingsError as problem:
            warnings = (*warnings, f"what you trust counts only this once: {str(problem).rstrip('.')}")
        settings = _merged(self.user, self.files, self.ours, self.files, (self.root, self.directory))
        return dataclasses.replace(self, settings=settings, warnings=warnings, untrusted=())


def load(flags: Mapping[str, Any], environment: Mapping[str, str], directory: Path | None = None) -> Settings:
    """Return the settings that count; what waits for trust does not.

    See `load_all`.
    """
    return load_all(flags, environment, directory).settings


def load_all(flags: Mapping[str, Any], environment: Mapping[str, str], directory: Path | None = None) -> Loaded:
    """Merge the user's file, the project's files, the environment and the flags.

    Args:
        flags: what was given on the command line, by setting; None means not given.
        environment: the process's environment.
        directory: where the agent works; the current directory unless given.

    Raises:
        SettingsError: names the file, variable or flag and the key, and says what is wanted.
    """
    user = from_user_file(user_file(environment))
    ours = (from_environment(environment), from_flags(flags))
    directory = (directory or Path.cwd()).resolve()
    root = project_directory(directory, Path(environment.get("HOME", "~")).expanduser())
    files = () if root is None else tuple(read_project(root))
    store = TrustStore.of(environment)
    trusted = [file for file in files if store.trusts(file)]
    return Loaded(
        settings=_merged(user, files, ours, trusted, (root, directory)),
        warnings=tuple(sentence for file in files for sentence in _bounded(file)),
        untrusted=tuple(_waiting(file, store) for file in files if file not in trusted),
        directory=directory,
        root=root,
        files=files,
        user=user,
        ours=ours,
        store=store,
    )


def _bounded(file: ProjectFile) -> tuple[str, ...]:
    """Return what of a file does not count; a hostile one could fill the screen with it."""
    more = len(file.refused) - _MOST_WARNINGS
    return (*file.refused[:_MOST_WARNINGS], *([f"{file.path}: {more} more things do not count"] if more > 0 else []))


def _waiting(file: ProjectFile, store: TrustStore) -> Waiting:
    trusted = store.of_path(file.path)
    return Waiting(file.path, file.wants, None if trusted is None else trusted.wants)


def _merged(
    user: Layer,
    files: Iterable[ProjectFile],
    ours: Iterable[Layer],
    trusted: Collection[ProjectFile],
    places: tuple[Path | None, Path],
) -> Settings:
    found: dict[str, Any] = {}
    _add(found, user)
    for file in files:
        _add(found, _anchored(file.at_once, *places))
        if file in trusted:
            _add_project(found, _anchored(file.on_trust, *places))
    for layer in ours:
        _add(found, layer)
    return Settings(**found)


def _anchored(layer: Layer, top: Path | None, directory: Path) -> Layer:
    """Return a project's layer with patterns as they are meant where the agent works."""
    if top is None or top == directory:
        return layer
    rules = {key: tuple(read_at(rule, top, directory) for rule in layer[key]) for key in VERDICTS if key in layer}
    return {**layer, **rules}


def _add(found: dict[str, Any], layer: Layer) -> None:
    """Let a layer replace single values and add to lists."""
    for key, value in layer.items():
        name = "rules" if key in VERDICTS else key
        found[name] = (*found.get(name, ()), *value) if KEYS[key].is_list else value


def _add_project(found: dict[str, Any], layer: Layer) -> None:
    """Let what is trusted of a project add what it can: it lowers limits, narrows the mode, adds to lists and texts."""
    values = dict(layer)
    for key in LIMITS & values.keys():
        values[key] = min(values[key], found.get(key, values[key]))
    mode = found.get("permission_mode", Settings().permission_mode)
    if "permission_mode" in values and _WIDTH[values["permission_mode"]] > _WIDTH[mode]:
        values["permission_mode"] = mode
    if "append_system_prompt" in values and "append_system_prompt" in found:
        values["append_system_prompt"] = f"{found['append_system_prompt']}\n\n{values['append_system_prompt']}"
    if "ignore_files" in values:
        found.setdefault("ignore_files", Settings().ignore_files)
    _add(found, values)
