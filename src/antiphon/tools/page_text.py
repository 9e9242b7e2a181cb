"""From a web page's HTML to its title and its content as Markdown.

What is not the page's own content is left out: scripts, navigation, controls, what is hidden. Links and images become
absolute. Large pages take their time, in small steps between which others run and the call may be cancelled.
"""

import re
from collections.abc import Mapping
from urllib.parse import urljoin

from anyio.lowlevel import checkpoint

from antiphon.tools.html_tokens import End, Start, Text, tokens
from antiphon.tools.markdown_writer import MarkdownWriter

_LEFT_OUT = frozenset(
    {
        *("script", "style", "noscript", "template", "title", "svg", "math", "canvas", "iframe", "object", "audio"),
        *("video", "map", "button", "select", "textarea", "dialog", "nav", "aside", "noframes", "noembed", "menu"),
    }
)
_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "dialog", "alert", "menu", "complementary"})
_EMPTY = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
"""Elements without an end tag."""
_MAY_END_SILENTLY = frozenset({"p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option"})
"""Elements whose end tag may be missing: left out by an attribute, they might take the rest of the page along."""
_WHOLE = frozenset({"html", "body", "main", "article"})
_ENOUGH = 200
"""Characters that make an element the page's main content."""
_STEP = 500
"""Tags and texts between two pauses."""
_LONGEST_ADDRESS = 2000


async def page_markdown(html: str, url: str) -> tuple[str, str]:
    """Return the title and the content of a page; `url` is where it is from."""
    for element in ("main", "article"):
        if len(re.findall(rf"<{element}[\s>]", html, re.IGNORECASE)) == 1:
            title, content = await _Page(url, element).read(html)
            if len(content) >= _ENOUGH:
                return title, content
    return await _Page(url, "").read(html)


class _Page:
    """One way through a page, writing what is in an element (all of it, if that is the empty name)."""

    def __init__(self, url: str, element: str) -> None:
        self._base = url
        self._element = element
        self._writer = MarkdownWriter()
        self._writes = not element
        self._over = False
        self._title: str | None = None
        self._skipped = ""
        self._depth = 0
        self._sections = 0

    async def read(self, html: str) -> tuple[str, str]:
        for number, token in enumerate(tokens(html)):
            if number % _STEP == 0:
                await checkpoint()
            match token:
                case Text():
                    self._text(token.text)
                case Start():
                    self._start(token.name, token.attributes)
                case End():
                    self._end(token.name)
            if self._over:
                break
        return " ".join((self._title or "").split()), self._writer.close()

    def _text(self, text: str) -> None:
        if self._skipped == "title" and self._title is None:
            self._title = text
        elif not self._skipped and self._writes:
            self._writer.text(text)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._skipped:
            self._depth += name == self._skipped
        elif name == "base" and "href" in attributes:
            self._base = _joined(self._base, attributes["href"])
        elif self._is_left_out(name, attributes):
            if name not in _EMPTY:
                self._skipped, self._depth = name, 1
        else:
            self._sections += name in {"main", "article", "section"}
            self._writes = self._writes or name == self._element
            if self._writes:
                self._writer.start(name, self._absolute(name, attributes))

    def _end(self, name: str) -> None:
        if self._skipped:
            self._depth -= name == self._skipped
            if self._depth == 0 or name in {"body", "html"}:
                self._skipped = ""
            return
        if name in {"main", "article", "section"}:
            self._sections = max(0, self._sections - 1)
        if self._writes:
            self._writer.end(name)
            self._over = name == self._element

    def _is_left_out(self, name: str, attributes: Mapping[str, str]) -> bool:
        if name in _LEFT_OUT:
            return True
        if name in {"header", "footer"}:
            # The page's own; in an article they hold its title and its notes.
            return self._sections == 0
        if name in _MAY_END_SILENTLY or name in _WHOLE:
            return False
        return "hidden" in attributes or attributes.get("aria-hidden") == "true" or attributes.get("role") in _ROLES

    def _absolute(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str]:
        """Return attributes with an address that leads somewhere, or none."""
        key = {"a": "href", "img": "src"}.get(name)
        if key is None or key not in attributes:
            return attributes
        address = attributes[key].strip()
        if len(address) > _LONGEST_ADDRESS or address.lower().startswith(("#", "javascript:", "data:")):
            return {**attributes, key: ""}
        return {**attributes, key: _joined(self._base, address)}


def _joined(base: str, address: str) -> str:
    try:
        return urljoin(base, address).replace(" ", "%20")
    except ValueError:
        return address
