import io
import os
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import anyio
import pytest

from antiphon.agent.events import AgentEvent
from antiphon.cli.questions import Questions, details_of
from antiphon.cli.screen import NoScreen
from antiphon.cli.terminal import Terminal
from antiphon.engine.events import INDEPENDENT, ToolCall
from antiphon.policy import Approval, ApprovalRequest

WRITE = ToolCall("w", "write_file", {"path": "b.txt", "content": "hello"})
WRITE_MORE = ToolCall("m", "write_file", {"path": "c.txt", "content": "more"})
COMMAND = ToolCall("c", "run_command", {"command": "make test"})
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

    async def until(self, pattern: str, *, times: int = 1) -> None:
        with anyio.fail_after(SECONDS):
            while len(re.findall(pattern, self.getvalue())) < times:
                self.changed = anyio.Event()
                await self.changed.wait()


class Person:
    """A person at a terminal: sees what is written, types answers."""

    def __init__(self, keyboard: int, screen: Watched) -> None:
        self._keyboard = keyboard
        self.screen = screen

    def types(self, line: str) -> None:
        os.write(self._keyboard, f"{line}\n".encode())

    def ends_the_input(self) -> None:
        os.write(self._keyboard, b"\x04")

    async def sees(self, pattern: str, *, times: int = 1) -> None:
        await self.screen.until(pattern, times=times)


@pytest.fixture
def terminal() -> Iterator[tuple[Questions, Person]]:
    """Questions on a pseudo-terminal, and the person at its other end."""
    keyboard, other_end = os.openpty()
    screen = Watched()
    with os.fdopen(other_end, encoding="utf-8") as source:
        yield Questions(Terminal(screen), source), Person(keyboard, screen)
    os.close(keyboard)


class Asked:
    """Calls that were asked about at the same time, and what was decided."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self.decided: dict[str, Approval] = {}
        self.order: list[str] = []
        self.scopes: dict[str, anyio.CancelScope] = {}

    async def ask(self, call: ToolCall) -> None:
        with anyio.CancelScope() as self.scopes[call.id]:
            self.decided[call.id] = await self._questions.approve(ApprovalRequest(call, INDEPENDENT))
            self.order.append(call.id)


@asynccontextmanager
async def asking(questions: Questions, *calls: ToolCall) -> AsyncGenerator[Asked]:
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


async def test_a_call_is_shown_with_its_arguments_and_allowed(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    async with asking(questions, WRITE) as asked:
        await person.sees("Allow it")
        person.types("y")
    assert asked.decided == {"w": Approval(allowed=True)}
    assert "? write_file b.txt\n  path: b.txt\n  content: hello\n" in person.screen.getvalue()


@pytest.mark.parametrize(
    ("typed", "reason"),
    [("n", ""), ("no", ""), ("no, use a.txt", "use a.txt"), ("N because of tests", "because of tests")],
)
async def test_a_no_may_say_why(terminal: tuple[Questions, Person], typed: str, reason: str) -> None:
    questions, person = terminal
    async with asking(questions, WRITE) as asked:
        await person.sees("Allow it")
        person.types(typed)
    assert asked.decided == {"w": Approval(allowed=False, reason=reason)}


async def test_anything_else_is_asked_again(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    async with asking(questions, WRITE) as asked:
        for times, typed in enumerate(["", "maybe", "y"], 1):
            await person.sees("Allow it", times=times)
            person.types(typed)
    assert asked.decided["w"].allowed


async def test_what_was_typed_before_the_question_is_no_answer(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    person.types("y")
    async with asking(questions, WRITE) as asked:
        await person.sees("Allow it")
        person.types("no")
    assert not asked.decided["w"].allowed


async def test_several_calls_are_listed_and_answered_one_by_one(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    async with asking(questions, WRITE, COMMAND) as asked:
        await person.sees(r"\[1-2\] another")
        person.types("y")
        await person.sees("lways run_command")
        assert asked.order == ["w"]
        person.types("n")
    assert {id_: approval.allowed for id_, approval in asked.decided.items()} == {"w": True, "c": False}
    assert "2 questions wait for you:\n  1. write_file b.txt\n  2. run_command make test\n" in person.screen.getvalue()


async def test_a_question_that_comes_while_another_is_asked_is_told_at_once(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    async with asking(questions, WRITE) as asked, anyio.create_task_group() as tasks:
        await person.sees("Allow it")
        tasks.start_soon(asked.ask, COMMAND)
        await person.sees(r"  also waits for you: run_command make test\nAllow it\?.*, \[1-2\] another: ")
        person.types("y")
        await person.sees("lways run_command")
        person.types("n")
    assert {id_: approval.allowed for id_, approval in asked.decided.items()} == {"w": True, "c": False}


async def test_another_call_can_be_answered_first(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    async with asking(questions, WRITE, COMMAND) as asked:
        await person.sees(r"\[1-2\] another")
        person.types("2")
        await person.sees("lways run_command")
        person.types("y")
        await person.sees("Allow it", times=3)
        person.types("y")
    assert asked.order == ["c", "w"]


async def test_always_answers_the_other_open_questions_about_that_tool(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    async with asking(questions, WRITE, COMMAND, WRITE_MORE) as asked:
        await person.sees("Allow it")
        person.types("a")
        await person.sees("lways run_command")
        person.types("n")
    assert {id_: approval.allowed for id_, approval in asked.decided.items()} == {"w": True, "m": True, "c": False}
    assert "also allowed: write_file c.txt" in person.screen.getvalue()
    async with asking(questions, WRITE) as later:
        pass
    assert later.decided["w"].allowed


async def test_a_withdrawn_question_goes_away_and_the_next_one_is_asked(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    async with asking(questions, WRITE, COMMAND) as asked:
        await person.sees("Allow it")
        asked.scopes["w"].cancel()
        await person.sees("lways run_command")
        person.types("y")
    assert asked.decided == {"c": Approval(allowed=True)}
    assert "no longer needed" in person.screen.getvalue()


async def test_a_closed_input_denies(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    async with asking(questions, WRITE) as asked:
        await person.sees("Allow it")
        person.ends_the_input()
    assert asked.decided == {"w": Approval(allowed=False, reason="The user closed the input.")}


class PausedScreen(NoScreen):
    """Notes when it has to stand still."""

    def __init__(self) -> None:
        self.paused: list[bool] = []

    def receive(self, event: AgentEvent) -> None:
        raise AssertionError(event)

    def pause(self) -> None:
        self.paused.append(True)

    def resume(self) -> None:
        self.paused.append(False)


async def test_the_screen_stands_still_while_somebody_is_asked(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    screen = questions.screen = PausedScreen()
    async with asking(questions, WRITE):
        await person.sees("Allow it")
        assert screen.paused == [True]
        person.types("y")
    assert screen.paused == [True, False]


async def test_the_model_gets_an_answer_in_words_or_the_chosen_option(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    answers: list[str | None] = []

    async def ask() -> None:
        answers.extend([await questions.ask("Which\x1b[2J colour?", ("red", "blue")) for _ in range(2)])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(questions.serve)
        with anyio.fail_after(SECONDS):
            async with anyio.create_task_group() as asked:
                asked.start_soon(ask)
                await person.sees("Your answer")
                person.types("2")
                await person.sees("Your answer", times=2)
                person.types("something else")
        tasks.cancel_scope.cancel()
    assert answers == ["blue", "something else"]
    assert "? Which colour?\n  1. red\n  2. blue\n" in person.screen.getvalue()


def test_a_command_is_shown_to_its_end() -> None:
    call = ToolCall(
        "x", "run_command", {"command": "\n".join(f"echo {n}" for n in range(30)) + " " * 900 + "; rm -rf ~"}
    )
    lines = details_of(call)
    assert len(lines) == 31
    assert lines[-1].endswith("; rm -rf ~")


def test_a_single_short_argument_is_not_shown_twice() -> None:
    assert details_of(COMMAND) == []


def test_a_long_line_is_shortened_and_says_so() -> None:
    call = ToolCall("x", "write_file", {"path": "a", "content": "x" * 600})
    assert details_of(call) == ["  path: a", f"  content: {'x' * 500} ... 100 more characters"]


def test_long_arguments_are_shortened_and_safe() -> None:
    call = ToolCall("x", "write_file", {"path": "a\x1b[2J", "content": "\n".join(map(str, range(20))), "mode": 3})
    lines = details_of(call)
    assert lines[0] == "  path: a"
    assert lines[1:4] == ["  content:", "    0", "    1"]
    assert lines[-2:] == ["    ... 8 more lines", "  mode: 3"]
