"""The body has bytes that are not UTF-8: the output of a program in another encoding, or a character cut in half."""

import re

from antiphon.protocol.json_text import NOT_JSON
from antiphon.protocol.rule import BodyRule, Fault, Safety, Source

_STRAY = re.compile("[\udc80-\udcff]")


def _find(text: str) -> Fault | None:
    found = None if text.isascii() else _STRAY.search(text)
    return Fault("str is not valid UTF-8: surrogates not allowed", found.start()) if found else None


def _mend(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="replace")


BYTES_NOT_TEXT = BodyRule(
    id="RQ002",
    name="bytes-not-text",
    statement="A body is UTF-8.",
    source=Source("documented", ("https://www.rfc-editor.org/rfc/rfc8259",)),
    error=NOT_JSON,
    find=_find,
    mend=_mend,
    safety=Safety.LOSSY,
    done="replaced the bytes that are not UTF-8",
)
