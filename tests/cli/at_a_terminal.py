"""A person at a pseudo-terminal, and calls that wait for them."""

import io
import os
import re
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import anyio

from antiphon.cli.questions import Questions
from antiphon.cli.terminal import Terminal
from antiphon.engine.events import INDEPENDENT, ToolCall
from antiphon.policy import Approval, ApprovalRequest, Rule

SECONDS = 10


class Watched(io.StringIO):
    """What was written, for tests that wait until something stands there."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = anyio.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        self.changed.set()
        return written


class Person:
    """Sees what is written, types answers."""

    def __init__(self, keyboard: int, screen: Watched) -> None:
        self._keyboard = keyboard
        self._screen = screen
        self._seen = 0

    @property
    def screen(self) -> str:
        """All that was written."""
        return self._screen.getvalue()

    def types(self, line: str) -> None:
        """Type a line."""
        self.presses(f"{line}\n")

    def presses(self, keys: str) -> None:
        """Press keys."""
        os.write(self._keyboard, keys.encode())

    async def sees(self, pattern: str) -> None:
        """Wait until what was written since the last time holds a pattern."""
        with anyio.fail_after(SECONDS):
            while True:
                found = re.search(pattern, self.screen[self._seen :])
                if found is not None:
                    self._seen += found.end()
                    return
                self._screen.changed = anyio.Event()
                await self._screen.changed.wait()

    async def answers(self, line: str) -> None:
        """Wait until a line can be typed, and type it."""
        await self.sees(r": $")
        self.types(line)


@contextmanager
def at_a_terminal() -> Generator[tuple[Questions, Person]]:
    """Yield questions on a pseudo-terminal, and the person at its other end."""
    keyboard, other_end = os.openpty()
    screen = Watched()
    try:
        with os.fdopen(other_end, encoding="utf-8") as source:
            yield Questions(Terminal(screen), source), Person(keyboard, screen)
    finally:
        os.close(keyboard)


def asked_about(call: ToolCall) -> ApprovalRequest:
    """Return what is asked about a call."""
    return ApprovalRequest(call, INDEPENDENT, None, "it changes something", (Rule("allow", call.name),))


class Asked:
    """Calls that were asked about, and what was decided, in the order of the decisions."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self.decided: dict[str, Approval] = {}
        self.scopes: dict[str, anyio.CancelScope] = {}

    @property
    def allowed(self) -> dict[str, bool]:
        """Whether each call was allowed."""
        return {id_: approval.allowed for id_, approval in self.decided.items()}

    async def ask(self, call: ToolCall | ApprovalRequest) -> None:
        """Ask about a call."""
        request = asked_about(call) if isinstance(call, ToolCall) else call
        with anyio.CancelScope() as self.scopes[request.call.id]:
            self.decided[request.call.id] = await self._questions.approve(request)


@asynccontextmanager
async def asking(questions: Questions, *calls: ToolCall | ApprovalRequest) -> AsyncGenerator[Asked]:
    """Ask about calls; on leaving all of them must have been decided."""
    asked = Asked(questions)
    async with anyio.create_task_group() as serving:
        serving.start_soon(questions.serve)
        with anyio.fail_after(SECONDS):
            async with anyio.create_task_group() as tasks:
                for call in calls:
                    tasks.start_soon(asked.ask, call)
                yield asked
        serving.cancel_scope.cancel()
