"""What one ignore file says, as git reads a `.gitignore`.

pathspec translates the patterns. Matching is done here, name by name on the way down, because then a pattern can only
match what it is about, and not what is somewhere below that.
"""

import re
import stat
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple

MOST_BYTES = 1 << 20
"""A longer ignore file is none."""
_MOST_LEVELS = 4
"""How often a pattern may say `**`, which takes as long as there are ways to split a path."""
_AT_ANY_DEPTH = "^(?:.+/)?"
_DIRECTORY_MARK = "(?P<ps_d>/)"
_END_MARK = f"(?:{_DIRECTORY_MARK}|$)"
_ANY = r"\[\^/\]\*"
_ATOM = r"(?:\\.|\[\^?\]?[^\]]*\]|[^\\\[\]/()|?*+^$.{}])"
_INNER_STAR = re.compile(rf"{_ANY}((?:(?!{_ANY}){_ATOM})*)(?={_ANY})")


class UnusableIgnoreFile(Exception):
    """An ignore file, or a line of it, cannot be understood; the message says why."""


class Stamp(NamedTuple):
    """What tells one state of an ignore file from another. The time of change cannot be set back."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    hides: bool
    regex: re.Pattern[str]
    kind: Literal["everything", "directories", "below", "named"]  # `*`, `*/`, `a/**` (which is not about `a`), others
    name: str | None  # what the last part of a path must be like, if that is all that counts

    def is_about(self, path: str) -> bool:
        """Tell whether this line is about this very path, of which a directory ends in a slash."""
        if self.kind == "everything":
            return True
        if self.kind == "directories":
            return path.endswith("/")
        found = self.regex.search(path)
        if found is None:
            return False
        if self.kind == "below":
            return found.end() < len(path)
        # Else it is about a directory above, and was asked then.
        return found.start("ps_d") < 0 or found.end() == len(path)


class IgnorePatterns:
    """The patterns of one ignore file."""

    def __init__(self, text: str, *, ignores_case: bool = False) -> None:
        """Understand the lines.

        Args:
            text: the file's text.
            ignores_case: take upper and lower case for the same, as the file system does.

        Raises:
            UnusableIgnoreFile: a line cannot be understood. git passes such lines over; here they would leave
                something to be seen that somebody wants hidden.
        """
        self._ignores_case = ignores_case
        lines = [self._line(number, line) for number, line in enumerate(text.split("\n"), start=1)]
        self._latest_first = [line for line in reversed(lines) if line is not None]
        # One look at the name, and at the path where a pattern has several parts, tells for nearly every path that no
        # line is about it.
        names = [line.name for line in self._latest_first if line.name is not None]
        paths = [line.regex.pattern.replace("?P<ps_d>", "?:") for line in self._latest_first if line.name is None]
        self._names = re.compile("|".join(names) or "(?!)", self._flags)
        self._paths = re.compile("|".join(paths) or "(?!)", self._flags)

    @property
    def _flags(self) -> int:
        return re.DOTALL | (re.IGNORECASE if self._ignores_case else 0)

    def hiding(self, path: str, *, is_directory: Callable[[], bool] | bool = False) -> int | None:
        """Return the line that hides this very path, or None. Directories above it are not looked at.

        Args:
            path: below the directory of the ignore file, parts joined by `/`.
            is_directory: whether the path is one, or what finds out, if need be.
        """
        if self._ignores_case:
            path = unicodedata.normalize("NFC", path)
        # Every line that is about a file is about a directory of that name, too.
        if self._names.match(path[path.rfind("/") + 1 :] + "/") is None and self._paths.search(path + "/") is None:
            return None
        if is_directory if isinstance(is_directory, bool) else is_directory():
            path += "/"
        decisive = next((line for line in self._latest_first if line.is_about(path)), None)
        return decisive.number if decisive is not None and decisive.hides else None

    def _line(self, number: int, line: str) -> _Line | None:
        if not line.strip() or line.startswith("#"):
            return None
        # Costs 20 ms, which only who has an ignore file should pay.
        spec: Any = import_module("pathspec.patterns.gitignore.spec")
        text = unicodedata.normalize("NFC", line) if self._ignores_case else line
        try:
            # pathspec takes `a/**/` for `a/`; to git it is about the directories below `a`.
            written, hides = spec.GitIgnoreSpecPattern.pattern_to_regex(re.sub(r"/\*\*/\s*\Z", "/**/*/", text))
        except ValueError:
            written, hides = None, None
        if written is None or hides is None or line.split("/").count("**") > _MOST_LEVELS:
            raise UnusableIgnoreFile(f"line {number} is no pattern: {line[:80]!r}")
        # As fast as it can be: what a star stands for ends where what follows it first fits, but for the last star.
        quick = _INNER_STAR.sub(lambda match: f"(?>[^/]*?{match[1]})", written)
        try:
            regex = re.compile(quick, self._flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise UnusableIgnoreFile(f"line {number} is no pattern: {line[:80]!r}") from error
        whole: dict[str, Literal["everything", "directories"]] = {".": "everything", _DIRECTORY_MARK: "directories"}
        kind = whole.get(written) or ("named" if "ps_d" in regex.groupindex else "below")
        return _Line(number, bool(hides), regex, kind, _name_in(quick))


def _name_in(regex: str) -> str | None:
    """Return the part of an expression that is about the name alone; None when it is about directories above, too."""
    if regex in {".", _DIRECTORY_MARK}:
        return "."
    if not regex.startswith(_AT_ANY_DEPTH) or not regex.endswith((_END_MARK, _DIRECTORY_MARK)):
        return None
    name = regex.removeprefix(_AT_ANY_DEPTH).removesuffix(_END_MARK).removesuffix(_DIRECTORY_MARK)
    return None if "/" in name.replace("[^/]", "") else f"(?:{name})/"


def stamp_of(path: Path) -> Stamp | None:
    """Return the state of an ignore file, or None when there is none."""
    try:
        info = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return Stamp(0, 0, -1, 0, 0)  # there, and not to be looked at
    size = info.st_size if stat.S_ISREG(info.st_mode) else -1
    return Stamp(info.st_dev, info.st_ino, size, info.st_mtime_ns, info.st_ctime_ns)


def text_of(path: Path, stamp: Stamp) -> str:
    """Return what an ignore file says.

    Raises:
        UnusableIgnoreFile: it cannot be read.
    """
    if stamp.size < 0:
        raise UnusableIgnoreFile("it is not a regular file that can be read")
    if stamp.size > MOST_BYTES:
        raise UnusableIgnoreFile(f"it has {stamp.size:,} bytes, more than {MOST_BYTES:,}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnusableIgnoreFile(f"it cannot be read: {error.strerror}") from error
    # Names may hold bytes that are no text, and Python keeps them in this way.
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
