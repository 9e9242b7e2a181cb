"""From a path as the model writes it to the one file it means, inside the workspace.

Pure but for looking links up (`realpath`). What is opened afterwards is checked again by `files.py`, because a link
may change between the two.
"""

import os
import sys
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from antiphon.engine.events import Resource
from antiphon.tools.base import InvalidArguments, Workspace

_MOST_LINKS = 40
"""Links that a path may lead over; as many as Linux follows."""


def resolve(workspace: Workspace, path: str, *, writing: bool = False) -> Path:
    """Return the real file or directory that a path of the model means; it need not exist.

    Relative paths start at the workspace's root. Links are followed, so that two names of one file give one path.
    `~` is a name like any other. The directory of spilled results may be read and not written.

    Raises:
        InvalidArguments: the path is unusable, leads outside the workspace, or is hidden from the agent; the message
            names what is allowed.
    """
    if not path.strip():
        raise InvalidArguments("The path is empty.")
    if "\0" in path:
        raise InvalidArguments("The path holds a NUL character, which no file name can.")
    try:
        real = os.path.realpath(workspace.root / path)
    except UnicodeEncodeError:
        raise InvalidArguments(f"The path {printable(path)} holds characters that no file name can.") from None
    except OSError as error:
        raise InvalidArguments(f"The path {printable(path)} cannot be resolved: {error.strerror}.") from None
    if workspace.root_of(real, writing=writing) is None:
        raise InvalidArguments(_outside(workspace, path, real, writing=writing))
    # `..` is gone from the first of these names, and links are still there.
    for name in _names_on_the_way(Path(os.path.normpath(workspace.root / path)), Path(real)):
        why = workspace.ignored.why(name)
        if why is not None:
            raise InvalidArguments(
                f"{printable(path)} is hidden by {printable(why)}: you can neither see nor change it."
            )
    return Path(real)


def _names_on_the_way(named: Path, real: Path) -> Iterator[Path]:
    """Yield a path, the links it leads over, and where it ends: who hides a link hides what is seen through it."""
    for _ in range(_MOST_LINKS):
        if named == real:
            break
        yield named
        named = Path(os.path.realpath(named.parent), named.name)
        if named == real:
            break
        yield named
        try:
            named = Path(os.path.normpath(named.parent / named.readlink()))
        except OSError:
            break
    yield real


def _outside(workspace: Workspace, path: str, real: str, *, writing: bool) -> str:
    allowed = " or ".join(printable(str(root)) for root in workspace.roots(writing=writing))
    hint = " `~` is not expanded here." if path.startswith("~") else ""
    leads = printable(path) if path == real else f"{printable(path)} (which leads to {printable(real)})"
    verb = "written" if writing else "read"
    return f"{leads} is outside the workspace. Only paths under {allowed} can be {verb}.{hint}"


def resource(path: Path) -> Resource:
    """Return the resource of a resolved path: a directory's covers everything below it.

    Where the file system takes upper and lower case for the same, so does the resource.
    """
    parts = path.parts[1:]
    if ignores_case(path.anchor) or ignores_case(str(path.parent)):
        parts = tuple(unicodedata.normalize("NFC", part.casefold()) for part in parts)
    return ("file", *parts)


@lru_cache(maxsize=4096)
def ignores_case(directory: str) -> bool:
    """Tell whether the file system of a directory takes `A` and `a` for the same name; looked up once."""
    other = directory.swapcase()
    if other == directory:
        return sys.platform in {"darwin", "win32"}
    try:
        return Path(directory).samefile(other)
    except OSError:
        return False


def shown(workspace: Workspace, path: Path) -> str:
    """Return the name of a resolved path as the model should read it: relative to the root where it is below it."""
    try:
        relative = path.relative_to(workspace.root)
    except ValueError:
        return printable(str(path))
    return printable(str(relative))


def printable(name: str) -> str:
    r"""Return a file name that is safe to show: bytes that are no text and control characters become `\xNN`."""
    if name.isascii() and name.isprintable():
        return name
    return "".join(_safe(character) for character in name)


def _safe(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that is no text (surrogateescape)
        return f"\\x{code - 0xDC00:02x}"
    if character == " " or unicodedata.category(character)[0] not in "CZ":
        return character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
