import socket
import ssl
import stat
import time
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSStream
from proxied_site import PAGE, Names, asked, connect, get, serving, status_of

from antiphon.policy.sandbox.network import DomainProxy
from antiphon.policy.sandbox.network_connection import Waits


async def test_a_listed_host_is_reached() -> None:
    async with serving() as server, DomainProxy([f"127.0.0.1:{server.port}"]) as proxy:
        answer = await asked(proxy, get(f"127.0.0.1:{server.port}/a?b=c", "connection: close"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nhello")
    assert server.heads[0].startswith(f"GET /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n")
    assert proxy.refused() == ()


async def test_no_other_is_and_the_answer_says_which_setting_would_allow_it() -> None:
    names = Names()
    async with serving() as server, DomainProxy(["pypi.org"], resolve=names) as proxy:
        answer = await asked(proxy, get(f"evil.example:{server.port}/secret"))
        assert status_of(answer) == 403
        assert f'sandbox_domains = ["evil.example:{server.port}"]'.encode() in answer
        assert b"secret" not in answer
        assert status_of(await asked(proxy, connect("evil.example:443"))) == 403
        assert proxy.refused() == (f"evil.example:{server.port}", "evil.example")
    assert server.heads == []
    assert names.asked == []  # to look a name up would be a way out too


async def test_refusals_are_told_apart_by_when_they_happened() -> None:
    async with DomainProxy([]) as proxy:
        await asked(proxy, connect("a.example:443"))
        await asked(proxy, connect("b.example:443"))
        mark = proxy.refusals
        assert proxy.refused(mark) == ()
        await asked(proxy, connect("a.example:443"))
        assert proxy.refused(mark) == ("a.example",)
        assert proxy.refused() == ("a.example", "b.example")


async def test_a_listed_name_leads_to_an_address_that_is_listed_too() -> None:
    async with serving() as server:
        names = Names(wiki_example=["127.0.0.1"])
        entries = [f"wiki.example:{server.port}", f"127.0.0.0/8:{server.port}"]
        async with DomainProxy(entries, resolve=names) as proxy:
            assert status_of(await asked(proxy, get(f"wiki.example:{server.port}/", "connection: close"))) == 200


async def test_an_address_that_is_listed_for_one_port_is_not_for_another() -> None:
    async with serving() as server:
        names = Names(wiki_example=["127.0.0.1"])
        entries = [f"wiki.example:{server.port}", "127.0.0.1:1"]
        async with DomainProxy(entries, resolve=names) as proxy:
            assert status_of(await asked(proxy, get(f"wiki.example:{server.port}/"))) == 403
    assert server.heads == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
async def test_a_listed_address_is_recognised_in_every_spelling(host: str) -> None:
    async with serving() as server, DomainProxy([f"127.0.0.1:{server.port}"]) as proxy:
        assert status_of(await asked(proxy, get(f"{host}:{server.port}/", "connection: close"))) == 200


async def test_localhost_can_be_listed() -> None:
    async with serving() as server, DomainProxy([f"localhost:{server.port}"]) as proxy:
        assert status_of(await asked(proxy, get(f"localhost:{server.port}/", "connection: close"))) == 200
        assert proxy.direct == ""
    async with DomainProxy(["pypi.org"]) as proxy:
        assert proxy.direct == "localhost,127.0.0.1,::1"


async def test_a_name_that_changes_its_address_gains_nothing() -> None:
    async with serving() as server:
        names = Names(rebind_example=["127.0.0.1", "127.0.0.2"])
        entries = [f"rebind.example:{server.port}", f"127.0.0.1:{server.port}"]
        async with DomainProxy(entries, resolve=names) as proxy:
            request = get(f"rebind.example:{server.port}/", "connection: close")
            assert status_of(await asked(proxy, request)) == 200
            assert names.asked == ["rebind.example"]  # looked up once: what was checked is what was connected to
            assert status_of(await asked(proxy, request)) == 403


async def test_every_request_of_a_connection_is_judged() -> None:
    async with serving() as server, DomainProxy([f"127.0.0.1:{server.port}"]) as proxy:
        good = get(f"127.0.0.1:{server.port}/")
        answer = await asked(proxy, good, good, get("evil.example/"))
    assert [status_of(b"HTTP/1.1" + part) for part in answer.split(b"HTTP/1.1")[1:]] == [200, 200, 403]
    assert proxy.refused() == ("evil.example",)


async def test_a_header_does_not_lead_to_another_host_than_the_address() -> None:
    async with serving() as server, DomainProxy([f"127.0.0.1:{server.port}"]) as proxy:
        lines = ["host: evil.example", "Proxy-Authorization: Basic c2VjcmV0", "X-Hop: 1", "Connection: close, X-Hop"]
        await asked(proxy, get(f"127.0.0.1:{server.port}/", *lines[1:]).replace(b"host: x", b"host: evil.example"))
    head = server.heads[0].lower()
    assert "evil" not in head
    assert "proxy-authorization" not in head
    assert "x-hop" not in head


@pytest.mark.parametrize(
    "request_line",
    [
        *("GET / HTTP/1.1", "GET https://pypi.org/ HTTP/1.1", "GET ftp://pypi.org/ HTTP/1.1", "OPTIONS * HTTP/1.1"),
        *("GET http://user@pypi.org/ HTTP/1.1", "GET http://pypi.org\\@evil.example/ HTTP/1.1", "nonsense"),
        *("GET http:///etc/passwd HTTP/1.1", "GET http://pypi.org:x/ HTTP/1.1", "GET http://[::1/ HTTP/1.1"),
    ],
)
async def test_what_is_no_request_to_a_proxy_is_refused(request_line: str) -> None:
    async with DomainProxy(["*", "127.0.0.1"], resolve=Names()) as proxy:
        assert status_of(await asked(proxy, f"{request_line}\r\nhost: pypi.org\r\n\r\n".encode())) == 400


async def test_a_request_smuggled_behind_two_lengths_is_refused() -> None:
    async with serving() as server, DomainProxy([f"127.0.0.1:{server.port}"]) as proxy:
        two = get(f"127.0.0.1:{server.port}/", "content-length: 5", "content-length: 6")
        assert status_of(await asked(proxy, two + b"12345")) == 400
    assert server.heads == []


async def test_a_body_goes_there_and_back_in_pieces() -> None:
    got = bytearray()

    async def echo(stream: ByteStream) -> None:
        reader = BufferedByteReceiveStream(stream)
        head = await reader.receive_until(b"\r\n\r\n", 65_536)
        assert b"transfer-encoding: chunked" in head.lower()
        while not got.endswith(b"0\r\n\r\n"):
            got.extend(await reader.receive())
        await stream.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"y" * 300_000)  # ends as the connection does

    async with serving(serve=echo) as server, DomainProxy([f"127.0.0.1:{server.port}"]) as proxy:
        head = get(f"127.0.0.1:{server.port}/", "transfer-encoding: chunked", "connection: close")
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        answer = await asked(proxy, head.replace(b"GET", b"POST"), chunk, chunk, b"0\r\n\r\n")
    assert got.count(b"x") == 0x20000
    assert answer.count(b"y") == 300_000
    assert answer.endswith(b"\r\n0\r\n\r\n")


async def test_who_asks_before_sending_a_body_is_told_to_go_on() -> None:
    async with serving() as server, DomainProxy([f"127.0.0.1:{server.port}"]) as proxy:
        lines = ["expect: 100-continue", "content-length: 2", "connection: close"]
        answer = await asked(proxy, get(f"127.0.0.1:{server.port}/", *lines).replace(b"GET", b"PUT"), b"hi")
    assert answer.startswith(b"HTTP/1.1 100")
    assert answer.endswith(b"hello")
    assert "expect" not in server.heads[0].lower()


async def test_an_answer_that_breaks_off_is_seen_to_be_broken() -> None:
    cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhel"
    async with serving(cut) as server, DomainProxy([f"127.0.0.1:{server.port}"]) as proxy:
        answer = await asked(proxy, get(f"127.0.0.1:{server.port}/"))
    assert answer.endswith(b"content-length: 100\r\n\r\nhel")


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000])
async def test_a_server_that_speaks_no_http_is_a_502(answer: bytes) -> None:
    async with serving(answer) as server, DomainProxy([f"127.0.0.1:{server.port}"]) as proxy:
        assert status_of(await asked(proxy, get(f"127.0.0.1:{server.port}/"))) == 502


async def test_a_server_that_is_not_there_is_a_502() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with DomainProxy([f"127.0.0.1:{port}"]) as proxy:
        assert status_of(await asked(proxy, connect(f"127.0.0.1:{port}"))) == 502


async def test_a_tunnel_ends_one_way_at_a_time() -> None:
    async def count(stream: ByteStream) -> None:
        total = 0
        async for part in stream:
            total += len(part)
        await stream.send(b"%d" % total)  # after the other side has ended

    async with (
        serving(serve=count) as server,
        DomainProxy([f"127.0.0.1:{server.port}"]) as proxy,
        await anyio.connect_unix(proxy.socket) as stream,
    ):
        with anyio.fail_after(20):
            await stream.send(connect(f"127.0.0.1:{server.port}") + b"early")
            reader = BufferedByteReceiveStream(stream)
            assert (await reader.receive_until(b"\r\n\r\n", 1000)).startswith(b"HTTP/1.1 200")
            await stream.send(b"x" * 1_000_000)
            await stream.send_eof()
            assert b"".join([part async for part in reader]) == b"1000005"


async def test_what_is_encrypted_passes_as_it_is() -> None:
    certificate = Path(__file__).parent.parent / "tools" / "site.test.pem"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def secure(stream: ByteStream) -> None:
        tls = await TLSStream.wrap(stream, server_side=True, ssl_context=context, standard_compatible=False)
        await BufferedByteReceiveStream(tls).receive_until(b"\r\n\r\n", 65_536)
        await tls.send(PAGE)

    names = Names(site_test=["127.0.0.1"])
    async with serving(serve=secure) as server:
        entries = [f"site.test:{server.port}", f"127.0.0.1:{server.port}"]
        async with DomainProxy(entries, port=True, resolve=names) as proxy:
            argv = ["curl", "-sS", "--cacert", str(certificate), "-x", str(proxy.url)]
            told = await anyio.run_process([*argv, f"https://site.test:{server.port}/"], check=False)
            assert told.stdout == b"hello", told.stderr


async def test_an_address_of_version_6_is_reached() -> None:
    async with serving(host="::1") as server, DomainProxy([f"[::1]:{server.port}"]) as proxy:
        assert status_of(await asked(proxy, get(f"[::1]:{server.port}/", "connection: close"))) == 200
        assert server.heads[0].startswith(f"GET / HTTP/1.1\r\nhost: [::1]:{server.port}\r\n")


@pytest.mark.parametrize("flood", [b"x-a: " + b"a" * 200_000, b"x-a: a\r\n" * 30_000])
async def test_a_flood_of_headers_is_refused(flood: bytes) -> None:
    async with DomainProxy(["*"]) as proxy, await anyio.connect_unix(proxy.socket) as stream:
        with anyio.fail_after(20):
            await stream.send(b"GET http://pypi.org/ HTTP/1.1\r\n" + flood)
            assert status_of(await stream.receive()) == 431


async def test_who_never_finishes_a_request_is_hung_up_on() -> None:
    async with DomainProxy(["*"], waits=Waits(request=0.3)) as proxy:
        began = time.monotonic()
        async with await anyio.connect_unix(proxy.socket) as stream, anyio.create_task_group() as tasks:

            async def drip() -> None:
                while True:
                    try:
                        await stream.send(b"a")
                    except anyio.BrokenResourceError:
                        return
                    await anyio.sleep(0.02)

            tasks.start_soon(drip)
            with anyio.fail_after(20), pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                await stream.receive()
            tasks.cancel_scope.cancel()
        assert 0.3 <= time.monotonic() - began < 10


async def test_a_silent_tunnel_is_ended() -> None:
    async def silent(stream: ByteStream) -> None:
        async for _ in stream:
            pass

    soon = Waits(silence=0.3)
    async with serving(serve=silent) as server, DomainProxy([f"127.0.0.1:{server.port}"], waits=soon) as proxy:
        assert status_of(await asked(proxy, connect(f"127.0.0.1:{server.port}"))) == 200


async def test_a_long_upload_is_no_silence() -> None:
    async def patient(stream: ByteStream) -> None:
        reader = BufferedByteReceiveStream(stream)
        await reader.receive_until(b"\r\n\r\n", 65_536)
        await reader.receive_exactly(20)
        await stream.send(PAGE)

    soon = Waits(silence=0.5)
    async with (
        serving(serve=patient) as server,
        DomainProxy([f"127.0.0.1:{server.port}"], waits=soon) as proxy,
        await anyio.connect_unix(proxy.socket) as stream,
    ):
        head = get(f"127.0.0.1:{server.port}/", "content-length: 20")
        await stream.send(head.replace(b"GET", b"PUT"))
        for _ in range(20):
            await anyio.sleep(0.05)
            await stream.send(b"x")
        assert status_of(await stream.receive()) == 200


async def test_a_silent_server_is_a_504() -> None:
    async def silent(stream: ByteStream) -> None:
        async for _ in stream:
            pass

    soon = Waits(silence=0.3)
    async with serving(serve=silent) as server, DomainProxy([f"127.0.0.1:{server.port}"], waits=soon) as proxy:
        assert status_of(await asked(proxy, get(f"127.0.0.1:{server.port}/"))) == 504


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


async def test_more_connections_than_there_is_room_for_wait_outside() -> None:
    soon = Waits(request=0.5)
    async with DomainProxy([], waits=soon) as proxy, AsyncExitStack() as stack:
        before = descriptors()
        many = [await stack.enter_async_context(await anyio.connect_unix(proxy.socket)) for _ in range(130)]
        await anyio.wait_all_tasks_blocked()
        assert descriptors() - before - len(many) <= 101
        assert status_of(await asked(proxy, connect("a.example:443"))) == 403


async def test_open_tunnels_end_with_the_proxy() -> None:
    async def silent(stream: ByteStream) -> None:
        async for _ in stream:
            pass

    async with serving(serve=silent) as server, AsyncExitStack() as stack:
        async with DomainProxy([f"127.0.0.1:{server.port}"]) as proxy:
            stream = await stack.enter_async_context(await anyio.connect_unix(proxy.socket))
            await stream.send(connect(f"127.0.0.1:{server.port}"))
            assert status_of(await stream.receive()) == 200
        with anyio.fail_after(20), pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await stream.receive()


async def test_an_error_inside_is_itself_and_no_group() -> None:
    with pytest.raises(KeyError):
        async with DomainProxy([]):
            raise KeyError


async def test_only_this_user_can_reach_the_socket_and_nothing_is_left_of_it() -> None:
    async with DomainProxy([]) as proxy:
        assert stat.S_IMODE(proxy.socket.parent.stat().st_mode) == 0o700
        directory = proxy.socket.parent
        assert proxy.url is None
        with pytest.raises(ValueError, match="port"):
            proxy.environment()
    assert not directory.exists()


async def test_a_long_temporary_directory_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("a" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    async with DomainProxy([]) as proxy:
        assert status_of(await asked(proxy, connect("a.example:443"))) == 403
    assert list(long.iterdir()) == []


async def test_a_port_wants_the_password() -> None:
    async with serving() as server, DomainProxy([f"127.0.0.1:{server.port}"], port=True) as proxy:
        assert proxy.url is not None
        password, _, place = proxy.url.removeprefix("http://antiphon:").partition("@")
        assert len(password) >= 32
        target = f"http://127.0.0.1:{server.port}/"
        for given, wanted in ((proxy.url, "200"), (f"http://{place}", "407"), (f"http://antiphon:x@{place}", "407")):
            argv = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "", "-x", given, target]
            told = await anyio.run_process(argv, check=False)
            assert told.stdout.decode() == wanted
    assert len(server.heads) == 1
