"""A cautious reading of the plainest part of shell language.

Understood is a list of simple commands, joined by `|`, `&&`, `||` and `;`, of words with quotes. Everything else (any
expansion, substitution, redirection, assignment, group, keyword, comment, a second line) is not understood, and no
answer is given. What is understood means the same to bash and to every POSIX shell.
"""

from dataclasses import dataclass, field
from typing import Literal

LONGEST = 4000
"""Characters of a command that are looked at."""

Joint = Literal["", "|", "&&", "||", ";"]
"""What stands before a command; nothing before the first."""

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-^")
_GLOB = frozenset("*?[]")
_HARMLESS_REDIRECTIONS = (" 2>/dev/null", " 2>&1", " 2> /dev/null")


@dataclass(frozen=True, slots=True)
class Word:
    """One word as the program will get it; with `glob`, the shell first looks for files of such names."""

    text: str
    glob: bool = False


@dataclass(slots=True)
class SimpleCommand:
    """A program and its arguments."""

    joint: Joint
    words: list[Word] = field(default_factory=list[Word])


class _Unclear(Exception):
    pass


def read_plain_command(command: str) -> list[SimpleCommand] | None:
    """Return the simple commands that a command line consists of; None when it is not that plain."""
    if len(command) > LONGEST:
        return None
    try:
        return _Reader(command).commands()
    except _Unclear:
        return None


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text.strip(" \t\n")
        self._at = 0

    def commands(self) -> list[SimpleCommand]:
        found = [SimpleCommand("")]
        while self._at < len(self._text):
            joint = self._joint()
            if joint:
                found.append(SimpleCommand(joint))
            elif self._text[self._at] in " \t":
                self._at += 1
            elif self._text[self._at] == "&":
                raise _Unclear
            else:
                found[-1].words.append(self._word())
            self._pass_harmless_redirection()
        if not all(command.words for command in found):
            raise _Unclear
        return found

    def _joint(self) -> Joint:
        joints: tuple[Joint, ...] = ("&&", "||", "|", ";")
        for joint in joints:
            if self._text.startswith(joint, self._at):
                self._at += len(joint)
                # `|&`, `;;` and the like are something else.
                if self._text[self._at : self._at + 1] in set("|&;"):
                    raise _Unclear
                return joint
        return ""

    def _pass_harmless_redirection(self) -> None:
        """Pass over errors thrown away or shown with the output, which every second command of a model has."""
        for redirection in _HARMLESS_REDIRECTIONS:
            end = self._at + len(redirection)
            if self._text.startswith(redirection, self._at) and self._text[end : end + 1] in set(" |;&") | {""}:
                self._at = end
                return

    def _word(self) -> Word:
        parts: list[str] = []
        glob = False
        while self._at < len(self._text):
            character = self._text[self._at]
            if character in _PLAIN or (character == "~" and _is_no_home("".join(parts))):
                parts.append(character)
            elif character in _GLOB:
                parts.append(character)
                glob = True
            elif character == "\\":
                self._at += 1
                parts.append(self._escaped())
            elif character == "'":
                parts.append(self._until("'"))
            elif character == '"':
                parts.append(self._double_quoted())
            elif character == "!" and not parts and self._text[self._at + 1 : self._at + 2] == " ":
                parts.append(character)
            elif character in " \t|&;":
                break
            else:
                raise _Unclear
            self._at += 1
        return Word("".join(parts), glob)

    def _escaped(self) -> str:
        """Return the character after a backslash."""
        character = self._text[self._at : self._at + 1]
        if character in {"", "\n"}:
            raise _Unclear
        return character

    def _until(self, end: str) -> str:
        start = self._at + 1
        self._at = self._text.find(end, start)
        if self._at < 0:
            raise _Unclear
        return self._text[start : self._at]

    def _double_quoted(self) -> str:
        parts: list[str] = []
        while True:
            self._at += 1
            match self._text[self._at : self._at + 1]:
                case '"':
                    return "".join(parts)
                case "" | "$" | "`":
                    raise _Unclear
                case "\\":
                    self._at += 1
                    character = self._escaped()
                    parts.append(character if character in '$`"\\' else f"\\{character}")
                case character:
                    parts.append(character)


def _is_no_home(before: str) -> bool:
    """Tell whether `~` after this is a plain character, as in `HEAD~1`."""
    return before[-1:].isalnum() or before[-1:] in {"^", "~"}
