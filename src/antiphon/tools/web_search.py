"""Searching the web: through ddgs, through a SearXNG server, or by the API's own search tool."""

import importlib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from functools import cache
from typing import Annotated, Any, ClassVar, cast

import anyio
import msgspec
from anyio import to_thread
from msgspec import Meta

from antiphon.engine.events import READS_NOTHING_LOCAL, Access, Result, failure
from antiphon.protocol.messages import Json
from antiphon.tools.base import Arguments, BaseTool, ToolContext

SEARCH_TIMEOUT = 20.0
_SERVER_TOOL: Json = {"type": "web_search_20260318", "name": "web_search"}
_MOST = 20
_MOST_BYTES = 5_000_000
"""Of an answer; a list of results has some hundred thousand."""


class WebSearchArguments(Arguments, frozen=True):
    """What to search for."""

    query: Annotated[str, Meta(min_length=1, description="What to search for.")]
    max_results: Annotated[int, Meta(ge=1, le=_MOST, description="How many results at most.")] = 8


class WebSearch(BaseTool[WebSearchArguments]):
    """Searches the web with the engine it was given."""

    name = "web_search"
    arguments = WebSearchArguments
    aliases: ClassVar[Mapping[str, str]] = {"q": "query", "limit": "max_results", "num_results": "max_results"}

    def __init__(self, engine: str = "ddgs") -> None:
        """Choose the engine.

        Args:
            engine: `ddgs` (asks public search engines; needs `antiphon[search]`), the URL of a SearXNG server that
                answers in JSON, or `anthropic` (the API searches itself, and bills it).

        Raises:
            ValueError: the engine is none of these.
        """
        if engine not in ("ddgs", "anthropic") and not engine.startswith(("http://", "https://")):
            raise ValueError(
                f"{engine!r} is no search engine: ddgs, anthropic, or the URL of a SearXNG server is wanted"
            )
        self._engine = engine

    def server_definition(self) -> Json | None:
        """Return the API's own tool where it does the search, which then never reaches `run`."""
        return dict(_SERVER_TOOL) if self._engine == "anthropic" else None

    def access(self, arguments: WebSearchArguments) -> Access:  # noqa: ARG002  (whatever is searched for)
        """Nothing local is read: searches run beside everything."""
        return READS_NOTHING_LOCAL

    async def run(self, arguments: WebSearchArguments, context: ToolContext) -> Result:  # noqa: ARG002
        """Search."""
        if self._engine == "ddgs":
            found = await to_thread.run_sync(_by_ddgs, arguments, abandon_on_cancel=True)
        else:
            found = await _by_searxng(self._engine, arguments)
        return found if isinstance(found, Result) else _listed(found[: arguments.max_results], arguments.query)


class _Found(msgspec.Struct, frozen=True):
    title: str
    url: str
    snippet: str


def _by_ddgs(arguments: WebSearchArguments) -> list[_Found] | Result:
    try:
        ddgs: Any = importlib.import_module("ddgs")
    except ImportError:
        return failure("Web search needs the package ddgs. The user can install it: pip install 'antiphon[search]'.")
    try:
        hits = ddgs.DDGS(timeout=int(SEARCH_TIMEOUT)).text(arguments.query, max_results=arguments.max_results)
    except Exception as error:  # noqa: BLE001  (its many engines fail in many ways; each is told to the model)
        return failure(f"The search failed: {error}")
    return _read(hits, url="href", snippet="body")


async def _by_searxng(server: str, arguments: WebSearchArguments) -> list[_Found] | Result:
    import httpx2  # noqa: PLC0415  (a good part of what the command line takes to start)

    try:
        with anyio.fail_after(SEARCH_TIMEOUT):
            # The user named this server, so it may be local; redirects could lead anywhere and are not followed.
            async with (
                httpx2.AsyncClient(timeout=SEARCH_TIMEOUT, verify=_certificates()) as client,
                client.stream(
                    "GET", f"{server.rstrip('/')}/search", params={"q": arguments.query, "format": "json"}
                ) as answer,
            ):
                answer.raise_for_status()
                return _read(msgspec.json.decode(await _body(answer))["results"], url="url", snippet="content")
    except TimeoutError:
        return failure(f"The search failed: {server} did not answer within {SEARCH_TIMEOUT:g} seconds.")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return failure(f"The search failed: {error or type(error).__name__}")
    except (ValueError, KeyError, TypeError, RecursionError):
        return failure(f"The search failed: {server} did not answer in SearXNG's JSON; is format=json allowed there?")


async def _body(answer: Any) -> bytes:
    """Return the body of an answer, or what of it cannot be a list of results."""
    data = bytearray()
    async with aclosing(answer.aiter_bytes()) as pieces:
        async for piece in pieces:
            data += piece
            if len(data) > _MOST_BYTES:
                break
    return bytes(data[:_MOST_BYTES])


@cache
def _certificates() -> ssl.SSLContext:
    """Make the context once: reading all certificates takes longer than many a search."""
    import httpx2  # noqa: PLC0415

    return httpx2.create_ssl_context()


def _read(hits: object, *, url: str, snippet: str) -> list[_Found]:
    """Return what an engine found, without what is no result."""
    results = [cast("Json", hit) for hit in cast("Sequence[object]", hits) if isinstance(hit, dict)]
    return [
        _Found(str(hit.get("title") or "(no title)"), str(hit[url]), " ".join(str(hit.get(snippet) or "").split()))
        for hit in results
        if hit.get(url)
    ]


def _listed(found: list[_Found], query: str) -> Result:
    if not found:
        return Result(f"(no results for {query!r})")
    return Result(
        "\n".join(f"{number}. {hit.title}\n   {hit.url}\n   {hit.snippet}" for number, hit in enumerate(found, 1))
    )
