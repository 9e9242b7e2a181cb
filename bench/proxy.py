"""What the proxy costs beside the upstream direct and nginx as a plain relay, in one run.

Loads: requests of 1 KB on 1, 32 and 256 connections; replies streamed in 53 events; requests of 1 MB, valid ones and
ones that are repaired; paced streams, whose events say when they were sent; 256 uploads of 1 MB at once. All in turns,
several rounds; medians. The proxy has one core for itself, upstream and clients share another, as far as the machine
allows: CPU per request is what a busy machine tells best, so "a second and core" is what one second of CPU serves.

Goals: 1 KB at most 0.25 ms of CPU and 0.3 ms added on one connection, 2,500 requests a second and core; 1 MB at most
4 ms of CPU; events at 256 streams on their way within 1 ms; ready in 0.7 s; idle below 60 MiB; below 400 MiB with 256
uploads at once.

    python dev.py bench proxy
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

from checking import conversation
from loads import Load
from measuring import Table
from relays import BESIDE, Relay, installed, nginx, nginx_program, ours, pinned, upstream

SMALL = {"model": "claude-sonnet-5", "max_tokens": 1024, "messages": [{"role": "user", "content": "Hello. " * 130}]}
LARGE = conversation(200, 4550)
# The last call has no result: it is given one.
BROKEN = {**LARGE, "messages": LARGE["messages"][:-1]}


class Case(NamedTuple):
    """One load."""

    name: str
    body: object
    reply: str
    connections: int


CASES = (
    *(Case("1 KB", SMALL, "json", connections) for connections in (1, 32, 256)),
    *(Case("1 KB, 53 events back", SMALL, "events", connections) for connections in (1, 32)),
    *(Case("1 MB", LARGE, "json", connections) for connections in (1, 32)),
    Case("1 MB, repaired", BROKEN, "json", 1),
)
PACED = ((32, 50), (256, 20))


def request(body: object, reply: str) -> bytes:
    """Return a request as a client of the API sends it."""
    data = json.dumps(body, separators=(",", ":")).encode()
    head = (
        f"POST /v1/messages?reply={reply} HTTP/1.1\r\nHost: localhost\r\nx-api-key: bench\r\n"
        "anthropic-version: 2023-06-01\r\nUser-Agent: bench/1.0\r\nAccept: application/json\r\n"
        f"Accept-Encoding: gzip, deflate\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


@dataclass(frozen=True)
class Figures:
    """What one load on one relay came to; times in milliseconds."""

    cpu: float
    rate: float
    p50: float
    p99: float
    first: float
    wrong: int


async def measured(relay: Relay, case: Case, seconds: float) -> Figures:
    """Put a load on a relay."""
    load = Load(request(case.body, case.reply))
    before = relay.cpu()
    await load.run(relay.port, case.connections, seconds=seconds)
    cpu = relay.cpu() - before
    many = max(len(load.latencies), 1)
    return Figures(
        cpu / many * 1e3,
        many / load.seconds,
        quantile(load.latencies, 0.5),
        quantile(load.latencies, 0.99),
        quantile(load.firsts, 0.5),
        load.wrong,
    )


def quantile(seconds: list[float], share: float) -> float:
    """Return a quantile, in milliseconds."""
    return sorted(seconds)[min(int(len(seconds) * share), len(seconds) - 1)] * 1e3 if seconds else float("nan")


def median(figures: list[Figures]) -> Figures:
    """Return the medians, each for itself; answers that were wrong are counted."""
    columns = {
        name: statistics.median(getattr(each, name) for each in figures)
        for name in ("cpu", "rate", "p50", "p99", "first")
    }
    return Figures(**columns, wrong=sum(each.wrong for each in figures))


async def requests(relays: list[Relay], rounds: int, seconds: float) -> None:
    """Print what requests cost, relay beside relay."""
    table = Table(
        "load", "connections", "relay", "CPU ms", "a second and core", "a second", "p50 ms", "p99 ms", "added p50 ms",
        "added p99 ms", "first byte p50 ms", "wrong",
    )  # fmt: skip
    for case in CASES:
        found: dict[str, list[Figures]] = {relay.name: [] for relay in relays}
        for _ in range(rounds):
            for relay in relays:
                if relay.queries or case.reply == "json":
                    found[relay.name].append(await measured(relay, case, seconds))
        direct = median(found["direct"])
        for name, figures in found.items():
            if not figures:
                continue
            one = median(figures)
            through = name != "direct"
            table.row(
                case.name,
                case.connections,
                name,
                f"{one.cpu:.3f}" if through else "-",
                f"{1000 / one.cpu:,.0f}" if through and one.cpu else "-",
                f"{one.rate:,.0f}",
                f"{one.p50:.2f}",
                f"{one.p99:.1f}",
                f"{one.p50 - direct.p50:.2f}" if through else "-",
                f"{one.p99 - direct.p99:.1f}" if through else "-",
                f"{one.first:.2f}",
                one.wrong,
            )
    table.print()


async def streams(relays: list[Relay], rounds: int) -> None:
    """Print how long events are on their way."""
    table = Table(
        "streams", "events/s each", "relay", "p50 ms", "p99 ms", "added p50 ms", "added p99 ms", "CPU us/event", "wrong"
    )
    for connections, rate in PACED:
        found: dict[str, list[tuple[float, float, float]]] = {relay.name: [] for relay in relays}
        wrong = dict.fromkeys(found, 0)
        for _ in range(rounds):
            for relay in relays:
                load = Load(request({**SMALL, "stream": True}, f"paced&rate={rate}&count={rate * 2}"))
                before = relay.cpu()
                await load.run(relay.port, connections)
                cpu = (relay.cpu() - before) / max(len(load.delays), 1) * 1e6
                found[relay.name].append((quantile(load.delays, 0.5), quantile(load.delays, 0.99), cpu))
                wrong[relay.name] += load.wrong
        medians = {
            name: [statistics.median(column) for column in zip(*figures, strict=True)]
            for name, figures in found.items()
        }
        base = medians["direct"]
        for name, (p50, p99, cpu) in medians.items():
            through = name != "direct"
            table.row(
                connections,
                rate,
                name,
                f"{p50:.2f}",
                f"{p99:.1f}",
                f"{p50 - base[0]:.2f}" if through else "-",
                f"{p99 - base[1]:.1f}" if through else "-",
                f"{cpu:.0f}" if through else "-",
                wrong[name],
            )
    table.print()


async def uploads(api: Relay, many: int) -> None:
    """Print how much memory many large requests at once take."""
    table = Table("256 uploads of 1 MB at once", "MiB before", "MiB at most", "MiB after", "wrong")
    for name, body in (("valid", LARGE), ("repaired", BROKEN)):
        with pinned(0), ours(api) as relay:
            before = relay.memory()
            load = Load(request(body, "json"))
            await load.run(relay.port, many)
            table.row(name, f"{before:.0f}", f"{relay.peak():.0f}", f"{relay.memory():.0f}", load.wrong)
    table.print()


def starting(api: Relay, rounds: int) -> None:
    """Print how soon the proxy answers, and what it takes while nobody asks."""
    ready: list[float] = []
    idle: list[float] = []
    helps: list[float] = []
    for _ in range(rounds):
        with ours(api) as relay:
            ready.append(relay.ready)
            idle.append(relay.memory())
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "antiphon", "proxy", "--help"], check=True, stdout=subprocess.DEVNULL)
        helps.append(time.perf_counter() - started)
    table = Table("what", "figure", "goal")
    table.row("start to first answer", f"{statistics.median(ready):.2f} s", "<= 0.7 s")
    table.row("antiphon proxy --help", f"{statistics.median(helps):.2f} s", "")
    table.row("idle", f"{statistics.median(idle):.0f} MiB", "< 60 MiB")
    table.print()


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="how long each load lasts (%(default)s)")
    parser.add_argument("--beside", choices=BESIDE, action="append", default=[], help="measure this, too")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        with pinned(1):
            api = stack.enter_context(upstream())
        starting(api, arguments.rounds)
        relays = [api]
        with pinned(0):
            if nginx_program() is None:
                print("nginx is not installed: its rows are left out")
            else:
                relays.append(stack.enter_context(nginx(api)))
            for name in arguments.beside:
                if installed(name) is None:
                    print(f"{name} is not installed: its rows are left out")
                else:
                    relays.append(stack.enter_context(BESIDE[name](api)))
            relays.append(stack.enter_context(ours(api)))
        with pinned(1):
            asyncio.run(requests(relays, arguments.rounds, arguments.seconds))
            asyncio.run(streams([relay for relay in relays if relay.queries], arguments.rounds))
            asyncio.run(uploads(api, 256))


if __name__ == "__main__":
    main()
