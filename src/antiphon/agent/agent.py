"""The agent: a model, its tools and one conversation."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from anyio import BrokenResourceError, CancelScope, create_memory_object_stream

from antiphon.agent.context import ContextUse
from antiphon.agent.events import AgentEvent, ContextCompacted, RunEnded, RunResult, RunStarted
from antiphon.agent.history import History, mark_params
from antiphon.agent.hooks.hooks import Hooks
from antiphon.agent.limits import GoOn, RunBounds, RunLimits
from antiphon.agent.recording import Recorder
from antiphon.agent.resuming import Settled, left_open, same_prefix, system_of
from antiphon.agent.room import DEFAULT_COMPACT_AT, Room, RoomSettings
from antiphon.agent.run import Run, RunSettings
from antiphon.agent.toolbox import Toolbox, ToolLike
from antiphon.agent.turn import Emit
from antiphon.checkpoints import Checkpoints
from antiphon.engine.turn import DEFAULT_LIMIT
from antiphon.policy import Approve, Permissions
from antiphon.policy.hooks import HookSetting
from antiphon.policy.modes import other_name
from antiphon.protocol.messages import Json
from antiphon.protocol.models import binds_thinking
from antiphon.protocol.rule import Violation
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.providers.base import Provider
from antiphon.sessions.records import Begun, Repaired
from antiphon.sessions.replay import State
from antiphon.sessions.session import Session
from antiphon.tools.base import Limits, Workspace

DEFAULT_MODEL = "claude-sonnet-5-5"
DEFAULT_MAX_TOKENS = 32_000


class Agent:
    """A model with tools, in one conversation.

    Tool calls of one reply run side by side, as early as is safe; what is sent back is always valid, with the results
    in the order of the calls. One run at a time; the next prompt goes on where the last one ended, however it ended.

    Example:
        >>> async with Agent(tools=[add]) as agent:
        ...     print((await agent.run("What is 2 + 3?")).text)
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        tools: Iterable[ToolLike] = (),
        provider: Provider | None = None,
        system: str | None = None,
        permissions: Permissions | None = None,
        approve: Approve | None = None,
        workspace: Workspace | None = None,
        limits: Limits | None = None,
        max_turns: int | None = None,
        max_tool_calls: int | None = None,
        max_budget_usd: float | None = None,
        go_on: GoOn | None = None,
        watch_repetition: bool = False,
        hooks: Sequence[HookSetting] = (),
        max_tokens: int = DEFAULT_MAX_TOKENS,
        max_parallel: int = DEFAULT_LIMIT,
        params: Json | None = None,
        messages: Sequence[Json] = (),
        session: Session | None = None,
        checkpoints: Checkpoints | None = None,
        compact_at: int = DEFAULT_COMPACT_AT,
        compact_model: str | None = None,
    ) -> None:
        """Set up an agent; nothing is sent yet.

        Args:
            model: the model's name.
            tools: tools, or Python functions that become tools.
            provider: who serves the model; the Anthropic API, with the key from the environment, unless given.
            system: the system prompt; that of the session, where it goes on from one, unless given.
            permissions: which calls may run; all of them unless given.
            approve: decides about calls that the permissions leave open. Without it they are denied.
            workspace: where over-long results are kept.
            limits: bounds of results, and seconds a call may run.
            max_turns: most requests of one run.
            max_tool_calls: most tool calls of one run; further ones are answered with an error, and the run stops.
            max_budget_usd: dollars that one run may cost, as far as prices are known.
            go_on: asks a person whether a run that reaches one of these limits is to go on. Without it the run stops.
            watch_repetition: notice when the model makes the same calls turn after turn, or only calls that fail: then
                `go_on` is asked, or else the model is told, and the run stopped if that does not help.
            hooks: programs that run before and after calls, at prompts, stops and the start.
            max_tokens: most tokens of one reply.
            max_parallel: most calls that run at once.
            params: further parameters of the request, such as `thinking`, as the API takes them.
            messages: a conversation to go on from. Damage in it is repaired; see `repaired`.
            session: where everything is recorded before it takes effect, and where the conversation goes on from if
                it has one. Closed by whoever opened it.
            checkpoints: where the files of the workspace are kept before a turn changes them first.
            compact_at: percent of the context, less what a reply needs, from which on the conversation is summed up;
                0 for never by itself.
            compact_model: who sums it up, such as a cheaper model; the model itself unless given.

        Raises:
            ValueError: two tools have one name, or there are both `messages` and a session's conversation.
            SettingsError: no provider was given and the environment names no key.
        """
        self._provider = provider or AnthropicProvider()
        self._toolbox = Toolbox(tools, permissions=permissions, approve=approve, limits=limits, workspace=workspace)
        found = session.found if session is not None else State(Begun("", ""))
        if found.messages and messages:
            raise ValueError("the session has a conversation already; give messages to a new session only")
        params = self._parameters(model, system or system_of(found.params), max_tokens, params or {})
        self._settings = RunSettings(model, params, max_parallel, go_on, watch_repetition)
        self._limits = RunLimits(RunBounds(max_turns, max_tool_calls, max_budget_usd), go_on)
        self._left = left_open(found)
        record = Recorder(session)
        self._history = History(
            found.messages or messages, self._provider.dialect, record, unanswered=self._left is not None
        )
        if messages:
            record(Repaired(tuple(self._history.messages), ("the conversation was handed in",)))
        if found.params is not None:
            self._forget_foreign_thinking(found.params)
        self._compact_at, self._compact_model = compact_at, compact_model
        self._room = Room(
            self._room_settings(found.params or params),
            self._history,
            self._provider,
            self._toolbox,
            last_request=found.updated or None,
        )
        self._room.change(self._room_settings(params))
        self._run: Run | None = None
        self._checkpoints = checkpoints
        self._session = session
        self._session_id = session.id if session is not None else str(uuid.uuid4())
        self._permissions = permissions
        cwd = workspace.root if workspace is not None else Path.cwd() if hooks else Path()
        source = "resume" if self._history.messages else "startup"
        self._hooks = Hooks(hooks, self._about, cwd, source=source)

    @property
    def model(self) -> str:
        """The model's name."""
        return self._settings.model

    @property
    def session(self) -> Session | None:
        """The session that everything is recorded in, or None."""
        return self._session

    @property
    def session_id(self) -> str:
        """The session's id; one of the agent's own where nothing is recorded."""
        return self._session_id

    @property
    def messages(self) -> list[Json]:
        """The conversation as it would be sent, valid at every moment. A copy of the list; do not edit the messages.

        Of a session that a process left in the middle of a turn it ends with calls without results, until `settle`.
        """
        return list(self._history.messages)

    @property
    def repaired(self) -> tuple[Violation, ...]:
        """What was wrong with the `messages` that were handed in."""
        return self._history.repaired

    @property
    def waits_for_reply(self) -> bool:
        """Whether the last word is the user's: a prompt, or results, that the model has not answered."""
        return bool(self._history.messages) and self._history.messages[-1].get("role") == "user"

    async def settle(self) -> Settled:
        """Finish the turn that a killed process left in the middle, if there is one, and say what became of its calls.

        Finished results stay, calls that only read run again, and what may have changed something does not: the model
        is told that its outcome is unknown. A run begins with this by itself; call it to know, or to show it.

        Raises:
            RuntimeError: this agent runs already.
        """
        self._require_idle()
        left, self._left = self._left, None
        if left is None:
            return Settled()
        self._run = self._new_run(None)
        try:
            return await self._run.settle(left)
        finally:
            self._run = None

    def use_model(self, model: str) -> None:
        """Let another model answer from the next run on.

        Raises:
            RuntimeError: this agent runs.
        """
        self._require_idle()
        before = self._settings.params
        self._settings = replace(self._settings, model=model, params={**before, "model": model})
        self._forget_foreign_thinking(before)
        self._room.change(self._room_settings(self._settings.params))

    @property
    def context(self) -> ContextUse:
        """How full the context is, and of what."""
        return self._room.use

    async def compact(self, instructions: str = "", *, emit: Emit | None = None) -> ContextCompacted:
        """Have the conversation summed up and go on from the summary. The session's log keeps all of it.

        Args:
            instructions: what is to be kept in mind above all.
            emit: is told what happens, live.

        Raises:
            CompactionFailed: it could not be summed up, or would not be shorter; it is as it was.
            RuntimeError: this agent runs.
        """
        await self.settle()
        self._history.record.configured(self._settings.params)
        self._run = self._new_run(emit)
        try:
            return await self._run.compact(instructions)
        finally:
            self._run = None

    async def run(self, prompt: str | Sequence[Json] | None) -> RunResult:
        """Send a prompt (text, or content blocks) and work until the model is done.

        None says nothing and lets the model go on where it was interrupted.

        Raises:
            ProviderError: the model could not be reached or refused the request. A prompt that got no answer is taken
                back; the conversation is valid, and a next `run` goes on from it.
            SessionError: the session cannot be written; nothing was sent.
            RuntimeError: this agent runs already.
            ValueError: the prompt is empty, or None and there is nothing to go on with.
        """
        result = await self._go(prompt, None)
        if result.cause is not None:
            raise result.cause
        return result

    async def stream(self, prompt: str | Sequence[Json] | None) -> AsyncGenerator[AgentEvent]:
        """Send a prompt and yield what happens, live. The last event is `RunEnded`, which also tells of errors.

        To stop early call `cancel` and read on, or close the generator (`contextlib.aclosing`).
        """
        send, receive = create_memory_object_stream[AgentEvent](float("inf"))

        def tell(event: AgentEvent) -> None:
            with suppress(BrokenResourceError):  # nobody listens any more
                send.send_nowait(event)

        async def run() -> None:
            with send:
                tell(RunEnded(await self._go(prompt, tell)))

        # A task group must not stay open across a yield, where a caller could leave it in another task. So the run is
        # one task, and this generator is its parent: it waits for it, and ends it when it is closed itself.
        task = asyncio.get_running_loop().create_task(run(), name="antiphon run")
        try:
            with receive:
                async for event in receive:
                    yield event
            await task
        finally:
            if not task.done():
                task.cancel()
                # Also where the caller is being cancelled: who goes on behind it must find the run over.
                with CancelScope(shield=True):
                    await asyncio.wait([task])

    def cancel(self) -> None:
        """Stop the current run, if there is one: running tools are stopped, finished results stay.

        Call it in the thread of the event loop. The run ends with stop reason `cancelled`.
        """
        if self._run is not None:
            self._run.cancel()

    async def aclose(self) -> None:
        """Close tools and the provider. The agent cannot run afterwards; its messages stay readable."""
        await self._toolbox.aclose()
        await self._provider.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _go(self, prompt: str | Sequence[Json] | None, emit: Emit | None) -> RunResult:
        self._require_idle()
        if prompt is not None and not (prompt.strip() if isinstance(prompt, str) else prompt):
            raise ValueError("the prompt is empty; say something, or pass content blocks")
        await self.settle()
        self._history.record.configured(self._settings.params)
        if prompt is None and not self.waits_for_reply:
            raise ValueError("there is nothing to go on with: the model has answered. Say something")
        content: list[Json] | None = None
        if prompt is not None:
            content = [{"type": "text", "text": prompt}] if isinstance(prompt, str) else list(prompt)
        self._limits.begin()
        self._room.run_begins()
        self._run = self._new_run(emit)
        if emit is not None:
            shown = prompt if isinstance(prompt, str) else ""
            emit(RunStarted(self.session_id, self.model, self._toolbox.names, shown))
        try:
            return await self._run.go(content)
        finally:
            self._run = None

    def _new_run(self, emit: Emit | None) -> Run:
        return Run(
            self._settings,
            self._history,
            self._provider,
            self._toolbox,
            emit,
            room=self._room,
            limits=self._limits,
            hooks=self._hooks,
            checkpoints=self._checkpoints,
        )

    def _about(self) -> Json:
        """Return what every hook is told."""
        mode = self._permissions.mode if self._permissions is not None else "bypass"
        return {
            "session_id": self.session_id,
            "transcript_path": str(self._session.file) if self._session is not None else "",
            "cwd": str(self._hooks.cwd),
            # Others have a further name for the default, which their hooks do not know it by.
            "permission_mode": mode if mode == "default" else other_name(mode),
        }

    def _room_settings(self, params: Json) -> RoomSettings:
        return RoomSettings(params, self._compact_at, self._compact_model)

    def _require_idle(self) -> None:
        if self._run is not None:
            raise RuntimeError("this agent is running already; one conversation has one run at a time")

    def _forget_foreign_thinking(self, before: Json) -> None:
        """Leave out thinking that the next request would be refused for: newer models bind it to what was before it."""
        bound = binds_thinking(self.model) or binds_thinking(before.get("model"))
        if bound and not same_prefix(before, self._settings.params):
            self._history.forget_thinking()

    def _parameters(self, model: str, system: str | None, max_tokens: int, params: Json) -> Json:
        fixed: Json = {"model": model, "max_tokens": max_tokens}
        if system:
            fixed["system"] = system
        if self._toolbox.definitions:
            fixed["tools"] = self._toolbox.definitions
        return mark_params({**fixed, **params})
