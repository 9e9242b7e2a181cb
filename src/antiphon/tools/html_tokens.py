"""HTML cut into tags and text, as a browser cuts it, in time linear in its length whatever it is.

A page is hostile until proven otherwise, and Python's own parser needs hours for some that fit into a megabyte. Follows
the tokenizer of the HTML standard (https://html.spec.whatwg.org/multipage/parsing.html#tokenization): what begins and
does not end reaches to the end of the page, so nothing is looked at twice. Knows nothing of what tags mean.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape

_TAG_NAME = re.compile(r"[A-Za-z][^\s/>]*+")
_BETWEEN = re.compile(r"[\s/]*+")
# Possessive throughout: a failed match must not try shorter ones.
_ATTRIBUTE = re.compile(
    r"""(=?[^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?""",
)
_RAW = frozenset({"script", "style", "xmp", "iframe", "noembed", "noframes"})
_ESCAPABLE_RAW = frozenset({"title", "textarea"})
_MOST_ATTRIBUTES = 100


@dataclass(frozen=True, slots=True)
class Start:
    """A start tag. Names are in lower case."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class End:
    """An end tag."""

    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """Text, its references (`&amp;`) resolved."""

    text: str


Token = Start | End | Text


def tokens(html: str) -> Iterator[Token]:
    """Yield the tags and the text of a page, in order. Comments and declarations are left out. Never raises."""
    at = 0
    while at < len(html):
        tag = html.find("<", at)
        if tag < 0:
            tag = len(html)
        if tag > at:
            yield Text(_resolved(html[at:tag]))
        name = _TAG_NAME.match(html, tag + 1)
        if name is None:
            token, at = _other(html, tag)
        else:
            token, at = _start(html, name)
        if token is not None:
            yield token
        if isinstance(token, Start) and (token.name in _RAW or token.name in _ESCAPABLE_RAW):
            end = _end_of_raw(html, token.name, at)
            yield Text(html[at:end] if token.name in _RAW else _resolved(html[at:end]))
            at = end


def _other(html: str, tag: int) -> tuple[Token | None, int]:
    """Read what begins with `<` and is no start tag; return it, if it is anything, and where it ends."""
    if html.startswith("</", tag) and (name := _TAG_NAME.match(html, tag + 2)):
        return End(name.group().lower()), _past(html, ">", name.end())
    if html.startswith("<!--", tag):
        # `<!-->` is a whole comment.
        return None, _past(html, "-->", tag + 2)
    if html.startswith(("<!", "<?", "</"), tag):
        return None, _past(html, ">", tag)
    return (Text("<") if tag < len(html) else None), tag + 1


def _start(html: str, name: re.Match[str]) -> tuple[Start | None, int]:
    """Read a start tag; return it, or None where the page ends within it, and where it ends."""
    attributes: dict[str, str] = {}
    at = name.end()
    while True:
        at = _between(html, at)
        if at >= len(html):
            return None, at
        if html[at] == ">":
            return Start(name.group().lower(), attributes), at + 1
        attribute = _ATTRIBUTE.match(html, at)
        if attribute is None or attribute.end() == at:
            at += 1
            continue
        at = attribute.end()
        key = attribute.group(1).lower()
        if key not in attributes and len(attributes) < _MOST_ATTRIBUTES:
            attributes[key] = _resolved(attribute.group(2) or attribute.group(3) or attribute.group(4) or "")


def _between(html: str, at: int) -> int:
    match = _BETWEEN.match(html, at)
    return match.end() if match else at


def _end_of_raw(html: str, name: str, at: int) -> int:
    end = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(html, at)
    return end.start() if end else len(html)


def _past(html: str, end: str, at: int) -> int:
    found = html.find(end, at)
    return len(html) if found < 0 else found + len(end)


def _resolved(text: str) -> str:
    if "&" not in text:
        return text
    try:
        return unescape(text)
    except ValueError:  # a number of thousands of digits
        return text
