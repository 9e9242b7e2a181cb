"""One page over HTTP: followed, bounded, decoded. Knows where it may go from `addresses.py`, and no tools."""

import codecs
import re
from contextlib import aclosing
from dataclasses import dataclass
from importlib.metadata import version

import httpx2

from antiphon.policy.addresses import ForbiddenAddress
from antiphon.tools.text import decode, marked_encoding

MOST_REDIRECTS = 5
_HEADERS = {
    "accept": "text/markdown, text/html;q=0.9, text/plain;q=0.9, application/json;q=0.9, */*;q=0.1",
    # Only what is decoded piece by piece, so that no small answer becomes a large one unseen.
    "accept-encoding": "gzip, deflate",
    "user-agent": f"antiphon/{version('antiphon')}",
}
_ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})
_TEXT = re.compile(
    r"text/.*|application/(?:.+\+)?(?:json|xml|yaml|toml|x-yaml|javascript|x-javascript|ecmascript|x-ndjson|jsonl|sql"
    r"|x-sh|graphql|x-httpd-php|x-python)|image/svg\+xml"
)
HTML = frozenset({"text/html", "application/xhtml+xml"})
_CHARSET = re.compile(rb"""<meta[^>]{0,500}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]{1,40})""", re.IGNORECASE)
_KNOWN_CHARSETS = re.compile(
    r"utf-?(?:8|16|32).*|ascii|iso8859-\d+|cp\d+|koi8-[rut]|gb\w*|big5\w*|euc_\w+|shift_?jis\w*|iso2022_\w+|mac-\w+|hz"
)


class FetchFailed(Exception):
    """A page could not be had; the message tells the model why."""


class MovedAway(Exception):
    """A page is on another host than the one that was asked for; the message tells the model where."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a server answered.

    Attributes:
        url: where it was found in the end.
        status: the answer's code and its reason, such as `404 Not Found`.
        ok: the code means success.
        media_type: `text/html`, `application/json`, ...
        text: the contents.
        whole: nothing was cut off.
    """

    url: str
    status: str
    ok: bool
    media_type: str
    text: str
    whole: bool


async def fetch(url: str, transport: httpx2.AsyncBaseTransport, *, most: int) -> Page:
    """Get a page, over redirects of its host, at most so many bytes of it (decoded).

    Raises:
        FetchFailed: there is no answer, or it is no text.
        MovedAway: it is on another host, which nobody was asked about.
    """
    try:
        async with httpx2.AsyncClient(transport=transport, headers=_HEADERS, trust_env=False, timeout=20) as client:
            return await _followed(client, _address(url), most)
    except ForbiddenAddress as error:
        raise FetchFailed(f"{error}.") from error
    except httpx2.InvalidURL as error:
        raise FetchFailed(f"That is no address: {error}.") from error
    except httpx2.TimeoutException as error:
        raise FetchFailed("The server did not answer in time.") from error
    except httpx2.HTTPError as error:
        raise FetchFailed(f"The server could not be reached or broke off: {error or type(error).__name__}.") from error


def host_of(url: str) -> str:
    """Return the host that would be asked for a page, as it goes over the wire; empty when that is none.

    Others read some addresses in another way (`http://faß.de` may be `fass.de`), and then a rule for one host would
    speak of another.
    """
    try:
        return httpx2.URL(url).raw_host.decode("ascii")
    except (httpx2.InvalidURL, UnicodeError):
        return ""


def _address(url: str | httpx2.URL) -> httpx2.URL:
    parsed = httpx2.URL(url)
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise FetchFailed(f"Only http and https addresses of a host can be fetched, not {str(url)[:200]!r}.")
    if parsed.userinfo:
        raise FetchFailed("Addresses with a user name or password are not fetched.")
    return parsed


async def _followed(client: httpx2.AsyncClient, url: httpx2.URL, most: int) -> Page:
    for _ in range(MOST_REDIRECTS + 1):
        async with client.stream("GET", url, follow_redirects=False) as answer:
            if not answer.has_redirect_location:
                return await _read(answer, most)
            moved = _address(url.join(answer.headers["location"]))
        # Rules and people allow hosts. Many a host sends its readers wherever they ask to be sent.
        if _site(moved) != _site(url):
            raise MovedAway(
                f"The page moved to another host and was not followed there: {moved}\nTo read it, fetch that address."
            )
        url = moved
    raise FetchFailed(f"The page moved more than {MOST_REDIRECTS} times, last to {url}.")


def _site(url: httpx2.URL) -> bytes:
    """Return the host without what `www.example.com` and `example.com` differ by."""
    return url.raw_host.removesuffix(b".").removeprefix(b"www.")


async def _read(answer: httpx2.Response, most: int) -> Page:
    media_type, _, parameters = answer.headers.get("content-type", "").partition(";")
    media_type = media_type.strip().lower()
    status = f"{answer.status_code} {answer.reason_phrase}".strip()
    if media_type and not _TEXT.fullmatch(media_type):
        if not answer.is_success:
            return Page(str(answer.url), status, ok=False, media_type=media_type, text="", whole=True)
        length = answer.headers.get("content-length", "")
        size = f"{int(length):,} bytes" if length.isdecimal() and len(length) < 16 else "unknown size"
        raise FetchFailed(f"{answer.url} is {media_type}, {size}: no text to show.")
    encodings = {part.strip().lower() for part in answer.headers.get("content-encoding", "").split(",")}
    if not encodings <= _ENCODINGS:
        raise FetchFailed(
            f"The server compressed its answer by {', '.join(sorted(encodings))}, which was not asked for."
        )
    data = bytearray()
    async with aclosing(answer.aiter_bytes()) as pieces:
        async for piece in pieces:
            data += piece
            if len(data) > most:
                break
    text = _decoded(bytes(data[:most]), parameters, media_type)
    if not media_type:
        media_type = "text/html" if re.match(r"\s*<(?:!doctype html|html)", text, re.IGNORECASE) else "text/plain"
    if "\0" in text[:8192]:
        raise FetchFailed(f"{answer.url} says it is {media_type}, but what it holds is no text.")
    return Page(str(answer.url), status, answer.is_success, media_type, text, len(data) <= most)


def _decoded(data: bytes, parameters: str, media_type: str) -> str:
    """Return the text: by its mark, by what the server says, by what the page says of itself, or as it looks."""
    if marked_encoding(data) is None:
        said = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", parameters, re.IGNORECASE)
        names = [said.group(1)] if said else []
        if media_type in HTML and (told := _CHARSET.search(data[:4096])):
            names.append(told.group(1).decode("ascii"))
        for name in names:
            known = _known(name)
            if known:
                return data.decode(known, "replace")
    text, encoding = decode(data)
    if encoding.name == "latin-1":
        # Most likely UTF-8 with a few bad bytes, such as a character that was cut in two; else what browsers assume.
        as_utf8 = data.decode("utf-8", "replace")
        bad = as_utf8.count("\N{REPLACEMENT CHARACTER}")
        return as_utf8 if bad <= 1 + len(data) // 1000 else data.decode("cp1252", "replace")
    return text


def _known(charset: str) -> str | None:
    """Return Python's codec of a character set; None for what is none, as Python's `zip` and `rot13`."""
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        return None
    # https://encoding.spec.whatwg.org/#names-and-labels: that is what pages mean by these.
    name = {"iso8859-1": "cp1252", "ascii": "cp1252"}.get(name, name)
    return name if _KNOWN_CHARSETS.fullmatch(name) else None
