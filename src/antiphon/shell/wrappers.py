"""What really runs where a command is given to another: `timeout 60 npm test`, `find -exec`, `bash -c`.

The answer is None whenever something runs that cannot be known beforehand, or an option is not known here. Programs
with a language of their own (`python -c`, `awk`, `make`) are programs like others: what they do is not looked into.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from antiphon.shell.builtins import may_run_more
from antiphon.shell.parsing import parse
from antiphon.shell.script import SimpleCommand, Word
from antiphon.shell.variables import is_harmless
from antiphon.shell.wrapper_programs import UNKNOWABLE, WRAPPERS, Wrapper

_UNKNOWN = Word("...", None)
"""Stands for arguments that come from elsewhere."""
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_REPLACES = re.compile(r"-[0rtpxo]*I(.*)", re.DOTALL)
_BASH_ONLY = frozenset({"&>", "&>>", "<<<"})
_HARMLESS = frozenset({"command", "env", "nice", "nohup", "stdbuf", "time", "timeout"})
_SHELLS = frozenset({"ash", "bash", "dash", "sh"})
_SHELL_OPTIONS = re.compile(r"-[eful]*[oc]?")
_FIND_RUNS = frozenset({"-exec", "-execdir", "-ok", "-okdir"})
_FD_RUNS = frozenset({"-x", "-X", "--exec", "--exec-batch"})
_Arguments = Sequence[Word]
_Found = tuple[SimpleCommand, ...] | None


def unwrapped(command: SimpleCommand) -> tuple[SimpleCommand, ...] | None:
    """Return the commands that a command runs besides itself, one step further: they may run others again.

    Returns:
        None where something runs that cannot be known; nothing for a command that runs no other.
    """
    if not command.words:
        return ()
    name = command.words[0].text
    if name is None or command.words[0].glob:
        return None
    name = name.rpartition("/")[2]
    arguments = command.words[1:]
    if name in UNKNOWABLE or may_run_more(command.words):
        return None
    special = _SPECIAL.get(name)
    if special is not None:
        return special(command, arguments)
    wrapper = WRAPPERS.get(name)
    return () if wrapper is None else _wrapped(wrapper, command, arguments)


def is_harmless_wrapper(command: SimpleCommand) -> bool:
    """Tell whether a command only runs another one that `unwrapped` names, in no other place, as nobody else."""
    name = command.words[0].text if command.words else None
    inner = unwrapped(command) if name in _HARMLESS else None
    if not inner or name != "env":
        return bool(inner)
    set_here = inner[0].assignments[len(command.assignments) :]
    return not _is_option(command.words[1]) and all(is_harmless(name, value) for name, value in set_here)


def unfolded(commands: Sequence[SimpleCommand]) -> tuple[SimpleCommand, ...] | None:
    """Return commands and all that they run; None where something runs that cannot be known."""
    found: list[SimpleCommand] = []
    waiting = list(reversed(commands))
    while waiting:
        command = waiting.pop()
        inner = unwrapped(command)
        if inner is None:
            return None
        found.append(command)
        waiting += reversed(inner)
    return tuple(found)


def _is_option(word: Word) -> bool:
    return word.text is None or word.text.startswith("-")


def _inner(command: SimpleCommand, words: _Arguments, assignments: Sequence[tuple[str, Word]] = ()) -> _Found:
    """Return the command of these words; None where its name is unknown."""
    name = words[0].text
    # What looks like an option is one, as in `flock file -c "rm x"`.
    if name is None or words[0].glob or name.startswith("-"):
        return None
    raw = " ".join(word.raw for word in words)
    return (replace(command, words=tuple(words), assignments=(*command.assignments, *assignments), raw=raw),)


def _wrapped(wrapper: Wrapper, command: SimpleCommand, arguments: _Arguments) -> _Found:
    at = _after_options(wrapper, arguments)
    if at is None:
        return None
    if arguments[at - 1 : at] and at and arguments[at - 1].text in wrapper.ends:
        return ()
    at += wrapper.before
    assignments: list[tuple[str, Word]] = []
    while wrapper.assigns and at < len(arguments) and (found := _ASSIGNMENT.fullmatch(arguments[at].text or "")):
        assignments.append((found[1], Word(found[2], found[2])))
        at += 1
    # Where one of these is unknown, it may be no word or several, and the command begins elsewhere.
    if any(word.text is None or word.glob for word in arguments[:at]):
        return None
    words = [*arguments[at:]]
    if not words:
        return (replace(command, words=(Word("echo", "echo"), _UNKNOWN)),) if wrapper.appends else ()
    return _inner(command, words, assignments)


def _after_options(wrapper: Wrapper, arguments: _Arguments) -> int | None:
    """Return where options end; None where one is not known."""
    at = 0
    while at < len(arguments):
        text = arguments[at].text
        if text is None:
            return None
        if not text.startswith("-"):
            return at
        at += 1
        if text == "--" or text in wrapper.ends:
            return at
        if text.startswith("--"):
            option, equals, _ = text.partition("=")
            if f"{option}=" in wrapper.long:
                at += not equals
            elif equals or option not in wrapper.long:
                return None
            continue
        rest = text[1:].lstrip(wrapper.short)
        if rest[:1] and rest[0] in wrapper.valued:
            at += not rest[1:]
        elif (rest or text == "-") and not (wrapper.numeric and rest.isdecimal()):
            return None
    return at


def _xargs(command: SimpleCommand, arguments: _Arguments) -> _Found:
    found = _wrapped(WRAPPERS["xargs"], command, arguments)
    if not found:
        return found
    words = found[0].words
    if words[-1] is _UNKNOWN:
        return found
    texts = [word.text or "" for word in arguments[: len(arguments) - len(words)]]
    marks = [
        option[1] or following
        for text, following in zip(texts, [*texts[1:], ""], strict=False)
        if (option := _REPLACES.fullmatch(text))
    ]
    if any(not mark or mark in words[0].raw for mark in marks):
        return None
    known = [replace(word, text=None) if any(mark in word.raw for mark in marks) else word for word in words]
    return (replace(found[0], words=(*known, _UNKNOWN)),)


def _find(command: SimpleCommand, arguments: _Arguments, runs: frozenset[str] = _FIND_RUNS) -> _Found:
    """Return what `-exec` and its like run. An unknown word may be such an option itself."""
    found: list[SimpleCommand] = []
    at = 0
    while at < len(arguments):
        word = arguments[at]
        at += 1
        if word.text is None or (word.glob and word.text[0] in "*?[-"):
            return None
        if word.text not in runs:
            continue
        words: list[Word] = []
        while at < len(arguments) and arguments[at].text != ";" and not _ends_many(arguments, at):
            words.append(arguments[at])
            at += 1
        at += 1
        if not words or "{}" in words[0].raw:
            return None
        inner = _inner(command, [replace(word, text=None) if "{}" in word.raw else word for word in words])
        if inner is None:
            return None
        found += inner
    return tuple(found)


def _ends_many(arguments: _Arguments, at: int) -> bool:
    """Tell whether `+` ends a command here: after `{}` only."""
    return arguments[at].text == "+" and arguments[at - 1].text == "{}"


def _fd(command: SimpleCommand, arguments: _Arguments) -> _Found:
    if any(word.text is None or word.glob or word.text.startswith(("--exec=", "--exec-batch=")) for word in arguments):
        return None
    if any(re.fullmatch(r"-[A-Za-z0-9]+[xX].*|-[xX].+", word.text or "") for word in arguments):
        return None
    return _find(command, arguments, _FD_RUNS)


def _text(command: SimpleCommand, texts: Sequence[str | None], *, bash: bool = True) -> _Found:
    """Return the commands in a text that a shell is given."""
    known = [text for text in texts if text is not None]
    script = parse(" ".join(known)) if len(known) == len(texts) else None
    if script is None or (not bash and any(map(_is_bash_only, script.commands))):
        return None
    return tuple(
        replace(inner, nested=True, assignments=(*command.assignments, *inner.assignments)) for inner in script.commands
    )


def _is_bash_only(command: SimpleCommand) -> bool:
    """Tell whether another shell would take a command for something else."""
    return (
        command.joint == "|&"
        or (bool(command.words) and command.words[0].raw == "[[")
        or any(
            redirection.operator in _BASH_ONLY or (redirection.operator == ">&" and redirection.writes)
            for redirection in command.redirections
        )
    )


def _shell(command: SimpleCommand, arguments: _Arguments) -> _Found:
    bash = (command.words[0].text or "").rpartition("/")[2] == "bash"
    if [word.text for word in arguments] in (["--version"], ["--help"]):
        return ()
    words = iter(arguments)
    for word in words:
        text = "" if word.glob else word.text or ""
        if _SHELL_OPTIONS.fullmatch(text) is None:
            return None
        if "o" in text and next(words, _UNKNOWN).text not in {"errexit", "nounset", "pipefail"}:
            return None
        if "c" in text:
            script = next(words, None)
            return None if script is None else _text(command, [script.text], bash=bash)
    return None


def _eval(command: SimpleCommand, arguments: _Arguments) -> _Found:
    if any(word.glob for word in arguments):
        return None
    return _text(command, [word.text for word in arguments]) if arguments else ()


def _trap(command: SimpleCommand, arguments: _Arguments) -> _Found:
    texts = [word.text for word in arguments]
    if texts[:1] == ["--"]:
        texts = texts[1:]
    if not texts or texts[0] in {"-p", "-l", "-", ""}:
        return ()
    return _text(command, texts[:1])


def _watch(command: SimpleCommand, arguments: _Arguments) -> _Found:
    """`watch` gives its words to `sh`, joined."""
    found = _wrapped(WRAPPERS["watch"], command, arguments)
    if not found:
        return found
    return _text(command, [word.text for word in found[0].words], bash=False)


_SPECIAL: Mapping[str, Callable[[SimpleCommand, _Arguments], _Found]] = {
    **dict.fromkeys(_SHELLS, _shell),
    "eval": _eval,
    "fd": _fd,
    "fdfind": _fd,
    "find": _find,
    "trap": _trap,
    "watch": _watch,
    "xargs": _xargs,
}
