"""Text as XML and HTML: nothing in it is taken for markup, and what XML forbids is shown as a mark."""

import html
import re

# XML 1.0 has no such characters, not even escaped. A terminal's dangers, which are more, are dealt with before.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escaped(text: str) -> str:
    """Return text that is nothing but text, in an element or in a quoted attribute."""
    return html.escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))


def element(name: str, text: str, *, raw: bool = False, **attributes: str) -> str:
    """Return an element with text, or with markup where it is `raw`; a final `_` of an attribute's name goes."""
    written = "".join(f' {key.rstrip("_")}="{escaped(value)}"' for key, value in attributes.items())
    return f"<{name}{written}>{text if raw else escaped(text)}</{name}>"
