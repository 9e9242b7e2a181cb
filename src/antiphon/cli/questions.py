"""Asks the person at the terminal. Several questions may be open at once; they are answered one by one.

A question that is withdrawn (the turn was stopped) goes away, whoever was being asked. While a question stands on the
screen nothing else is drawn; calls that need no answer go on running.
"""

import os
import termios
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

import anyio

from antiphon.cli.safe_text import one_line, safe
from antiphon.cli.screen import NoScreen, Piece, Screen
from antiphon.cli.terminal import Terminal
from antiphon.cli.view import call_line
from antiphon.engine.events import ToolCall
from antiphon.policy import Approval, ApprovalRequest

MOST_DETAIL_LINES = 12
"""How much of one argument is shown."""
LONGEST_DETAIL = 500
"""How much of one line is shown."""
SHORT = 100
"""An argument of so many characters fits beside its call's name."""


@dataclass(eq=False, slots=True)
class _Question:
    """An open question: `take` gets an answer and says whether it was one."""

    title: str
    details: list[str]
    prompt: str
    take: Callable[[str | None], bool]
    call: ToolCall | None = None
    done: anyio.Event = field(default_factory=anyio.Event)
    reading: anyio.CancelScope | None = None


class Questions:
    """The open questions of a session, and the person who answers them."""

    def __init__(self, terminal: Terminal, source: TextIO) -> None:
        """Ask on a terminal, and read answers from its keyboard."""
        self.screen: Screen = NoScreen()
        self._terminal = terminal
        self._source = source
        self._open: list[_Question] = []
        self._some = anyio.Event()
        self._always: set[str] = set()

    async def approve(self, request: ApprovalRequest) -> Approval:
        """Ask whether a call may run."""
        call = request.call
        if call.name in self._always:
            return Approval(allowed=True)
        answers: list[Approval] = []
        question = _Question(
            call_line(call),
            details_of(call),
            f"Allow it? [y]es, [n]o and why, [a]lways {one_line(call.name)}",
            lambda text: self._approval(call, text, answers),
            call,
        )
        await self._ask(question)
        return answers[0] if answers else Approval(allowed=call.name in self._always)

    async def ask(self, question: str, options: tuple[str, ...] = ()) -> str | None:
        """Ask what the model wants to know; an option may be chosen by its number. None when there is no answer."""
        answers: list[str | None] = []
        details = [f"  {number}. {one_line(option)}" for number, option in enumerate(options, 1)]

        def take(text: str | None) -> bool:
            if text is None:
                answers.append(None)
            elif text.isdecimal() and 0 < int(text) <= len(options):
                answers.append(options[int(text) - 1])
            elif text:
                answers.append(text)
            return bool(answers)

        await self._ask(_Question(safe(question), details, "Your answer", take))
        return answers[0]

    async def serve(self) -> None:
        """Ask what is open, for ever; cancel it to stop."""
        while True:
            await self._some.wait()
            self.screen.pause()
            try:
                while self._open:
                    await self._ask_next(self._open[0])
            finally:
                self.screen.resume()
            self._some = anyio.Event()

    async def _ask(self, question: _Question) -> None:
        self._open.append(question)
        self._some.set()
        # Who is being asked is told that there is more to answer, and asked again.
        for other in self._open:
            if other.reading is not None:
                self._say([("\n  also waits for you: ", "wait"), (question.title, "")])
                other.reading.cancel()
        try:
            await question.done.wait()
        finally:
            self._open = [other for other in self._open if other is not question]
            if question.reading is not None:
                question.reading.cancel()

    async def _ask_next(self, question: _Question) -> None:
        """Put one question, and go on until it is answered, withdrawn, or another one is chosen."""
        self._forget_typing()
        self._show(question)
        while question in self._open:
            more = f", [1-{len(self._open)}] another" if question.call and len(self._open) > 1 else ""
            self._terminal.write(f"{question.prompt}{more}: ")
            disturbed, text = await self._read_answer(question)
            if disturbed:
                continue
            other = self._chosen(text) if question.call else None
            if other is not None:
                self._open.remove(other)
                self._open.insert(0, other)
                return
            if question.take(text):
                self._open.remove(question)
                question.done.set()
                return
        self._say([("\n  no longer needed", "quiet")])

    def _show(self, question: _Question) -> None:
        if len(self._open) > 1:
            self._say([(f"{len(self._open)} questions wait for you:", "wait")])
            for position, other in enumerate(self._open, 1):
                self._say([(f"  {position}. {other.title}", "strong" if other is question else "")])
        self._say([("? ", "wait"), (question.title, "strong")])
        for line in question.details:
            self._say([(line, "")])

    async def _read_answer(self, question: _Question) -> tuple[bool, str | None]:
        """Return a line, or that something else came first: the question was withdrawn, or another one was added."""
        with anyio.CancelScope() as scope:
            question.reading = scope
            try:
                return False, await self._read_line()
            finally:
                question.reading = None
        return True, None

    def _forget_typing(self) -> None:
        """Throw away what was typed before the question was seen: it is no answer to it."""
        descriptor = self._source.fileno()
        if os.isatty(descriptor):
            termios.tcflush(descriptor, termios.TCIFLUSH)

    def _chosen(self, text: str | None) -> _Question | None:
        if text and text.isdecimal() and 0 < int(text) <= len(self._open):
            return self._open[int(text) - 1]
        return None

    def _approval(self, call: ToolCall, text: str | None, answers: list[Approval]) -> bool:
        word, _, rest = (text or "").partition(" ")
        match word.lower().rstrip(",.:"):
            case "y" | "yes":
                answers.append(Approval(allowed=True))
            case "a" | "always":
                answers.append(Approval(allowed=True))
                self._allow_always(call)
            case "n" | "no":
                answers.append(Approval(allowed=False, reason=rest.strip()))
            case _ if text is None:
                answers.append(Approval(allowed=False, reason="The user closed the input."))
            case _:
                return False
        return True

    def _allow_always(self, call: ToolCall) -> None:
        """Allow a tool for the session; other open questions about it are answered with this."""
        self._always.add(call.name)
        for other in list(self._open):
            if other.call is not None and other.call is not call and other.call.name == call.name:
                self._open.remove(other)
                other.done.set()
                self._say([(f"  also allowed: {other.title}", "quiet")])

    def _say(self, pieces: list[Piece]) -> None:
        self._terminal.write(self._terminal.styled(pieces) + "\n")

    async def _read_line(self) -> str | None:
        """Wait for a line, without holding up the loop; None at the end of input."""
        descriptor = self._source.fileno()
        await anyio.wait_readable(descriptor)
        # A terminal in its usual mode hands over whole lines.
        data = os.read(descriptor, 65536)
        return data.decode("utf-8", "replace").strip() if data else None


def details_of(call: ToolCall) -> list[str]:
    """Return the arguments of a call as lines, safe to print.

    A single short argument stands beside the call's name already. Of a long text the beginning is shown; of a command
    everything, for its end decides as much as its beginning.
    """
    values = {key: safe(value if isinstance(value, str) else repr(value)) for key, value in call.input.items()}
    if [len(text) < SHORT and "\n" not in text for text in values.values()] == [True]:
        return []
    lines: list[str] = []
    for key, text in values.items():
        shown = text.split("\n")
        most = len(shown) if key == "command" else MOST_DETAIL_LINES
        if len(shown) == 1:
            lines.append(f"  {one_line(key)}: {_shortened(text, key)}")
            continue
        lines.append(f"  {one_line(key)}:")
        lines += [f"    {_shortened(line, key)}" for line in shown[:most]]
        if len(shown) > most:
            lines.append(f"    ... {len(shown) - most} more lines")
    return lines


def _shortened(line: str, key: str) -> str:
    more = len(line) - LONGEST_DETAIL
    return line if key == "command" or more <= 0 else f"{line[:LONGEST_DETAIL]} ... {more} more characters"
