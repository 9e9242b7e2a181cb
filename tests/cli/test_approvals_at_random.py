"""Whatever comes when, and whatever is typed: nothing is allowed that was not seen when its line was begun."""

import anyio
from at_a_terminal import SECONDS, Person, asked_about, at_a_terminal
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.cli.questions import Questions
from antiphon.engine.events import ToolCall

LINES = ["y", "n", "1 y", "2 y", "2-9 y", "1-3 n why", "d 2", "3", "", "s", "y please", "2 3 y", "4 a"]
TYPING = [f"{line} while one comes" for line in LINES if line]
STEPS = st.lists(st.sampled_from(["one comes", *LINES, *TYPING]), min_size=3, max_size=9)


class Play:
    """A person who types while calls come, and what stood on the screen when they began their last line."""

    def __init__(self, questions: Questions, person: Person) -> None:
        self.questions = questions
        self.person = person
        self.seen = ""
        self.asked = 0
        self.decided: list[tuple[str, bool]] = []

    async def ask(self, name: str) -> None:
        call = ToolCall(name, "run_command", {"command": f"make {name}"})
        approval = await self.questions.approve(asked_about(call))
        assert not approval.allowed or name in self.seen, f"{name} was allowed unseen"
        self.decided.append((name, approval.allowed))

    async def one_comes(self, tasks: anyio.abc.TaskGroup) -> None:
        self.asked += 1
        name = f"call-{self.asked}."
        tasks.start_soon(self.ask, name)
        with anyio.fail_after(SECONDS):
            while name not in self.person.screen:  # noqa: ASYNC110  (a screen tells nobody)
                await anyio.sleep(0.002)

    async def asked_or_done(self, after: int) -> None:
        """Wait until the person is asked for an answer, or none is needed."""
        with anyio.fail_after(SECONDS):
            while len(self.decided) < self.asked and not self.person.screen[after:].endswith(": "):  # noqa: ASYNC110
                await anyio.sleep(0.002)

    async def types(self, line: str, tasks: anyio.abc.TaskGroup, *, one_comes: bool = False) -> None:
        await self.asked_or_done(0)
        if len(self.decided) == self.asked:
            return
        self.seen = self.person.screen
        after = len(self.seen)
        if one_comes:
            self.person.presses(line[0])
            line = line[1:]
            await self.one_comes(tasks)
            after = len(self.person.screen)
        self.person.types(line)
        await self.asked_or_done(after)


@settings(max_examples=20, deadline=None)
@given(STEPS)
async def test_nothing_is_allowed_that_was_not_seen_when_the_line_was_begun(steps: list[str]) -> None:
    with at_a_terminal() as (questions, person):
        play = Play(questions, person)
        async with anyio.create_task_group() as serving:
            serving.start_soon(questions.serve)
            async with anyio.create_task_group() as tasks:
                await play.one_comes(tasks)
                for step in steps:
                    if step == "one comes":
                        await play.one_comes(tasks)
                    else:
                        line, _, coming = step.partition(" while ")
                        await play.types(line, tasks, one_comes=bool(coming))
                while len(play.decided) < play.asked:
                    await play.types("n", tasks)
            serving.cancel_scope.cancel()
    assert sorted(name for name, _ in play.decided) == sorted(f"call-{n}." for n in range(1, play.asked + 1))
