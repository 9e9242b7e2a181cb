"""Sees to it that a conversation has room in its model's context: measures, clears, and has it summed up.

Acts between turns only, so a call and its result are never torn apart. Cannot loop: a conversation without a reply in
it is never summed up, a new stretch is well below the size that calls for another one, and one that fills up at once
again and again ends the run. What fails leaves the conversation as it was.
"""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import anyio

from antiphon.agent.clearing import clearable
from antiphon.agent.compaction import (
    Kept,
    TouchedFile,
    fitting_stretch,
    is_stretch,
    kept_in,
    last_words,
    stretch,
    without_a_model,
)
from antiphon.agent.context import (
    BYTES_PER_TOKEN,
    ContextBudget,
    ContextMeter,
    ContextUse,
    estimate,
    parts_of,
    tokens_of,
    window_told,
)
from antiphon.agent.events import (
    CompactionSkipped,
    CompactionStarted,
    ContextCompacted,
    ContextMeasured,
    ResultsCleared,
    Usage,
)
from antiphon.agent.history import History
from antiphon.agent.summarizing import NoSummary, Summarizer, Summary
from antiphon.agent.toolbox import Toolbox
from antiphon.agent.turn import Emit
from antiphon.engine.driver import Job
from antiphon.engine.events import ToolCall
from antiphon.errors import CompactionFailed, ConversationInvalid, ProviderError, Rejected
from antiphon.protocol.messages import Json
from antiphon.providers.base import CountsTokens, Provider
from antiphon.providers.models import model_named
from antiphon.sessions.records import Compacted
from antiphon.tools.search_history import SearchHistory

DEFAULT_COMPACT_AT = 85
"""Percent of the room from which on a conversation is summed up."""
MOST_IN_A_ROW = 3
"""A conversation that was full again after one reply this often gets no further by summing it up."""

_WANTED, _MOST = 60, 90
"""Percent of what a conversation has, or has room for, that a new stretch should have, and may have at most."""
_FILES_SHARE = 4
"""Contents of files may be this part of a new stretch."""
_MOST_FILES = 5
_LONGEST_FILE = 24_000
"""Characters of a file that is shown in a new stretch; a longer one is named."""
_FILE_SECONDS = 10.0
_COUNT_SECONDS = 15.0
_NEAR = 90
"""Percent of the size that calls for compaction from which on a reckoned figure is checked, if tokens are counted."""
_AGAIN = 20
"""A summary that failed is tried again when a further such part of the size has filled up."""

FILLS_UP = (
    "The context is full again as soon as it is summed up. Ask for smaller steps, have less read at once, or use a "
    "model with a larger window."
)
TOO_LARGE = (
    "What was said last does not fit the context window, even alone. Put long material into a file and name it, or "
    "use a model with a larger window."
)
SWITCHED_OFF = (
    "The conversation no longer fits the context window, and is not summed up by itself. Have it summed up (/compact), "
    "begin a new one, or use a model with a larger window."
)
NOTHING_YET = "There is nothing to sum up yet."
NOT_SHORTER = "The conversation is short already; a summary would not make it shorter."


@dataclass(frozen=True, slots=True)
class RoomSettings:
    """What room is made by.

    Attributes:
        params: the parameters of requests, whose `model` reads the conversation.
        compact_at: percent of the room from which on it is summed up; 0 for never by itself.
        compact_model: who sums up, if not the model itself.
    """

    params: Json
    compact_at: int = DEFAULT_COMPACT_AT
    compact_model: str | None = None

    @property
    def model(self) -> str:
        """The model that reads the conversation."""
        return str(self.params.get("model"))


class _FillsUp(CompactionFailed):
    """Summing up does not help any more."""


class Room:
    """The room of one conversation, from run to run."""

    def __init__(
        self,
        settings: RoomSettings,
        history: History,
        provider: Provider,
        toolbox: Toolbox,
        *,
        last_request: float | None = None,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Take a conversation.

        Args:
            settings: what room is made by.
            history: the conversation.
            provider: who is asked for summaries and counts.
            toolbox: reads the files that go on in a new stretch.
            last_request: when it was sent last, in seconds since 1970; now unless given.
            clock: tells the time of day.
            jitter: see `Run`.
        """
        self._settings = settings
        self._history = history
        self._provider = provider
        self._toolbox = toolbox
        self._clock = clock
        self._jitter = jitter
        self._meter = ContextMeter()
        self._last_request = clock() if last_request is None else last_request
        self._window: int | None = None
        self._may_clear = True
        self._counts = isinstance(provider, CountsTokens)
        self._in_a_row = 0
        self._not_before = 0

    @property
    def budget(self) -> ContextBudget:
        """How much of the context is used."""
        params = self._settings.params
        known = model_named(self._settings.model)
        windows = [each for each in (self._window, known.window if known is not None else None) if each is not None]
        reserves = [params.get("max_tokens"), known.max_output if known is not None else None]
        used = self._meter.used(params, self._history.messages)
        return ContextBudget(
            used, min(windows, default=None), min((each for each in reserves if isinstance(each, int)), default=0)
        )

    @property
    def use(self) -> ContextUse:
        """How much of the context is used, and what for."""
        budget = self.budget
        return ContextUse(budget, parts_of(self._settings.params, self._history.messages).scaled(budget.used))

    def change(self, settings: RoomSettings) -> None:
        """Go on with other settings; what another model, prompt or tools cached is lost."""
        if settings.params != self._settings.params:
            self._meter = ContextMeter()
            self._last_request = -math.inf
            self._window = None
        self._settings = settings

    def run_begins(self) -> None:
        """Say that a run begins: the moment at which old results may be cleared, and what failed may be tried again."""
        self._may_clear = True
        self._in_a_row = self._not_before = 0

    def replied(self, usage: Usage, emit: Emit | None) -> None:
        """Take the usage of a reply, which is in the history, with what its calls came to."""
        messages = self._history.messages
        replies = [index for index, message in enumerate(messages) if message.get("role") == "assistant"]
        self._meter.replied(usage, messages[: replies[-1] + 1] if replies else messages)
        self._last_request = self._clock()
        if emit is not None:
            budget = self.budget
            emit(ContextMeasured(budget.used, budget.window))

    async def make(self, emit: Emit | None) -> Usage:
        """Make room before a request, where there is too little, and return what that used.

        Raises:
            CompactionFailed: summing up does not help any more.
            ProviderError: there is no room left, and who was to sum up could not be reached.
        """
        if self._may_clear:
            self._may_clear = False
            self._clear(emit)
        if not self._has_reply or self._history.messages[-1].get("role") != "user":
            return Usage()
        percent = self._settings.compact_at
        if not percent:
            return Usage()
        await self._count_if_in_doubt(percent)
        budget = self.budget
        if not budget.reaches(percent) or budget.used < self._not_before:
            return Usage()
        try:
            return (await self._compact("the context is nearly full", emit, must=budget.left == 0)).usage
        except _FillsUp:
            raise
        except CompactionFailed as failed:
            # Where there is no room left the API says so; how much it takes nobody knows better.
            self._not_before = budget.used + (budget.limit(percent) or 0) // _AGAIN
            if emit is not None:
                emit(CompactionSkipped(str(failed)))
            return Usage()

    async def make_more(self, why: str, emit: Emit | None) -> Usage:
        """Make room after a request or reply that did not fit, and return what that used.

        Raises:
            CompactionFailed: there is nothing to sum up, nobody wants it, or it does not help.
            ProviderError: who was to sum up could not be reached.
        """
        told = window_told(why)
        if told is not None:
            self._window = min(told, self._window or told)
        if not self._has_reply:
            raise CompactionFailed(TOO_LARGE)
        if not self._settings.compact_at:
            raise CompactionFailed(SWITCHED_OFF)
        return (await self._compact("the context is full", emit, must=True, fits=False)).usage

    async def compact(self, instructions: str, emit: Emit | None) -> ContextCompacted:
        """Sum the conversation up because somebody asked for it, and tell what came of it.

        Raises:
            CompactionFailed: it could not be summed up, or would not be shorter.
        """
        if not self._has_reply:
            raise CompactionFailed(NOTHING_YET)
        return await self._compact("it was asked for", emit, instructions=instructions, asked=True)

    @property
    def _has_reply(self) -> bool:
        return any(message.get("role") == "assistant" for message in self._history.messages)

    @property
    def _searchable(self) -> bool:
        return SearchHistory.name in self._toolbox.names

    def _clear(self, emit: Emit | None) -> None:
        """Clear old results where that costs nothing, and the model can find them again."""
        if not self._searchable:
            return
        idle = self._clock() - self._last_request
        found = clearable(self._history.messages, self._settings.model, idle)
        for each in found:
            self._history.replace(each.index, each.message, "old results were cleared")
            self._meter.shrunk(each.tokens)
        if found and emit is not None:
            emit(ResultsCleared(sum(each.results for each in found), sum(each.tokens for each in found)))

    async def _count_if_in_doubt(self, percent: int) -> None:
        """Have the tokens counted where a decision hangs on a figure that is only reckoned. Never stands in the way."""
        budget = self.budget
        limit = budget.limit(percent)
        if not isinstance(self._provider, CountsTokens) or not self._counts or limit is None:
            return
        if self._meter.is_measured:
            doubt = self._meter.added(self._history.messages)
            if budget.used < limit * _NEAR // 100 or doubt < limit // _AGAIN:
                return
        elif budget.used * 2 < limit:
            return
        try:
            with anyio.move_on_after(_COUNT_SECONDS):
                tokens = await self._provider.count_tokens(self._history.request(self._settings.params))
                self._meter.measured(tokens, self._history.messages)
        except Rejected as error:
            # Where nobody counts, nobody is asked again.
            self._counts = error.retryable
        except (ProviderError, ConversationInvalid):
            return

    async def _compact(
        self,
        reason: str,
        emit: Emit | None,
        *,
        instructions: str = "",
        asked: bool = False,
        must: bool = False,
        fits: bool = True,
    ) -> ContextCompacted:
        """Let the conversation go on from a summary.

        Args:
            reason: for the user.
            emit: is told what happens.
            instructions: what the user wants to be kept in mind.
            asked: somebody asked for it; they may also go without.
            must: the conversation cannot go on without, so it goes on without a summary where there is none.
            fits: the conversation itself can still be sent.

        Raises:
            CompactionFailed: it cannot be made shorter; it is as it was.
            ProviderError: it must be, and who was to sum up could not be reached.
        """
        history, began = self._history, anyio.current_time()
        budget = self.budget
        held = estimate(history.messages)
        wanted, most = self._sizes(budget, held)
        kept = kept_in(history.messages, open=not asked, searchable=self._searchable)
        self._require_use(kept, most, asked=asked)
        if emit is not None:
            emit(CompactionStarted(reason))
        try:
            summary = await self._summarizer(emit).sum_up(
                history,
                self._settings.params,
                window=budget.window,
                instructions=instructions,
                other_model=self._settings.compact_model,
                full=not fits or (budget.window is not None and budget.used >= budget.window),
            )
        except NoSummary as none:
            if not must:
                raise CompactionFailed(f"The conversation could not be summed up. {none}") from none
            if none.unserved is not None:
                # Nobody gives up half a conversation because the network is down, or a bill is open.
                raise none.unserved from none
            stand_in = without_a_model(history.messages, str(none), wanted * BYTES_PER_TOKEN // 2)
            summary = Summary(stand_in, none.usage)
        kept = replace(kept, files=await self._with_contents(kept.files, wanted // _FILES_SHARE))
        message = fitting_stretch(summary.text, kept, wanted, cut=False)
        message = message or fitting_stretch(summary.text, kept, most, cut=not asked)
        if message is None:
            raise CompactionFailed(NOT_SHORTER if asked else TOO_LARGE)
        history.record(Compacted((message,), reason, budget.used, summary.reply))
        history.start_over([message], without_prompt=self._without_prompt(summary.text, kept, most))
        self._meter.reset()
        self._not_before = 0
        told = ContextCompacted(
            budget.used, self.budget.used, summary.text, summary.usage, anyio.current_time() - began
        )
        if emit is not None:
            emit(told)
        return told

    def _without_prompt(self, summary: str, kept: Kept, most: int) -> Json | None:
        """Return the new stretch as it is when the prompt that was not answered yet is taken back."""
        before = self._history.without_prompt()
        if not before:
            return None
        return fitting_stretch(summary, replace(kept, last_words=last_words(before), open=False), most)

    def _sizes(self, budget: ContextBudget, held: int) -> tuple[int, int]:
        """Return the tokens that a new stretch should have, and may have at most, in the place of so many."""
        limit = budget.limit(self._settings.compact_at or DEFAULT_COMPACT_AT)
        room = held if limit is None else limit - parts_of(self._settings.params, ()).total
        size = max(0, min(held, room))
        return size * _WANTED // 100, size * _MOST // 100

    def _require_use(self, kept: Kept, most: int, *, asked: bool) -> None:
        """Make sure, before anybody is asked for a summary, that it can be of use.

        Raises:
            CompactionFailed: it cannot.
        """
        if estimate([stretch("", replace(kept, files=()))]) >= most:
            raise CompactionFailed(NOT_SHORTER if asked else TOO_LARGE)
        messages = self._history.messages
        if asked or not is_stretch(messages[0]):
            self._in_a_row = 0
            return
        replies = sum(message.get("role") == "assistant" for message in messages)
        self._in_a_row = self._in_a_row + 1 if replies == 1 else 0
        if self._in_a_row >= MOST_IN_A_ROW:
            raise _FillsUp(FILLS_UP)

    def _summarizer(self, emit: Emit | None) -> Summarizer:
        return Summarizer(self._provider, emit or _tell_nobody, jitter=self._jitter)

    async def _with_contents(self, files: Sequence[TouchedFile], tokens: int) -> list[TouchedFile]:
        """Return the files with what is in the latest of them now, as long as there is room for it."""
        shown = list(files)
        for index, file in enumerate(shown[:_MOST_FILES]):
            content = await self._content(file.path)
            tokens -= (size := tokens_of({"type": "text", "text": content}))
            if tokens < 0:
                tokens += size
            else:
                shown[index] = replace(file, content=content)
        return shown

    async def _content(self, path: str) -> str:
        """Return a file as the model reads it, by the tool it reads files with; empty where it may not, or is long."""
        job = self._toolbox.prepare(ToolCall("compaction", "read_file", {"path": path}))
        if not isinstance(job, Job) or job.ask is not None or not job.access.early:
            return ""
        with anyio.move_on_after(_FILE_SECONDS):
            result = await job.run()
            if not result.is_error and isinstance(result.content, str) and len(result.content) <= _LONGEST_FILE:
                return result.content
        return ""


def _tell_nobody(_event: object) -> None:
    """Surfaces may be absent."""
