"""Which rule to offer to somebody who does not want to be asked again: the narrowest that is of use.

A rule for a shell, an interpreter or a program that writes wherever it is told is as good as allowing everything. So
none is offered for those; who wants one writes it.
"""

import re
from pathlib import Path, PurePosixPath

from antiphon.errors import SettingsError
from antiphon.policy.decisions import Decision
from antiphon.policy.rules import Rule, RuleSource, parse_rule, split_rules
from antiphon.policy.subjects import CommandSubject, FileSubject, Subject, WebSubject
from antiphon.shell.script import SimpleCommand

_SESSION = RuleSource("session")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEVER = _words(
    # They run what they are given.
    "bash sh dash zsh fish ksh csh tcsh busybox toybox eval exec source . command builtin env xargs find fd fdfind "
    "parallel cd pushd popd sudo doas su pkexec chroot nsenter unshare setsid nohup nice ionice timeout time stdbuf "
    "watch script expect ssh scp sftp rsync at batch crontab systemctl launchctl systemd-run trap alias awk gawk "
    "mawk sed perl ruby php lua osascript pwsh powershell gdb strace ltrace vi vim nvim emacs ed ex nano less more "
    "man tclsh "
    # They write, or remove, wherever they are told.
    "rm rmdir mv cp ln dd tee install tar unzip cpio chmod chown chgrp chattr truncate shred mkfs mount umount kill "
    "pkill killall export declare typeset local readonly unset set shopt hash enable read mapfile printf "
    # They carry data out, or programs in.
    "curl wget nc ncat netcat socat telnet ftp aws gcloud az gsutil docker-machine mail sendmail "
)
"""Programs that no rule is offered for."""
_INTERPRETERS = re.compile(r"(?:python|pypy|node|deno|bun|ruby|perl|php|lua|java|Rscript|julia|ts-node|tsx)[0-9.]*")
_EXACT = _words("make gmake just ninja terraform tofu ansible-playbook helm psql mysql sqlite3")
"""Programs that can be told to run anything; only what was asked is offered."""
_WITH_SUBCOMMANDS = _words(
    "apt apt-get brew bun bundle cargo composer conda deno docker dnf dotnet flutter gem gh git glab go gradle hatch "
    "kubectl mix mvn nix npm pdm pip pip3 pipenv pipx pnpm podman poetry pixi rails rake rustup swift tox turbo uv "
    "yarn zig"
)
_ODD = re.compile(r"[^\w./:@+=,-]")
"""What would have to be quoted, or means something in a pattern."""
_SUBCOMMAND = re.compile(r"[a-z][A-Za-z0-9_:.-]*")
_RUNNERS = _words("npx bunx pnpx uvx")
_RUN = {
    ("npm", "run"), ("npm", "exec"), ("pnpm", "run"), ("pnpm", "exec"), ("pnpm", "dlx"), ("yarn", "run"),
    ("yarn", "exec"), ("yarn", "dlx"), ("bun", "run"), ("bun", "x"), ("uv", "run"), ("uv", "tool"), ("pipx", "run"),
    ("poetry", "run"), ("pdm", "run"), ("pipenv", "run"), ("hatch", "run"), ("pixi", "run"), ("conda", "run"),
    ("bundle", "exec"), ("docker", "compose"), ("podman", "compose"), ("composer", "run"), ("cargo", "run"),
    ("go", "run"), ("go", "tool"), ("dotnet", "run"), ("dotnet", "tool"), ("gh", "pr"), ("gh", "issue"),
    ("gh", "run"), ("deno", "task"), ("deno", "run"), ("nix", "run"), ("uv", "pip"),
}  # fmt: skip
"""Subcommands that say less than the word behind them."""
_RUN_ANYTHING = {
    ("git", "bisect"), ("git", "config"), ("git", "difftool"), ("git", "filter-branch"), ("git", "mergetool"),
    ("git", "rebase"), ("git", "submodule"), ("docker", "run"), ("docker", "exec"), ("podman", "run"),
    ("podman", "exec"), ("kubectl", "exec"), ("kubectl", "run"), ("gh", "api"), ("gh", "alias"), ("gh", "extension"),
    ("go", "generate"), ("nix", "shell"), ("nix", "develop"),
}  # fmt: skip
"""Subcommands that run what they are given."""


def suggested(tool: str, decision: Decision, subject: Subject | None, root: Path) -> tuple[Rule, ...]:
    """Return the rules that together would allow a call that is asked about; nothing where none should.

    Args:
        tool: the tool.
        decision: what is said of the call.
        subject: what it is about.
        root: where patterns of files start.
    """
    if decision.verdict != "ask" or not decision.allowable:
        return ()
    match subject:
        case FileSubject():
            rules = [rule_for_file(tool, subject.path, root)]
        case WebSubject():
            rules = [rule_for_host(subject.host)]
        case CommandSubject():
            rules = [_rule_for_part(part, root) for part in decision.parts if part.verdict == "ask"]
        case None:
            rules = [_rule(tool)]
    known = [rule for rule in rules if rule is not None]
    # One that leaves a part to be asked about would be written in vain.
    return tuple(dict.fromkeys(known)) if len(known) == len(rules) else ()


def _rule_for_part(decision: Decision, root: Path) -> Rule | None:
    match decision.part:
        case SimpleCommand():
            return rule_for_command(decision.part)
        case Path():
            return rule_for_file("write_file", decision.part, root)
        case None:
            return None


def rule_for_command(command: SimpleCommand) -> Rule | None:
    """Return the rule to offer for a command; None if there is none that is narrow and of use."""
    texts = [None if word.glob else word.text for word in command.words]
    if not texts or texts[0] is None or command.assignments:
        return None
    known = [text for text in texts[: _first_unknown(texts)] if text is not None]
    program = PurePosixPath(known[0]).name
    if program in _NEVER or known[0] in _NEVER:
        return None
    exact = program in _EXACT
    words = (known if len(known) == len(texts) else None) if exact else _prefix(program, known)
    if words is None or any(_ODD.search(word) or not word for word in words):
        return None
    return _rule(f"run_command({' '.join(words)}{'' if exact else ':*'})")


def _first_unknown(texts: list[str | None]) -> int:
    return next((at for at, text in enumerate(texts) if text is None), len(texts))


def _prefix(program: str, words: list[str]) -> list[str] | None:
    """Return the words that say what is done; None if they do not say it."""
    if _INTERPRETERS.fullmatch(program) and program not in _WITH_SUBCOMMANDS:
        return _script(words)
    if program in _RUNNERS:
        return _run(words, 1)
    if program not in _WITH_SUBCOMMANDS:
        return words[:1]
    if len(words) < 2 or not _SUBCOMMAND.fullmatch(words[1]) or (program, words[1]) in _RUN_ANYTHING:
        return None
    return _run(words, 2) if (program, words[1]) in _RUN else words[:2]


def _script(words: list[str]) -> list[str] | None:
    """Return what an interpreter runs, where that is a file or a module."""
    match words[1:]:
        case ["-m", module, *_] if not module.startswith("-"):
            return words[:3]
        case [script, *_] if not script.startswith("-") and "." in script:
            return words[:2]
        case _:
            return None


def _run(words: list[str], at: int) -> list[str] | None:
    """Return the words up to the name of what a runner runs, where that is no program that runs anything."""
    name = words[at] if len(words) > at else ""
    if not name or name.startswith("-") or name in _NEVER:
        return None
    if _INTERPRETERS.fullmatch(name):
        script = _script(words[at:])
        return None if script is None else words[:at] + script
    return words[: at + 1]


def rule_for_file(tool: str, path: Path, root: Path) -> Rule | None:
    """Return the rule to offer for a file: for its directory below the root, or for the file alone at the top."""
    if not path.is_relative_to(root):
        return _rule(f"{tool}(/{_written(path.parent)}/**)") if path.parent != path.parent.parent else None
    directory = path.relative_to(root).parent
    if directory == Path():
        return _rule(f"{tool}(/{_written(Path(path.name))})")
    below = _written(directory)
    return _rule(f"{tool}({'./' if below.startswith('~') else ''}{below}/**)")


def _written(path: Path) -> str:
    """Return a path as a pattern that stands for itself."""
    return re.sub(r"([\\*?\[\]!#])", r"\\\1", path.as_posix())


def rule_for_host(host: str) -> Rule | None:
    """Return the rule to offer for a host."""
    return _rule(f"web_fetch(domain:{host})") if host else None


def _rule(text: str) -> Rule | None:
    """Return a rule, if it can be written on a line with others and read again."""
    try:
        rule = parse_rule(text, "allow", _SESSION)
    except SettingsError:
        return None
    on_a_line = split_rules(f"{text} {text}") == [text, text] == [str(rule)] * 2
    return rule if on_a_line and text.isprintable() else None
