"""Upstreams that break: every client gets an answer it can read, or sees that one broke off; nothing is asked twice.

`world` looks after each test whether anything was left: tasks, files, connections, bytes, requests under way.
"""

import gzip
import json
import random
from collections.abc import Sequence

import anyio
import pytest
from chaos import EVENTS, LAST, Answer, World, answer_in, chunk, everything, request, until, world
from upstreams import OK, Cut, Hang, Piece, Reset

from antiphon.proxy import Limits

ASKED = request("POST /v1/messages", body=b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}')
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
START = b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":1}}}\n\n'
DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0}\n\n'


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([Cut()], id="ends"),
        pytest.param([Reset()], id="breaks"),
        pytest.param([b"HTTP/1.1 200 O", Reset()], id="breaks in the status line"),
        pytest.param([b"HTTP/1.1 200 OK\r\nContent-Ty", Cut()], id="ends in a header"),
        pytest.param([JSON, Reset()], id="breaks behind a header"),
        pytest.param([b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n", Cut()], id="speaks something else"),
        pytest.param([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Cut()], id="speaks HTTP/2"),
        pytest.param([b"HTTP/1.1 2000 OK\r\n\r\n", Cut()], id="has no such status"),
        pytest.param([JSON + b"Content-Length: -5\r\n\r\n", Cut()], id="has a negative length"),
        pytest.param([JSON + b"Content-Length: many\r\n\r\n", Cut()], id="has a length that is no number"),
        pytest.param([JSON + b"no colon\r\n\r\n", Cut()], id="has a header without a colon"),
        pytest.param([JSON + b"X: " + b"x" * 200_000 + b"\r\n\r\n", Cut()], id="has a header without end"),
        pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n", Cut()], id="only says go on"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/other"])
async def test_an_upstream_that_fails_before_its_answer_is_a_502_and_is_asked_once(
    path: str, answer: Sequence[Piece]
) -> None:
    async with world(answer) as here:
        got = await here.ask(ASKED.replace(b"/v1/messages", path.encode()))
        assert (got.status, got.whole, json.loads(got.body)["error"]["type"]) == (502, True, "api_error")
        assert len(here.api.seen) == 1
        assert [one.outcome for one in here.told] == ["failed"]


@pytest.mark.parametrize(
    ("answer", "arrives"),
    [
        pytest.param([JSON + b"Content-Length: 50\r\n\r\n", b'{"a"', Reset()], None, id="a body that breaks"),
        pytest.param([JSON + b"Content-Length: 50\r\n\r\n", b'{"a"', Cut()], b'{"a"', id="a body that is too short"),
        pytest.param([EVENTS, chunk(START), Cut()], START, id="a stream without its last chunk"),
        pytest.param([EVENTS, chunk(START), Reset()], None, id="a stream that breaks"),
        pytest.param([EVENTS, chunk(START), b"5\r\nev", Cut()], START + b"ev", id="a stream that ends in a chunk"),
        pytest.param([EVENTS, chunk(START), b"zz\r\n", Hang()], START, id="a chunk whose size is no number"),
        pytest.param([EVENTS, chunk(START), b"-1\r\n", Hang()], START, id="a chunk of a negative size"),
        pytest.param([EVENTS, chunk(START), Hang()], START, id="a stream that stalls for ever"),
    ],
)
async def test_an_answer_that_breaks_off_is_seen_to_break_off(answer: Sequence[Piece], arrives: bytes | None) -> None:
    async with world(answer, limits=Limits(read=0.3)) as here:
        got = await here.ask(ASKED)
        assert (got.status, got.whole) == (200, False)
        # What a broken connection had in flight may be lost with it.
        assert arrives is None or got.body == arrives
        assert len(here.api.seen) == 1
        assert [one.outcome for one in here.told] == ["broken"]


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        pytest.param([EVENTS, chunk(START), LAST], 200, START, id="a stream that ends too soon, but properly"),
        pytest.param([JSON + b"\r\n{}", Cut()], 200, b"{}", id="a body that ends with its connection"),
        pytest.param([b"HTTP/1.0 200 OK\r\n\r\n{}", Cut()], 200, b"{}", id="HTTP/1.0"),
        pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n" + OK], 200, b"{}", id="go on, then an answer"),
        pytest.param([b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK], 200, b"{}", id="hints, then an answer"),
        pytest.param([b"HTTP/1.1 204 No Content\r\n\r\n"], 204, b"", id="no content"),
        pytest.param([JSON + b"Content-Length: 0\r\n\r\n"], 200, b"", id="nothing"),
        pytest.param([b"HTTP/1.1 599 Odd\r\nContent-Length: 2\r\n\r\n{}"], 599, b"{}", id="a status nobody knows"),
        pytest.param([OK[:20], OK[20:60], OK[60:]], 200, b"{}", id="a head in pieces"),
        pytest.param([OK[n : n + 1] for n in range(len(OK))], 200, b"{}", id="byte by byte"),
        pytest.param([EVENTS, *(bytes([byte]) for byte in chunk(START)), LAST], 200, START, id="a stream byte by byte"),
    ],
)
async def test_an_answer_that_is_odd_and_whole_arrives(answer: Sequence[Piece], status: int, body: bytes) -> None:
    async with world(answer) as here:
        got = await here.ask(ASKED)
        assert (got.status, got.body, got.whole, got.rest) == (status, body, True, b"")
        assert len(here.api.seen) == 1


@pytest.mark.parametrize("status", [b"429 Too Many Requests", b"529 Overloaded", b"503 Service Unavailable"])
async def test_an_upstream_that_is_overloaded_says_so_to_the_client_and_is_asked_once(status: bytes) -> None:
    body = b'{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}'
    head = b"HTTP/1.1 %b\r\nretry-after: 7\r\ncontent-length: %d\r\n\r\n" % (status, len(body))
    async with world([head + body]) as here:
        got = await here.ask(ASKED)
        assert (got.status, got.headers["retry-after"], got.body) == (int(status[:3]), "7", body)
        assert len(here.api.seen) == 1


async def test_an_event_of_eight_megabytes_arrives_byte_for_byte() -> None:
    huge = b'data: {"text":"' + random.Random(7).randbytes(4 * 2**20).hex().encode() + b'"}\n\n'
    async with world([EVENTS, chunk(START), chunk(huge), chunk(DELTA), LAST]) as here:
        got = await here.ask(ASKED)
        assert got.whole
        assert got.body == START + huge + DELTA


@pytest.mark.parametrize(
    "head", [JSON + b"\r\n", JSON + b"Content-Length: 8388608\r\n\r\n"], ids=["until its end", "long"]
)
async def test_a_client_that_reads_late_gets_all_that_was_sent_before_the_upstream_hung_up(head: bytes) -> None:
    body = random.Random(7).randbytes(2**23)
    async with world([head, body, Cut()]) as here, await here.connect() as stream:
        await stream.send(ASKED)
        await until(lambda: here.proxy.metrics.active == 1)
        # The proxy cannot pass on more than a little: the rest waits in front of it, and the end behind that.
        await here.settled()
        got = answer_in(await everything(stream))
        assert got.whole
        assert got.body == body


@pytest.mark.parametrize("kind", [b"application/json", b"text/event-stream"])
@pytest.mark.parametrize("end", [0, 9], ids=["whole", "cut"])
async def test_what_is_compressed_arrives_as_it_is(kind: bytes, end: int) -> None:
    zipped = gzip.compress(START * 50)
    sent = zipped[: len(zipped) - end]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    async with world([head % (kind, len(sent)) + sent]) as here:
        got = await here.ask(ASKED)
        assert (got.headers["content-encoding"], got.body, got.whole) == ("gzip", sent, True)


async def test_bytes_behind_an_answer_are_nobodys() -> None:
    forged = OK.replace(b"{}", b"no")
    async with world([OK + forged], [OK]) as here:
        for _ in range(3):
            got = await here.ask(ASKED)
            assert (got.body, got.rest) == (b"{}", b"")
        assert len(here.api.seen) == 3


async def test_a_kept_connection_that_the_upstream_closed_meanwhile_is_not_asked_on() -> None:
    async with world([OK, Cut()]) as here:
        for _ in range(3):
            assert (await here.ask(ASKED)).status == 200
            await until(lambda: here.api.open == 0)
        assert (len(here.api.seen), here.api.connections) == (3, 3)


async def test_a_request_whose_connection_closes_under_it_is_answered_502_and_not_sent_again() -> None:
    async with world([OK], [Cut()], [OK]) as here:
        assert [(await here.ask(ASKED)).status for _ in range(3)] == [200, 502, 200]
        assert len(here.api.seen) == 3


async def test_an_upstream_that_answers_before_it_has_read_the_request_is_heard() -> None:
    refused = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"

    async with world() as here:
        here.api.greeting = refused
        got = await here.ask(request("POST /v1/other", body=b"x" * 3_000_000))
        assert got.status in {413, 502}
        assert got.whole


async def test_a_crowd_in_a_storm_gets_its_own_answers_or_sees_them_break() -> None:
    """A hundred clients at once; what their upstream does to each is in the request."""
    dice = random.Random(11804)
    deeds: dict[str, Sequence[Piece]] = {}
    for number in range(100):
        name = f"n{number:03}"
        event = f"data: {name}\n\n".encode()
        whole = [EVENTS, *[chunk(event)] * 5, LAST]
        deeds[name] = dice.choice(
            (
                whole,
                [*whole[: dice.randrange(1, 6)], Reset()],
                [*whole[: dice.randrange(1, 6)], Cut()],
                [Reset()],
                [b"HTTP/1.1 529 Overloaded\r\nContent-Length: 4\r\n\r\n" + name.encode()],
                [OK.replace(b"2\r\n", b"4\r\n").replace(b"{}", name.encode())],
            )
        )
    got: dict[str, Answer] = {}

    async def one(here: World, name: str) -> None:
        got[name] = await here.ask(request("POST /v1/messages", f"X-Name: {name}", body=b'{"messages":[]}'))

    async with world() as here:
        here.api.choose = lambda seen: deeds[seen.header("x-name")[0]]
        async with anyio.create_task_group() as crowd:
            for name in deeds:
                crowd.start_soon(one, here, name)
        assert sorted(seen.header("x-name")[0] for seen in here.api.seen) == sorted(deeds)
    for name, answer in got.items():
        pieces = deeds[name]
        told = set(answer.body.replace(b"data: ", b"").split())
        assert answer.status in {200, 502, 529}, name
        assert answer.whole or answer.status == 200, name
        assert told <= {name.encode()} or answer.status == 502, name
        assert answer.whole is (answer.status != 200 or not isinstance(pieces[-1], Cut)), name


async def test_after_a_storm_the_same_proxy_serves_as_before() -> None:
    async with world([Reset()], [EVENTS, chunk(START), Reset()], [b"nonsense\r\n\r\n", Cut()], [OK]) as here:
        statuses = [(await here.ask(ASKED)).status for _ in range(5)]
        assert statuses == [502, 200, 502, 200, 200]
        async with await here.connect() as stream:
            await stream.send(ASKED)
            assert (await everything(stream)).endswith(b"{}")
