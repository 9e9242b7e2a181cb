from collections.abc import Iterator

import anyio
import pytest
from at_a_terminal import SECONDS, Person, asking, at_a_terminal

from antiphon.agent.events import AgentEvent
from antiphon.cli.questions import Questions
from antiphon.cli.screen import NoScreen
from antiphon.engine.events import ToolCall

WRITE = ToolCall("w", "write_file", {"path": "b.txt", "content": "hello"})


@pytest.fixture
def terminal() -> Iterator[tuple[Questions, Person]]:
    """Questions on a pseudo-terminal, and the person at its other end."""
    with at_a_terminal() as both:
        yield both


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
        answers.extend([await questions.ask("Which\x1b[2J colour?", ("red\x1b[1m", "blue")) for _ in range(3)])

    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await person.answers("2")
            await person.answers("")
            await person.answers("something else")
            await person.sees("Your answer")
            person.presses("\x04")
    assert answers == ["blue", "something else", None]
    assert "? Which colour?\n  1. red\n  2. blue\n" in person.screen


@pytest.mark.parametrize(
    ("typed", "confirmed"),
    [(["y"], True), (["Yes"], True), (["n"], False), (["", "ok", "y"], True), (["\x04"], False)],
)
async def test_a_question_can_be_confirmed(
    terminal: tuple[Questions, Person], typed: list[str], *, confirmed: bool
) -> None:
    questions, person = terminal
    confirmations: list[bool] = []

    async def ask() -> None:
        confirmations.append(await questions.confirm("The run has cost $2.03 of $2.00. Go on?", ["one\ntwo"]))

    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            for line in typed:
                await person.sees(r"\[y\]es or \[n\]o: $")
                person.presses(line if line == "\x04" else f"{line}\n")
    assert confirmations == [confirmed]
    assert "? The run has cost $2.03 of $2.00. Go on?\n  one two\n" in person.screen


async def test_a_question_that_comes_while_calls_wait_is_asked_after_the_next_answer(
    terminal: tuple[Questions, Person],
) -> None:
    questions, person = terminal
    answers: list[str | None] = []

    async def ask() -> None:
        answers.append(await questions.ask("Which colour?"))

    async with asking(questions, WRITE) as asked, anyio.create_task_group() as tasks:
        await person.sees("Allow it")
        tasks.start_soon(ask)
        await person.sees(r"  also waits for you, and is asked next: Which colour\?\nAllow it\?.*: $")
        person.types("")
        await person.sees(r"\? Which colour\?\nYour answer")
        person.types("red")
        await person.sees("Allow it")
        assert asked.decided == {}
        person.types("y")
    assert answers == ["red"]
    assert asked.allowed == {"w": True}


async def test_a_withdrawn_question_goes_away(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as serving:
            serving.start_soon(questions.serve)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(questions.confirm, "Go on?")
                await person.sees("Go on")
                tasks.cancel_scope.cancel()
            await person.sees("no longer needed")
            serving.cancel_scope.cancel()
