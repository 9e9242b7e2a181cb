"""What can be set about a proxy, and what it is bounded by."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

MEGABYTE = 2**20

Sorting = Literal["auto", "always", "never"]
"""Whether results that came in completion order are put into request order where the upstream takes any order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client, or all of them together, may take; sizes in bytes, times in seconds.

    Attributes:
        body: the largest body of a request that is looked at; larger ones are answered with 413.
        in_flight: how much of such bodies is held at a time; who comes when it is full waits.
        admission: how long a request waits for that before it is answered with 503.
        upload: how long a client may take to send such a body.
        headers: how long a client may take to say what it wants, on a new connection.
        idle: how long a connection stays open between two requests.
        stalled: how long a client may leave the bytes of a reply unread.
        connect: how long an upstream may take to accept a connection.
        read: how long an upstream may be silent.
        grace: how long replies that are under way may take when the proxy stops.
        notes: how many repaired requests are remembered for people.
        memory: how much of earlier replies is remembered for repairs.
    """

    body: int = 32 * MEGABYTE
    in_flight: int = 160 * MEGABYTE
    admission: float = 30.0
    upload: float = 120.0
    headers: float = 30.0
    idle: float = 75.0
    stalled: float = 120.0
    connect: float = 15.0
    read: float = 600.0
    grace: float = 2.0
    notes: int = 200
    memory: int = 64 * MEGABYTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What is recorded of exchanges, for reports of bugs.

    Attributes:
        directory: where to; made if it is not there.
        every: all exchanges; else those that were repaired, that a repair failed at, or that were refused.
        content: keep what people, models and tools said, which is redacted otherwise.
        files: how many recordings are kept; the oldest go.
        size: how many bytes they may take.
    """

    directory: Path
    every: bool = False
    content: bool = False
    files: int = 500
    size: int = 256 * MEGABYTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a proxy behaves.

    Attributes:
        host: the address it listens on.
        port: 0 takes a free one.
        token: what clients have to show; needed on any address but loopback.
        hosts: names, beside those of loopback, under which clients may call it.
        sort: whether results in completion order are sorted where the upstream takes any order.
        cache: add moving cache breakpoints for clients whose own do not move.
        retries: how often a request that met an overloaded or unreachable upstream is sent again.
        record: what is recorded, or None.
        limits: what it is bounded by.
    """

    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = None
    hosts: frozenset[str] = frozenset()
    sort: Sorting = "auto"
    cache: bool = False
    retries: int = 0
    record: Recording | None = None
    limits: Limits = field(default_factory=Limits)
