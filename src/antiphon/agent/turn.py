"""One turn: a request goes out, its calls run while the reply streams in, their results come back in request order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio
from anyio import get_cancelled_exc_class

from antiphon.agent.events import (
    AgentEvent,
    CallChanged,
    CallOutput,
    CallStreaming,
    ReplyReceived,
    ResultsReady,
    TextAdded,
    ThinkingAdded,
    TurnDiscarded,
    Usage,
)
from antiphon.agent.file_keeping import TurnKeeper
from antiphon.agent.history import History
from antiphon.agent.hooks.calls import CallHooks
from antiphon.agent.hooks.hooks import RunHooks
from antiphon.agent.incoming import IncomingReply
from antiphon.agent.prices import usage_of
from antiphon.agent.toolbox import Toolbox
from antiphon.engine.driver import CallUpdate, Denial, Driver, Job
from antiphon.engine.events import Event, Reply, Result, ToolCall, failure
from antiphon.engine.message import user_message
from antiphon.engine.workers import Workers
from antiphon.errors import ProviderError, SessionError
from antiphon.protocol.encoding import Request
from antiphon.protocol.messages import Json, text_of
from antiphon.protocol.streaming import BlockStarted, ReplyEvent, TextDelta, ThinkingDelta
from antiphon.providers.base import Provider

Emit = Callable[[AgentEvent], None]

INTERRUPTED = "[The user interrupted the turn here.]"
UNRECORDED = "[The turn was stopped here, because the session could not be written to disk.]"
RESUMED = "[Antiphon was ended in the middle of this turn, and went on here later.]"
TOO_MANY = (
    "Not carried out: the run may make no more tool calls (max_tool_calls). Say what is done and what is left to do."
)


def _nothing(_results: Json, /) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """How a turn ended.

    Attributes:
        stop_reason: the API's.
        answered: calls were answered: the results are the last message, and the model is to see them.
        only_cut: the reply was cut and nothing of it ran.
        text: the text of the reply.
        usage: of the reply.
        calls: how many calls it asked for.
    """

    stop_reason: str
    answered: bool
    only_cut: bool
    text: str
    usage: Usage
    calls: int = 0


class AgentTurn:
    """One attempt at one turn. Leaves the history valid at every moment, however it is left."""

    def __init__(
        self,
        history: History,
        provider: Provider,
        toolbox: Toolbox,
        workers: Workers,
        *,
        model: str,
        limit: int,
        emit: Emit | None,
        files: TurnKeeper,
        hooks: RunHooks,
        calls_left: int | None = None,
        remark: Callable[[Json], str] = _nothing,
    ) -> None:
        """Prepare a turn; `send` makes the request.

        Args:
            history: what was said.
            provider: who answers.
            toolbox: carries calls out.
            workers: where they run.
            model: the model's name, for prices.
            limit: how many calls run at once.
            emit: is told what happens.
            files: keeps files before they change.
            hooks: are asked about calls, and told of them.
            calls_left: how many calls may be carried out; None for all.
            remark: may have something to say to the model about results, behind them.
        """
        self._files = files
        self._hooks = CallHooks(hooks)
        self._calls_left = calls_left
        self._remark = remark
        self._history = history
        self._provider = provider
        self._toolbox = toolbox
        self._workers = workers
        self._model = model
        self._limit = limit
        self._emit = emit
        self._reply = IncomingReply(history.call_ids, self._new_driver)

    async def send(self, request: Request) -> TurnEnd:
        """Send the request, run the calls of its reply, and put both into the history.

        Raises:
            ProviderError: the request failed; nothing happened, the history is as it was.
        """
        try:
            await self._receive(request)
        except ProviderError as error:
            self._discard(str(error))
            raise
        except get_cancelled_exc_class():
            self._keep_what_was_said()
            raise
        if self._reply.stop_reason == "refusal":
            self._discard("the model refused to go on")
            return self._end("", calls=0)
        return await self._answer()

    async def _receive(self, request: Request) -> None:
        reply, emit = self._reply, self._emit
        async with self._provider.stream(request) as events:
            async for event in events:
                if emit is not None:
                    self._show(event, emit)
                reply.receive(event)

    async def _answer(self) -> TurnEnd:
        reply, content = self._reply, self._reply.content()
        message = self._history.add_assistant(content, reply.message, cut=reply.is_cut)
        self._tell_reply(message, reply.stop_reason)
        try:
            # What writes starts as soon as the message has ended, and must not be unknown to whoever goes on later.
            self._history.record.require_written()
        except SessionError:
            self._add_results(reply.cancelled(), UNRECORDED)
            raise
        reply.ended()
        try:
            results = await reply.driver.reply()
        except get_cancelled_exc_class():
            self._add_results(reply.cancelled(), INTERRUPTED)
            raise
        self._add_results(results)
        return self._end(text_of({"content": content}), calls=len(results.results))

    async def resume(self, events: Sequence[Event], *, cut: bool) -> Reply:
        """Finish a turn that a process left, and return its results; its reply is the last message of the history.

        Finished results stay, calls that only read run again, and what may have changed something is not run again.
        """
        driver = self._reply.driver
        driver.resume(events, cut=cut)
        try:
            results = await driver.reply()
        except get_cancelled_exc_class():
            driver.cancel()
            self._add_results(driver.finished_reply, INTERRUPTED)
            raise
        self._add_results(results, RESUMED)
        return results

    def _add_results(self, reply: Reply | None, note: str = "") -> None:
        results = reply.results if reply is not None else ()
        remark = self._remark(user_message(results)) if results and not note else note
        notes = [*self._hooks.notes(results), remark]
        message = user_message(results, [note for note in notes if note])
        if message["content"]:
            self._history.add_results(message["content"])
            if self._emit is not None:
                self._emit(ResultsReady(message, anyio.current_time()))

    def _keep_what_was_said(self) -> None:
        """The user stopped the reply: what it said so far stays, with what its calls came to."""
        results = self._reply.cancelled()
        message = self._history.add_assistant(self._reply.said_so_far(), interrupted=True)
        if message is not None:
            self._tell_reply(message, "cancelled")
            self._add_results(results, INTERRUPTED)

    def _tell_reply(self, message: Json | None, stop_reason: str) -> None:
        if self._emit is not None:
            shown = message or {"role": "assistant", "content": []}
            self._emit(
                ReplyReceived(shown, stop_reason, self._usage(), self._reply.message or {}, anyio.current_time())
            )

    def _discard(self, reason: str) -> None:
        self._reply.driver.discard(reason)
        if self._emit is not None:
            self._emit(TurnDiscarded(reason))

    def _end(self, text: str, *, calls: int) -> TurnEnd:
        only_cut = self._reply.is_cut and calls == 1
        return TurnEnd(self._reply.stop_reason, calls > 0, only_cut, text, self._usage(), calls)

    def _usage(self) -> Usage:
        return usage_of(self._reply.message or {}, self._model)

    def _new_driver(self) -> Driver:
        updates = None if self._emit is None else self._call_updated
        return Driver(self._workers, self._prepare, limit=self._limit, on_update=updates, record=self._history.record)

    def _prepare(self, call: ToolCall, /) -> Job | Result | Denial:
        if self._calls_left is not None and self._reply.calls > self._calls_left:
            return failure(TOO_MANY)
        prepared = self._toolbox.prepare(call, self._output_of(call.id), self._hooks.before(call))
        if not isinstance(prepared, Job):
            return prepared
        return self._hooks.after(self._files.guarded(prepared, call.name), call)

    def _output_of(self, key: str) -> Callable[[str], None] | None:
        emit = self._emit
        return None if emit is None else lambda text: emit(CallOutput(key, text))

    def _call_updated(self, update: CallUpdate) -> None:
        if self._emit is not None:
            now = anyio.current_time()
            self._emit(CallChanged(update.index, update.call, update.state, now, update.waits_for, update.result))

    def _show(self, event: ReplyEvent, emit: Emit) -> None:
        if isinstance(event, TextDelta):
            emit(TextAdded(event.text))
        elif isinstance(event, ThinkingDelta):
            emit(ThinkingAdded(event.text))
        elif isinstance(event, BlockStarted) and event.block.get("type") == "tool_use":
            name, call_id = str(event.block.get("name")), str(event.block.get("id"))
            emit(CallStreaming(self._reply.calls, call_id, name, anyio.current_time()))
