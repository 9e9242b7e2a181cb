"""The hooks of an agent: which of them an event concerns, and what they say about it.

All hooks of an event run side by side and count in the order they are configured in. Knows nothing of turns.
"""

import shlex
from collections.abc import Awaitable, Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import anyio

from antiphon.agent.events import AgentEvent, HookRan, Warned
from antiphon.agent.hooks.outcome import HookOutcome, combined
from antiphon.agent.hooks.program import run_hook
from antiphon.policy.hooks import HookEvent, HookSetting
from antiphon.protocol.messages import Json

MOST_AT_ONCE = 32
"""Programs that run at the same time, however many calls a reply has."""

_LONGEST_NAME = 60

RunsHook = Callable[[HookSetting, Json, Path], Awaitable[HookOutcome]]
"""Runs the program of one hook, as `run_hook` does: never raises, may be cancelled, leaves nothing behind."""


class Hooks:
    """The hooks that are configured.

    Attributes:
        source: how the session began: `startup`, or `resume` where it goes on.
        started: the hooks of the session's start have run.
        context: what they said, until a prompt takes it along.
        cwd: where hooks run.
        run: runs one.
    """

    def __init__(
        self,
        settings: Sequence[HookSetting],
        about: Callable[[], Json],
        cwd: Path,
        *,
        source: str = "startup",
        run: RunsHook = run_hook,
    ) -> None:
        """Take hooks.

        Args:
            settings: the hooks, in order.
            about: says what every hook is told: the session, the place, the mode.
            cwd: where they run.
            source: how the session began.
            run: runs the program of one hook.
        """
        self.run = run
        self.cwd = cwd
        self.source = source
        self.started = False
        self.context = ""
        self._settings = tuple(settings)
        self._about = about

    def matching(self, event: HookEvent, tool: str = "") -> list[HookSetting]:
        """Return the hooks that an event concerns; `tool` names the tool of a call."""
        return [each for each in self._settings if each.event == event and _fits(each.tools, tool)]

    def told(self, event: HookEvent, fields: Json) -> Json:
        """Return what a hook gets on its input."""
        return {**self._about(), "hook_event_name": event, **fields}


class RunHooks:
    """The hooks during one run.

    Attributes:
        stop: why the run is to stop, where a hook said so.
    """

    def __init__(self, hooks: Hooks, emit: Callable[[AgentEvent], None] | None) -> None:
        """Run these hooks, and tell `emit` what the user should see."""
        self.hooks = hooks
        self.stop: str | None = None
        self._emit = emit
        self._room = anyio.Semaphore(MOST_AT_ONCE)

    async def ask(self, event: HookEvent, fields: Json, tool: str = "") -> HookOutcome:
        """Run the hooks of an event and return what they come to. Never raises; may be cancelled at any await."""
        chosen = self.hooks.matching(event, tool)
        if not chosen:
            return HookOutcome()
        told = self.hooks.told(event, fields)
        outcomes = [HookOutcome()] * len(chosen)

        async def run(place: int, setting: HookSetting) -> None:
            async with self._room:
                began = anyio.current_time()
                outcomes[place] = await self.hooks.run(setting, told, self.hooks.cwd)
                self._tell(setting, outcomes[place], anyio.current_time() - began)

        async with anyio.create_task_group() as tasks:
            for place, setting in enumerate(chosen):
                tasks.start_soon(run, place, setting, name=f"hook {name_of(setting)}")
        outcome = combined(outcomes)
        if outcome.stop is not None and self.stop is None:
            self.stop = outcome.stop or f"The hook {name_of(chosen[0])} ended the run"
        return outcome

    def emit(self, event: AgentEvent) -> None:
        """Tell surfaces of something, where there are any."""
        if self._emit is not None:
            self._emit(event)

    def _tell(self, setting: HookSetting, outcome: HookOutcome, seconds: float) -> None:
        if outcome.trouble:
            self.emit(Warned(f"The {setting.event} hook {name_of(setting)} {outcome.trouble}; it decided nothing."))
        for message in outcome.messages:
            self.emit(HookRan(setting.event, setting.command, seconds, message))


def name_of(setting: HookSetting) -> str:
    """Return a hook's command, short enough for a sentence."""
    line = " ".join(setting.command.split())
    return shlex.quote(line) if len(line) <= _LONGEST_NAME else f"{shlex.quote(line[:_LONGEST_NAME])}..."


def _fits(tools: str, name: str) -> bool:
    """Say whether a hook is about a tool. `.*`, as expressions elsewhere have it, is taken for `*`."""
    patterns = [pattern.strip().replace(".*", "*") for pattern in tools.split("|")]
    return not name or not any(patterns) or any(fnmatchcase(name, pattern) for pattern in patterns if pattern)
