"""Which git commands are known to only read, and how they are kept from doing more.

A repository's own configuration can name programs that git then runs, even to show its status: filters, converters,
monitors. `SAFE_GIT` takes away those that have a fixed name; with the others in its configuration a repository's
commands are not known to only read.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_SETTINGS = {
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.pager": "cat",
    "log.showSignature": "false",
    "diff.ignoreSubmodules": "dirty",
    # Else `git diff` notes in the index that a file with another time has the same contents.
    "diff.autoRefreshIndex": "false",
    # A directory that merely looks like a repository is none, whatever its configuration says.
    "safe.bareRepository": "explicit",
}
_NAMES_PROGRAMS = tuple(b"filter textconv command external include program worktree promisor submodule".split())
"""Parts of sections and keys by which programs are named, or more configuration or other places are brought in."""
_NAMES_MORE_PROGRAMS = tuple(b"fsmonitor hookspath pager showsignature alias editor ssh gpg".split())
"""Those that `safe_git` takes away, or that matter only without it."""
_MOST_CONFIGURATION = 100_000


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FLAGS = frozenset(
    _words("""
    -a -v -vv -r -p -u -s -sb -sn -uno -uall -z -n -i -w -b --oneline --stat --numstat --shortstat --name-only
    --name-status --graph --all --decorate --no-decorate --cached --staged --patch --no-patch --no-color --color
    --abbrev-commit --reverse --merges --no-merges --first-parent --follow --short --branch --porcelain --long
    --show-stash --list --verbose --remotes --show-current --summary --check --word-diff --ignore-all-space --tags
    --heads --show-toplevel --abbrev-ref --is-inside-work-tree --show-prefix --git-dir --no-ext-diff --no-textconv
    --no-renames --root --others --modified --deleted --exclude-standard --stage --date-order --topo-order --always
    --exact-match --contains --merged --no-merged --untracked-files --ignored --full-index --raw --minimal
    --histogram --count
    """)
)
_VALUED = _words("""
    --format= --pretty= --since= --until= --after= --before= --author= --grep= --max-count= --skip= --date= --stat=
    --unified= -U -n -S -G -L --abbrev= --diff-filter= --sort= --porcelain= --untracked-files= --color= --decorate=
    --word-diff= --short= --branches= --tags= --remotes= --inter-hunk-context=
""")

_ANYTHING = 1000
_POSITIONALS: Mapping[str, int] = {
    "blame": _ANYTHING,
    "describe": _ANYTHING,
    "diff": _ANYTHING,
    "log": _ANYTHING,
    "ls-files": _ANYTHING,
    "ls-tree": _ANYTHING,
    "merge-base": _ANYTHING,
    "rev-list": _ANYTHING,
    "rev-parse": _ANYTHING,
    "shortlog": _ANYTHING,
    "show": _ANYTHING,
    "show-ref": _ANYTHING,
    "status": _ANYTHING,
    # With a name these would make a branch, a tag or another remote.
    "branch": 0,
    "tag": 0,
    "remote": 0,
    "stash list": 0,
    "worktree list": 0,
}


def safe_git(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with settings under which the commands below only read."""
    # https://git-scm.com/docs/git-config#Documentation/git-config.txt-GITCONFIGCOUNT: stronger than any file.
    count = int(given) if (given := env.get("GIT_CONFIG_COUNT", "0")).isdecimal() else 0
    settings = {
        f"GIT_CONFIG_{part}_{number}": text
        for number, setting in enumerate(_SETTINGS.items(), count)
        for part, text in zip(("KEY", "VALUE"), setting, strict=True)
    }
    # Without optional locks `git status` does not write the index either.
    return {**env, **settings, "GIT_CONFIG_COUNT": str(count + len(_SETTINGS)), "GIT_OPTIONAL_LOCKS": "0"}


def git_only_reads(words: Sequence[str], cwd: Path, within: Callable[[str], bool], *, safely: bool) -> bool:
    """Tell whether `git` with these arguments only reads.

    Args:
        words: the arguments.
        cwd: where it runs.
        within: tells of a path whether it may be read.
        safely: it runs in the environment of `safe_git`.
    """
    words = words[1:] if words[:1] == ["--no-pager"] else words
    name, arguments = " ".join(words[:1]), words[1:]
    if f"{name} {''.join(arguments[:1])}" in _POSITIONALS:
        name, arguments = f"{name} {arguments[0]}", arguments[1:]
    most = _POSITIONALS.get(name)
    if most is None or not _names_no_programs(cwd, safely=safely):
        return False
    end = arguments.index("--") if "--" in arguments else len(arguments)
    flags = [word for word in arguments[:end] if word.startswith("-")]
    others = [word for word in arguments[:end] if not word.startswith("-")] + list(arguments[end + 1 :])
    return all(map(_is_known, flags)) and len(others) <= most and all(map(within, others))


def _is_known(flag: str) -> bool:
    # %G... in a format asks who signed, and git asks another program.
    return flag in _FLAGS or flag[1:].isdecimal() or (flag.startswith(_VALUED) and "%G" not in flag)


def _names_no_programs(cwd: Path, *, safely: bool) -> bool:
    """Tell whether the configuration of the repository around a directory is plain. Outside of one there is none."""
    names = _NAMES_PROGRAMS if safely else _NAMES_PROGRAMS + _NAMES_MORE_PROGRAMS
    for directory in (cwd, *cwd.parents):
        repository = directory / ".git"
        if repository.is_dir() and not repository.is_symlink():
            elsewhere = (repository / "config.worktree", repository / "commondir", directory / ".gitmodules")
            return not any(path.exists() for path in elsewhere) and _is_plain(repository / "config", names)
        if repository.exists() or repository.is_symlink():
            return False
        if not safely and (directory / "HEAD").exists() and (directory / "objects").exists():
            return False  # a repository by its looks, with a configuration of its own
    return True


def _is_plain(configuration: Path, names: Sequence[bytes]) -> bool:
    if not configuration.is_file() or configuration.stat().st_size > _MOST_CONFIGURATION:
        return False
    text = configuration.read_bytes().lower()
    return not any(name in text for name in names)
