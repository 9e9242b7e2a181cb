"""The tools of an agent, and what becomes of a call: carried out, asked about, or answered at once."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

from antiphon.agent.approving import Approving
from antiphon.agent.hooks.calls import Check
from antiphon.engine.driver import Denial, Job
from antiphon.engine.events import Result, ToolCall, failure
from antiphon.policy import Approve, Permissions
from antiphon.policy.subjects import Subject
from antiphon.protocol.messages import Json
from antiphon.tools.base import Limits, Tool, ToolContext, Workspace
from antiphon.tools.bounding import finish
from antiphon.tools.function import tool as as_tool
from antiphon.tools.schema import InvalidArguments

ToolLike = Tool | Callable[..., Any]
"""A tool, or a Python function that becomes one."""


class Toolbox:
    """The tools of an agent, by name, in a fixed order.

    Attributes:
        definitions: what the model is told about them, as it goes into `tools` of the request.
    """

    def __init__(
        self,
        tools: Iterable[ToolLike],
        *,
        permissions: Permissions | None = None,
        approve: Approve | None = None,
        limits: Limits | None = None,
        workspace: Workspace | None = None,
    ) -> None:
        """Collect the tools.

        Raises:
            ValueError: when two tools have one name.
        """
        self._tools: dict[str, Tool] = {}
        # Who hands tools to an agent wants them used.
        self._approving = Approving(permissions or Permissions("bypass", workspace=workspace), approve)
        self._limits = limits or Limits()
        self._workspace = workspace
        self.definitions: list[Json] = []
        for given in tools:
            tool = given if isinstance(given, Tool) else as_tool(given)
            if tool.name in self._tools:
                raise ValueError(f"there are two tools named {tool.name!r}; a name stands for one tool")
            self._tools[tool.name] = tool
            self.definitions.append(_definition(tool))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tools, in order."""
        return tuple(self._tools)

    def prepare(
        self, call: ToolCall, output: Callable[[str], None] | None = None, check: Check | None = None
    ) -> Job | Result | Denial:
        """Find out what a call is: a job, or the result of a call that can never run. Never raises.

        Args:
            call: the call.
            output: is told what it prints.
            check: asks the hooks whether it may run.
        """
        tool = self._tools.get(call.name)
        if tool is None:
            return failure(f"There is no tool named {call.name!r}. The tools are: {', '.join(self._tools) or 'none'}.")
        try:
            arguments = tool.parse(call.input)
            access = tool.access(arguments)
            subject = _subject_of(tool, arguments)
        except InvalidArguments as error:
            return failure(str(error))
        except Exception as error:  # noqa: BLE001  (a tool's own bug does not end the turn)
            return failure(f"{call.name} cannot be used: {type(error).__name__}: {error}")
        ask = self._approving.of(call, access, subject, check)
        if isinstance(ask, Denial):
            return ask
        timeout = tool.timeout if tool.timeout is not None else self._limits.timeout
        return Job(access, self._work(tool, call, arguments, output), ask, timeout)

    async def aclose(self) -> None:
        """Close the tools that hold something open, such as background commands."""
        for tool in self._tools.values():
            close: Any = getattr(tool, "aclose", None)
            if close is not None:
                await close()

    def _work(
        self, tool: Tool, call: ToolCall, arguments: Any, output: Callable[[str], None] | None
    ) -> Callable[[], Awaitable[Result]]:
        context = ToolContext(call.id) if output is None else ToolContext(call.id, output)

        async def work() -> Result:
            return finish(await tool.run(arguments, context), self._limits, self._workspace, call.id)

        return work


def _subject_of(tool: Tool, arguments: Any) -> Subject | None:
    """Return what a call is about; a tool of another kind than ours may not tell."""
    tell: Any = getattr(tool, "subject", None)
    return None if tell is None else cast("Subject | None", tell(arguments))


def _definition(tool: Tool) -> Json:
    """Return what the model is told about a tool; one that the API runs itself says so with `server_definition`."""
    on_server: Any = getattr(tool, "server_definition", None)
    if on_server is not None:
        definition = on_server()
        if definition is not None:
            return cast("Json", definition)
    return {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}
