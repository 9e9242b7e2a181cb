"""How a reply goes over the wire: bytes, waits and cuts, in order, with the faults of the script put in.

Pure: says what to do and does nothing. Server-sent events as the API writes them.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from antiphon.emulator.composing import Composed, events
from antiphon.emulator.refusal import ERROR_TYPES, Refusal, error_body
from antiphon.emulator.script import After, AnyFault, Drop, End, ErrorEvent, Insert, Pings, Refuse, Reply, Stall
from antiphon.protocol.messages import Json


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes now."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Let so many seconds pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Cut:
    """Take the connection away; nothing follows."""

    reset: bool


Step = Send | Wait | Cut

_STATUS_OF = {error_type: status for status, (error_type, _) in reversed(ERROR_TYPES.items())}


def refusal_of(reply: Reply, *, streamed: bool) -> Refusal | None:
    """Return the HTTP error that a script asks for instead of a reply, if it does.

    What is an `error` event in a stream is an HTTP error to those who do not stream.
    """
    fault = next((fault for fault in reply.faults if isinstance(fault, Refuse | ErrorEvent)), None)
    if isinstance(fault, ErrorEvent) and not streamed:
        return Refusal(_STATUS_OF.get(fault.type, 500), fault.message, error_type=fault.type)
    if not isinstance(fault, Refuse):
        return None
    headers: dict[str, str] = {}
    if fault.retry_after is not None:
        headers["retry-after"] = f"{fault.retry_after:g}"
    if fault.should_retry is not None:
        headers["x-should-retry"] = str(fault.should_retry).lower()
    return Refusal(fault.status, fault.message, error_type=fault.type, details=fault.details, headers=headers)


def stream(reply: Reply, composed: Composed) -> list[Step]:
    """Return the steps of a streamed reply."""
    return list(_join(_with_faults(reply, composed)))


def whole(reply: Reply, composed: Composed) -> list[Step]:
    """Return the steps of a reply in one piece. It takes as long as the stream would, and breaks where it would."""
    pauses = sum(seconds for seconds, _ in events(composed, 0))
    steps: list[Step] = [Wait(pauses)] if pauses else []
    body = json.dumps(composed.message, ensure_ascii=False).encode(errors="surrogatepass")
    for fault in reply.faults:
        if isinstance(fault, Stall):
            steps.append(Wait(fault.seconds))
        elif isinstance(fault, Drop | End):
            half = len(body) // 2 if fault.after.bytes is None else fault.after.bytes
            started = [Send(body[:half])] if half else []
            return [*steps, *started, Cut(reset=isinstance(fault, Drop) and fault.reset)]
    return [*steps, Send(body)]


def sse(event: Json) -> bytes:
    """Return an event as the stream carries it."""
    data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return f"event: {event.get('type', 'message')}\ndata: {data}\n\n".encode(errors="surrogatepass")


class _Faults:
    """The faults of one stream, each put in when its point is reached."""

    def __init__(self, faults: Iterable[AnyFault]) -> None:
        self._waiting = [fault for fault in faults if not isinstance(fault, Refuse)]
        self._events = 0
        self._blocks = 0
        self._bytes = 0
        self.ended = False

    def due(self, *, at_end: bool = False) -> Iterator[Step]:
        """Yield what goes wrong now; `ended` says that nothing follows."""
        for fault in list(self._waiting):
            if not self.ended and (at_end or self._reached(fault.after)):
                self._waiting.remove(fault)
                yield from _steps_of(fault)
                self.ended = isinstance(fault, ErrorEvent | Drop | End)

    def around(self, event: Json) -> Iterator[Step]:
        """Yield the bytes of an event, and what goes wrong among and after them."""
        rest = sse(event)
        for point in self._points_before(self._bytes + len(rest)):
            size = point - self._bytes
            yield Send(rest[:size])
            rest, self._bytes = rest[size:], point
            yield from self.due()
            if self.ended:
                return
        yield Send(rest)
        self._bytes += len(rest)
        self._events += 1
        self._blocks += event["type"] == "content_block_stop"
        yield from self.due()

    def _points_before(self, end: int) -> list[int]:
        points = {fault.after.bytes for fault in self._waiting if fault.after.bytes is not None}
        return sorted(point for point in points if self._bytes < point < end)

    def _reached(self, point: After) -> bool:
        counts = ((point.events, self._events), (point.blocks, self._blocks), (point.bytes, self._bytes))
        return any(wanted is not None and wanted <= count for wanted, count in counts)


def _with_faults(reply: Reply, composed: Composed) -> Iterator[Step]:
    faults = _Faults(reply.faults)
    yield from faults.due()
    for pause, event in events(composed, reply.pings):
        if faults.ended:
            return
        yield Wait(pause)
        yield from faults.around(event)
    yield from faults.due(at_end=True)


def _steps_of(fault: ErrorEvent | Drop | End | Stall | Insert | Pings) -> Iterator[Step]:
    match fault:
        case ErrorEvent(type=error_type, message=message):
            yield Send(sse(error_body(error_type, message)))
        case Drop(reset=reset):
            yield Cut(reset)
        case Stall(seconds=seconds):
            yield Wait(seconds)
        case Insert(event=None, data=data):
            yield Send((data or "").encode(errors="surrogatepass"))
        case Insert(event=event):
            yield Send(sse(event or {}))
        case Pings(count=count, every=every):
            for _ in range(count):
                yield Wait(every)
                yield Send(sse({"type": "ping"}))
        case End():
            return


def _join(steps: Iterable[Step]) -> Iterator[Step]:
    """Join bytes between which nothing happens: fewer writes, and chunks that hold several events as on a network."""
    joined = bytearray()
    for step in steps:
        if isinstance(step, Send):
            joined += step.data
        elif isinstance(step, Cut) or step.seconds > 0:
            if joined:
                yield Send(bytes(joined))
                joined.clear()
            yield step
    if joined:
        yield Send(bytes(joined))
