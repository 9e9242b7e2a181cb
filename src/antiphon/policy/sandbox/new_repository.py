"""Whether what a command made in a git directory is what git itself would have made, and runs nothing."""

import re
from pathlib import Path

_SECTION = re.compile(r'\[([a-z]+)(?: "((?:[^"\\]|\\.)*)")?\]')
_ENTRY = re.compile(r"([A-Za-z][A-Za-z0-9-]*)(?: *= *(.*))?")
_HARMLESS = {
    "core": {"repositoryformatversion", "filemode", "bare", "logallrefupdates", "ignorecase", "symlinks"}
    | {"precomposeunicode"},
    "extensions": {"objectformat", "refstorage"},
    "remote": {"url", "fetch", "pushurl", "tagopt"},
    "branch": {"remote", "merge", "rebase"},
    "submodule": {"url", "active"},
    "user": {"name", "email"},
    "init": {"defaultbranch"},
}
"""What can be set without a program being named by it."""


def is_as_git_made_it(path: Path) -> bool:
    """Tell whether a part of a git directory (hooks, config, info ...) holds nothing that makes git run programs."""
    if path.is_symlink():
        return False
    if path.name == "hooks":
        return path.is_dir() and all(hook.suffix == ".sample" for hook in path.iterdir())
    if path.name == "info":
        return path.is_dir() and not any(entry.is_symlink() for entry in path.iterdir())
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    if path.name == "commondir":
        return path.parent.parent.name == "worktrees" and text.strip() == "../.."
    return path.name == "config" and is_harmless(text)


def is_harmless(configuration: str) -> bool:
    """Tell whether a git configuration holds only entries that name no program. What is not understood is not."""
    allowed: set[str] = set()
    for line in configuration.splitlines():
        text = line.strip()
        if not text or text[0] in "#;":
            continue
        section = _SECTION.fullmatch(text)
        if section is not None:
            allowed = _HARMLESS.get(section[1], set())
            continue
        entry = _ENTRY.fullmatch(text)
        if entry is None or text.endswith("\\") or entry[1].lower() not in allowed:
            return False
    return True
