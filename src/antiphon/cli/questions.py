"""Asks the person at the terminal: about all calls that wait together, and single questions one by one.

A question that is withdrawn (the turn was stopped) goes away, whoever was being asked. While a question stands on the
screen nothing else is drawn; calls that need no answer go on running.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TextIO

import anyio

from antiphon.cli.approving.asking import CallsAsked
from antiphon.cli.dialogue import Dialogue, Withdrawn
from antiphon.cli.safe_text import one_line, safe
from antiphon.cli.screen import NoScreen, Piece, Screen
from antiphon.cli.terminal import Terminal
from antiphon.policy import Approval, ApprovalRequest


@dataclass(eq=False, slots=True)
class _Question:
    """A single question: `take` gets an answer and says whether it was one."""

    title: str
    details: Sequence[str]
    prompt: str
    take: Callable[[str | None], bool]
    done: anyio.Event = field(default_factory=anyio.Event)


class Questions:
    """The open questions of a session, and the person who answers them.

    Attributes:
        screen: stands still while somebody is asked.
        calls: the calls that wait; what is known of rules and files is set there.
    """

    def __init__(self, terminal: Terminal, source: TextIO) -> None:
        """Ask on a terminal, and read answers from its keyboard."""
        self.screen: Screen = NoScreen()
        self._dialogue = Dialogue(terminal, source)
        self.calls = CallsAsked(self._dialogue)
        self._open: list[_Question] = []
        self._some = anyio.Event()
        self._serving = False

    async def approve(self, request: ApprovalRequest) -> Approval:
        """Ask whether a call may run."""
        waiting = self.calls.add(request)
        try:
            await self.calls.prepare(waiting)
            if waiting.approval is None:
                await self._answered(waiting.done, lambda: self.calls.tray.title(waiting))
        finally:
            self.calls.tray.remove(waiting)
            self._dialogue.withdraw()
        return waiting.approval or Approval(allowed=False)

    async def ask(self, question: str, options: tuple[str, ...] = ()) -> str | None:
        """Ask what the model wants to know; an option may be chosen by its number. None when there is no answer."""
        answers: list[str | None] = []
        details = [f"{number}. {option}" for number, option in enumerate(options, 1)]

        def take(text: str | None) -> bool:
            if text is None:
                answers.append(None)
            elif text.isdecimal() and 0 < int(text) <= len(options):
                answers.append(options[int(text) - 1])
            elif text:
                answers.append(text)
            return bool(answers)

        await self._put(_Question(question, details, "Your answer", take))
        return answers[0]

    async def confirm(self, text: str, details: Sequence[str] = ()) -> bool:
        """Ask a question that is answered with yes or no; a closed input is a no."""
        answers: list[bool] = []

        def take(answer: str | None) -> bool:
            word = "no" if answer is None else answer.lower()
            if word in {"y", "yes", "n", "no"}:
                answers.append(word[0] == "y")
            return bool(answers)

        await self._put(_Question(text, details, "[y]es or [n]o", take))
        return answers[0]

    async def serve(self) -> None:
        """Ask what is open, for ever; cancel it to stop."""
        self._serving = True
        try:
            while True:
                await self._some.wait()
                self.screen.pause()
                try:
                    while self._open or self.calls.tray.open:
                        with suppress(Withdrawn):
                            # A single question holds up the run, and is answered at once.
                            await (self._ask(self._open[0]) if self._open else self.calls.ask())
                finally:
                    self.screen.resume()
                self._some = anyio.Event()
        finally:
            self._serving = False

    async def _put(self, question: _Question) -> None:
        self._open.append(question)
        try:
            await self._answered(question.done, lambda: [(safe(question.title), "")])
        finally:
            self._open = [other for other in self._open if other is not question]
            self._dialogue.withdraw()

    async def _answered(self, done: anyio.Event, title: Callable[[], Sequence[Piece]]) -> None:
        """Wait until something that is asked from now on has its answer.

        Where nobody serves, between runs, one question at a time is served here.
        """
        self._some.set()
        self._dialogue.mention(title)
        if self._serving:
            await done.wait()
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.serve)
            await done.wait()
            tasks.cancel_scope.cancel()

    async def _ask(self, question: _Question) -> None:
        """Put a single question, and go on until it is answered.

        Raises:
            Withdrawn: it needs no answer any more.
        """
        title: Sequence[Piece] = [("? ", "wait"), (safe(question.title), "strong")]
        self._dialogue.show([title, *([(f"  {one_line(line)}", "")] for line in question.details)])
        while not question.take(await self._dialogue.read(f"{question.prompt}: ", lambda: question in self._open)):
            pass
        self._open.remove(question)
        question.done.set()
