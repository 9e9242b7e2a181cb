"""Commands that try to reach somebody: this machine's services, the network, the kernel's other doors."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cells import Cell, Place, cell

from antiphon.policy.sandbox.choosing import KeeperName

pytestmark = pytest.mark.skipif(not Path("/proc/self/ns").exists(), reason="these sandboxes are Linux's")


class Service:
    """Listens and remembers what it was told."""

    def __init__(self, family: int, kind: int, address: object) -> None:
        self._socket = socket.socket(family, kind)
        self._socket.bind(address)  # pyright: ignore[reportArgumentType]  (an address of any family)
        self.address = self._socket.getsockname()
        self.heard = b""
        self._news = threading.Event()
        if kind == socket.SOCK_STREAM:
            self._socket.listen()
        self._thread = threading.Thread(target=self._serve, args=(kind,), daemon=True)
        self._thread.start()

    def _serve(self, kind: int) -> None:
        with suppress(OSError):
            while True:
                if kind == socket.SOCK_STREAM:
                    connection, _ = self._socket.accept()
                    with connection:
                        self.heard += connection.recv(100)
                        connection.sendall(b"secret")
                else:
                    self.heard += self._socket.recv(100)
                self._news.set()

    def waited(self) -> bytes:
        self._news.wait(5)
        return self.heard

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _say(family: int, kind: int, address: object) -> str:
    return f"""python3 - <<'CODE'
import socket
with socket.socket({int(family)}, {int(kind)}) as out:
    out.settimeout(5)
    out.connect({address!r})
    out.send(b"let me out")
    print(out.recv(100).decode() if {int(kind)} == 1 else "sent")
CODE"""


SERVICES = {
    "TCP": (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
    "TCP over IPv6": (socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0)),
    "UDP": (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
    "UDP over IPv6": (socket.AF_INET6, socket.SOCK_DGRAM, ("::1", 0)),
    "an abstract socket": (socket.AF_UNIX, socket.SOCK_STREAM, "\0antiphon-{}"),
    "datagrams to an abstract socket": (socket.AF_UNIX, socket.SOCK_DGRAM, "\0antiphon-{}"),
    "a socket outside": (socket.AF_UNIX, socket.SOCK_STREAM, "{}/outside/service"),
    "a socket of the system": (socket.AF_UNIX, socket.SOCK_STREAM, "/run/antiphon-{}"),
    "a socket in an unexpected place": (socket.AF_UNIX, socket.SOCK_STREAM, "/opt/antiphon-{}"),
}


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, ground: Place) -> Iterator[tuple[Service, int, int]]:
    family, kind, address = SERVICES[request.param]
    if isinstance(address, str):
        address = address.format(ground.top if "/outside/" in address else ground.top.name)
    try:
        made = Service(family, kind, address)
    except OSError as error:
        pytest.skip(f"there is no such socket here: {error}")
    path = Path(str(address))
    if isinstance(address, str) and not address.startswith("\0"):
        path.chmod(0o777)
    yield made, family, kind
    made.close()
    if isinstance(address, str) and not address.startswith("\0"):
        path.unlink()


async def test_no_service_of_this_machine_is_reached(jail: Cell, service: tuple[Service, int, int]) -> None:
    made, family, kind = service
    attempt = _say(family, kind, made.address)
    assert "secret" not in await jail(attempt)
    assert made.heard == b""
    said = await jail.free(attempt)
    assert made.waited() == b"let me out"
    assert said == ("secret" if kind == socket.SOCK_STREAM else "sent")


FAMILIES = {"virtual machines": 40, "packets": 17, "the kernel's cryptography": 38, "bluetooth": 31}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
async def test_no_other_kind_of_socket_is_made(jail: Cell, family: int) -> None:
    for kind in (1, 2, 3, 5):
        assert "not permitted" in await jail(f"python3 -c 'import socket; socket.socket({family}, {kind})'")


async def test_raw_packets_are_not_sent(jail: Cell) -> None:
    assert "not permitted" in await jail("python3 -c 'import socket; socket.socket(2, 3, 1)'")


async def test_the_kernels_keys_and_rings_are_out_of_reach(jail: Cell) -> None:
    said = await jail("""python3 - <<'CODE'
import ctypes, os, platform
libc = ctypes.CDLL(None, use_errno=True)
keyctl, ring = {"x86_64": (250, 425), "aarch64": (219, 425)}[platform.machine()]
for call in ((keyctl, 0, -4, 0), (ring, 8, 0)):
    print(libc.syscall(*call), os.strerror(ctypes.get_errno()))
CODE""")
    assert said == "-1 Operation not permitted\n-1 Function not implemented"


async def test_commands_talk_to_each_other_all_the_same(jail: Cell) -> None:
    if jail.kind == "landlock":
        return  # It has no network of its own; docs/sandbox.md says so.
    assert (
        await jail("""python3 - <<'CODE'
import socket
with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as one:
    two, _ = server.accept()
    one.sendall(b"hi")
    print(two.recv(9).decode())
    two.close()
CODE""")
        == "hi"
    )


async def test_what_asks_for_a_pair_gets_one(jail: Cell) -> None:
    assert (
        await jail("python3 -c 'import socket; a, b = socket.socketpair(); a.send(b\"x\"); print(b.recv(1))'") == "b'x'"
    )


async def test_with_domains_everything_else_is_refused_and_named(kind: tuple[KeeperName, bool], ground: Place) -> None:
    if ground.owner is not None:
        return  # The proxy is ours alone: its directory and its socket are closed to other users.
    site = Service(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
    port = site.address[1]
    fetch = "python3 - <<'CODE'\nimport urllib.request\nurllib.request.urlopen('http://{}/', timeout=9)\nCODE"
    try:
        async with cell(kind[0], ground, domains=["example.com"]) as jail:
            await jail(
                fetch.format(f"localhost:{port}").replace(
                    "urllib.request.urlopen",
                    "import os; os.environ.pop('no_proxy', 0); os.environ.pop('NO_PROXY', 0); urllib.request.urlopen",
                )
            )
            assert site.heard == b""
            await jail(fetch.format("elsewhere.example"))
            assert "elsewhere.example" in jail.notes
            assert "sandbox_domains" in jail.notes
            assert "secret" not in await jail(_say(socket.AF_INET, socket.SOCK_STREAM, site.address))
            assert site.heard == b""
    finally:
        site.close()


async def test_the_network_is_open_where_the_user_opens_it(kind: tuple[KeeperName, bool], ground: Place) -> None:
    site = Service(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
    try:
        async with cell(kind[0], ground, domains=["*"]) as jail:
            assert await jail(_say(socket.AF_INET, socket.SOCK_STREAM, site.address)) == "secret"
    finally:
        site.close()
