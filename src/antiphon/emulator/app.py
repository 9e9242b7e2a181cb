"""The emulator as an ASGI application: reads requests, plays answers, keeps the records.

Runs under any ASGI server. Only under the emulator's own server (`antiphon.emulator.server`) can it really reset a
connection; elsewhere a cut ends the response with an error.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

import anyio

from antiphon.emulator.api import Answer, Api
from antiphon.emulator.envelope import MAX_BODY
from antiphon.emulator.playing import Cut, Send, Wait
from antiphon.emulator.records import Record, Records

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Sender = Callable[[Message], Awaitable[None]]


class Connection(Protocol):
    """What the emulator's own server offers beyond ASGI, as `scope["state"]["connection"]`."""

    async def cut(self, *, reset: bool) -> None:
        """Take the connection away, once what was sent has left."""
        ...


class ConnectionCut(Exception):
    """Raised to an ASGI server that offers no other way to cut a connection."""


class App:
    """The application."""

    def __init__(self, api: Api, records: Records, clock: Callable[[], float], latency: float = 0.0) -> None:
        """Take what answers, where it is noted, the clock for that, and seconds to add before every reply."""
        self._api = api
        self._records = records
        self._clock = clock
        self._latency = latency
        self._running: set[anyio.CancelScope] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Sender) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    def stop(self) -> None:
        """End the replies that are being sent; their connections are cut."""
        for scope in self._running:
            scope.cancel()

    async def _http(self, scope: Scope, receive: Receive, send: Sender) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        record = Record(scope["method"], scope["path"], headers, self._clock())
        self._records.all.append(record)
        connection: Connection | None = scope.get("state", {}).get("connection")
        with anyio.CancelScope() as stopping:
            self._running.add(stopping)
            try:
                body = await _body(receive)
                if body is None:
                    record.outcome = "disconnected"
                    return
                answer = self._api.answer(record, body)
                await self._play(record, answer, receive, send, connection)
            finally:
                self._running.discard(stopping)
                if stopping.cancel_called and record.outcome == "pending":
                    record.outcome = "stopped"
                record.finished = self._clock()
                self._records.finish(record)
        if stopping.cancelled_caught:
            # The server that stops closes the connection; without it there is nothing to return to.
            await _gone(receive)

    async def _play(
        self, record: Record, answer: Answer, receive: Receive, send: Sender, connection: Connection | None
    ) -> None:
        if self._latency or answer.delay or any(isinstance(step, Wait) for step in answer.steps):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_watch, record, receive, tasks.cancel_scope, name="emulator: client gone")
                await self._send_all(record, answer, receive, send, connection)
                tasks.cancel_scope.cancel()
        else:
            await self._send_all(record, answer, receive, send, connection)

    async def _send_all(
        self, record: Record, answer: Answer, receive: Receive, send: Sender, connection: Connection | None
    ) -> None:
        await anyio.sleep(self._latency + answer.delay)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
        if len(answer.steps) == 1 and isinstance(answer.steps[0], Send):
            headers.append((b"content-length", str(len(answer.steps[0].data)).encode()))
        record.first_byte = self._clock()
        answer.begin()
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        for step in answer.steps:
            match step:
                case Wait(seconds=seconds):
                    await anyio.sleep(seconds)
                case Send(data=data):
                    await send({"type": "http.response.body", "body": data, "more_body": True})
                case Cut(reset=reset):
                    record.outcome = "cut"
                    if connection is None:
                        raise ConnectionCut
                    await connection.cut(reset=reset)
                    await _gone(receive)
                    return
        record.outcome = "complete"
        record.finished = self._clock()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _body(receive: Receive) -> bytes | None:
    """Return the body of a request, or None if it never came; of one that is too long no more than shows it."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > MAX_BODY:
            return bytes(body)


async def _watch(record: Record, receive: Receive, scope: anyio.CancelScope) -> None:
    await _gone(receive)
    record.outcome = "disconnected"
    scope.cancel()


async def _gone(receive: Receive) -> None:
    """Wait until the client's connection is no more."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _lifespan(receive: Receive, send: Sender) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
