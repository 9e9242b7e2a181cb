"""Which shell commands are known to only read, and only in the workspace.

Such a command may run without approval, beside others, and before the reply that asks for it has ended. So the answer
is no whenever anything is unclear: a program or an option that is not listed here, a path that leads outside, a
construct that `shell_words.py` does not understand.
"""

import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from antiphon.tools.base import Workspace
from antiphon.tools.read_only_git import git_only_reads
from antiphon.tools.shell_words import SimpleCommand, Word, read_plain_command


@dataclass(frozen=True, slots=True)
class Program:
    """What a program may be asked for.

    Attributes:
        short: letters of its short options.
        valued: letters of those that take a value, in the same word or the next.
        long: its long options, written out. GNU programs take abbreviations of them; those are unclear to us.
        positionals: how many other arguments it may have.
        numeric: `-5` and `+5` are options.
        globs: the shell may look up names for it: whatever they are, no option among them does harm, and of what a
            link leads to only names and sizes are shown.
    """

    short: str = ""
    valued: str = ""
    long: frozenset[str] = frozenset()
    positionals: int = 1000
    numeric: bool = False
    globs: bool = False


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _long(names: str) -> frozenset[str]:
    return frozenset(f"--{name}" for name in names.split())


_PROGRAMS: Mapping[str, Program] = {
    "basename": Program("az", "s"),
    "cat": Program("AbeEnstTuv", long=_long("number number-nonblank show-all show-ends show-tabs squeeze-blank")),
    "cmp": Program("bls", "in"),
    "comm": Program("123i"),
    "cut": Program("snz", "bcdf", long=_long("bytes characters delimiter fields only-delimited complement")),
    "df": Program("hHkiPTl", long=_long("human-readable inodes")),
    # Not recursive: it would follow links.
    "diff": Program("abBcdeEHinpqsTtuwyZ", "CUIW", long=_long("brief unified ignore-all-space")),
    "dirname": Program("z"),
    "du": Program("abchHkmsSx", "dt", long=_long("human-readable max-depth summarize all total"), globs=True),
    "file": Program("bikN", long=_long("brief mime mime-type mime-encoding")),
    "grep": Program(
        "EFGPivwxclLnoqshHrabzZyUT",
        "eABCmdD",
        long=_long(
            "extended-regexp fixed-strings perl-regexp ignore-case invert-match word-regexp line-regexp count "
            "files-with-matches files-without-match line-number only-matching quiet no-messages with-filename "
            "no-filename recursive regexp after-context before-context context max-count include exclude exclude-dir "
            "color colour text binary-files"
        ),
        numeric=True,
    ),
    "head": Program("qvz", "nc", long=_long("lines bytes quiet verbose"), numeric=True),
    "id": Program("ugnrGz", positionals=0),
    "ls": Program(
        "aAbBcCdfFgGhHiIklmnNopqQrRsStTuUvwxXZ1",
        long=_long(
            "all almost-all color group-directories-first human-readable recursive reverse size sort time "
            "time-style full-time classify directory inode numeric-uid-gid"
        ),
        globs=True,
    ),
    "md5sum": Program("btz"),
    "nl": Program("p", "bdfhilnsvw"),
    "nproc": Program(positionals=0, long=_long("all")),
    "pwd": Program("LP", positionals=0),
    "readlink": Program("efmnqsvz"),
    "realpath": Program("eLmPqsz"),
    "rg": Program(
        "nilcwvFSsuUNHIoqp0xPja.",
        "eABCmgtTMrd",
        long=_long(
            "files hidden no-ignore glob iglob type type-not type-list context after-context before-context "
            "ignore-case smart-case case-sensitive fixed-strings word-regexp line-regexp invert-match count "
            "count-matches files-with-matches files-without-match line-number no-line-number no-heading heading "
            "with-filename no-filename only-matching max-count max-depth max-columns multiline multiline-dotall pcre2 "
            "regexp json stats quiet color colors column trim sort sortr replace no-messages no-config text null "
            "unrestricted"
        ),
    ),
    "sha1sum": Program("btz"),
    "sha256sum": Program("btz"),
    "sort": Program("nrufhVbdgMscCizm", "kt", long=_long("numeric-sort reverse unique key field-separator stable")),
    "stat": Program("Lftx", "cn", long=_long("format printf dereference file-system terse"), globs=True),
    "tail": Program("qvz", "nc", long=_long("lines bytes quiet verbose"), numeric=True),
    "tr": Program("cCdst", long=_long("complement delete squeeze-repeats truncate-set1")),
    "tree": Program("adfgipsuhDFCAQnrtvcUxJX", "LIP", long=_long("dirsfirst noreport prune gitignore filelimit du si")),
    "true": Program(positionals=0),
    "uname": Program("asnrvmpio", positionals=0),
    "uniq": Program("cdDuiz", "fsw", long=_long("count repeated unique ignore-case"), positionals=1),
    "wc": Program("lwcmL", long=_long("lines words chars bytes max-line-length"), globs=True),
    "which": Program("as"),
    "whoami": Program(positionals=0),
}
_FIND_TESTS = _words(
    "-name -iname -path -ipath -wholename -type -maxdepth -mindepth -size -mtime -mmin -ctime -atime -newer -empty "
    "-print -print0 -printf -ls -not -o -a -or -and -prune -regex -iregex -perm -user -group -links -true -false "
    "-readable -writable -executable -xdev -mount -depth -daystart -quit -regextype"
)
_SED_PRINTS = re.compile(r"(?:\d+|\$)(?:,(?:\+?\d+|\$))?p(?:;(?:\d+|\$)(?:,(?:\+?\d+|\$))?p)*(?:;\d+q)?")
_DATE_TELLS = re.compile(r"\+.*|-u|-R|--utc|-I\w*|--iso-8601(=\w+)?|--rfc-3339=\w+")
_TEXT_ONLY = frozenset({"which", "tr", "basename", "dirname", "true"})
"""Programs whose arguments are no paths."""

_Within = Callable[[str], bool]


def is_read_only(command: str, workspace: Workspace, cwd: Path) -> bool:
    """Tell whether a shell command is known to only read, and only what is in the workspace. Never raises."""
    commands = read_plain_command(command)
    if commands is None:
        return False
    try:
        return _all_only_read(commands, workspace, cwd)
    except (OSError, ValueError):  # a name that no path can be
        return False


def _all_only_read(commands: list[SimpleCommand], workspace: Workspace, cwd: Path) -> bool:
    if commands[0].words[0].text == "cd":
        # Only as `cd place && ...`, so that all that follows runs there or not at all.
        moved = _moved(commands[0].words[1:], workspace, cwd)
        if moved is None or commands[1:2] == [] or any(c.joint not in {"&&", "|"} for c in commands[1:]):
            return False
        if commands[1].joint == "|":
            return False
        return _all_only_read([SimpleCommand("", commands[1].words), *commands[2:]], workspace, moved)
    return all(_only_reads(command.words[0], command.words[1:], workspace, cwd) for command in commands)


def _moved(arguments: list[Word], workspace: Workspace, cwd: Path) -> Path | None:
    """Return where `cd` leads, if that is clear and inside."""
    if len(arguments) != 1 or arguments[0].glob or arguments[0].text.startswith("-") or os.environ.get("CDPATH"):
        return None
    there = Path(os.path.realpath(cwd / arguments[0].text))
    return there if arguments[0].text and there.is_dir() and workspace.root_of(there) else None


def _only_reads(name: Word, arguments: list[Word], workspace: Workspace, cwd: Path) -> bool:
    if name.glob or not _is_the_systems(name.text, workspace):
        return False

    def within(path: str) -> bool:
        return path in {"", "-", "/dev/null"} or workspace.root_of(os.path.realpath(cwd / path)) is not None

    program = _PROGRAMS.get(name.text)
    if program is not None:
        return _fits(program, arguments, (lambda _: True) if name.text in _TEXT_ONLY else within)
    if name.text == "echo":
        return all(not word.glob or _looked_up_within(word.text, within) for word in arguments)
    return not any(word.glob for word in arguments) and _only_reads_words(
        name.text, [word.text for word in arguments], within, cwd
    )


def _only_reads_words(name: str, words: list[str], within: _Within, cwd: Path) -> bool:
    """Decide about the programs that have a language of their own."""
    match name:
        case "date":
            # With another argument, or with `-s`, it would set the clock.
            return all(_DATE_TELLS.fullmatch(word) for word in words)
        case "find":
            return _find_only_reads(words, within)
        case "sed":
            return _sed_only_prints(words, within)
        case "git":
            return git_only_reads(words, cwd, within)
        case _:
            return False


def _is_the_systems(name: str, workspace: Workspace) -> bool:
    """Tell whether the program that the shell will find is not one that lies in the workspace."""
    if not re.fullmatch(r"[a-z0-9]+", name):
        return False
    path = os.environ.get("PATH", os.defpath)
    if any(not directory.startswith("/") for directory in path.split(os.pathsep)):
        return False
    found = shutil.which(name, path=path)
    return found is not None and not any(workspace.root_of(place) for place in (found, os.path.realpath(found)))


def _fits(program: Program, arguments: list[Word], within: _Within) -> bool:
    """Tell whether a program is asked for nothing but what is listed, on nothing but what is within."""
    if any(word.glob and not (program.globs and _looked_up_within(word.text, within)) for word in arguments):
        return False
    words = iter([word.text for word in arguments])
    others: list[str] = []
    for word in words:
        if word == "--":
            others += words
        elif word.startswith("--"):
            option, _, value = word.partition("=")
            if option not in program.long or not within(value):
                return False
        elif (word.startswith("-") and word != "-") or (program.numeric and re.fullmatch(r"\+\d+", word)):
            rest = word[1:].lstrip(program.short)
            if rest[:1] and rest[0] in program.valued:
                value = rest[1:] or next(words, "")
                if not within(value):
                    return False
            elif rest and not (program.numeric and rest.isdecimal()):
                return False
        else:
            others.append(word)
    return len(others) <= program.positionals and all(map(within, others))


def _looked_up_within(text: str, within: _Within) -> bool:
    """Tell whether only names in one directory of the workspace are looked up."""
    directory, slash, name = text.rpartition("/")
    return not set("*?[") & set(directory) and not name.startswith("-") and within(directory + slash or ".")


def _find_only_reads(words: list[str], within: _Within) -> bool:
    return all(
        word in _FIND_TESTS if word.startswith("-") and not word[1:].isdecimal() else within(word) for word in words
    )


def _sed_only_prints(words: list[str], within: _Within) -> bool:
    """Only `sed -n 10,20p file`: scripts can write files and run programs."""
    match words:
        case ["-n", script, *files]:
            return _SED_PRINTS.fullmatch(script) is not None and all(
                within(file) and not file.startswith("-") for file in files
            )
        case _:
            return False
