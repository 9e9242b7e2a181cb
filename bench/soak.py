"""Many streams through the proxy for a while, with an upstream that misbehaves and clients that leave.

Of the requests 2 % are answered 429, 2 % 529; 2 % of the replies break at a random byte, 1 % end too soon, 1 % stall
for a second, 1 % begin byte by byte; 5 % of the clients leave in the middle. Every client knows what it must get, to
the byte: a reply that differs, one that ends as if it were whole and is not, and one that never ends are counted, and
must be none. Memory must not grow (a line is fitted through what the proxy holds, the first fifth left out), and at the
end the proxy has as many files open as at its start.

    python dev.py bench soak
    python bench/soak.py --minutes 30 --streams 500
"""

import argparse
import asyncio
import random
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import anyio
from anyio.abc import SocketStream, TaskGroup

from measuring import Table
from proxy import SMALL, request
from relays import Relay, ours
from upstream import END, LAST_CHUNK, START, STREAM_HEAD, chunk, delta

DEEDS = {"429": 2, "529": 2, "break": 2, "end": 1, "stall": 1, "drip": 1, "leave": 5, "whole": 86}
"""What happens to requests, in percent."""
OVERLOADED = b"HTTP/1.1 %b Overloaded\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{}"
HUNG = 30.0
"""Nothing takes this many seconds; what does, hangs."""


@dataclass
class Plan:
    """One request: what its upstream does, and what its client must get."""

    deed: str
    events: list[bytes]
    cut: int

    @property
    def body(self) -> bytes:
        """The reply, whole."""
        return b"".join(self.events)


@dataclass
class Soak:
    """All requests, those that have ended counted by how.

    Attributes:
        rate: events a second of each stream.
        plans: of requests under way, by their number.
        ended: what became of requests: `whole`, `broken`, `refused`, `left`, or what must not be: `wrong`, `forged`,
            `hung`.
    """

    rate: float
    plans: dict[int, Plan] = field(default_factory=dict[int, Plan])
    ended: Counter[str] = field(default_factory=Counter[str])
    asked: Counter[str] = field(default_factory=Counter[str])
    _number: int = 0

    def draw(self) -> tuple[int, Plan]:
        """Return a new request and its number."""
        self._number += 1
        deed = random.choices(tuple(DEEDS), tuple(DEEDS.values()))[0]
        texts = (f"{self._number}:{random.getrandbits(64):x} " * random.randrange(1, 6) for _ in range(20))
        events = [START, *map(delta, texts), END]
        plan = Plan(deed, events, random.randrange(1, sum(map(len, events))))
        self.plans[self._number] = plan
        self.asked[deed] += 1
        return self._number, plan

    # The upstream.

    async def serve(self, stream: SocketStream) -> None:
        """Answer the requests of one connection."""
        async with stream:
            held = b""
            try:
                while True:
                    while b"\r\n\r\n" not in held:
                        held += await stream.receive()
                    head, _, held = held.partition(b"\r\n\r\n")
                    length = int(head.lower().partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0])
                    while len(held) < length:
                        held += await stream.receive()
                    held = held[length:]
                    number = int(head.partition(b"number=")[2].split(b" ", 1)[0])
                    if not await self._reply(stream, self.plans[number]):
                        return
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

    async def _reply(self, stream: SocketStream, plan: Plan) -> bool:
        """Answer one request; say whether the connection goes on."""
        if plan.deed in {"429", "529"}:
            await stream.send(OVERLOADED % plan.deed.encode())
            return True
        await stream.send(STREAM_HEAD)
        sent = 0
        for event in plan.events:
            if plan.deed in {"break", "end"} and sent + len(event) > plan.cut:
                rest = event[: plan.cut - sent]
                if rest:
                    # "end" stops between two chunks, "break" within one.
                    await stream.send(chunk(rest) if plan.deed == "end" else chunk(event)[: len(rest) + 2])
                return False
            if plan.deed == "drip" and sent < len(START):
                for byte in chunk(event):
                    await stream.send(bytes([byte]))
            else:
                await stream.send(chunk(event))
            sent += len(event)
            await anyio.sleep(random.uniform(0.5, 1.5) / self.rate + (plan.deed == "stall") * 0.05)
        await stream.send(LAST_CHUNK)
        return True

    # The clients.

    async def ask(self, port: int, until: float) -> None:
        """Ask one request after the other."""
        while time.monotonic() < until:
            number, plan = self.draw()
            try:
                with anyio.fail_after(HUNG):
                    self.ended[await self._one(port, number, plan)] += 1
            except TimeoutError:
                self.ended["hung"] += 1
                print(f"hung: {plan.deed}")
            del self.plans[number]

    async def _one(self, port: int, number: int, plan: Plan) -> str:
        sent = request({**SMALL, "stream": True}, f"soak&number={number}")
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(sent.replace(b"Host:", b"Connection: close\r\nHost:", 1))
            raw = bytearray()
            leaves = random.randrange(200, len(plan.body)) if plan.deed == "leave" else sys.maxsize
            try:
                while len(raw) < leaves:
                    raw += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return verdict(plan, bytes(raw))
        return "left"


def verdict(plan: Plan, raw: bytes) -> str:
    """Say what a client got, from the raw bytes of a closed connection."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if plan.deed in {"429", "529"}:
        return "refused" if status == [plan.deed.encode()] and rest == b"{}" else "wrong"
    if plan.deed == "break" and status == [b"502"]:
        return "broken"  # before anything of it had come
    body, whole = unchunked(rest)
    if status != [b"200"] or not plan.body.startswith(body):
        return "wrong"
    if plan.deed in {"break", "end"}:
        return "forged" if whole else "broken"
    return "whole" if whole and body == plan.body else "wrong"


def unchunked(data: bytes) -> tuple[bytes, bool]:
    """Return the body of a reply, and whether it is whole."""
    body = bytearray()
    while data:
        size, mark, data = data.partition(b"\r\n")
        if not mark or size == b"0":
            return bytes(body), size == b"0"
        length = int(size, 16)
        body += data[:length]
        data = data[length + 2 :]
    return bytes(body), False


async def watch(relay: Relay, every: float, memory: list[tuple[float, float]]) -> None:
    """Note how much memory the proxy holds."""
    while True:
        memory.append((time.monotonic(), relay.memory()))
        await anyio.sleep(every)


async def run(seconds: float, streams: int, rate: float) -> int:
    """Soak, and print what came of it; return how much was wrong."""
    soak = Soak(rate)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", backlog=1024)
    port: int = listener.extra(anyio.abc.SocketAttribute.local_port)
    memory: list[tuple[float, float]] = []
    left, cpu = 0, 0.0
    async with listener, anyio.create_task_group() as serving:
        serving.start_soon(listener.serve, soak.serve)
        with ours(Relay("upstream", port)) as relay:
            files = relay.files()
            async with anyio.create_task_group() as watching:
                watching.start_soon(watch, relay, seconds / 200, memory)
                await _clients(soak, relay.port, seconds, streams)
                watching.cancel_scope.cancel()
            left = await _files_left(relay, files)
            cpu = relay.cpu()
        serving.cancel_scope.cancel()
    return report(soak, memory, left, cpu)


async def _clients(soak: Soak, port: int, seconds: float, streams: int) -> None:
    until = time.monotonic() + seconds
    clients: TaskGroup
    async with anyio.create_task_group() as clients:
        for _ in range(streams):
            clients.start_soon(soak.ask, port, until)


async def _files_left(relay: Relay, before: int) -> int:
    """Return how many files more than before are open, once idle connections have been let go."""
    with anyio.move_on_after(15):
        while relay.files() > before:  # noqa: ASYNC110  (another process tells no event)
            await anyio.sleep(0.1)
    return max(relay.files() - before, 0)


def report(soak: Soak, memory: list[tuple[float, float]], left: int, cpu: float) -> int:
    """Print the figures; return how much was wrong."""
    settled = memory[len(memory) // 5 :]
    slope = statistics.linear_regression(*zip(*settled, strict=True)).slope * 600
    table = Table("what", "figure", "goal")
    table.row("requests", sum(soak.ended.values()), "")
    for what in ("whole", "refused", "broken", "left"):
        table.row(what, soak.ended[what], "")
    wrong = {what: soak.ended[what] for what in ("wrong", "forged", "hung")}
    for what, count in wrong.items():
        table.row(what, count, "0")
    table.row("files left open", left, "0")
    table.row("memory at first, at most, last", "{:.0f}, {:.0f}, {:.0f} MiB".format(*_span(memory)), "")
    table.row("memory grows by", f"{slope:+.1f} MiB in 10 minutes", "< 1 in a run of 30 minutes")
    table.row("CPU of the proxy", f"{cpu:.1f} s", "")
    table.print()
    return sum(wrong.values()) + left


def _span(memory: list[tuple[float, float]]) -> tuple[float, float, float]:
    held = [figure for _, figure in memory]
    return held[0], max(held), held[-1]


def main() -> None:
    """Soak for as long as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=0.3)
    parser.add_argument("--streams", type=int, default=100, help="at once (%(default)s)")
    parser.add_argument("--rate", type=float, default=20, help="events a second of each stream (%(default)s)")
    arguments = parser.parse_args()
    sys.exit(1 if asyncio.run(run(arguments.minutes * 60, arguments.streams, arguments.rate)) else 0)


if __name__ == "__main__":
    main()
