"""Whether a run goes on when a turn is over: what hooks, limits and a look back at the last turns say.

Acts between turns only, when all calls are answered. What is said to the model stands behind the results.
"""

from collections.abc import Callable, Sequence

import anyio

from antiphon.agent.events import AgentEvent, ResultsReady, Warned
from antiphon.agent.history import History
from antiphon.agent.hooks.calls import NOTE_BEGINS as HOOK_SAYS
from antiphon.agent.hooks.hooks import RunHooks
from antiphon.agent.hooks.prompts import stop_note
from antiphon.agent.limits import GoOn, Reached, RunLimits
from antiphon.agent.repetition import NOTE_BEGINS as REPEATS
from antiphon.agent.repetition import Repetition, repetition
from antiphon.agent.turn import RESUMED
from antiphon.protocol.messages import Json

MOST_TIMES_SENT_BACK = 10
"""How often hooks may keep the model from stopping in one run."""

_SAY_MORE = "Say what is to be done differently; the next prompt goes on from here."


class GoingOn:
    """Decides between the turns of one run."""

    def __init__(
        self,
        history: History,
        limits: RunLimits,
        hooks: RunHooks,
        emit: Callable[[AgentEvent], None] | None,
        *,
        go_on: GoOn | None,
        watch_repetition: bool,
    ) -> None:
        """Prepare for a run.

        Args:
            history: the conversation.
            limits: what the run may use.
            hooks: the hooks of the run.
            emit: is told what happens.
            go_on: asks a person, where one is there.
            watch_repetition: whether a model that goes round in circles is noticed.
        """
        self._history = history
        self._limits = limits
        self._hooks = hooks
        self._emit = emit
        self._go_on = go_on
        self._watch_repetition = watch_repetition
        self._sent_back = 0

    async def stopped(self, *, answered: bool) -> Reached | None:
        """Return why there is to be no next request, or None; a person who lets the run go on is asked here.

        Args:
            answered: the turn had calls, whose results the conversation ends with.
        """
        if self._hooks.stop is not None:
            return Reached("hook", f"A hook ended the run: {self._hooks.stop}")
        seen = self._repetition(self._history.messages) if answered else None
        if seen is not None and seen.turns:
            stop = seen.is_again if self._go_on is None else not await self._go_on(f"{seen.text}. Go on?")
            if stop:
                return Reached("repetition", f"Stopped: {seen.text}. {_SAY_MORE}")
        return await self._limits.reached()

    async def is_done(self, text: str) -> bool:
        """Ask the hooks whether the model may stop, having said this; what they want instead is its next message."""
        again = self._sent_back > 0
        outcome = await self._hooks.ask("Stop", {"stop_hook_active": again, "last_assistant_message": text})
        if not outcome.blocks or outcome.stop is not None:
            return True
        if self._sent_back == MOST_TIMES_SENT_BACK:
            self._tell(Warned(f"Hooks have kept the model from stopping {self._sent_back} times; now it stops."))
            return True
        self._sent_back += 1
        message: Json = {"role": "user", "content": [{"type": "text", "text": stop_note(outcome.reason)}]}
        self._history.add_results(message["content"])
        self._tell(ResultsReady(message, anyio.current_time()))
        return False

    def remark(self, results: Json) -> str:
        """Return what the model is told behind these results: that it goes round in circles, where nobody is asked."""
        if self._go_on is not None:
            return ""
        seen = self._repetition([*self._history.messages, results])
        return seen.note if seen is not None and seen.turns and not seen.is_again else ""

    def _repetition(self, messages: Sequence[Json]) -> Repetition | None:
        return repetition(messages, (REPEATS, HOOK_SAYS, RESUMED)) if self._watch_repetition else None

    def _tell(self, event: AgentEvent) -> None:
        if self._emit is not None:
            self._emit(event)
