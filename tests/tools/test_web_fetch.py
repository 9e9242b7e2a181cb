"""Fetching pages, from a server on this machine that the tests allow."""

import gzip
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from antiphon.engine.events import READS_NOTHING_LOCAL, Result
from antiphon.tools.addresses import Addresses
from antiphon.tools.base import ToolContext
from antiphon.tools.html_to_markdown import converted
from antiphon.tools.web_fetch import WebFetch

LOCAL = Addresses(allowed=["127.0.0.1"])


def answer(body: bytes, kind: str = "text/html", status: str = "200 OK", extra: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n{extra}\r\n"
    )
    return head.encode() + body


@asynccontextmanager
async def serving(pages: Callable[[str, str], bytes]) -> AsyncGenerator[tuple[str, list[str]]]:
    """Serve pages by their path; the function is also told the server's own address."""
    asked: list[str] = []

    async def serve(stream: SocketStream) -> None:
        async with stream:
            head = await BufferedByteReceiveStream(stream).receive_until(b"\r\n\r\n", 16_384)
            asked.append(head.split(b" ")[1].decode())
            try:
                await stream.send(pages(asked[-1], url))
            except anyio.BrokenResourceError:
                return  # the client has read enough

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield url, asked
        tasks.cancel_scope.cancel()
    await listener.aclose()


async def fetch(url: str, addresses: Addresses = LOCAL, *, most_bytes: int = 5_000_000) -> Result:
    tool = WebFetch(addresses, most_bytes=most_bytes)
    with anyio.fail_after(30):
        return await tool.run(tool.parse({"url": url}), ToolContext())


PAGE = b"""<html><head><title> A
 page </title><style>p {}</style></head><body><nav><a href=/>Home</a></nav><script>evil()</script>
<h1>Heading</h1><p>Some <b>bold</b> text, <a href="sub/x?y=1">a link</a>.</p>
<pre><code>a_b = 1 * 2</code></pre><ul><li>one<li>two</ul><footer>imprint</footer></body></html>"""


async def test_a_page_comes_as_markdown_with_title_and_address_and_without_what_is_not_its_content() -> None:
    async with serving(lambda _path, _url: answer(PAGE)) as (url, asked):
        result = await fetch(f"{url}/dir/page")
    assert asked == ["/dir/page"]
    assert not result.is_error
    text = str(result.content)
    assert text.startswith(
        f"# A page\n{url}/dir/page\n\n# Heading\n\nSome **bold** text, [a link]({url}/dir/sub/x?y=1)."
    )
    assert "a_b = 1 * 2" in text
    assert "- one" in text
    for left_out in ("evil", "Home", "imprint", "p {}"):
        assert left_out not in text


@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "application/json", "application/problem+json"])
async def test_text_and_json_come_as_they_are(kind: str) -> None:
    async with serving(lambda _path, _url: answer('{"a": "<b>ü</b>"}'.encode(), kind)) as (url, _):
        result = await fetch(url)
    assert result == Result(f'{url}\n\n{{"a": "<b>ü</b>"}}')


async def test_the_encoding_that_server_or_page_name_is_used() -> None:
    pages = {
        "/server": answer("<p>Größe".encode("latin-1"), "text/html; charset=ISO-8859-1"),
        "/page": answer("<meta charset='windows-1251'><p>мир".encode("cp1251")),
        "/wrong": answer("<p>Größe".encode(), "text/html; charset=klingon"),
    }
    async with serving(lambda path, _url: pages[path]) as (url, _):
        told = [str((await fetch(url + path)).content).rpartition("\n")[2] for path in pages]
    assert told == ["Größe", "мир", "Größe"]


async def test_a_binary_file_is_refused_with_its_type_and_size() -> None:
    async with serving(lambda _path, _url: answer(b"%PDF", "application/pdf")) as (url, _):
        result = await fetch(url)
    assert result.is_error
    assert "application/pdf, 4 bytes" in str(result.content)


async def test_no_more_of_a_page_is_read_than_the_limit_however_small_it_was_packed() -> None:
    bomb = gzip.compress(b"x" * 20_000_000)
    packed = answer(bomb, "text/plain", extra="content-encoding: gzip\r\n")
    async with serving(lambda _path, _url: packed) as (url, _):
        result = await fetch(url, most_bytes=1000)
    text = str(result.content)
    assert "Only the first 1,000 bytes" in text
    assert text.count("x") == 1000


async def test_an_error_of_the_server_is_a_failure_with_what_it_said() -> None:
    async with serving(lambda _path, _url: answer(b"<p>no such page", status="404 Not Found")) as (url, _):
        result = await fetch(url)
    assert result.is_error
    assert "404 Not Found" in str(result.content)
    assert "no such page" in str(result.content)


async def test_redirects_are_followed_and_the_final_address_is_told() -> None:
    def pages(path: str, _url: str) -> bytes:
        return (
            answer(b"here", "text/plain") if path == "/b" else answer(b"", status="302 Found", extra="location: /b\r\n")
        )

    async with serving(pages) as (url, asked):
        result = await fetch(f"{url}/a")
    assert asked == ["/a", "/b"]
    assert result == Result(f"{url}/b\n\nhere")


async def test_a_page_that_redirects_for_ever_is_given_up() -> None:
    async with serving(lambda _path, _url: answer(b"", status="302 Found", extra="location: /\r\n")) as (url, asked):
        result = await fetch(url)
    assert result.is_error
    assert "redirects more than 5 times" in str(result.content)
    assert len(asked) == 6


async def test_a_redirect_to_an_address_that_may_not_be_reached_is_refused() -> None:
    """`localhost` is a name that was not allowed, although its address is the server's."""

    def pages(path: str, url: str) -> bytes:
        other = url.replace("127.0.0.1", "127.0.0.2")
        return (
            answer(b"secret")
            if path == "/secret"
            else answer(b"", status="302 Found", extra=f"location: {other}/secret\r\n")
        )

    async with serving(pages) as (url, asked):
        result = await fetch(url)
    assert asked == ["/"]
    assert result.is_error
    assert "127.0.0.2" in str(result.content)
    assert "loopback" in str(result.content)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"])
async def test_this_machine_is_not_reached_unless_it_is_allowed(host: str) -> None:
    async with serving(lambda _path, _url: answer(b"secret")) as (url, asked):
        result = await fetch(url.replace("127.0.0.1", host), Addresses())
    assert result.is_error
    assert asked == []


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.com/x", "example.com", "http://", "javascript:1", "http://[x"]
)
async def test_what_is_no_web_address_is_refused(url: str) -> None:
    result = await fetch(url)
    assert result.is_error
    assert "passwd:" not in str(result.content)


async def test_a_name_that_changes_its_address_after_the_check_wins_nothing() -> None:
    looked_up: list[str] = []

    async def resolve(host: str, _port: int) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.1"] if len(looked_up) == 1 else ["10.0.0.1"]

    async with serving(lambda _path, _url: answer(b"fine", "text/plain")) as (url, _):
        port = url.rpartition(":")[2]
        allowed = Addresses(allowed=["127.0.0.1"], resolve=resolve)
        result = await fetch(f"http://changing.example:{port}/", allowed)
    assert looked_up == ["changing.example"]
    assert str(result.content).endswith("fine")


async def test_a_fetch_can_be_cancelled_while_a_hostile_page_is_read() -> None:
    hostile = b"<p>" + b"<b>" * 60_000 + b"x"
    async with serving(lambda _path, _url: answer(hostile)) as (url, _):
        with anyio.move_on_after(0.5):
            await fetch(url)


def test_a_page_nested_deeper_than_the_stack_gives_its_words() -> None:
    assert converted("<div>" * 3000 + "words" + "</div>" * 3000, "http://example.com") == ("", "words")


def test_the_main_content_is_taken_where_a_page_names_it() -> None:
    page = f"<body><header>top</header><main><p>{'word ' * 60}</p></main><div>bottom</div></body>"
    _, text = converted(page, "http://example.com")
    assert text == ("word " * 60).strip()


def test_pages_read_nothing_local_and_may_be_fetched_early() -> None:
    tool = WebFetch()
    assert tool.access(tool.parse({"url": "https://example.com"})) == READS_NOTHING_LOCAL
