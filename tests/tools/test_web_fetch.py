import gzip
import re
import ssl
import time
import tracemalloc
import zlib
from collections.abc import Sequence
from typing import Any

import anyio
import pytest
from anyio.abc import AnyByteStream
from process_table import open_files, until
from web_site import CERTIFICATE, answer, moved, serving

from antiphon.engine.events import READS_NOTHING_LOCAL, Result
from antiphon.policy.addresses import Addresses
from antiphon.policy.subjects import WebSubject
from antiphon.testing import check_tool
from antiphon.tools import checked_transport
from antiphon.tools.base import InvalidArguments, ToolContext
from antiphon.tools.web_fetch import WebFetch

LOCAL = Addresses(allowed=["127.0.0.1"])


async def fetch(url: str, addresses: Addresses = LOCAL, **settings: Any) -> Result:
    tool = WebFetch(addresses, **settings)
    return await tool.run(tool.parse({"url": url}), ToolContext())


async def fetched(given: bytes, **settings: Any) -> Result:
    async with serving({"/": given}) as site:
        result = await fetch(f"http://127.0.0.1:{site.port}/", **settings)
        return Result(str(result.content).replace(str(site.port), "PORT"), result.is_error)


async def test_a_page_comes_as_markdown_with_title_and_address() -> None:
    page = b"<title>Cats</title><nav>menu</nav><h1>About <i>cats</i></h1><p>See <a href='/dogs'>dogs</a>.</p>"
    assert await fetched(answer(page)) == Result(
        "Title: Cats\nURL: http://127.0.0.1:PORT/\n\n# About *cats*\n\nSee [dogs](http://127.0.0.1:PORT/dogs)."
    )


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/problem+json; charset=utf-8",
        "text/plain",
        "text/markdown",
        "application/xml",
        None,
    ],
)
async def test_other_text_comes_as_it_is(content_type: str | None) -> None:
    result = await fetched(answer(b'{"a": "<b>"}', content_type=content_type))
    assert result == Result('URL: http://127.0.0.1:PORT/\n\n{"a": "<b>"}')


async def test_html_that_nobody_calls_so_is_recognised() -> None:
    result = await fetched(answer(b"\n<!DOCTYPE html><p>a</p>", content_type=None))
    assert str(result.content).endswith("\n\na")


async def test_what_is_no_text_is_refused_with_kind_and_size() -> None:
    result = await fetched(answer(b"x" * 1234, content_type="image/png"))
    assert result == Result("http://127.0.0.1:PORT/ is image/png, 1,234 bytes: no text to show.", is_error=True)


async def test_what_only_says_it_is_text_is_refused() -> None:
    result = await fetched(answer(b"\x7fELF\0\0\0", content_type="text/plain"))
    assert result.is_error
    assert "what it holds is no text" in str(result.content)


async def test_an_empty_page_says_so() -> None:
    assert str((await fetched(answer(b"<script>app()</script>"))).content).endswith("\n\n(no text)")


async def test_an_error_is_a_failure_with_the_pages_words() -> None:
    result = await fetched(answer(b"<h1>Gone</h1>", status="410 Gone"))
    assert result == Result("The server answered 410 Gone.\nURL: http://127.0.0.1:PORT/\n\n# Gone", is_error=True)
    result = await fetched(answer(b"\0", status="403 Forbidden", content_type="image/png"))
    assert str(result.content).startswith("The server answered 403 Forbidden.")


CHARSETS = {
    "the server's word": ("text/html; charset=windows-1252", b"caf\xe9 \x80"),
    "latin-1, which means windows-1252": ("text/html; charset=ISO-8859-1", b"caf\xe9 \x80"),
    "the page's word": ("text/html", b"<meta charset='cp1252'>caf\xe9 \x80"),
    "the page's older word": ("text/html", b"<meta http-equiv=a content='text/html; charset=cp1252'>caf\xe9 \x80"),
    "utf-8 without a word": ("text/html", "café €".encode()),
    "a mark is stronger": ("text/html; charset=cp1252", "café €".encode("utf-16")),
    "no word and no utf-8": ("text/plain", b"caf\xe9 \x80"),
}


@pytest.mark.parametrize(("content_type", "body"), CHARSETS.values(), ids=CHARSETS.keys())
async def test_characters_are_read_as_they_were_meant(content_type: str, body: bytes) -> None:
    assert str((await fetched(answer(body, content_type=content_type))).content).endswith("\n\ncafé €")


@pytest.mark.parametrize(
    "charset", ["zip", "rot13", "idna", "unicode_escape", "utf-7", "nonsense", "undefined", "base64"]
)
async def test_a_charset_that_is_none_is_not_believed(charset: str) -> None:
    result = await fetched(answer("café \\x41 é".encode(), content_type=f"text/plain; charset={charset}"))
    assert str(result.content).endswith("\n\ncafé \\x41 é")


async def test_a_page_with_a_few_bad_bytes_is_still_utf_8() -> None:
    result = await fetched(answer("é".encode() * 600 + b"\xff", content_type="text/plain"))
    assert str(result.content).endswith("é\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip"])
async def test_compressed_pages_are_read(encoding: str) -> None:
    body = {"gzip": gzip.compress, "deflate": zlib.compress}[encoding.partition(",")[0]](b"hello")
    body = gzip.compress(body) if "," in encoding else body
    result = await fetched(answer(body, content_type="text/plain", content_encoding=encoding))
    assert str(result.content).endswith("\n\nhello")


async def test_a_compression_that_was_not_asked_for_is_refused() -> None:
    assert "compressed" in str((await fetched(answer(b"x", content_encoding="br"))).content)


async def test_broken_compression_is_a_failure() -> None:
    result = await fetched(answer(b"no gzip", content_encoding="gzip"))
    assert result.is_error


@pytest.mark.parametrize("layers", [1, 2, 5])
async def test_a_bomb_does_not_go_off(layers: int) -> None:
    body = gzip.compress(b"a" * 200_000_000, compresslevel=1)
    for _ in range(layers - 1):
        body = gzip.compress(body)
    async with serving(
        {"/": answer(body, content_type="text/plain", content_encoding=", ".join(["gzip"] * layers))}
    ) as site:
        tracemalloc.start()
        try:
            result = await fetch(f"http://127.0.0.1:{site.port}/", most_bytes=1_000_000)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert "(only the first 1,000,000 bytes of the page)" in str(result.content)
    assert len(str(result.content)) < 1_000_200
    assert peak < 20_000_000


async def test_a_page_without_an_end_is_cut_off_where_the_limit_is() -> None:
    async def endless(stream: AnyByteStream) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
        while True:
            await stream.send(b"x" * 10_000)

    async with serving({"/": endless}) as site:
        result = await fetch(f"http://127.0.0.1:{site.port}/", most_bytes=100_000)
    assert len(str(result.content)) < 100_200
    assert not result.is_error


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async def silent(stream: AnyByteStream) -> None:
        await anyio.sleep_forever()

    async def slow(stream: AnyByteStream) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
        while True:
            await stream.send(b"x")
            await anyio.sleep(0.01)

    async with serving({"/silent": silent, "/slow": slow}) as site:
        for path in ("silent", "slow"):
            began = time.monotonic()
            result = await fetch(f"http://127.0.0.1:{site.port}/{path}", seconds=0.3)
            assert result == Result("The page did not arrive and could not be read within 0.3 seconds.", is_error=True)
            assert time.monotonic() - began < 3


async def test_a_server_that_breaks_off_is_a_failure() -> None:
    async def broken(stream: AnyByteStream) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\nx")

    async def nonsense(stream: AnyByteStream) -> None:
        await stream.send(b"SSH-2.0-OpenSSH\r\n\r\n")

    async with serving({"/broken": broken, "/nonsense": nonsense}) as site:
        for path in ("broken", "nonsense"):
            result = await fetch(f"http://127.0.0.1:{site.port}/{path}")
            assert result.is_error
            assert "could not be reached or broke off" in str(result.content)
    assert (await fetch(f"http://127.0.0.1:{site.port}/")).is_error


async def test_moves_are_followed_and_the_last_address_is_told() -> None:
    async with serving({"/a": moved("/b"), "/b": moved("c?d"), "/c?d": answer(b"here")}) as site:
        result = await fetch(f"http://127.0.0.1:{site.port}/a#part")
    assert result.content == f"URL: http://127.0.0.1:{site.port}/c?d\n\nhere"


async def test_moves_without_an_end_are_not() -> None:
    async with serving({"/a": moved("/a")}) as site:
        result = await fetch(f"http://127.0.0.1:{site.port}/a")
        assert len(site.requests) == 6
    assert "moved more than 5 times" in str(result.content)


METADATA = "http://169.254.169.254/latest/meta-data/"


@pytest.mark.parametrize("place", ["http://[::1]:{port}/x", "http://localhost:{port}/x", METADATA, "//127.1:{port}/x"])
async def test_a_move_to_another_host_ends_there_and_names_it(place: str) -> None:
    async with serving({"/x": answer(b"secret")}) as other:
        place = place.format(port=other.port)
        async with serving({"/a": moved(place)}) as site:
            addresses = Addresses(allow_private=True, resolve=Names({"site.example": ["127.0.0.1"]}))
            result = await fetch(f"http://site.example:{site.port}/a", addresses)
        assert other.connections == 0
    if place.startswith("//"):
        place = f"http:{place}"
    assert result == Result(
        f"The page moved to another host and was not followed there: {place}\nTo read it, fetch that address."
    )


PAIRS = [("site.example", "www.site.example"), ("www.site.example", "site.example.")]


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_a_move_between_a_host_and_its_www_is_followed(one: str, other: str) -> None:
    names = Names({one: ["127.0.0.1"], other: ["127.0.0.1"]})
    pages: dict[str, bytes] = {"/b": answer(b"here")}
    async with serving(pages) as site:
        pages["/a"] = moved(f"http://{other}:{site.port}/b")
        result = await fetch(f"http://{one}:{site.port}/a", Addresses(allowed=["127.0.0.1"], resolve=names))
    assert str(result.content).endswith("\n\nhere")


async def test_a_move_to_a_forbidden_address_of_the_same_host_ends_there() -> None:
    async with serving({"/x": answer(b"secret")}) as other:
        async with serving({"/a": moved(f"http://www.site.example:{other.port}/x")}) as site:
            names = Names({"site.example": ["127.0.0.1"], "www.site.example": ["127.0.0.2"]})
            result = await fetch(f"http://site.example:{site.port}/a", Addresses(allowed=["127.0.0.1"], resolve=names))
        assert other.connections == 0
    assert result.is_error
    assert "www.site.example is at 127.0.0.2, which is not a public address" in str(result.content)


@pytest.mark.parametrize("place", ["file:///etc/passwd", "gopher://x/", "http://user:secret@127.0.0.1/", "http:///x"])
async def test_a_move_to_what_is_no_web_address_ends_there(place: str) -> None:
    assert (await fetched(moved(place))).is_error


class Names:
    """A name service that answers from a table; each list is used up but for its last entry."""

    def __init__(self, table: dict[str, list[str]]) -> None:
        self.table = table
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        del port
        self.asked.append(host)
        answers = self.table.get(host, [host])
        return [answers.pop(0) if len(answers) > 1 else answers[0]]


async def test_a_name_that_changes_its_address_after_the_check_gains_nothing() -> None:
    # The first answer is checked and is the one connected to; the second is never asked for.
    async with serving({"/": answer(b"right")}) as site:
        names = Names({"rebind.example": ["127.0.0.1", "10.0.0.1"]})
        addresses = Addresses(allowed=["127.0.0.1"], resolve=names)
        result = await fetch(f"http://rebind.example:{site.port}/", addresses)
    assert str(result.content).endswith("\n\nright")
    assert names.table["rebind.example"] == ["10.0.0.1"]


async def test_and_each_move_is_checked_anew() -> None:
    async with serving({"/": moved("/again"), "/again": answer(b"secret")}) as site:
        names = Names({"rebind.example": ["127.0.0.1", "127.0.0.2"]})
        addresses = Addresses(allowed=["127.0.0.1"], resolve=names)
        result = await fetch(f"http://rebind.example:{site.port}/", addresses)
        assert len(site.requests) == 1
    assert "rebind.example is at 127.0.0.2" in str(result.content)


async def test_the_host_keeps_its_name() -> None:
    async with serving({"/": answer(b"x")}) as site:
        addresses = Addresses(allowed=["wiki.example"], resolve=Names({"wiki.example": ["127.0.0.1"]}))
        await fetch(f"http://wiki.example:{site.port}/", addresses)
    assert f"host: wiki.example:{site.port}\r\n" in site.requests[0].lower()
    assert "accept-encoding: gzip, deflate\r\n" in site.requests[0].lower()
    assert "cookie" not in site.requests[0].lower()


THIS_MACHINE = [
    *("127.0.0.1", "127.0.0.1.", "localhost", "localhost.", "LOCALHOST", "127.1", "0", "0.0.0.0"),
    *("0x7f000001", "2130706433", "0177.0.0.1", "0x7f.0.0.0x1", "127\u30020\u30020\u30021"),
    *("[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"),
    *("[64:ff9b::127.0.0.1]", "[2002:7f00:1::]"),
]


async def test_without_permission_this_machine_is_not_reached() -> None:
    async with serving({"/": answer(b"secret")}) as site:
        for host in THIS_MACHINE:
            result = await fetch(f"http://{host}:{site.port}/", Addresses())
            assert result.is_error
            assert re.search("is not a public address|was not found|That is no address", str(result.content)), host
        assert site.connections == 0


@pytest.mark.parametrize(
    "host",
    [
        *(
            "\uff11\uff12\uff17.0.0.1",
            "\u24dbocalhost",
            "%31%32%37.0.0.1",
            "127.0.0.1%00.a.example",
            "\u00ad127.0.0.1",
        ),
        *("good.example\\@127.0.0.1", "good.example@127.0.0.1", "good.example:80@127.0.0.1", "[fe80::1%25lo]"),
    ],
)
async def test_what_looks_like_another_host_does_not_lead_to_this_machine(host: str) -> None:
    async with serving({"/": answer(b"secret")}) as site:
        assert (await fetch(f"http://{host}:{site.port}/", Addresses())).is_error
        assert site.connections == 0


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://good.example\\@evil.example/", "evil.example"),
        ("http://good.example:80@evil.example/", "evil.example"),
        ("http://good.example#@evil.example/", "good.example"),
        ("http://GOOD.example./", "good.example."),
        ("http://fa\u00df.example/", "xn--fa-hia.example"),  # and not fass.example, as others read it
        ("http://127\u30020\u30020\u30021/", "127.0.0.1"),
        ("http://[::1]:80/", "::1"),
        ("http://a b/", "a%20b"),
        ("http://[::1", ""),
        ("nonsense", ""),
    ],
)
async def test_rules_are_asked_about_the_very_host_that_would_be_reached(url: str, host: str) -> None:
    tool = WebFetch()
    assert tool.subject(tool.parse({"url": f" {url}"})) == WebSubject(url, host)
    asked = Names({})
    await fetch(url, Addresses(resolve=asked))
    assert asked.asked in ([], [host])


async def test_a_flood_of_headers_is_a_failure() -> None:
    async def flood(stream: AnyByteStream) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            await stream.send(b"x-a: " + b"a" * 10_000 + b"\r\n")

    async with serving({"/": flood}) as site:
        result = await fetch(f"http://127.0.0.1:{site.port}/")
    assert result.is_error


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving({"/": answer(b"x")}) as site, serving({}) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert not (await fetch(f"http://127.0.0.1:{site.port}/")).is_error
        assert proxy.connections == 0


async def test_if_one_address_does_not_answer_the_next_is_tried() -> None:
    async with serving({"/": answer(b"here")}) as site:

        async def resolve(host: str, port: int) -> Sequence[str]:
            del host, port
            return ["127.0.0.9", "127.0.0.1"]

        result = await fetch(f"http://x.example:{site.port}/", Addresses(allow_private=True, resolve=resolve))
    assert str(result.content).endswith("here")


@pytest.fixture
def trusted() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(CERTIFICATE))


async def test_certificates_are_checked_against_the_name_not_the_address(trusted: ssl.SSLContext) -> None:
    names = Names({"site.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]})
    addresses = Addresses(allowed=["127.0.0.1"], resolve=names)
    async with serving({"/": answer(b"safe")}, tls=True) as site:
        right = await fetch(f"https://site.test:{site.port}/", addresses, certificates=trusted)
        wrong = await fetch(f"https://other.test:{site.port}/", addresses, certificates=trusted)
        bare = await fetch(f"https://127.0.0.1:{site.port}/", addresses, certificates=trusted)
        unknown = await fetch(f"https://site.test:{site.port}/", addresses)
    assert str(right.content).endswith("safe")
    assert [result.is_error for result in (wrong, bare, unknown)] == [True, True, True]
    assert "certificate" in str(wrong.content).lower()


async def test_a_name_that_is_not_found_is_a_failure() -> None:
    result = await fetch("http://nothing.invalid/", Addresses())
    assert result.is_error
    assert "nothing.invalid was not found" in str(result.content)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://a.example/", "a.example", "/etc/passwd", "http://", "http://[", "http://a b/", "javascript:x", "x:"),
        *("http://u@a.example/", "http://a..example/", "data:text/html,x", "http://\0/", "http://a.example:99999/"),
        "http://" + "a" * 300 + ".example/",
    ],
)
async def test_what_is_no_web_address_is_a_failure(url: str) -> None:
    assert (await fetch(url, Addresses(resolve=Names({})))).is_error


def test_an_address_is_needed_and_other_names_for_it_are_taken() -> None:
    tool = WebFetch()
    assert tool.parse({"uri": "http://a.example/"}).url == "http://a.example/"
    with pytest.raises(InvalidArguments):
        tool.parse({"url": ""})


def test_fetches_read_nothing_local_and_may_start_early() -> None:
    tool = WebFetch()
    assert tool.access(tool.parse({"url": "http://a.example/"})) == READS_NOTHING_LOCAL


async def test_cancelled_at_any_moment_a_fetch_leaves_no_connection() -> None:
    async def slow(stream: AnyByteStream) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n")
        for _ in range(50):
            await stream.send(b"<p>x</p>")
            await anyio.sleep(0.001)

    async with serving({"/": slow}) as site:
        url = f"http://127.0.0.1:{site.port}/"
        await fetch(url)
        ours = [name for name in open_files() if name.startswith("socket")]
        for moment in range(20):
            with anyio.move_on_after(moment * 0.004):
                await fetch(url)
        await until(lambda: len([name for name in open_files() if name.startswith("socket")]) <= len(ours))


async def test_the_contract_of_a_tool_holds(trusted: ssl.SSLContext) -> None:
    async with serving({"/": answer(b"hi")}) as site:
        result = await check_tool(WebFetch(LOCAL), {"url": f"http://127.0.0.1:{site.port}/"})
    assert str(result.content).endswith("hi")


def test_certificates_of_the_system_are_read_once() -> None:
    assert checked_transport._public_certificates() is checked_transport._public_certificates()


async def test_more_layers_than_anybody_needs_are_refused() -> None:
    encodings = ", ".join(["gzip"] * 100)
    result = await fetched(answer(gzip.compress(b"x"), content_type="text/plain", content_encoding=encodings))
    assert result.is_error
