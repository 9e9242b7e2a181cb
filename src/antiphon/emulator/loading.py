"""Scripts from YAML, from files and from Python, with errors that name the place of a mistake."""

import runpy
from os import PathLike
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

from antiphon.emulator.script import AnyBlock, Reply, Script, ScriptSource
from antiphon.errors import SettingsError


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    """A script as YAML holds it: `Script` without functions."""

    replies: list[Reply | str]
    loop: bool = False
    side: str = "ok"
    shared: bool = False


def to_script(source: ScriptSource) -> Script:
    """Take a script in any of its forms. A `str` is YAML text, a path is a file, a function answers every request.

    Raises:
        SettingsError: naming the place in the script and what is wrong there.
    """
    if source is None:
        return Script()
    if isinstance(source, Script):
        return source
    if isinstance(source, str):
        return parse_script(source)
    if isinstance(source, PathLike):
        return load_script(cast("PathLike[str]", source))
    if callable(source):
        return Script(replies=[source], loop=True)
    return Script(replies=list(source))


def parse_script(text: str, name: str = "script") -> Script:
    """Read a script from YAML: a mapping with `replies`, or only the list of replies.

    Raises:
        SettingsError: naming the place in the script and what is wrong there.
    """
    try:
        data: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{name} is not YAML: {error}") from None
    document: Any = {"replies": cast("Any", data)} if isinstance(data, list) else data
    try:
        script = msgspec.convert(document, _Document)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{name}: {error}") from None
    return Script(script.replies, script.loop, script.side, script.shared)


def load_script(path: str | PathLike[str]) -> Script:
    """Read a script from a file: YAML, or Python (`.py`) that calls its script `script`.

    Raises:
        SettingsError: the file cannot be read, or is no script.
    """
    file = Path(path)
    try:
        if file.suffix == ".py":
            return to_script(cast("ScriptSource", runpy.run_path(str(file))["script"]))
        return parse_script(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    except KeyError:
        raise SettingsError(f"{file}: a script in Python calls it `script`, and nothing is called so") from None


def to_reply(answer: object) -> Reply:
    """Take what a script or its function gives as a reply.

    Raises:
        SettingsError: it is none.
    """
    if isinstance(answer, Reply):
        return answer
    if isinstance(answer, str):
        return Reply(content=[answer])
    if isinstance(answer, list | tuple):
        return Reply(content=list(cast("list[AnyBlock | str]", answer)))
    raise SettingsError(f"a reply is a Reply, a text, a list of blocks or a function, not {answer!r}")
