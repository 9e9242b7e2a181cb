"""Asking the user a question in the middle of the work."""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, ClassVar

from msgspec import Meta

from antiphon.engine.events import INDEPENDENT, Access, Result, failure
from antiphon.tools.base import Arguments, BaseTool, ToolContext

AskPerson = Callable[[str, tuple[str, ...]], Awaitable[str | None]]
"""Puts a question with its options to a person; None when they give no answer."""


class AskUserArguments(Arguments, frozen=True):
    """What to ask."""

    question: Annotated[str, Meta(min_length=1, description="The question.")]
    options: Annotated[tuple[str, ...], Meta(description="Likely answers to choose from.")] = ()


class AskUser(BaseTool[AskUserArguments]):
    """Asks the person in front of the agent, where there is one."""

    name = "ask_user"
    arguments = AskUserArguments
    aliases: ClassVar[Mapping[str, str]] = {"follow_up": "options", "suggestions": "options"}
    timeout = math.inf

    def __init__(self, ask: AskPerson | None = None) -> None:
        """Take who is asked; without anybody the model is told to decide itself."""
        self._ask = ask

    def access(self, arguments: AskUserArguments) -> Access:  # noqa: ARG002  (whatever the question is)
        """Touches nothing, but waits for the end of the reply: a reply that is thrown away must not have asked."""
        return INDEPENDENT

    async def run(self, arguments: AskUserArguments, context: ToolContext) -> Result:  # noqa: ARG002
        """Ask, and return the answer."""
        if self._ask is None:
            return failure(
                "Nobody is there to answer. Decide as well as you can, and say in your reply what you decided."
            )
        answer = await self._ask(arguments.question, arguments.options)
        if answer is None:
            return failure("The user did not answer the question.")
        return Result(answer)
