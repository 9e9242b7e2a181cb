"""One call of a tool, from the model's arguments to the text of its result."""

from pathlib import Path
from typing import Any

from antiphon.engine.events import Result
from antiphon.tools.base import Tool, ToolContext


async def call(tool: Tool, **arguments: Any) -> Result:
    return await tool.run(tool.parse(arguments), ToolContext("call_1"))


async def succeed(tool: Tool, **arguments: Any) -> str:
    result = await call(tool, **arguments)
    assert isinstance(result.content, str)
    assert not result.is_error, result.content
    return result.content


async def fail(tool: Tool, **arguments: Any) -> str:
    result = await call(tool, **arguments)
    assert isinstance(result.content, str)
    assert result.is_error, result.content
    return result.content


def names_in(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())
