"""A run: turn after turn, from a prompt until the agent stops."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import anyio

from antiphon.agent.events import ContextCompacted, Retrying, RunResult, StopReason, TurnStarted, Usage, Warned
from antiphon.agent.file_keeping import FileKeeper
from antiphon.agent.going_on import GoingOn
from antiphon.agent.history import History
from antiphon.agent.hooks.hooks import Hooks, RunHooks
from antiphon.agent.hooks.prompts import Refused, prompt_of
from antiphon.agent.limits import GoOn, RunLimits
from antiphon.agent.prices import add
from antiphon.agent.resuming import Settled, events_for, settled
from antiphon.agent.room import Room
from antiphon.agent.summarizing import context_is_full
from antiphon.agent.toolbox import Toolbox
from antiphon.agent.turn import AgentTurn, Emit, TurnEnd
from antiphon.checkpoints import Checkpoints
from antiphon.engine.events import Reply
from antiphon.engine.workers import Workers
from antiphon.errors import AntiphonError, CompactionFailed, ProviderError, Rejected
from antiphon.protocol.messages import Json
from antiphon.providers.base import Provider
from antiphon.providers.retry import RETRIES, delay
from antiphon.sessions.records import RunEnded
from antiphon.sessions.replay import OpenTurn

MOST_CUTS_IN_A_ROW = 3
"""A model whose reply is cut this often, each time before anything could run, will not get further."""

_MEDIA = "image", "document", "media", "pdf"


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What a run goes by.

    Attributes:
        model: the model's name, for prices.
        params: the request's parameters, cache breakpoints included; the same for every turn.
        max_parallel: most calls that run at once.
        go_on: asks a person whether the run is to go on where that is doubtful; None where nobody is there.
        watch_repetition: whether it is doubtful when the model does the same, or fails, again and again.
    """

    model: str
    params: Json
    max_parallel: int
    go_on: GoOn | None = None
    watch_repetition: bool = False


class Run:
    """One run. The history is valid whenever the loop lets others go on, and after the run however it ends."""

    def __init__(
        self,
        settings: RunSettings,
        history: History,
        provider: Provider,
        toolbox: Toolbox,
        emit: Emit | None,
        *,
        room: Room,
        limits: RunLimits,
        hooks: Hooks,
        checkpoints: Checkpoints | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Prepare a run."""
        self._settings = settings
        self._history = history
        self._provider = provider
        self._toolbox = toolbox
        self._room = room
        self._limits = limits
        self._hooks = RunHooks(hooks, emit)
        self._going_on = GoingOn(
            history,
            limits,
            self._hooks,
            emit,
            go_on=settings.go_on,
            watch_repetition=settings.watch_repetition,
        )
        self._emit = emit
        self._files = FileKeeper(checkpoints, history.record, self._warn)
        self._jitter = jitter
        self._scope = anyio.CancelScope()
        self._turns = 0
        self._usage = Usage()
        self._text = ""
        self._why = ""

    def cancel(self) -> None:
        """Stop the run; it ends with stop reason `cancelled` as soon as its tools have let go."""
        self._scope.cancel()

    async def go(self, prompt: list[Json] | None = None) -> RunResult:
        """Run to the end. Problems of the model's side are told in the result, never raised.

        Args:
            prompt: what the user says; None to go on with the conversation as it is.
        """
        began = anyio.current_time()
        stop_reason: StopReason = "cancelled"
        cause: AntiphonError | None = None
        async with anyio.create_task_group() as tasks:
            workers = Workers(tasks)
            try:
                with self._scope:
                    stop_reason = await self._from_prompt_to_end(prompt, workers)
            except AntiphonError as error:
                stop_reason = "context_window" if _for_lack_of_room(error) else "error"
                cause = error
            finally:
                workers.close()
        if stop_reason in ("refusal", "context_window", "error"):
            # What the API did not answer it would not answer again, and nobody should have to say it twice.
            self._history.take_back_prompt()
        explained = str(cause) if isinstance(cause, CompactionFailed) else self._why or _EXPLAINED.get(stop_reason)
        if explained is None and cause is not None:
            explained = str(cause)
        self._history.record(RunEnded(stop_reason, explained or ""))
        return RunResult(
            text=self._text,
            stop_reason=stop_reason,
            turns=self._turns,
            usage=self._usage,
            seconds=anyio.current_time() - began,
            error=explained,
            cause=cause,
        )

    async def compact(self, instructions: str) -> ContextCompacted:
        """Have the conversation summed up, on demand. Can be cancelled like a run.

        Raises:
            CompactionFailed: it was not; the conversation is as it was.
        """
        with self._scope:
            return await self._room.compact(instructions, self._emit)
        raise CompactionFailed("Stopped; the conversation is as it was.")

    async def settle(self, left: OpenTurn) -> Settled:
        """Finish the turn that a process left unanswered; see `AgentTurn.resume`. Can be cancelled like a run."""
        events = events_for(left, self._history.messages[-1])
        reply: Reply | None = None
        async with anyio.create_task_group() as tasks:
            workers = Workers(tasks)
            try:
                with self._scope:
                    cut = left.replied is not None and left.replied.cut
                    # With the same limit, or it would not be the same turn.
                    reply = await self._new_turn(workers, left.limit).resume(events, cut=cut)
            finally:
                workers.close()
        return settled(events, reply.results if reply is not None else ())

    async def _from_prompt_to_end(self, prompt: list[Json] | None, workers: Workers) -> StopReason:
        if prompt is not None:
            self._why = "Stopped before the prompt was sent."
            said = await prompt_of(prompt, self._hooks)
            self._why = ""
            if isinstance(said, Refused):
                self._why = said.text
                return "hook"
            self._history.add_prompt(prompt)
            if said.notes:
                # Not as words of the user, who may want to find or take back what they said.
                self._history.add_results(said.notes)
        return await self._turn_after_turn(workers)

    async def _turn_after_turn(self, workers: Workers) -> StopReason:
        cuts = 0
        while True:
            end = await self._turn(workers)
            if end is None:
                return "max_budget"
            cuts = cuts + 1 if end.only_cut else 0
            if end.stop_reason == "refusal":
                return "refusal"
            if end.stop_reason == "model_context_window_exceeded":
                # The model goes on where there is room again; what it said is in the summary.
                self._used(await self._room.make_more("the reply came to the end of the window", self._emit))
            elif cuts == MOST_CUTS_IN_A_ROW or (end.stop_reason == "max_tokens" and not end.answered):
                return "max_tokens"
            elif (
                not end.answered
                and end.stop_reason not in ("pause_turn", "compaction")
                and await self._going_on.is_done(end.text)
            ):
                return "end_turn"
            stopped = await self._going_on.stopped(answered=end.answered)
            if stopped is not None:
                self._why = stopped.text
                return stopped.reason

    async def _turn(self, workers: Workers) -> TurnEnd | None:
        """Make one turn, asking again where that may help. A failed attempt left nothing behind.

        Returns None, and sends nothing, where the money is gone.
        """
        if self._emit is not None:
            self._emit(TurnStarted(self._turns + 1, anyio.current_time()))
        self._used(await self._room.make(self._emit))
        spent = await self._limits.reached(before_request=True)
        if spent is not None:
            self._why = spent.text
            return None
        attempt, full = 0, False
        while True:
            attempt += 1
            self._history.record.turn_began(self._settings.max_parallel)
            turn = self._new_turn(workers, self._settings.max_parallel, self._limits.calls_left)
            try:
                self._history.record.require_written()
                end = await turn.send(self._history.request(self._settings.params))
            except ProviderError as error:
                if context_is_full(error) and not full:
                    full = True
                    self._used(await self._room.make_more(str(error), self._emit))
                    continue
                if _blames_media(error) and self._history.leave_out_media():
                    wait, reason = 0.0, f"{error} It is sent again without images and documents."
                else:
                    wait, reason = delay(error, attempt, self._jitter), str(error)
                if wait is None:
                    raise
                if self._emit is not None:
                    self._emit(Retrying(attempt, RETRIES + 1, wait, reason))
                await anyio.sleep(wait)
                continue
            self._turns += 1
            self._limits.replied(end.calls)
            self._used(end.usage)
            self._text = end.text
            if end.stop_reason != "refusal":
                self._room.replied(end.usage, self._emit)
            return end

    def _used(self, usage: Usage) -> None:
        self._usage = add(self._usage, usage)
        unknown = self._limits.spent(usage)
        if unknown:
            self._warn(unknown)

    def _warn(self, text: str) -> None:
        if self._emit is not None:
            self._emit(Warned(text))

    def _new_turn(self, workers: Workers, limit: int, calls_left: int | None = None) -> AgentTurn:
        return AgentTurn(
            self._history,
            self._provider,
            self._toolbox,
            workers,
            model=self._settings.model,
            limit=limit,
            emit=self._emit,
            files=self._files.for_turn(),
            hooks=self._hooks,
            calls_left=calls_left,
            remark=self._going_on.remark,
        )


_EXPLAINED: dict[StopReason, str] = {
    "cancelled": "Stopped. The conversation is valid and can go on.",
    "max_tokens": "The reply was cut off at max_tokens. Ask for less at once, or raise max_tokens.",
    "refusal": "The model refused to answer. A prompt it refused was taken back; try another wording.",
    "context_window": "The conversation no longer fits the context window. Start a new one, or use a larger model.",
}


def _blames_media(error: ProviderError) -> bool:
    """Whether a request was refused for a picture or document it holds, or for its size."""
    if not isinstance(error, Rejected) or error.status not in (400, 413) or context_is_full(error):
        return False
    return error.status == 413 or any(word in str(error).lower() for word in _MEDIA)


def _for_lack_of_room(error: AntiphonError) -> bool:
    return isinstance(error, CompactionFailed) or context_is_full(error)
