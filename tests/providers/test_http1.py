"""Responses read from bytes; h11, a reader many rely on, is the yardstick."""

from itertools import pairwise

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.providers.http1 import BadResponse, ResponseReader

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0B;ext=1\r\n, my\r\nworld\r\n0\r\nTrailer: x\r\n\r\n"
RESPONSES: list[tuple[bytes, bytes, bool]] = [
    (CHUNKED, b"hello, my\r\nworld", True),
    (HEAD + b"Content-Length: 5\r\n\r\nhello", b"hello", True),
    (HEAD + b"Content-Length: 0\r\n\r\n", b"", True),
    (HEAD + b"Content-Length: 5\r\nConnection: Close\r\n\r\nhello", b"hello", False),
    (HEAD + b"\r\nhello\r\n\r\n", b"hello\r\n\r\n", False),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
    (b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + CHUNKED, b"hello, my\r\nworld", True),
    (b"HTTP/1.1 204 \r\n\r\n", b"", True),
    (b"HTTP/1.1 529\r\nContent-Length: 2\r\n\r\n{}", b"{}", True),
]
IDS = ["chunked", "length", "empty", "close", "until the end", "1.0", "interim", "no content", "no reason"]


def read(*chunks: bytes) -> tuple[ResponseReader, bytes]:
    reader = ResponseReader()
    body = b"".join([reader.feed(chunk) for chunk in chunks])
    if not reader.is_over:
        reader.end()
    return reader, body


def read_by_h11(response: bytes) -> tuple[int, dict[str, str], bytes]:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(response)
    connection.receive_data(b"")
    status, headers, body = 0, {}, b""
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            status = event.status_code
            headers = {name.decode(): value.decode() for name, value in event.headers}
        if isinstance(event, h11.Data):
            body += bytes(event.data)
    return status, headers, body


@pytest.mark.parametrize(("response", "body", "keeps_alive"), RESPONSES, ids=IDS)
def test_a_response_is_read_at_once_or_byte_by_byte(response: bytes, body: bytes, keeps_alive: bool) -> None:  # noqa: FBT001
    for chunks in ([response], [response[at : at + 1] for at in range(len(response))]):
        reader, found = read(*chunks)
        assert (found, reader.keeps_alive, reader.is_over) == (body, keeps_alive, True)


@pytest.mark.parametrize("response", [response for response, _, _ in RESPONSES], ids=IDS)
def test_h11_reads_the_same(response: bytes) -> None:
    reader, body = read(response)
    assert (reader.status, reader.headers, body) == read_by_h11(response)


@given(
    st.lists(st.binary(min_size=1, max_size=300), max_size=10),
    st.lists(st.integers(0, 4000), max_size=20).map(sorted),
)
def test_chunks_of_the_body_and_of_the_bytes_do_not_matter(pieces: list[bytes], cuts: list[int]) -> None:
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    response = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"
    _, body = read(*(response[begin:end] for begin, end in pairwise([0, *cuts, len(response)])))
    assert body == b"".join(pieces)


def test_several_headers_of_one_name_are_joined() -> None:
    reader, _ = read(b"HTTP/1.1 200 OK\r\nVary: a\r\nvary:b\r\nContent-Length: 0\r\n\r\n")
    assert reader.headers == {"vary": "a, b", "content-length": "0"}


@pytest.mark.parametrize("response", [response for response, _, _ in RESPONSES], ids=IDS)
def test_bytes_that_follow_the_end_cost_the_connection_its_trust(response: bytes) -> None:
    reader = ResponseReader()
    reader.feed(response + b"HTTP/1.1 200 OK\r\n\r\n")
    assert not reader.keeps_alive


@pytest.mark.parametrize(
    "response",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nname : value\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nname: folded\r\n value\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: value\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5 hello\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello, world\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 5000,
        HEAD + b"x: " + b"y" * 200_000,
    ],
)
def test_what_is_no_response_is_refused(response: bytes) -> None:
    reader = ResponseReader()
    with pytest.raises(BadResponse):
        reader.feed(response)


@pytest.mark.parametrize("response", [response for response, _, _ in RESPONSES[:2]], ids=IDS[:2])
def test_a_response_that_is_cut_anywhere_is_refused(response: bytes) -> None:
    for place in range(len(response)):
        reader = ResponseReader()
        reader.feed(response[:place])
        with pytest.raises(BadResponse, match="closed"):
            reader.end()


@given(st.binary(max_size=300), st.integers(0, len(CHUNKED)))
def test_no_bytes_raise_anything_else(noise: bytes, place: int) -> None:
    reader = ResponseReader()
    try:
        for data in (CHUNKED[:place], noise, CHUNKED[place:]):
            reader.feed(data)
        reader.end()
    except BadResponse:
        pass
