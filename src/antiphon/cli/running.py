"""Runs one prompt: tells whoever shows it what happens, and stops it when a person, a signal or the clock says so."""

import signal
from collections.abc import Callable
from contextlib import aclosing
from typing import Protocol

import anyio

from antiphon.agent import Agent
from antiphon.agent.events import AgentEvent, RunEnded, RunResult
from antiphon.cli.exit_codes import ExitCode

TICK_SECONDS = 0.08


class Shows(Protocol):
    """Whoever is told what happens."""

    def receive(self, event: AgentEvent) -> None:
        """Take an event."""
        ...

    def tick(self) -> None:
        """Show what time has changed."""
        ...


class Stopping:
    """Stops a run for a reason, which decides the exit code. Call it in the thread of the event loop."""

    def __init__(self, agent: Agent) -> None:
        """Prepare to stop what this agent runs."""
        self._agent = agent
        self.reason: ExitCode | None = None

    def stop(self, reason: ExitCode) -> None:
        """Stop the run; the first reason counts."""
        if self.reason is None:
            self.reason = reason
        self._agent.cancel()

    def seen(self) -> None:
        """Stop a run that began after it was stopped: signals do not wait for that."""
        if self.reason is not None:
            self._agent.cancel()


async def follow(agent: Agent, prompt: str | None, shows: Shows, stopping: Stopping) -> RunResult:
    """Run a prompt to its end, whatever that is, and return how it ended. The conversation is valid afterwards."""
    result: RunResult | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_tick, shows.tick)
        async with aclosing(agent.stream(prompt)) as events:
            async for event in events:
                shows.receive(event)
                stopping.seen()
                if isinstance(event, RunEnded):
                    result = event.result
        tasks.cancel_scope.cancel()
    if result is None:
        raise RuntimeError("the run ended without saying how")
    return result


async def stop_on_signals(stopping: Stopping, give_up: Callable[[], None]) -> None:
    """Stop the run on Ctrl-C, SIGTERM and SIGHUP; `give_up` on a second Ctrl-C."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async for number in signals:
            if number == signal.SIGINT and stopping.reason is ExitCode.INTERRUPTED:
                give_up()
            stopping.stop(ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.TERMINATED)


async def stop_after(seconds: float, stopping: Stopping) -> None:
    """Stop the run when its time is over."""
    await anyio.sleep(seconds)
    stopping.stop(ExitCode.TIMEOUT)


async def _tick(tick: Callable[[], None]) -> None:
    while True:
        await anyio.sleep(TICK_SECONDS)
        tick()
