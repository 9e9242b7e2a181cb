"""One request, from the gate to the note that is made of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import ClientError, web

from antiphon.proxy.answers import Refused, error_answer
from antiphon.proxy.connection import Unreachable
from antiphon.proxy.notes import Exchange, Notes
from antiphon.proxy.pages import Pages
from antiphon.proxy.patience import Patience
from antiphon.proxy.relay import Broken, Relayed
from antiphon.proxy.security import OWN_PAGES, Gate
from antiphon.proxy.sending import Sending
from antiphon.proxy.upstream import Target, Upstream, route

_OWN = "own"


@dataclass(slots=True)
class App:
    """Answers requests.

    Attributes:
        gate: decides who may talk to the proxy.
        upstreams: where requests go.
        sending: carries them there.
        pages: the proxy's own.
        notes: what was repaired.
        patience: looks after slow clients.
        told: is called with each exchange that has ended.
    """

    gate: Gate
    upstreams: tuple[Upstream, ...]
    sending: Sending
    pages: Pages
    notes: Notes
    patience: Patience
    told: Callable[[Exchange], None] | None = None
    _number: int = field(default=0, init=False)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request. Cancelled when the client goes away."""
        if request.transport is not None:
            self.patience.heard(request.transport)
        self._number += 1
        path = request.raw_path.partition("?")[0]
        exchange = Exchange(self._number, time.time(), request.method, path[:200], outcome="gone")
        started = time.perf_counter()
        self.sending.metrics.active += 1
        kind = "refused"
        target: Target | None = None
        try:
            self._let_in(request)
            if path == OWN_PAGES or path.startswith(f"{OWN_PAGES}/"):
                kind = _OWN
                return self._own(exchange, path)
            target = self._target(request)
            kind = target.endpoint.value if target.endpoint is not None else "other"
            exchange.upstream = target.upstream.url
            response = await self._passed(request, target, exchange)
        except Refused as refused:
            return _refused(refused, target, exchange)
        except Unreachable as error:
            return _unreachable(error, target, exchange)
        except Exception as error:
            if isinstance(error, ConnectionError) or request.writer.output_size > 0:
                raise
            return _failed(error, target, exchange)
        else:
            exchange.outcome = "broken" if response.broken else "complete"
            return response
        finally:
            exchange.seconds = time.perf_counter() - started
            self._finish(exchange, kind)

    def _let_in(self, request: web.BaseRequest) -> None:
        refusal = self.gate.refusal(request.method, request.raw_path, request.headers)
        if refusal is not None:
            raise Refused(*refusal)

    def _target(self, request: web.BaseRequest) -> Target:
        target = route(self.upstreams, request.raw_path)
        if target is None:
            raise Refused(404, "not_found_error", "No upstream has this path; see the proxy's --upstream.")
        return target

    def _own(self, exchange: Exchange, path: str) -> web.StreamResponse:
        self.pages.in_flight = self.sending.admission.taken
        self.pages.remembered = self.sending.memory.taken
        answer = self.pages.answer(exchange.method, path)
        exchange.status = answer.status
        exchange.outcome = "complete"
        return answer

    async def _passed(self, request: web.BaseRequest, target: Target, exchange: Exchange) -> Relayed:
        judged = request.method == "POST" and target.endpoint is not None
        try:
            return await (self.sending.judge if judged else self.sending.relay)(request, target, exchange)
        except Broken as broken:
            exchange.reason = str(broken)
            return broken.response
        except (ClientError, OSError) as error:
            # Whatever failed upstream was told as such: what is left is that the client cannot be written to.
            raise ConnectionResetError(str(error)) from error

    def _finish(self, exchange: Exchange, kind: str) -> None:
        self.sending.metrics.active -= 1
        self.sending.metrics.add(exchange, kind)
        if exchange.noteworthy:
            self.notes.add(exchange)
        if self.told is not None and kind != _OWN:
            self.told(exchange)


def _refused(refused: Refused, target: Target | None, exchange: Exchange) -> web.Response:
    exchange.status = refused.status
    exchange.outcome = "refused"
    exchange.reason = str(refused)
    return error_answer(refused, None if target is None else target.endpoint)


def _unreachable(error: Unreachable, target: Target | None, exchange: Exchange) -> web.Response:
    kind = "timeout_error" if error.timeout else "api_error"
    refused = Refused(504 if error.timeout else 502, kind, f"{error}.")
    exchange.status = refused.status
    exchange.outcome = "failed"
    exchange.reason = str(error)
    return error_answer(refused, None if target is None else target.endpoint)


def _failed(error: Exception, target: Target | None, exchange: Exchange) -> web.Response:
    """Answer for what should not have happened: the text stays here, it may hold anything."""
    exchange.outcome = "failed"
    exchange.reason = f"{type(error).__name__} in the proxy"
    exchange.status = 500
    refused = Refused(500, "api_error", f"The proxy failed: {type(error).__name__}. This is a bug in it.")
    return error_answer(refused, None if target is None else target.endpoint)
