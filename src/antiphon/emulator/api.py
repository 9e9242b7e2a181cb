"""The API itself: a request goes in, an answer comes out. No sockets and no waiting.

Refuses what the Messages API refuses, in its words: the envelope, then the rules of `antiphon.protocol`, then thinking.
What is left is answered as the script says.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from antiphon.emulator.composing import Composer
from antiphon.emulator.envelope import betas, check_headers, read_body
from antiphon.emulator.ids import Ids
from antiphon.emulator.memory import Memory
from antiphon.emulator.models import MODELS, Model, find_model
from antiphon.emulator.places import Places, ScriptFailed
from antiphon.emulator.playing import Send, Step, refusal_of, stream, whole
from antiphon.emulator.records import Record
from antiphon.emulator.refusal import Refusal
from antiphon.emulator.script import Reply, Script
from antiphon.emulator.signing import Signer, Verified
from antiphon.emulator.usage import PromptCache, estimate
from antiphon.protocol.checking import check
from antiphon.protocol.context import Context, Dialect
from antiphon.protocol.messages import Json
from antiphon.protocol.prefix import Piece, pieces

JSON_TYPE = "application/json"
STREAM_TYPE = "text/event-stream; charset=utf-8"


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back.

    Attributes:
        status: the HTTP status.
        headers: of the answer.
        steps: the body, and how it is sent.
        delay: seconds before the first byte.
        begin: to be called when the first byte goes out.
    """

    status: int
    headers: Mapping[str, str]
    steps: Sequence[Step]
    delay: float = 0.0
    begin: Callable[[], None] = field(default=_nothing)


class Api:
    """One organization's API with one script."""

    def __init__(self, script: Script, dialect: Dialect, clock: Callable[[], float], seed: int = 0) -> None:
        """Take what the model says, who is upstream, the time for caches, and the seed of keys and ids."""
        self.dialect = dialect
        self.cache = PromptCache(clock)
        self.memory = Memory()
        self.signer = Signer(seed)
        self.ids = Ids(seed, "bdrk_" if dialect.name == "bedrock" else "")
        self._composer = Composer(self.ids, self.signer)
        self._places = Places(script)
        self._answered = 0

    def play(self, script: Script) -> None:
        """Go on with another script, from its beginning."""
        self._places = Places(script)

    def answer(self, record: Record, body: bytes) -> Answer:
        """Answer a request, and note in its record what was found."""
        record.request_id = self.ids.new("req")
        try:
            return self._route(record, body)
        except Refusal as refusal:
            record.refused = refusal.faulty
            return self._refuse(record, refusal)
        except ScriptFailed as failed:
            return self._refuse(record, Refusal(500, str(failed), headers={"x-should-retry": "false"}))

    def _route(self, record: Record, body: bytes) -> Answer:
        path = record.path.rstrip("/")
        if path == "":
            _allow(record, "GET", "HEAD")
            return self._json(record, {"service": "antiphon emulator"})
        if path == "/v1/messages":
            _allow(record, "POST")
            return self._messages(record, body)
        if path == "/v1/messages/count_tokens":
            _allow(record, "POST")
            request = self._read(record, body, counting=True)
            self._verify(record, request, read := tuple(pieces(request)))
            return self._json(record, {"input_tokens": estimate(read)})
        if path == "/v1/models":
            _allow(record, "GET")
            check_headers(record.headers)
            return self._json(record, _models())
        if path.startswith("/v1/models/"):
            _allow(record, "GET")
            check_headers(record.headers)
            return self._json(record, _model(path.removeprefix("/v1/models/")))
        raise Refusal(404)

    def _messages(self, record: Record, body: bytes) -> Answer:
        request = self._read(record, body)
        read = tuple(pieces(request))
        verified = self._verify(record, request, read)
        self._check_context(request, read)
        # A request that may say nothing warms the cache, and has no place in a script.
        reply = self._places.choose(request) if request["max_tokens"] else Reply(stop_reason="max_tokens")
        streamed = bool(request.get("stream"))
        refusal = refusal_of(reply, streamed=streamed)
        if refusal is not None:
            return self._refuse(record, refusal, reply.delay)
        account = self.cache.account(request, read, verified.dropped)
        extra: Json = {"input_transformations": verified.transformations} if verified.transformations else {}
        composed = self._composer.compose(reply, request, verified.prefix, account, extra)
        self.memory.remember(request, composed.message["content"])
        record.message = composed.message
        record.status = 200
        return Answer(
            200,
            {**self._headers(record), "content-type": STREAM_TYPE if streamed else JSON_TYPE},
            stream(reply, composed) if streamed else whole(reply, composed),
            reply.delay,
            lambda: self.cache.begin(account),
        )

    def _read(self, record: Record, body: bytes, *, counting: bool = False) -> Json:
        """Return a request whose envelope and conversation are in order.

        Raises:
            Refusal: they are not.
        """
        check_headers(record.headers)
        request = record.body = read_body(body, self.dialect.request_megabytes)
        if request.get("thread") is not None:
            raise Refusal(
                400,
                "thread: threads are not supported here. Send the full conversation without `thread`.",
                details={"error_code": "thread_unsupported_request"},
                faulty=False,
            )
        context = Context(record.headers["anthropic-version"], frozenset(betas(record.headers)), counting=counting)
        violations = check(request, self.dialect, context=context)
        if violations:
            rules = tuple(dict.fromkeys(violation.rule for violation in violations))
            raise Refusal(400, violations[0].text, rules=rules)
        return request

    def _verify(self, record: Record, request: Json, read: Sequence[Piece]) -> Verified:
        verified = self.signer.verify(request, read, betas(record.headers))
        self.memory.check(request, read)
        return verified

    def _check_context(self, request: Json, read: Sequence[Piece]) -> None:
        tokens, most = estimate(read), find_model(str(request.get("model"))).context
        if tokens > most:
            raise Refusal(400, f"prompt is too long: {tokens} tokens > {most} maximum")

    def _refuse(self, record: Record, refusal: Refusal, delay: float = 0.0) -> Answer:
        record.status = refusal.status
        record.rules = refusal.rules
        record.text = refusal.message
        headers = {**self._headers(record), "content-type": JSON_TYPE, **refusal.headers}
        return Answer(refusal.status, headers, [Send(_dump(refusal.body(record.request_id)))], delay)

    def _json(self, record: Record, value: Json) -> Answer:
        record.status = 200
        return Answer(200, {**self._headers(record), "content-type": JSON_TYPE}, [Send(_dump(value))])

    def _headers(self, record: Record) -> dict[str, str]:
        self._answered += 1
        limits: dict[str, str] = {}
        reset = f"{datetime.now(UTC) + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
        for kind, most in (("requests", 4000), ("input-tokens", 2_000_000), ("output-tokens", 400_000)):
            used = self._answered if kind == "requests" else 0
            limits[f"anthropic-ratelimit-{kind}-limit"] = str(most)
            limits[f"anthropic-ratelimit-{kind}-remaining"] = str(max(most - used, 0))
            limits[f"anthropic-ratelimit-{kind}-reset"] = reset
        return {
            "request-id": record.request_id,
            "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
            **limits,
        }


def _allow(record: Record, *methods: str) -> None:
    if record.method not in methods:
        raise Refusal(405, headers={"allow": ", ".join(methods)})


def _models() -> Json:
    data = [_described(model) for model in MODELS]
    return {"data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]}


def _model(name: str) -> Json:
    model = find_model(name)
    if model not in MODELS:
        raise Refusal(404, f"model: {name}")
    return _described(model)


def _described(model: Model) -> Json:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.display_name,
        "created_at": "2026-01-01T00:00:00Z",
        "max_input_tokens": model.context,
    }


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")
