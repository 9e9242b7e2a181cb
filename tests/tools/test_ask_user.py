"""Questions to the user."""

from antiphon.engine.events import INDEPENDENT, Result
from antiphon.tools.ask_user import AskUser
from antiphon.tools.base import ToolContext


async def test_the_answer_is_the_result() -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []

    async def ask(question: str, options: tuple[str, ...]) -> str:
        asked.append((question, options))
        return "blue"

    tool = AskUser(ask)
    arguments = tool.parse({"question": "Which colour?", "options": ["red", "blue"]})
    assert await tool.run(arguments, ToolContext()) == Result("blue")
    assert asked == [("Which colour?", ("red", "blue"))]


async def test_without_anybody_to_ask_the_model_is_told_to_decide() -> None:
    tool = AskUser()
    result = await tool.run(tool.parse({"question": "Which colour?"}), ToolContext())
    assert result.is_error
    assert "Decide" in str(result.content)


async def test_a_question_without_an_answer_is_said_to_have_none() -> None:
    async def ask(_question: str, _options: tuple[str, ...]) -> None:
        return None

    tool = AskUser(ask)
    result = await tool.run(tool.parse({"question": "Which colour?"}), ToolContext())
    assert result == Result("The user did not answer the question.", is_error=True)


def test_a_question_waits_for_the_end_of_the_reply_and_for_nobody_else() -> None:
    tool = AskUser()
    assert tool.access(tool.parse({"question": "Which colour?"})) == INDEPENDENT
