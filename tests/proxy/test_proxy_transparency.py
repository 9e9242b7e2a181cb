"""What is valid reaches the upstream byte for byte, however odd it looks, and the reply comes back byte for byte."""

import json
import random
from collections.abc import Iterator, Sequence
from itertools import pairwise

import anyio
import pytest
from chaos import EVENTS, LAST, answer_in, chunk, everything, request, world
from upstreams import Piece

ASK = b'"model":"claude-sonnet-4-5","max_tokens":16'
HELLO = b'"messages":[{"role":"user","content":"hi"}]'
TURN = (
    b'{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"read","input":{}}]},'
    b'{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"x"}]}'
)
TOOL = b'"tools":[{"name":"read","input_schema":{"type":"object"}}]'

CHAT = (
    b'{"model":"gpt-5","x":1.0,"messages":[{"role":"developer","content":"be brief"},{"role":"user","content":"hi"},'
    b'{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f",'
    b'"arguments":"{ }"}}]},{"role":"tool","tool_call_id":"c1","content":"x"}],"tools":[{"type":"function",'
    b'"function":{"name":"f","parameters":{"type":"object","properties":{}}}}]}'
)
RESPONSES = (
    b'{"model":"gpt-5","input":[{"role":"user","content":"hi"},{"type":"function_call","call_id":"c1","name":"f",'
    b'"arguments":"{ }"},{"type":"function_call_output","call_id":"c1","output":"x"}],"x":1.0}'
)
BODIES = {
    "unknown fields": (
        "/v1/messages",
        b'{%b,"x_new":{"b":[1,null,true],"a":""},"messages":[{"role":"user","content":[{"type":"text","text":"hi",'
        b'"x_more":[]}]}]}' % ASK,
    ),
    "odd order and whitespace": (
        "/v1/messages",
        b'\r\n\t{ "messages" :[ {"content" : "hi" ,\n"role":"user"} ] , "max_tokens":16,"model":"claude-sonnet-4-5"\t}',
    ),
    "escapes": (
        "/v1/messages",
        rb'{%b,"messages":[{"role":"user","content":"\u0041\/\ud83d\ude00 \u00e9 \u2028"}]}' % ASK,
    ),
    "letters of all kinds": (
        "/v1/messages",
        '{%b,"messages":[{"role":"user","content":"é ü 日本 😀 \u2028 \u200b e\u0301"}]}'.encode().replace(b"%b", ASK),
    ),
    "large numbers": (
        "/v1/messages",
        b'{%b,"metadata":{"n":123456789012345678901234567890,"m":-0,"e":1E+2},%b}' % (ASK, HELLO),
    ),
    "floats that are whole": (
        "/v1/messages",
        b'{%b,"temperature":1.0,"x":[1.10,1e0,0.10000000000000000001],%b}' % (ASK, HELLO),
    ),
    "names that stand there twice": (
        "/v1/messages",
        b'{%b,"metadata":{"a":1,"a":2},"x":1,"x":2,%b}' % (ASK, HELLO),
    ),
    "a part of a thread": (
        "/v1/messages",
        b'{%b,"thread":{"id":"thread_1"},"messages":[{"role":"user","content":[{"type":"tool_result",'
        b'"tool_use_id":"toolu_of_the_thread","content":"x"}]}]}' % ASK,
    ),
    "a token count": (
        "/v1/messages/count_tokens?beta=true",
        b'{"model":"claude-sonnet-4-5",%b,"messages":[{"role":"user","content":"hi"},%b]}' % (TOOL, TURN),
    ),
    "Chat Completions": ("/v1/chat/completions", CHAT),
    "Responses": ("/v1/responses", RESPONSES),
    "blocks nobody knows": (
        "/v1/messages",
        b'{%b,%b,"messages":[{"role":"user","content":[{"type":"hologram","data":{"z":1,"a":2}},'
        b'{"type":"text","text":"hi"}]},%b]}' % (ASK, TOOL, TURN),
    ),
    "tools nobody knows": (
        "/v1/messages?beta=true",
        b'{%b,"tools":[{"type":"teleport_20991231","name":"teleport","range_km":1.50}],%b}' % (ASK, HELLO),
    ),
}
HEADERS = (
    "X-Api-Key: key-of-the-test",
    "anthropic-version: 2023-06-01",
    "anthropic-beta: teleport-2099-12-31,token-efficient-tools-2025-02-19",
    "x-unknown: a  b",
    "User-Agent: odd/1.0 (+nobody)",
    "Accept: */*",
    "Accept-Encoding: identity",
    "Content-Type: application/json; charset=utf-8",
)


@pytest.mark.parametrize("name", BODIES)
async def test_a_valid_body_reaches_the_upstream_byte_for_byte_with_its_headers(name: str) -> None:
    path, body = BODIES[name]
    json.loads(body)
    async with world(profile="anthropic") as here:
        got = await here.ask(request(f"POST {path}", *HEADERS, body=body))
        [seen] = here.api.seen
        assert seen.body == body
        assert seen.line == f"POST {path} HTTP/1.1"
        host = here.api.url.removeprefix("http://")
        length = ("Content-Length", str(len(body)))
        named = [(header.partition(": ")[0], header.partition(": ")[2]) for header in HEADERS]
        assert seen.headers == [("Host", host), *named, length]
        assert "antiphon-repaired" not in got.headers
        assert [one.repaired for one in here.told] == [()]


REPLY = b"".join(
    b"event: %b\ndata: %b\n\n" % (kind, data)
    for kind, data in (
        (
            b"message_start",
            b'{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":1},"content":[]}}',
        ),
        (b"ping", b'{ "type": "ping" }'),
        (b"x_new", b'{"type":"x_new","n":1.0,"u":"\\u00e9"}'),
        (b"content_block_start", b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'),
        (
            b"content_block_delta",
            b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\xf0\x9f\x98\x80"}}',
        ),
        (b"content_block_stop", b'{"type":"content_block_stop","index":0}'),
        (b"message_stop", b'{"type":"message_stop"}'),
    )
)
ODD_REPLIES = {
    "as usual": REPLY,
    "with comments, returns and no last line end": b": hi\r\n\r\n" + REPLY.replace(b"\n", b"\r\n") + b"data: rest",
    "nothing that anybody knows": bytes(range(256)) * 4,
    "one line without end": b"data: " + b"x" * 5000,
}


def pieces(body: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    """Cut a body at these places."""
    edges = sorted({0, *cuts, len(body)})
    return (body[start:end] for start, end in pairwise(edges))


def cuttings(body: bytes) -> Iterator[Sequence[int]]:
    """Yield places to cut a body at: once at each place, at every place, and at some, by chance."""
    yield range(len(body))
    yield from ((place,) for place in range(1, len(body), max(1, len(body) // 100)))
    dice = random.Random(9)
    yield from (dice.sample(range(len(body)), 9) for _ in range(20))


@pytest.mark.parametrize("name", ODD_REPLIES)
async def test_a_stream_comes_back_byte_for_byte_however_it_is_cut(name: str) -> None:
    body = ODD_REPLIES[name]
    answers: list[Sequence[Piece]] = [
        [EVENTS, *(chunk(piece) for piece in pieces(body, cuts)), LAST] for cuts in cuttings(body)
    ]
    asked = request("POST /v1/messages", body=b"{%b,%b}" % (ASK, HELLO))
    async with world(*answers) as here:
        for _ in answers:
            got = await here.ask(asked)
            assert (got.body, got.whole, got.status) == (body, True, 200)
        assert len(here.api.seen) == len(answers)


@pytest.mark.parametrize("thinking", [False, True], ids=["not read along", "read along"])
async def test_each_piece_goes_on_before_the_next_has_come_wherever_it_was_cut(thinking: bool) -> None:  # noqa: FBT001  (a parameter of pytest)
    cut = list(pieces(REPLY, range(0, len(REPLY), 7)))
    steps = [anyio.Event() for _ in cut]
    answer: list[Piece] = [EVENTS]
    for step, piece in zip(steps, cut, strict=True):
        answer += [step, chunk(piece)]
    asked = b'"thinking":{"type":"enabled","budget_tokens":1024},"model":"claude-sonnet-4-5","max_tokens":2048'
    end = anyio.Event()
    async with world([*answer, end, LAST]) as here, await here.connect() as stream:
        await stream.send(request("POST /v1/messages", body=b"{%b,%b}" % (asked if thinking else ASK, HELLO)))
        arrived = b""
        with anyio.fail_after(20):
            while b"\r\n\r\n" not in arrived:
                arrived += await stream.receive()
            for step, piece in zip(steps, cut, strict=True):
                step.set()
                wanted = chunk(piece)
                while not arrived.endswith(wanted):
                    arrived += await stream.receive()
        end.set()
        got = answer_in(arrived + await everything(stream, until=LAST))
        assert (got.body, got.whole) == (REPLY, True)
