"""Whether a rule fits a call: its tool by name, its pattern by what the call is about.

Rules that allow are taken by the letter. Rules that ask or deny are taken broadly, because whoever writes a command or
a path can write it in many ways: letter case does not matter, a program may be named by its path, and options may
stand between the words. Where a variable hides what a command is, such a rule fits *perhaps*, which is None.
"""

import os
import re
import shlex
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from antiphon.policy.rules import Rule
from antiphon.shell.script import SimpleCommand, Word


def names(rule: Rule, tool: str) -> bool:
    """Tell whether a rule is about a tool."""
    return rule.tool == tool or ("*" in rule.tool and _glob(rule.tool).fullmatch(tool) is not None)


def fits_file(rule: Rule, path: Path, root: Path) -> bool:
    """Tell whether a rule with a pattern fits a file.

    Args:
        rule: the rule.
        path: the file's resolved path.
        root: where patterns start.
    """
    broad = rule.verdict != "allow"
    pattern = rule.pattern or ""
    if pattern.startswith("//"):
        base, pattern = Path("/"), pattern[1:]
    elif pattern.startswith("~/"):
        # Without a home there is nothing in it.
        base, pattern = Path(os.path.expanduser("~")), pattern[1:]  # noqa: PTH111  (Path's raises without a home)
    else:
        base = root
    if not path.is_relative_to(base):
        return False
    name = unicodedata.normalize("NFC", path.relative_to(base).as_posix())
    matches = _path_pattern(pattern[1:] if pattern.startswith("./") else pattern, broad).match
    # A rule for what is in a directory is meant for the directory, too, when it takes something away.
    return matches(name) is not None or (broad and matches(f"{name}/") is not None)


@lru_cache(maxsize=512)
def _path_pattern(pattern: str, broad: bool) -> re.Pattern[str]:  # noqa: FBT001  (cached by its arguments)
    # Costs 20 ms, which only who has such a rule should pay.
    spec: Any = import_module("pathspec.patterns.gitignore.spec")
    try:
        written, _ = spec.GitIgnoreSpecPattern.pattern_to_regex(unicodedata.normalize("NFC", pattern))
    except ValueError:  # of a rule that was not read by `parse_rule`
        written = None
    # What makes no sense as a pattern allows nothing, and takes everything away.
    return re.compile(written or ("" if broad else "(?!)"), re.DOTALL | (re.IGNORECASE if broad else 0))


def fits_host(rule: Rule, host: str) -> bool:
    """Tell whether a rule with a pattern fits a host."""
    kind, _, wanted = (rule.pattern or "").partition(":")
    wanted, host = _plain_host(wanted), _plain_host(host)
    if kind != "domain" or not host:
        return False
    return wanted in {"*", host} or (wanted.startswith("*.") and host.endswith(wanted[1:]))


@lru_cache(maxsize=512)
def _plain_host(host: str) -> str:
    """Return the one spelling of a host: lower case, no dot at its end, other alphabets as they go over the wire."""
    plain = host.strip().strip("[]").rstrip(".").lower()
    try:
        return plain.encode("idna").decode() if not plain.isascii() else plain
    except UnicodeError:
        return plain


@dataclass(frozen=True, slots=True)
class _CommandPattern:
    """What a command must begin with, word by word, and whether more may follow."""

    words: tuple[str, ...]
    more: bool
    colon: bool


@lru_cache(maxsize=512)
def _command_pattern(pattern: str) -> _CommandPattern:
    colon = pattern.endswith(":*")
    text = pattern[:-2] if colon else pattern
    try:
        words = shlex.split(text)
    except ValueError:  # of a rule that was not read by `parse_rule`
        words = text.split()
    more = colon or words[-1:] == ["*"]
    return _CommandPattern(tuple(words if colon or not more else words[:-1]), more, colon)


def fits_command(rule: Rule, words: Sequence[Word]) -> bool:
    """Tell whether a rule that allows, with a pattern, fits a command of these words."""
    pattern = _command_pattern(rule.pattern or "")
    wanted = len(pattern.words)
    if len(words) < wanted or (len(words) > wanted and not pattern.more):
        return False
    return all(_same(one, words[index], pattern, index) for index, one in enumerate(pattern.words))


def _same(wanted: str, word: Word, pattern: _CommandPattern, index: int) -> bool:
    if word.text is None or word.glob:
        # The shell makes of `*.tmp` what it finds; only who allowed just that has allowed it.
        return word.glob and word.text == wanted
    if "*" in wanted and ".." in word.text.split("/") and ".." not in wanted.split("/"):
        # `src/*` was written for what is in there.
        return False
    return _is_word(wanted, word.text, pattern, index)


def _is_word(wanted: str, text: str, pattern: _CommandPattern, index: int) -> bool:
    # `npm run test:*` is written for the script `test` as often as for `test:unit`.
    group = pattern.colon and index == len(pattern.words) - 1 and text.startswith(f"{wanted}:")
    return group or _glob(wanted).fullmatch(text) is not None


def may_fit_command(rule: Rule, command: SimpleCommand) -> bool | None:
    """Tell whether a rule that asks or denies, with a pattern, fits a command; None when only the shell will know."""
    if not command.words:
        return False
    program, *arguments = command.words
    pattern = _command_pattern(rule.pattern or "")
    if program.text is None or program.glob:
        return None
    if not pattern.words:
        return True
    named = {program.text.casefold(), PurePosixPath(program.text).name.casefold()}
    wanted = {pattern.words[0].casefold(), PurePosixPath(pattern.words[0]).name.casefold()}
    if not any(_is_word(one, name, pattern, 0) for one in wanted for name in named):
        return False
    return _follow_in_order(pattern, arguments)


def _follow_in_order(pattern: _CommandPattern, words: Sequence[Word]) -> bool | None:
    """Tell whether the words of a pattern behind its first follow, with nothing but options between them."""
    places, unknown = {0}, False
    for index, wanted in enumerate(pattern.words[1:], start=1):
        following: set[int] = set()
        for place in _beyond_options(words, places):
            text = words[place].text if place < len(words) else ""
            if text is None or (place < len(words) and words[place].glob):
                unknown = True
            elif place < len(words) and _is_word(wanted, text, pattern, index):
                following.add(place + 1)
        places = following
    if places and (pattern.more or len(words) in places):
        return True
    if places and any(word.text is None or word.glob for word in words):
        return None
    return None if unknown else False


def _beyond_options(words: Sequence[Word], places: set[int]) -> set[int]:
    """Add the places that are reached when options are passed over, each alone or with a value of its own."""
    reached: set[int] = set()
    waiting = list(places)
    while waiting:
        place = waiting.pop()
        if place in reached:
            continue
        reached.add(place)
        if place < len(words) and (words[place].text or "").startswith("-"):
            waiting += [place + 1, place + 2]
    return reached


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
