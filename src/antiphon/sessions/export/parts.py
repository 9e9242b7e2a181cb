"""What the forms of an export share: times, the lines at their head, a call in one line."""

import base64
import re
from collections.abc import Iterator

from antiphon.protocol.messages import Json, is_object, kind_of
from antiphon.sessions.listing.described import utc
from antiphon.sessions.listing.summary import Summary

_TELLING = ("command", "path", "file_path", "pattern", "query", "url", "question", "prompt")
"""The argument that tells most about a call, in this order."""
_LONGEST = 120
# Control characters, those that change the direction of text, and those that show nothing: a reader would see something
# else than what is there. Joiners stay, which emoji and some scripts need.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)


def when(at: float) -> str:
    """Return a time as people everywhere read it, in UTC."""
    return f"{utc(at):%Y-%m-%d %H:%M} UTC"


def visible(text: str) -> str:
    """Return a text in which control characters and changes of direction are seen and do nothing."""
    return _HIDDEN.sub(_shown, text.replace("\r\n", "\n"))


def facts(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield what stands at the head of an export: names and values."""
    yield "Session", summary.id
    yield "Workspace", summary.workspace
    yield "Began", when(summary.created)
    yield "Last active", when(summary.updated)
    if summary.model:
        yield "Model", summary.model
    if summary.turns:
        yield "Requests", f"{summary.turns:,}"
    tokens = summary.tokens
    if tokens.sent or tokens.output:
        share = f" ({tokens.cache_share:.0%} from the cache)" if tokens.cache_share else ""
        yield "Tokens", f"{tokens.sent:,} in{share}, {tokens.output:,} out"
    if summary.parent:
        yield "Forked from", summary.parent
    if summary.source:
        yield "Imported from", summary.source
    if summary.damaged:
        yield "Damaged", summary.damaged


def telling(arguments: Json) -> str:
    """Return the argument that tells most about a call, on one line, or nothing."""
    found = next((value for key in _TELLING if isinstance(value := arguments.get(key), str) and value), "")
    line = " ".join(found.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def medium(block: Json) -> str:
    """Return what an image or a document is, in words."""
    source = block.get("source")
    kind, size = "", ""
    if is_object(source):
        kind = str(source.get("media_type") or source.get("url") or source.get("type") or "")
        data = source.get("data")
        size = f", {len(data) * 3 // 4:,} bytes" if isinstance(data, str) else ""
    return visible(f"{kind_of(block)}: {kind}{size}")


def picture(block: Json) -> str:
    """Return an image as a URL that holds it, or nothing where it is not one that every browser shows."""
    source = block.get("source")
    if kind_of(block) != "image" or not is_object(source):
        return ""
    kind, data = source.get("media_type"), source.get("data")
    if kind not in {"image/png", "image/jpeg", "image/gif", "image/webp"} or not isinstance(data, str):
        return ""
    try:
        return f"data:{kind};base64,{base64.b64encode(base64.b64decode(data, validate=True)).decode()}"
    except ValueError:
        return ""


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\N{REPLACEMENT CHARACTER}" if 0xD800 <= code <= 0xDFFF else f"<U+{code:04X}>"
