"""Fetching a web page as text the model can read."""

import ssl
from collections.abc import Mapping
from typing import Annotated, ClassVar

import anyio
from msgspec import Meta

from antiphon.engine.events import READS_NOTHING_LOCAL, Access, Result, failure
from antiphon.policy.addresses import Addresses
from antiphon.policy.subjects import WebSubject
from antiphon.tools.base import Arguments, BaseTool, ToolContext

MOST_BYTES = 5_000_000
"""Bytes of a page that are read, decompressed."""
SECONDS = 30.0
"""How long a fetch may take in all."""


class WebFetchArguments(Arguments, frozen=True):
    """What to fetch."""

    url: Annotated[str, Meta(min_length=1, max_length=8000, description="The address, http or https.")]


class WebFetch(BaseTool[WebFetchArguments]):
    """Fetches a page and shows it as Markdown."""

    name = "web_fetch"
    arguments = WebFetchArguments
    aliases: ClassVar[Mapping[str, str]] = {"uri": "url", "link": "url", "address": "url"}

    def __init__(
        self,
        addresses: Addresses | None = None,
        *,
        most_bytes: int = MOST_BYTES,
        seconds: float = SECONDS,
        certificates: ssl.SSLContext | None = None,
    ) -> None:
        """Fetch pages.

        Args:
            addresses: which addresses may be reached; the public ones unless given.
            most_bytes: how much of a page is read.
            seconds: how long a fetch may take.
            certificates: which certificates are believed; those of the system unless given.
        """
        self._addresses = addresses or Addresses()
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._certificates = certificates

    def access(self, arguments: WebFetchArguments) -> Access:  # noqa: ARG002  (whatever is fetched)
        """Nothing local is read: fetches run beside everything."""
        return READS_NOTHING_LOCAL

    def subject(self, arguments: WebFetchArguments) -> WebSubject:
        """The page, by its address."""
        from antiphon.tools.fetching import host_of  # noqa: PLC0415  (as below)

        url = arguments.url.strip()
        return WebSubject(url, host_of(url))

    async def run(self, arguments: WebFetchArguments, context: ToolContext) -> Result:  # noqa: ARG002
        """Fetch."""
        # A good part of what the command line takes to start.
        from antiphon.tools.checked_transport import CheckedTransport  # noqa: PLC0415
        from antiphon.tools.fetching import HTML, FetchFailed, MovedAway, fetch  # noqa: PLC0415
        from antiphon.tools.html_to_markdown import UnreadablePage, html_to_markdown  # noqa: PLC0415

        try:
            with anyio.fail_after(self._seconds):
                transport = CheckedTransport(self._addresses, self._certificates)
                page = await fetch(arguments.url.strip(), transport, most=self._most_bytes)
                title, text = "", page.text
                if page.media_type in HTML:
                    title, text = await html_to_markdown(page.text, page.url)
        except TimeoutError:
            return failure(f"The page did not arrive and could not be read within {self._seconds:g} seconds.")
        except MovedAway as moved:
            return Result(str(moved))
        except (FetchFailed, UnreadablePage) as error:
            return failure(str(error))
        head = [f"Title: {title}"] if title else []
        head.append(f"URL: {page.url}")
        if not page.whole:
            head.append(f"(only the first {self._most_bytes:,} bytes of the page)")
        told = "\n".join(head) + f"\n\n{text.strip() or '(no text)'}"
        return Result(told) if page.ok else failure(f"The server answered {page.status}.\n{told}")
