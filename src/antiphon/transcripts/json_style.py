"""How a JSON text is laid out, so that what is put into it looks like the rest."""

import json
import re
from typing import Any

_INDENT = re.compile(r"\s*[\[{](\r?\n)([ \t]+)")
_COLON = re.compile(r'(?<!\\)": ')
_ESCAPED = re.compile(r"\\u(?!00[01])", re.IGNORECASE)
"""An escape that was a choice: control characters have to be written so."""


class Style:
    """How a text is laid out, as its first lines tell.

    Attributes:
        newline: how its lines end.
        indent: by what each level is moved in; empty where all stands in one line.
        colon: what stands between key and value.
        space: what follows a comma in one line.
        ascii: whether characters beyond ASCII are escaped.
    """

    def __init__(self, text: str) -> None:
        head = text[:4096]
        found = _INDENT.match(head)
        self.newline, self.indent = found.groups() if found else ("\n", "")
        self.colon = ": " if _COLON.search(head) or self.indent else ":"
        self.space = " " if not self.indent and '", "' in head else ""
        self.ascii = text.isascii() and _ESCAPED.search(text) is not None

    def dumps(self, value: Any, pad: str = "") -> str:
        """Return a value as text in this style; `pad` stands before the line it begins on."""
        text = self._dumps(value, ascii_only=self.ascii)
        # Half of a surrogate pair is no text for UTF-8.
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            text = self._dumps(value, ascii_only=True)
        return text.replace("\n", self.newline + pad) if self.indent else text

    def _dumps(self, value: Any, *, ascii_only: bool) -> str:
        comma = "," if self.indent else "," + self.space
        return json.dumps(
            value,
            ensure_ascii=ascii_only,
            allow_nan=False,
            indent=self.indent or None,
            separators=(comma, self.colon),
        )
