"""Files that are never changed without a question: what is written there runs later, or decides what may run.

An agent that can write `.git/hooks/pre-commit` or its own settings can do, a moment later and unasked, what it may not
do now. The list is compared by names, in whatever case they are written: on some file systems `.GIT` is `.git`.
"""

import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

_GIT = "git internals: hooks and configuration there run programs"
_REPOSITORY = "makes a directory a git repository, whose configuration runs programs"
_AGENT = "the configuration of a coding agent: it says what agents do and may do"
_INSTRUCTIONS = "instructions that coding agents follow"
_TOOLS = "names programs that agents and editors start"
_EDITOR = "the configuration of an editor, which can run programs when a directory is opened"
_ENVIRONMENT = "run by the shell when a directory is entered"
_SHELL = "a start file: what is written there runs with the next shell"
_LOGIN = "run when somebody logs in, or says who may"
_HOOKS = "programs that run at the next commit"
_OURS = "Antiphon's own settings and records"
_IGNORE = "says which files agents do not see"

# A name stands for itself at any depth; with a slash at its end for all that is in it, too.
_LIST: tuple[tuple[str, str], ...] = (
    (".git/", _GIT),
    (".gitmodules", "says where git fetches further code from"),
    (".gitconfig", _GIT),
    (".config/git/", _GIT),
    ("*.git/hooks/", _GIT),
    ("*.git/config", _GIT),
    ("HEAD", _REPOSITORY),
    (".jj/", "internals of a version control system"),
    (".hg/", "internals of a version control system: hooks and configuration there run programs"),
    (".svn/", "internals of a version control system"),
    (".antiphon/", _OURS),
    (".config/antiphon/", _OURS),
    (".local/share/antiphon/", _OURS),
    (".local/state/antiphon/", _OURS),
    (".antiphonignore", _IGNORE),
    (".rooignore", _IGNORE),
    (".clineignore", _IGNORE),
    (".cursorignore", _IGNORE),
    (".geminiignore", _IGNORE),
    (".aiderignore", _IGNORE),
    (".agents/", _AGENT),
    (".aider*", _AGENT),
    (".amazonq/", _AGENT),
    (".augment*/", _AGENT),
    (".claude/", _AGENT),
    (".claude.json", _AGENT),
    (".clinerules*/", _AGENT),
    (".codex/", _AGENT),
    (".continue/", _AGENT),
    (".cursor/", _AGENT),
    (".cursorrules", _AGENT),
    (".gemini/", _AGENT),
    (".github/copilot*/", _AGENT),
    (".github/instructions/", _INSTRUCTIONS),
    (".goosehints", _INSTRUCTIONS),
    (".junie/", _AGENT),
    (".kilocode*/", _AGENT),
    (".kiro/", _AGENT),
    (".opencode/", _AGENT),
    ("opencode.json*", _AGENT),
    (".qwen/", _AGENT),
    (".roo/", _AGENT),
    (".roomodes", _AGENT),
    (".rooprotected", _AGENT),
    (".roorules*/", _AGENT),
    (".trae/", _AGENT),
    (".windsurf*/", _AGENT),
    (".mcp.json", _TOOLS),
    ("mcp.json", _TOOLS),
    ("AGENT.md", _INSTRUCTIONS),
    ("AGENTS*.md", _INSTRUCTIONS),
    ("CLAUDE*.md", _INSTRUCTIONS),
    ("GEMINI.md", _INSTRUCTIONS),
    ("QWEN.md", _INSTRUCTIONS),
    ("*.code-workspace", _EDITOR),
    ("*.sublime-project", _EDITOR),
    (".devcontainer/", _EDITOR),
    (".devcontainer.json", _EDITOR),
    (".fleet/", _EDITOR),
    (".idea/", _EDITOR),
    (".vscode*/", _EDITOR),
    (".vs/", _EDITOR),
    (".zed/", _EDITOR),
    (".dir-locals*.el", _EDITOR),
    (".emacs*/", _EDITOR),
    (".exrc", _EDITOR),
    (".gvimrc", _EDITOR),
    (".nvim*/", _EDITOR),
    (".config/nvim/", _EDITOR),
    (".vim*/", _EDITOR),
    (".direnv/", _ENVIRONMENT),
    (".envrc", _ENVIRONMENT),
    (".mise*.toml", _ENVIRONMENT),
    ("mise.toml", _ENVIRONMENT),
    ("mise.*.toml", _ENVIRONMENT),
    (".bash*", _SHELL),
    (".profile", _SHELL),
    (".xprofile", _SHELL),
    (".zlog*", _SHELL),
    (".zprofile", _SHELL),
    (".zshenv", _SHELL),
    (".zshrc*", _SHELL),
    (".kshrc", _SHELL),
    (".cshrc", _SHELL),
    (".tcshrc", _SHELL),
    (".login", _SHELL),
    (".logout", _SHELL),
    (".inputrc", _SHELL),
    (".config/fish/", _SHELL),
    (".config/powershell/", _SHELL),
    (".tmux.conf", _SHELL),
    (".screenrc", _SHELL),
    (".xinitrc", _LOGIN),
    (".xsession*", _LOGIN),
    (".ssh/", _LOGIN),
    (".gnupg/", _LOGIN),
    (".config/autostart/", _LOGIN),
    (".config/systemd/", _LOGIN),
    ("Library/LaunchAgents/", _LOGIN),
    (".netrc", "holds passwords, and says where they are sent"),
    (".husky/", _HOOKS),
    (".githooks/", _HOOKS),
    (".pre-commit-config.yaml", _HOOKS),
    (".lefthook*", _HOOKS),
    ("lefthook*.y*ml", _HOOKS),
    ("lefthook*.toml", _HOOKS),
)
_WITHIN_GIT = ("hooks", "config", "config.worktree", "commondir")
"""What in a git directory decides what runs; the rest has to stay writable, or nobody could commit."""
_UNSEEN = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])
"""Characters that some file systems leave out when they compare names."""


@dataclass(frozen=True, slots=True)
class _Entry:
    names: tuple[str, ...]
    below: bool
    why: str


_ENTRIES = tuple(
    _Entry(tuple(pattern.rstrip("/").casefold().split("/")), pattern.endswith("/"), why) for pattern, why in _LIST
)
_GLOBS = tuple(entry for entry in _ENTRIES if "*" in entry.names[0])
_BY_FIRST_NAME: dict[str, tuple[_Entry, ...]] = {
    name: tuple(entry for entry in _ENTRIES if entry.names[0] == name or "*" in entry.names[0])
    for name in {entry.names[0] for entry in _ENTRIES}
}


def _beginning_with(name: str) -> tuple[_Entry, ...]:
    """Return the entries whose first name may be this one, most of them sorted out by a look-up."""
    return _BY_FIRST_NAME.get(name, _GLOBS)


def is_protected(path: Path, root: Path | None = None) -> str:
    """Return why a file is protected; nothing if it is not. Looks at names only, never at the disk.

    Args:
        path: a resolved path; it need not exist.
        root: where the workspace begins. Of a path below it only the names below count, so that work in
            `~/.claude/worktrees/one` is possible.
    """
    if root is not None and path.is_relative_to(root):
        path = path.relative_to(root)
    return _why(tuple(map(_plain, path.parts)))


@lru_cache(maxsize=4096)
def _why(names: tuple[str, ...]) -> str:
    for start, name in enumerate(names):
        for entry in _beginning_with(name):
            end = start + len(entry.names)
            fits = end <= len(names) and all(map(fnmatchcase, names[start:end], entry.names))
            if fits and (entry.below or end == len(names)):
                return entry.why
    return ""


def _plain(name: str) -> str:
    """Return a name as the most careless file system would compare it."""
    return unicodedata.normalize("NFC", name).translate(_UNSEEN).casefold().rstrip(". ") or name


def protected_in(root: Path) -> list[Path]:
    """Return the protected files and directories at the top of a directory that exist now, sorted. Never raises.

    Of a git directory these are only the parts that decide what runs, its submodules' included: the rest has to stay
    writable. Reads the names at the top, and those of directories that the list goes into; no walk of the whole tree.
    """
    found = {
        found
        for path, name in _listed(root).items()
        for entry in _beginning_with(name)
        for found in _fitting({path: name}, entry.names)
    }
    git = root / ".git"
    if git.is_dir() and not git.is_symlink():
        found.discard(git)
        found.update(_running_parts(git))
    if all((root / part).exists() for part in ("HEAD", "objects", "refs")):
        found.update(_running_parts(root))
    return sorted(found)


def _fitting(listed: Mapping[Path, str], names: Sequence[str]) -> Iterator[Path]:
    """Yield what these paths lead to by these names."""
    for path, name in listed.items():
        if fnmatchcase(name, names[0]):
            if len(names) == 1:
                yield path
            else:
                yield from _fitting(_listed(path), names[1:])


def _running_parts(git: Path) -> Iterator[Path]:
    yield from (git / part for part in _WITHIN_GIT if os.path.lexists(git / part))
    for kind in ("modules", "worktrees"):
        for inner in _listed(git / kind):
            if inner.is_dir() and not inner.is_symlink():
                yield from _running_parts(inner)


def _listed(directory: Path) -> Mapping[Path, str]:
    """Return the paths in a directory with their plain names."""
    try:
        return {path: _plain(path.name) for path in directory.iterdir()}
    except OSError:
        return {}
