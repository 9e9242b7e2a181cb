"""What a tool is, and how a Python function becomes one.

A tool never raises for a failure of its own work: that is a `Result` with `is_error`. It may be cancelled at any await
and leaves no process behind. Knows nothing of models, turns or approvals.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from antiphon.engine.events import Access, Result
from antiphon.protocol.messages import Json


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a tool's result.

    Attributes:
        result_chars: longest text a result may have; of a longer one head and tail are kept and the whole goes
            to a file the model can read.
        timeout: seconds a call may run, or None.
    """

    result_chars: int = 30_000
    timeout: float | None = 120.0


def _ignore(_text: str, /) -> None:
    pass


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool gets besides its arguments.

    Attributes:
        call_id: the id of the call.
        output: tells live output (text, any size) to whoever watches; it is not the result.
    """

    call_id: str = ""
    output: Callable[[str], None] = field(default=_ignore)


@runtime_checkable
class Tool(Protocol):
    """A tool: name, description, arguments, what it touches, what it does."""

    @property
    def name(self) -> str:
        """The name the model calls it by: letters, digits, `_` and `-`, at most 64."""
        ...

    @property
    def description(self) -> str:
        """What the model reads about it."""
        ...

    @property
    def input_schema(self) -> Json:
        """JSON schema (2020-12) of the arguments; an object, deterministic."""
        ...

    @property
    def timeout(self) -> float | None:
        """Seconds a call may run, or None for the agent's limit."""
        ...

    def parse(self, arguments: Json) -> Any:
        """Turn the model's arguments into what `access` and `run` take.

        Raises:
            InvalidArguments: with a sentence that tells the model what is wrong and what is wanted.
        """
        ...

    def access(self, arguments: Any) -> Access:
        """Return what this call touches. Pure and fast; resolves paths so that two names of a file are one resource."""
        ...

    async def run(self, arguments: Any, context: ToolContext) -> Result:
        """Carry the call out.

        Never raises for a failure of the tool itself. May be cancelled at any await; leaves no process behind.
        """
        ...


class InvalidArguments(ValueError):
    """The model's arguments do not fit the tool; the message tells it what is wrong and what is wanted."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where the agent works: the directory it was started in and directories added to it.

    Attributes:
        root: absolute, resolved.
        added: further directories, absolute, resolved.
        spill: where the whole of an over-long result is kept; readable by the file tools.
    """

    root: Path
    added: tuple[Path, ...] = ()
    spill: Path | None = None
