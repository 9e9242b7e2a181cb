"""The agent: a model, its tools and one conversation."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from anyio import BrokenResourceError, create_memory_object_stream

from antiphon.agent.events import AgentEvent, RunEnded, RunResult, RunStarted
from antiphon.agent.history import History, mark_params
from antiphon.agent.run import Run, RunSettings
from antiphon.agent.toolbox import Toolbox, ToolLike
from antiphon.agent.turn import Emit
from antiphon.engine.turn import DEFAULT_LIMIT
from antiphon.policy import ALLOW_ALL, Approve, Permissions
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Violation
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.providers.base import Provider
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
        permissions: Permissions = ALLOW_ALL,
        approve: Approve | None = None,
        workspace: Workspace | None = None,
        limits: Limits | None = None,
        max_turns: int | None = None,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        max_parallel: int = DEFAULT_LIMIT,
        params: Json | None = None,
        messages: Sequence[Json] = (),
    ) -> None:
        """Set up an agent; nothing is sent yet.

        Args:
            model: the model's name.
            tools: tools, or Python functions that become tools.
            provider: who serves the model; the Anthropic API, with the key from the environment, unless given.
            system: the system prompt.
            permissions: which calls may run; all of them unless given.
            approve: decides about calls that the permissions leave open. Without it they are denied.
            workspace: where over-long results are kept.
            limits: bounds of results, and seconds a call may run.
            max_turns: most requests of one run.
            max_tokens: most tokens of one reply.
            max_parallel: most calls that run at once.
            params: further parameters of the request, such as `thinking`, as the API takes them.
            messages: a conversation to go on from. Damage in it is repaired; see `repaired`.

        Raises:
            ValueError: two tools have one name.
            SettingsError: no provider was given and the environment names no key.
        """
        self._model = model
        self._provider = provider or AnthropicProvider()
        self._toolbox = Toolbox(tools, permissions=permissions, approve=approve, limits=limits, workspace=workspace)
        self._settings = RunSettings(model, self._parameters(system, max_tokens, params or {}), max_turns, max_parallel)
        self._history = History(messages, self._provider.dialect)
        self._run: Run | None = None
        self.session_id = str(uuid.uuid4())

    @property
    def model(self) -> str:
        """The model's name."""
        return self._model

    @property
    def messages(self) -> list[Json]:
        """The conversation as it would be sent, valid at every moment. A copy of the list; do not edit the messages."""
        return list(self._history.messages)

    @property
    def repaired(self) -> tuple[Violation, ...]:
        """What was wrong with the `messages` that were handed in."""
        return self._history.repaired

    async def run(self, prompt: str | Sequence[Json]) -> RunResult:
        """Send a prompt (text, or content blocks) and work until the model is done.

        Raises:
            ProviderError: the model could not be reached or refused the request. A prompt that got no answer is taken
                back; the conversation is valid, and a next `run` goes on from it.
            RuntimeError: this agent runs already.
            ValueError: the prompt is empty.
        """
        result = await self._go(prompt, None)
        if result.cause is not None:
            raise result.cause
        return result

    async def stream(self, prompt: str | Sequence[Json]) -> AsyncGenerator[AgentEvent]:
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

    async def _go(self, prompt: str | Sequence[Json], emit: Emit | None) -> RunResult:
        if self._run is not None:
            raise RuntimeError("this agent is running already; one conversation has one run at a time")
        if not (prompt.strip() if isinstance(prompt, str) else prompt):
            raise ValueError("the prompt is empty; say something, or pass content blocks")
        content: list[Json] = [{"type": "text", "text": prompt}] if isinstance(prompt, str) else list(prompt)
        self._history.add_prompt(content)
        self._run = Run(self._settings, self._history, self._provider, self._toolbox, emit)
        if emit is not None:
            shown = prompt if isinstance(prompt, str) else ""
            emit(RunStarted(self.session_id, self._model, self._toolbox.names, shown))
        try:
            return await self._run.go()
        finally:
            self._run = None

    def _parameters(self, system: str | None, max_tokens: int, params: Json) -> Json:
        fixed: Json = {"model": self._model, "max_tokens": max_tokens}
        if system:
            fixed["system"] = system
        if self._toolbox.definitions:
            fixed["tools"] = self._toolbox.definitions
        return mark_params({**fixed, **params})
