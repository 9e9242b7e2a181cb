"""The hooks of tool calls: asked before one runs, told after it. What they say goes behind the results of the turn.

They act inside the job of their own call, so the call keeps its place, others go on, and a result is never touched:
no hook can tear a call and its result apart.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

import anyio

from antiphon.agent.events import CallHeld
from antiphon.agent.hooks.hooks import RunHooks
from antiphon.agent.hooks.outcome import HookOutcome
from antiphon.engine.driver import Job
from antiphon.engine.events import Result, ToolCall, failure
from antiphon.protocol.messages import Json

Check = Callable[[], Awaitable[HookOutcome]]
"""Asks the hooks whether a call may run."""


class CallHooks:
    """The hooks of the calls of one turn."""

    def __init__(self, hooks: RunHooks) -> None:
        """Prepare for the calls of a turn."""
        self._hooks = hooks
        self._notes: dict[str, list[str]] = {}

    def before(self, call: ToolCall) -> Check | None:
        """Return what asks the hooks whether a call may run; None where no hook wants to know of it."""
        if not self._hooks.hooks.matching("PreToolUse", call.name):
            return None

        async def check() -> HookOutcome:
            self._hooks.emit(CallHeld(call.id, held=True))
            try:
                outcome = await self._hooks.ask("PreToolUse", _about(call), call.name)
            finally:
                self._hooks.emit(CallHeld(call.id, held=False))
            self._note(call, outcome.context)
            if outcome.stop is not None and not outcome.blocks:
                return replace(outcome, verdict="deny", reason=outcome.stop or "A hook ended the run")
            return outcome

        return check

    def after(self, job: Job, call: ToolCall) -> Job:
        """Return a job that tells the hooks of its result before it ends, so that what waits for it sees their work.

        The call's time is its own; that of the hooks comes on top.
        """
        if not self._hooks.hooks.matching("PostToolUse", call.name):
            return job

        async def run() -> Result:
            result = await _result_of(job)
            response = {"content": _plain(result), "is_error": result.is_error}
            outcome = await self._hooks.ask("PostToolUse", {**_about(call), "tool_response": response}, call.name)
            self._note(call, outcome.context)
            if outcome.blocks:
                self._note(call, outcome.reason or "A hook objects to this call.")
            return result

        return replace(job, run=run, timeout=None)

    def notes(self, results: Iterable[tuple[ToolCall, Result]]) -> list[str]:
        """Return what the hooks have to say about these calls, in their order."""
        return [note for call, _ in results for note in self._notes.get(call.id, ())]

    def _note(self, call: ToolCall, text: str) -> None:
        if text:
            self._notes.setdefault(call.id, []).append(hook_note(text, f"{call.name} ({call.id})"))


NOTE_BEGINS = "[A hook of the user says"


def hook_note(text: str, about: str = "") -> str:
    """Return what a hook says as a note to the model."""
    return f"{NOTE_BEGINS}{f' about {about}' if about else ''}:]\n{text}"


async def _result_of(job: Job) -> Result:
    """Carry out a job within its time; whatever it raises of its own is a failure, which the hooks hear of as well."""
    try:
        with anyio.move_on_after(job.timeout):
            return await job.run()
    except Exception as error:  # noqa: BLE001  (as the driver does: each call stands alone)
        return failure(f"{type(error).__name__}: {error}")
    return failure(f"Timed out after {job.timeout:g} s and was stopped.")


def _about(call: ToolCall) -> Json:
    return {"tool_name": call.name, "tool_input": call.input, "tool_use_id": call.id}


def _plain(result: Result) -> str | list[Json]:
    """Return what a result says; of images that they are there."""
    if isinstance(result.content, str):
        return result.content
    return [block if block.get("type") == "text" else {"type": block.get("type")} for block in result.content]
