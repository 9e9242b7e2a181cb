"""A web page's title and content as Markdown, by markdownify.

A page is hostile until proven otherwise, and some that fit into a megabyte keep any parser busy for hours. So it is
read in a process of its own, which ends with the call: `python -m antiphon.tools.html_to_markdown`, JSON in and out.
"""

import json
import re
import subprocess
import sys
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream

from antiphon.tools.processes.starting import running

_LEFT_OUT = (
    *("script", "style", "noscript", "template", "svg", "math", "canvas", "iframe", "object", "audio", "video"),
    *("button", "select", "textarea", "dialog", "nav", "aside"),
)
"""Elements that are not the page's own content."""
_ROLES = ["navigation", "banner", "contentinfo", "search", "dialog", "alert", "menu", "complementary"]
_ENOUGH = 200
"""Characters that make an element the page's main content."""


class UnreadablePage(Exception):
    """The page could not be turned into text; the message says why."""


async def html_to_markdown(html: str, url: str) -> tuple[str, str]:
    """Return the title of a page and its content as Markdown; links become absolute.

    Args:
        html: the page.
        url: where it is from.

    Raises:
        UnreadablePage: its HTML cannot be read.
    """
    asked = json.dumps({"html": html, "url": url}).encode()
    output = bytearray()
    errors = bytearray()
    async with running([sys.executable, "-I", "-m", __name__], stdin=subprocess.PIPE) as process:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_gather, process.stdout, output)
            tasks.start_soon(_gather, process.stderr, errors)
            await _tell(process.stdin, asked)
        code = await process.wait()
    if code != 0 or not output:
        problem = errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise UnreadablePage(problem or f"its reader ended with {code}")
    title, text = json.loads(output)
    return title, text


async def _tell(stream: ByteSendStream | None, data: bytes) -> None:
    # A reader that ends early says by its exit code what there is to say.
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        if stream is not None:
            await stream.send(data)
            await stream.aclose()


async def _gather(stream: ByteReceiveStream | None, said: bytearray) -> None:
    if stream is not None:
        async for chunk in stream:
            said += chunk


def converted(html: str, url: str) -> tuple[str, str]:
    """Do the work of `html_to_markdown`, in this process."""
    # markdownify has no types, and costs too much to be imported by the parent.
    from bs4 import BeautifulSoup  # noqa: PLC0415
    from markdownify import MarkdownConverter  # noqa: PLC0415

    page: Any = BeautifulSoup(html, "html.parser")
    title = " ".join(page.title.get_text().split()) if page.title is not None else ""
    for element in page.find_all([*_LEFT_OUT, "title"]):
        element.decompose()
    for element in [*page.find_all(role=_ROLES), *page.find_all(hidden=True)]:
        element.decompose()
    base = page.find("base", href=True)
    _make_absolute(page, urljoin(url, base["href"]) if base is not None else url)
    content = _main_content(page)
    converter: Any = MarkdownConverter(
        heading_style="atx", bullets="-", escape_asterisks=False, escape_underscores=False, escape_misc=False
    )
    try:
        text = str(converter.convert_soup(content))
    except RecursionError:  # nested deeper than anybody writes: the words alone
        text = str(content.get_text("\n", strip=True))
    return title, re.sub(r"\s*\n\s*\n\s*\n+", "\n\n", text).strip()


def _main_content(page: Any) -> Any:
    for name in ("main", "article"):
        found = page.find_all(name)
        if len(found) == 1 and len(found[0].get_text(strip=True)) >= _ENOUGH:
            return found[0]
    for element in page.find_all(["header", "footer"]):
        if element.find_parent(["article", "section"]) is None:
            element.decompose()
    return page.body or page


def _make_absolute(page: Any, base: str) -> None:
    for tag, key in (("a", "href"), ("img", "src")):
        for element in page.find_all(tag):
            address = str(element.get(key) or "").strip()
            if not address or address.lower().startswith(("#", "javascript:", "data:")):
                del element[key]
                continue
            try:
                element[key] = urljoin(base, address)
            except ValueError:  # no address at all; shown as it is
                continue


if __name__ == "__main__":
    given = json.loads(sys.stdin.buffer.read())
    sys.stdout.buffer.write(json.dumps(converted(given["html"], given["url"])).encode())
