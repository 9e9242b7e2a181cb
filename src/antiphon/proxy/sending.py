"""One request on its way: judged, sent, sent once more if the API refused it for a rule we know, and answered."""

import time
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.to_thread
from aiohttp import ClientResponse, ClientSession, web

from antiphon.protocol import registry
from antiphon.protocol.messages import Json
from antiphon.protocol.models import binds_thinking
from antiphon.protocol.rule import Rule
from antiphon.proxy.admission import Admission
from antiphon.proxy.answers import Refused
from antiphon.proxy.bodies import Held, Upload, continue_if_asked, read_body
from antiphon.proxy.connection import Body, Unreachable, beginning, send
from antiphon.proxy.fields import refused_field
from antiphon.proxy.headers import Headers, context_of, for_client, for_upstream, readable, with_length
from antiphon.proxy.judging import LONGEST_NAME, Judged, Plan, Task, accused, decoded, judge
from antiphon.proxy.learning import Learned, Unknown
from antiphon.proxy.memory import Memory, View, rememberer
from antiphon.proxy.metrics import Metrics
from antiphon.proxy.naming import Namer
from antiphon.proxy.notes import Exchange, header, told
from antiphon.proxy.options import Options
from antiphon.proxy.patience import Patience
from antiphon.proxy.recorder import Recorded, Recorder
from antiphon.proxy.recording import Case
from antiphon.proxy.refusals import LONGEST, THREAD_UNSUPPORTED, complaint, rule_among, rule_of
from antiphon.proxy.relay import Follower, Relayed, pass_on, relayed
from antiphon.proxy.retrying import OVERLOADED, Retries
from antiphon.proxy.upstream import Endpoint, Target
from antiphon.proxy.watching import Usage, Watcher

# Larger bodies are judged in a thread, so that streams go on meanwhile.
_LARGE = 2**20


@dataclass(slots=True)
class Sending:
    """What all requests share on their way.

    Attributes:
        session: the connections to upstreams.
        options: how the proxy behaves.
        metrics: what is counted.
        patience: looks after slow clients.
        admission: room for bodies.
        memory: of earlier replies.
        retries: whether requests may be sent again.
        learned: what upstreams turned out to want.
        recorder: records exchanges for reports of bugs, or None.
    """

    session: ClientSession
    options: Options
    metrics: Metrics
    patience: Patience
    admission: Admission
    memory: Memory
    retries: Retries
    learned: Learned = field(default_factory=Learned)
    recorder: Recorder | None = None
    _thread: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))

    async def relay(self, request: web.BaseRequest, target: Target, exchange: Exchange) -> Relayed:
        """Pass a request on as it is, its body as it comes, and answer it."""
        await continue_if_asked(request)
        upload = Upload(request, self.options.limits) if request.body_exists else None
        headers = for_upstream(request.headers)
        try:
            return await _Passage(self, request, target, exchange, time.perf_counter()).plain(headers, upload)
        except Unreachable:
            if upload is not None and upload.refused is not None:
                raise upload.refused from None
            raise

    async def judge(self, request: web.BaseRequest, target: Target, exchange: Exchange) -> Relayed:
        """Judge a request, send what became of it, and answer it."""
        held = Held(self.admission)
        try:
            started = time.perf_counter()
            body = await read_body(request, held, self.options.limits)
            return await _Passage(self, request, target, exchange, started, held).judged(body)
        finally:
            held.release()

    async def judgement(self, body: bytes, plan: Plan) -> Judged:
        """Judge a body, a large one in a thread."""
        if len(body) <= _LARGE:
            return judge(body, plan)
        return await anyio.to_thread.run_sync(judge, body, plan, limiter=self._thread)


@dataclass(slots=True)
class _Passage:
    """One request on its way."""

    shared: Sending
    request: web.BaseRequest
    target: Target
    exchange: Exchange
    started: float
    held: Held | None = None

    async def plain(self, headers: Headers, body: Body) -> Relayed:
        answer = await send(self.shared.session, self.target, self.request.method, headers, body)
        return await self._answered(answer, for_client(answer.headers))

    async def judged(self, body: bytes) -> Relayed:
        headers = for_upstream(self.request.headers)
        dialect = self.target.upstream.profile.dialect_of(self.target.endpoint or Endpoint.MESSAGES)
        if dialect is None or self.request.headers.get("Content-Encoding", "identity").lower() != "identity":
            # What is compressed is not unpacked: it would have to be trusted not to grow without bound.
            self._hold(body)
            return await self.plain(with_length(headers, len(body)), body)
        view = self.shared.memory.of(self.target.upstream.url, self.request.headers)
        judged = await self.shared.judgement(body, self._plan(view, strict=False))
        self._hold(body, *([judged.body] if judged.body is not body else []))
        self._note(judged)
        if judged.unheld:
            taken = self._taken(body, judged, 400)
            if taken is not None:
                taken.done()
            raise Refused(
                400,
                "invalid_request_error",
                "This upstream holds no threads: send the whole conversation.",
                details={"error_code": THREAD_UNSUPPORTED},
            )
        answer = await self._sent(headers, judged)
        start, hint = b"", ""
        if answer.status == 400 and judged.model is not None and not judged.threaded:
            answer, judged, start, hint = await self._refused(answer, headers, body, judged, view)
        remember = None
        if answer.status == 200 and judged.thinks:
            remember = rememberer(view, judged.body if judged.bound else None)
        client_headers = self._headers(answer, judged, hint)
        taken = self._taken(body, judged, answer.status, start, answer.headers.get("Content-Encoding", "").lower())
        names, cached, bound = judged.names, bool(judged.cached), judged.bound and remember is not None
        del judged, body
        if self.held is not None and not bound and taken is None:
            self.held.release()
        try:
            return await self._answered(
                answer, client_headers, start=start, names=names, watched=(cached, remember), taken=taken
            )
        finally:
            if taken is not None:
                taken.done()

    def _taken(
        self, body: bytes, judged: Judged, status: int, error: bytes = b"", encoding: str = ""
    ) -> Recorded | None:
        """Have the exchange recorded, if it is to be; return what is to hear of the rest of an error."""
        recorder = self.shared.recorder
        exchange, profile = self.exchange, self.target.upstream.profile
        endpoint = self.target.endpoint or Endpoint.MESSAGES
        dialect = profile.dialect_of(endpoint)
        if recorder is None or dialect is None:
            return None
        case = Case(
            number=exchange.number,
            at=exchange.at,
            method=exchange.method,
            path=exchange.path,
            profile=profile.name,
            dialect=dialect.name,
            counting=endpoint is Endpoint.COUNT_TOKENS,
            headers=tuple(self.request.headers.items()),
            body=body,
            sent=judged.body,
            repaired=exchange.repaired,
            resent=exchange.resent,
            hint=exchange.hint,
            failed_open=exchange.failed_open,
            status=status,
            error=error,
            encoding=encoding,
        )
        return recorder.taken(case, treated=bool(exchange.repaired or exchange.failed_open))

    def _hold(self, *bodies: bytes) -> None:
        """Give back the room that these do not need."""
        if self.held is not None:
            self.held.shrink(sum(map(len, bodies)))

    def _plan(self, view: View, *, strict: bool, unthinking: bool = False, unknown: Unknown = ()) -> Plan:
        target, options, profile = self.target, self.shared.options, self.target.upstream.profile
        dialect = profile.dialect_of(target.endpoint or Endpoint.MESSAGES)
        assert dialect is not None  # noqa: S101  (`judged` has looked)
        learned = self.shared.learned
        counting = target.endpoint is Endpoint.COUNT_TOKENS
        context = context_of(self.request.headers, counting=counting, memory=view)
        native = target.endpoint in {Endpoint.MESSAGES, Endpoint.COUNT_TOKENS}

        def plan(request: Json) -> Task:
            model = str(request.get("model"))[:LONGEST_NAME]
            return Task(
                dialect,
                context,
                strict=strict or profile.careful or learned.is_strict(target.upstream.url, model),
                sort=native and self._sorts(request),
                cache=options.cache and profile.caches and target.endpoint is Endpoint.MESSAGES,
                threads=profile.threads,
                unthinking=unthinking,
                unknown=(*learned.unknown(target.upstream.url, model), *unknown),
                remember=target.endpoint is Endpoint.MESSAGES,
            )

        return plan

    def _sorts(self, request: Json) -> bool:
        asked = self.shared.options.sort
        if asked != "auto":
            return asked == "always"
        return _completes_in_any_order(self.request) and not binds_thinking(request.get("model"))

    def _note(self, judged: Judged) -> None:
        array = "input" if self.target.endpoint is Endpoint.RESPONSES else "messages"
        self.exchange.repaired = told(judged.treated, array)
        self.exchange.failed_open = judged.failed
        self.exchange.cached = judged.cached
        self.exchange.sorted = judged.sorted

    def _headers(self, answer: ClientResponse, judged: Judged, hint: str) -> Headers:
        headers = for_client(answer.headers)
        if judged.names:
            headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        if self.exchange.repaired:
            headers.append(("antiphon-repaired", header(self.exchange.repaired)))
        if self.exchange.sorted:
            headers.append(("antiphon-sorted", str(self.exchange.sorted)))
        if self.exchange.failed_open:
            headers.append(("antiphon-failed", self.exchange.failed_open))
        if hint:
            headers.append(("antiphon-hint", hint))
        return headers

    async def _sent(self, headers: Headers, judged: Judged) -> ClientResponse:
        headers = with_length(headers, len(judged.body))
        if judged.names or judged.thinks:
            headers = readable(headers, plain=bool(judged.names))
        retries = self.shared.retries
        retries.earn()
        while True:
            failure: Unreachable | None = None
            answer: ClientResponse | None = None
            try:
                answer = await send(self.shared.session, self.target, self.request.method, headers, judged.body)
            except Unreachable as error:
                if error.timeout:
                    raise  # it was sent, and may still be worked on
                failure = error
            if answer is not None and answer.status not in OVERLOADED:
                return answer
            delay = retries.delay(self.exchange.retried, None if answer is None else answer.headers)
            if delay is None and failure is not None:
                raise failure
            if answer is not None:
                if delay is None:
                    return answer
                answer.close()
            self.exchange.retried += 1
            await anyio.sleep(delay or 0)

    async def _refused(
        self, answer: ClientResponse, headers: Headers, body: bytes, judged: Judged, view: View
    ) -> tuple[ClientResponse, Judged, bytes, str]:
        """Try once more what the API refused, if it says why and something can be done.

        Returns:
            The answer for the client, what was sent for it, what was read of it already, and a hint.
        """
        start = await beginning(answer, LONGEST)
        said = complaint(start, answer.headers.get("Content-Encoding", "").lower())
        if said is None:
            return answer, judged, start, ""
        rule = rule_of(said) or rule_among(said, accused(judged.body, self._plan(view, strict=True)))
        if rule is None:
            return answer, judged, start, ""
        path = refused_field(said.text)
        if path is not None:
            rule = registry.rule("foreign-field" if path[1:] else "foreign-parameter")
        unknown = () if path is None else ((path, rule.id),)
        # Where the API names what it does not know, that is all there is to do about it.
        plan = self._plan(view, strict=path is None, unthinking=rule.id.startswith("TH"), unknown=unknown)
        try:
            again = await self.shared.judgement(body, plan)
            second = None if again.body == judged.body or again.failed else await self._sent(headers, again)
        except BaseException:
            answer.close()
            raise
        if second is not None and second.status != 400:
            answer.close()
            self.exchange.resent = True
            self._note(again)
            if second.status < 400:
                self._learn(rule, judged, view, unknown)
            return second, again, b"", ""
        if second is not None:
            # What the API says of the request as the client knows it is worth more.
            second.close()
        self.exchange.hint = rule.id
        return answer, judged, start, f"{rule.id} {rule.name}"

    def _learn(self, rule: Rule, judged: Judged, view: View, unknown: Unknown) -> None:
        upstream, model = self.target.upstream.url, judged.model or ""
        if unknown:
            self.shared.learned.note_unknown(upstream, model, unknown)
        elif rule.id.startswith("TH"):
            view.distrust(decoded(judged.body) or {})
        else:
            self.shared.learned.note_strict(upstream, model)

    async def _answered(
        self,
        answer: ClientResponse,
        headers: Headers,
        *,
        start: bytes = b"",
        names: dict[str, str] | None = None,
        watched: tuple[bool, Any] | None = None,
        taken: Recorded | None = None,
    ) -> Relayed:
        self.exchange.status = answer.status
        response = relayed(answer, headers)
        streamed = answer.content_type == "text/event-stream"
        watcher: Follower | None = taken
        if watched is not None and answer.status == 200:
            cached, remember = watched
            watcher = Watcher(
                streamed=streamed,
                encoding=answer.headers.get("Content-Encoding", "").lower(),
                used=lambda usage: self._used(usage, cached=cached),
                remember=remember,
            )
        try:
            await pass_on(
                answer,
                response,
                self.request,
                self.shared.patience,
                start=start,
                watcher=watcher,
                namer=Namer(names, streamed=streamed) if names else None,
                began=self._began,
            )
        finally:
            # Closes the connection unless the answer was read to its end: that is how an upstream learns that nobody
            # listens any more.
            answer.release()
        return response

    def _began(self) -> None:
        self.exchange.first = time.perf_counter() - self.started

    def _used(self, usage: Usage, *, cached: bool) -> None:
        counts = usage.counts()
        self.shared.metrics.tokens.add(counts)
        if cached:
            self.shared.metrics.tokens_cached.add(counts)


def _completes_in_any_order(request: web.BaseRequest) -> bool:
    """Say whether a client is known to send results in the order in which its tools were done: Claude Code is."""
    return "x-claude-code-session-id" in request.headers or request.headers.get("User-Agent", "").startswith(
        "claude-cli/"
    )
