"""The last hand on every result: as long as the limit allows, and nothing in it that the API would refuse.

Of an over-long text one head and one tail stay, a line between them says what is missing, and the whole goes to a
file that the model can read. Knows nothing of tools.
"""

import os
import re
from pathlib import Path
from typing import cast

from antiphon.engine.events import Result
from antiphon.protocol.encoding import without_lone_surrogates
from antiphon.protocol.messages import Json
from antiphon.tools.base import Limits, Workspace

_UNSAFE = re.compile("[\0\ud800-\udfff]")
_NOT_FOR_NAMES = re.compile("[^A-Za-z0-9_-]")
_LINE_NEAR = 400
"""How far a cut may move to fall on the end of a line."""
_COPIES = 100
"""How many results of one call id are kept; there is one, unless a session was resumed oddly."""


def finish(result: Result, limits: Limits, workspace: Workspace | None = None, call_id: str = "") -> Result:
    """Return a result as it may go into the conversation; a good one is returned as it is.

    Text is bounded and made safe. What the API refuses is mended: a failure without text, a failure with an image,
    blocks without text. Writes one file when the text is too long, and only then does any I/O. Never raises.
    """
    content = result.content
    if isinstance(content, str):
        text = bound(content, limits, workspace, call_id)
        if result.is_error and not text.strip():
            text = "The call failed and did not say why."
        return result if text is content else Result(text, result.is_error)
    blocks = _sound(content, is_error=result.is_error)
    if not blocks:
        return finish(Result("", result.is_error), limits, workspace, call_id)
    lengths = (len(cast("str", block["text"])) for block in blocks if _is_text(block))
    if sum(lengths) <= limits.result_chars:
        made_safe = tuple(_with_safe_text(block) for block in blocks)
        return result if made_safe == content else Result(made_safe, result.is_error)
    whole = "\n".join(block["text"] for block in blocks if _is_text(block))
    text_block: Json = {"type": "text", "text": bound(whole, limits, workspace, call_id)}
    return Result((text_block, *(block for block in blocks if not _is_text(block))), result.is_error)


def _sound(content: tuple[Json, ...], *, is_error: bool) -> list[Json]:
    """Return the blocks without those that the API refuses where they stand."""
    blocks: list[Json] = []
    for block in content:
        kind = block.get("type")
        if kind != "text" and not is_error:
            blocks.append(block)
        elif kind != "text":
            blocks.append({"type": "text", "text": f"[{kind} left out: a failed call answers in text]"})
        elif str(block.get("text", "")).strip():
            blocks.append(block)
    return blocks


def _is_text(block: Json) -> bool:
    return block.get("type") == "text"


def _with_safe_text(block: Json) -> Json:
    return {**block, "text": safe(block["text"])} if _is_text(block) else block


def safe(text: str) -> str:
    """Return text that every server takes: lone surrogates and NUL characters are replaced."""
    if text.isascii():
        return text.replace("\0", "\N{SYMBOL FOR NULL}") if "\0" in text else text
    if _UNSAFE.search(text) is None:
        return text
    return without_lone_surrogates(text).replace("\0", "\N{SYMBOL FOR NULL}")


def bound(text: str, limits: Limits, workspace: Workspace | None = None, call_id: str = "") -> str:
    """Return a text no longer than the limit; of a longer one head and tail, and where the whole is.

    The same text is returned when nothing is to be done. Never raises: a file that cannot be written is said so.
    """
    text = safe(text)
    limit = limits.result_chars
    if len(text) <= limit:
        return text
    where = _kept(text, workspace, call_id)
    notice = f"\n\n[... {len(text):,} characters in all, the middle is left out; {where} ...]\n\n"
    room = limit - len(notice)
    if room < 2:
        return text[:limit]
    head = _line_end_before(text, room - room // 2)
    tail = _line_start_after(text, len(text) - room // 2)
    return f"{text[:head]}{notice}{text[tail:]}"


def _line_end_before(text: str, at: int) -> int:
    end = text.rfind("\n", max(0, at - _LINE_NEAR), at)
    return at if end <= 0 else end


def _line_start_after(text: str, at: int) -> int:
    end = text.find("\n", at, at + _LINE_NEAR)
    return at if end < 0 or end + 1 >= len(text) else end + 1


def _kept(text: str, workspace: Workspace | None, call_id: str) -> str:
    """Write the whole text to a file and return the words that say where it is."""
    if workspace is None or workspace.spill is None:
        return "the whole was not kept"
    try:
        path = keep(workspace.spill, text, call_id)
    except OSError as error:
        return f"the whole could not be kept: {error.strerror}"
    return f"the whole is in {path}, read it with offset and limit or search it"


def keep(directory: Path, text: str, call_id: str) -> Path:
    """Write text to a new file of a private directory and return its path. Nothing that exists is overwritten.

    Raises:
        OSError: the file cannot be written, or the directory is not ours.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    info = directory.lstat()
    if info.st_uid != os.geteuid():
        raise PermissionError(1, "the directory belongs to somebody else", str(directory))
    stem = _NOT_FOR_NAMES.sub("_", call_id)[:80] or "result"
    for number in range(1, _COPIES):
        path = directory / (f"{stem}.txt" if number == 1 else f"{stem}-{number}.txt")
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            continue
        with open(descriptor, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123  (a descriptor, not a path)
            file.write(text)
        return path
    raise FileExistsError(17, "too many results of this call are kept already", str(directory))
