"""What goes upstream instead of a request: itself, or what repairs made of it.

A request in which nothing is wrong is the very bytes that came. Should a repair fail, which would be a bug, the bytes
go on as they came, too, and that is told: a guard that falls over must not take the work along.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import msgspec

from antiphon.protocol.checking import check, repair
from antiphon.protocol.context import Context, Dialect
from antiphon.protocol.encoding import encode
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.models import binds_thinking
from antiphon.protocol.raw import decode_body
from antiphon.protocol.rule import Violation
from antiphon.protocol.thinking import is_thinking
from antiphon.proxy.caching import with_breakpoints
from antiphon.proxy.fields import Path, without_field
from antiphon.proxy.memory import worth_remembering
from antiphon.proxy.naming import renamed
from antiphon.proxy.ordering import in_request_order

LONGEST_NAME = 200
_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Task:
    """How a request is to be judged.

    Attributes:
        dialect: who is upstream.
        context: what is known beside the body.
        strict: keep to the strictest reading of the evidence, and to the order of results.
        sort: sort results also where the upstream takes any order.
        cache: add moving cache breakpoints.
        threads: whether the upstream holds threads for clients; None where that is not known.
        remember: say whether the reply is worth remembering.
        unthinking: leave out all thinking of earlier replies.
        unknown: fields to leave out because the upstream said that it does not know them, each with the rule about it.
    """

    dialect: Dialect
    context: Context
    strict: bool = False
    sort: bool = False
    cache: bool = False
    threads: bool | None = None
    unthinking: bool = False
    unknown: tuple[tuple[Path, str], ...] = ()
    remember: bool = False

    @property
    def reading(self) -> Dialect:
        """The dialect in the reading that is to be kept to."""
        return _reading(self.dialect, strict=self.strict)


@cache
def _reading(dialect: Dialect, *, strict: bool) -> Dialect:
    if strict:
        # Who refuses what we took for valid may want more than we know of: the order of results, for one.
        return replace(dialect.cautious(), strict_order=True)
    # What is only doubted stays out of it: else a fault at the end of a conversation would have its beginning changed,
    # which cost nothing as long as nothing else was wrong, and caches and signatures would be lost.
    return replace(
        dialect,
        except_rules=dialect.except_rules | dialect.doubtful_rules,
        doubtful_rules=frozenset(),
        doubtful_order=False,
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """A request as it goes upstream.

    Attributes:
        body: its bytes; the very object that was given where nothing was changed.
        model: whom it asks; None where it is no JSON that could be judged. What was decoded is not kept: it takes
            several times the room of its bytes.
        treated: what was repaired.
        names: the tools that a repair renamed: what the client calls them, by the name that goes upstream.
        cached: how many cache breakpoints were added.
        sorted: how many messages had their results sorted.
        failed: the kind of exception that a repair raised, or empty.
        threaded: it is part of a thread that the upstream holds; it passes as it is.
        unheld: the same, and the upstream is known to hold none.
        thinks: the reply may hold thinking that is worth remembering.
        bound: thinking in the reply will be bound to this request.
    """

    body: bytes
    model: str | None = None
    treated: tuple[Violation, ...] = ()
    names: dict[str, str] = field(default_factory=dict[str, str])
    cached: int = 0
    sorted: int = 0
    failed: str = ""
    threaded: bool = False
    unheld: bool = False
    thinks: bool = False
    bound: bool = False


Plan = Callable[[Json], Task]
"""Says how a request is to be judged, once it is decoded."""


def judge(body: bytes, plan: Plan) -> Judged:
    """Return what goes upstream; never raises, whatever the body is."""
    request, mended = _decoded(body)
    if request is None:
        return Judged(body)
    model = str(request.get("model"))[:LONGEST_NAME]
    task = plan(request)
    if request.get("thread") is not None:
        # The upstream holds the beginning of the conversation; what is here proves nothing.
        return Judged(body, model, threaded=True, unheld=task.threads is False)
    try:
        return _judged(body, model, request, mended, task)
    except Exception as error:  # noqa: BLE001  (whatever a repair may raise, the client is not to suffer for it)
        return Judged(body, model, failed=type(error).__name__)


def _judged(body: bytes, model: str, request: Json, mended: tuple[Violation, ...], task: Task) -> Judged:
    given = without_thinking(request) if task.unthinking else request
    given, dropped = _without_unknown(given, task.unknown)
    moved = added = 0
    if task.sort and not task.strict:
        # Before anything is judged: what thinking is bound to is what was sent.
        given, moved = in_request_order(given)
    repaired = repair(given, task.reading, context=task.context)
    wanted = repaired.request
    if task.cache:
        wanted, added = with_breakpoints(wanted)
    thinks = task.remember and worth_remembering(wanted)
    return Judged(
        body=body if wanted is request and not mended else _encoded(wanted),
        model=model,
        treated=(*mended, *dropped, *repaired.violations),
        names=renamed(request, wanted) if repaired.request is not given else {},
        cached=added,
        sorted=moved,
        thinks=thinks,
        bound=thinks and binds_thinking(model),
    )


def _decoded(body: bytes) -> tuple[Json | None, tuple[Violation, ...]]:
    try:
        value: Any = _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError):
        mended = decode_body(body)
        return mended.request, mended.violations
    return (value if is_object(value) else None), ()


def decoded(body: bytes) -> Json | None:
    """Return a body as JSON, or None where it holds no object."""
    return _decoded(body)[0]


def _without_unknown(request: Json, unknown: tuple[tuple[Path, str], ...]) -> tuple[Json, list[Violation]]:
    dropped: list[Violation] = []
    for path, rule in unknown:
        less = without_field(request, path)
        if less is not request:
            request = less
            dropped.append(Violation(rule, f"{'.'.join(path)}: Extra inputs are not permitted"))
    return request, dropped


def accused(body: bytes, plan: Plan) -> list[Violation]:
    """Return all that a request may be refused for, by the strictest reading; empty where that cannot be said."""
    request = decoded(body)
    if request is None:
        return []
    task = plan(request)
    try:
        return check(request, task.reading, context=task.context)
    except Exception:  # noqa: BLE001  (as in `judge`)
        return []


def without_thinking(request: Json) -> Json:
    """Return the request without the thinking of earlier replies; a message that held nothing else goes with it."""
    messages: Any = request.get("messages")
    kept: list[Any] = []
    for message in messages if is_array(messages) else ():
        content: Any = message.get("content") if is_object(message) else None
        if is_array(content):
            blocks = [block for block in content if not (is_object(block) and is_thinking(block))]
            if not blocks and content:
                continue
            kept.append(message if len(blocks) == len(content) else {**message, "content": blocks})
        else:
            kept.append(message)
    return {**request, "messages": kept}


def _encoded(request: Json) -> bytes:
    try:
        return _encoder.encode(request)
    except (msgspec.EncodeError, OverflowError, TypeError, UnicodeError, ValueError):
        # Lone surrogates and numbers beyond 64 bits.
        return encode(request)
