"""From a path as the model writes it to the one file it means, inside the workspace.

Pure but for looking links up (`realpath`). What is opened afterwards is checked again by `files.py`, because a link
may change between the two.
"""

import os
import sys
import unicodedata
from functools import lru_cache
from pathlib import Path

from antiphon.engine.events import Resource
from antiphon.tools.base import InvalidArguments, Workspace


def resolve(workspace: Workspace, path: str, *, writing: bool = False) -> Path:
    """Return the real file or directory that a path of the model means; it need not exist.

    Relative paths start at the workspace's root. Links are followed, so that two names of one file give one path.
    `~` is a name like any other. The directory of spilled results may be read and not written.

    Raises:
        InvalidArguments: the path is unusable or leads outside the workspace; the message names what is allowed.
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
    return Path(real)


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
