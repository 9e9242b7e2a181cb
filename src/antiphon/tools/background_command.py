"""Looking at a command in the background, and stopping it."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from antiphon.engine.events import Access, Result, failure, reading, writing
from antiphon.tools.base import Arguments, BaseTool, ToolContext
from antiphon.tools.processes.background import Background, Running
from antiphon.tools.processes.ending import how_it_ended

LONGEST_WAIT = 600.0
"""Seconds that one call waits at most."""


class BackgroundCommandArguments(Arguments, frozen=True):
    """Which command, and what to do."""

    id: Annotated[str, Meta(description="The id that run_command gave, such as `bg_1`.")]
    action: Annotated[
        Literal["output", "stop"], Meta(description="Show its state and its last output, or stop it.")
    ] = "output"
    lines: Annotated[int, Meta(ge=1, le=2000, description="How many of the last lines to show.")] = 50
    wait: Annotated[
        float, Meta(ge=0, le=LONGEST_WAIT, description="Seconds to wait for its end before showing its output.")
    ] = 0


class BackgroundCommand(BaseTool[BackgroundCommandArguments]):
    """Shows and stops what `run_command` started in the background.

    A tool of its own, because with these arguments `run_command` would have to say which of its arguments go together,
    and because looking needs no approval while running a command does.
    """

    name = "background_command"
    arguments = BackgroundCommandArguments
    aliases: ClassVar[Mapping[str, str]] = {"background_id": "id", "bash_id": "id", "shell_id": "id", "task_id": "id"}
    timeout = LONGEST_WAIT + 10

    def __init__(self, background: Background) -> None:
        """Take where the commands live; `RunCommand` has it."""
        self._background = background

    def access(self, arguments: BackgroundCommandArguments) -> Access:
        """A look waits for what was asked for earlier (a request to a server), and may be taken again."""
        resource = ("background", arguments.id)
        return reading(resource) if arguments.action == "output" else writing(resource)

    async def run(self, arguments: BackgroundCommandArguments, context: ToolContext) -> Result:  # noqa: ARG002
        """Look, or stop."""
        try:
            running = self._background[arguments.id]
        except KeyError:
            known = ", ".join(self._background.names) or "none"
            return failure(f"No command in the background has the id {arguments.id!r}. There are: {known}.")
        if arguments.action == "stop" and not running.over:
            await self._background.stop(running)
        else:
            await running.wait(arguments.wait)
        return Result(f"{state_of(running)}\n\n{running.last_lines(arguments.lines) or '(no output)'}")


def state_of(running: Running) -> str:
    """Return how a command stands, in words for the model."""
    if not running.over:
        state = "is running"
    elif running.trouble is not None:
        state = f"could not be started: {running.trouble}"
    elif running.ended is None:
        state = "was stopped"
    else:
        state = f"has ended: {how_it_ended(running.ended)}"
    return f"{running.id} {state}. Its output: {running.file.where}."
