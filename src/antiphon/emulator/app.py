"""The emulator as an ASGI application: reads requests, plays answers, keeps the records.

Runs under any ASGI server. Only under the emulator's own server (`antiphon.emulator.server`) can it really reset a
connection; elsewhere a cut ends the response with an error.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Protocol

import anyio

from antiphon.emulator.api import Answer, Api
from antiphon.emulator.envelope import MAX_BODY
from antiphon.emulator.playing import Cut, Send, Wait
from antiphon.emulator.records import Outcome, Record, Records

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
        """End the replies that are being sent. Their connections are the server's to close."""
        for scope in self._running:
            scope.cancel()

    async def _http(self, scope: Scope, receive: Receive, send: Sender) -> None:
        record = Record(scope["method"], scope["path"], _headers(scope["headers"]), self._clock())
        self._records.add(record)
        exchange = _Exchange(record, self._finish, receive, send, scope.get("state", {}).get("connection"))
        with anyio.CancelScope() as stopping:
            self._running.add(stopping)
            try:
                body = await exchange.body()
                if body is not None:
                    answer = self._api.answer(record, body)
                    await exchange.play(answer, self._latency + answer.delay, self._begin)
            finally:
                self._running.discard(stopping)
                self._finish(record, "stopped")
        if stopping.cancelled_caught:
            # The server closes the connection; to return before that would be to answer nothing.
            await exchange.gone()

    def _begin(self, record: Record, answer: Answer) -> None:
        record.first_byte = self._clock()
        answer.begin()
        self._records.changed()

    def _finish(self, record: Record, outcome: Outcome) -> None:
        """Note how an exchange ended; what is noted first holds."""
        if record.outcome == "pending":
            record.outcome = outcome
            record.finished = self._clock()
            self._records.finish(record)


class _Exchange:
    """One request and its answer on their way."""

    def __init__(
        self,
        record: Record,
        finish: Callable[[Record, Outcome], None],
        receive: Receive,
        send: Sender,
        connection: Connection | None,
    ) -> None:
        self._record = record
        self._finish = finish
        self._receive = receive
        self._send = send
        self._connection = connection

    async def body(self) -> bytes | None:
        """Return the body of the request, or None if it never came; of one that is too long no more than shows it."""
        body = bytearray()
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._finish(self._record, "disconnected")
                return None
            if len(body) <= MAX_BODY:
                body += message.get("body", b"")
            if not message.get("more_body"):
                return bytes(body)

    async def play(self, answer: Answer, delay: float, begin: Callable[[Record, Answer], None]) -> None:
        """Send an answer as its steps say, unless the client leaves."""
        if not delay and not any(isinstance(step, Wait) for step in answer.steps):
            begin(self._record, answer)
            await self._steps(answer)
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch, tasks.cancel_scope, name="emulator: client gone")
            await anyio.sleep(delay)
            begin(self._record, answer)
            await self._steps(answer)
            tasks.cancel_scope.cancel()

    async def gone(self) -> None:
        """Wait until the client's connection is no more."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _steps(self, answer: Answer) -> None:
        headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
        if len(answer.steps) == 1 and isinstance(answer.steps[0], Send):
            headers.append((b"content-length", str(len(answer.steps[0].data)).encode()))
        if not isinstance(answer.steps[0], Cut):
            await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})
        last = len(answer.steps) - 1
        for number, step in enumerate(answer.steps):
            match step:
                case Wait(seconds=seconds):
                    await anyio.sleep(seconds)
                case Cut(reset=reset):
                    await self._cut(reset=reset)
                    return
                case Send(data=data):
                    if number == last:
                        # Noted before it is sent, so that whoever has the answer finds the record of it.
                        self._finish(self._record, "complete")
                    await self._send({"type": "http.response.body", "body": data, "more_body": number != last})
        if isinstance(answer.steps[-1], Wait):
            self._finish(self._record, "complete")
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _cut(self, *, reset: bool) -> None:
        self._finish(self._record, "cut")
        if self._connection is None:
            raise ConnectionCut
        await self._connection.cut(reset=reset)
        await self.gone()

    async def _watch(self, scope: anyio.CancelScope) -> None:
        await self.gone()
        self._finish(self._record, "disconnected")
        scope.cancel()


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers as text; those that came several times as one, which says the same."""
    headers: dict[str, list[str]] = {}
    for name, value in raw:
        headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return {name: ", ".join(values) for name, values in headers.items()}


async def _lifespan(receive: Receive, send: Sender) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
