"""What is seen of home directories inside: toolchains, programs and the name git writes; no keys, no history."""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

_TOOLCHAINS = (
    *(".cargo/bin", ".cargo/registry", ".cargo/git", ".cargo/env", ".rustup"),
    *(".pyenv", ".rbenv", ".nvm", ".nodenv", ".volta", ".asdf", ".bun/bin", ".deno/bin", ".sdkman/candidates"),
    *(".local/bin", ".local/lib", ".local/pipx", ".local/share/pipx", ".local/share/uv", ".local/share/mise"),
    *(".local/share/pnpm", ".local/share/fnm", ".local/share/rtx", ".ghcup", ".opam", ".elan", ".juliaup"),
    *("go/bin", "go/pkg", ".m2/repository", ".gradle/wrapper", ".gradle/caches", ".nix-profile", "miniconda3"),
    *(".gitconfig", ".config/git/config", ".config/git/ignore", ".config/git/attributes"),
)
"""What commands need of a home directory to build and to test. None of them is a place for passwords."""

SECRETS = (
    *(".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".netrc", ".npmrc", ".pypirc", ".git-credentials"),
    *(".config/gh", ".config/gcloud", ".config/git/credentials", ".config/hub", ".config/op", ".config/antiphon"),
    *(".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials", ".m2/settings.xml", ".password-store"),
    *(".gradle/gradle.properties", ".terraform.d", ".local/share/keyrings", ".local/share/antiphon", ".mozilla"),
    *(".config/google-chrome", ".config/chromium", ".config/BraveSoftware", ".thunderbird", ".vault-token"),
    *(".bash_history", ".zsh_history", ".python_history", ".psql_history", ".claude", ".codex", ".roo"),
)
"""What nobody may see although the home directory is, because somebody works right in it."""

_PYTHON = (sys.prefix, sys.base_prefix)
"""Ours, with which commands of a virtual environment work too."""

_PLACES = ("/home", "/root", "/Users")
"""Where home directories are."""

_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108  (names of what is not seen inside)

_KEPT_SYSTEM_HOMES = ("/home/linuxbrew/.linuxbrew",)
"""Programs that live where people do."""


def home_of(environment: Mapping[str, str]) -> Path | None:
    """Return the user's home directory; None if there is none, or none to speak of."""
    text = environment.get("HOME", "")
    home = Path(text).resolve() if Path(text).is_absolute() else None
    return home if home is not None and home.is_dir() and home != Path("/") else None


def homes_with(home: Path | None) -> tuple[Path, ...]:
    """Return the directories that hold home directories, and the user's own."""
    places = [Path(place) for place in _PLACES if Path(place).is_dir() and not Path(place).is_symlink()]
    return tuple(dict.fromkeys((*places, *(() if home is None else (home,)))))


def shown_of(home: Path | None, environment: Mapping[str, str], also: Iterable[Path]) -> tuple[Path, ...]:
    """Return what exists in home directories and is to be seen; our Python also where temporary files are.

    Args:
        home: the user's.
        environment: the programs on its PATH are seen too.
        also: what the user wants to be seen.
    """
    found = [Path(path) for path in _KEPT_SYSTEM_HOMES]
    if home is not None:
        found += [home / name for name in _TOOLCHAINS]
        found += _programs(home, environment.get("PATH", ""))
    found += [Path(prefix).resolve() for prefix in _PYTHON]
    found = [path for path in found if home is None or (path not in home.parents and path != home)]
    unseen = (*homes_with(home), *_TEMPORARY)
    inside = [path for path in found if any(place in path.parents for place in unseen)]
    return tuple(path for path in dict.fromkeys((*inside, *also)) if os.path.lexists(path))


def _programs(home: Path, search: str) -> list[Path]:
    found: list[Path] = []
    for entry in search.split(os.pathsep):
        path = Path(entry)
        if not path.is_absolute() or home not in path.parents:
            continue
        # What a program needs is mostly beside `bin`; but beside `~/.tool/bin` may be the tool's password.
        around = path.parent
        alone = path.name != "bin" or around == home or any(p.startswith(".") for p in around.relative_to(home).parts)
        found.append(path if alone else around)
    return found


def secrets_in(directories: Iterable[Path], home: Path | None, shown: Iterable[Path]) -> list[Path]:
    """Return what has to be hidden where somebody works in the home directory itself, or above it."""
    if home is None or not any(home == directory or directory in home.parents for directory in directories):
        return []
    wanted = set(shown)
    secret = [home / name for name in SECRETS]
    return [path for path in secret if path not in wanted and path.exists()]
