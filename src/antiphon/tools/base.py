"""What a tool is: the protocol that the agent calls, and a base class for tools written as classes.

A tool never raises for a failure of its own work: that is a `Result` with `is_error`. It may be cancelled at any await
and leaves no process behind. Knows nothing of models, turns or approvals.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast, runtime_checkable

import msgspec

from antiphon.engine.events import Access, Result
from antiphon.policy.subjects import Subject
from antiphon.policy.workspace import Workspace
from antiphon.protocol.messages import Json
from antiphon.tools.schema import Arguments, InvalidArguments, parse_arguments, schema_of

__all__ = ["Arguments", "BaseTool", "InvalidArguments", "Limits", "Tool", "ToolContext", "Workspace"]

A = TypeVar("A")


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


class BaseTool(ABC, Generic[A]):
    """A tool written as a class: what remains to say is its name, its arguments, its access and its work.

    `A` is what `access` and `run` take: the struct of the arguments, unless `parse` makes something else of it.
    The description is the text of the `.md` file beside the class's module, unless `description` is overridden.

    Attributes:
        name: the name the model calls it by.
        arguments: the struct of the arguments; the schema is drawn from it.
        aliases: names other agents have for these arguments, theirs to ours; accepted, never described.
        timeout: seconds a call may run, or None for the agent's limit.
    """

    name: str
    arguments: ClassVar[type[msgspec.Struct]]
    aliases: ClassVar[Mapping[str, str]] = {}
    timeout: float | None = None

    @property
    def description(self) -> str:
        """What the model reads about the tool."""
        return _text_beside(type(self).__module__)

    @property
    def input_schema(self) -> Json:
        """JSON schema of the arguments."""
        return _schema_of(self.arguments)

    def parse(self, arguments: Json) -> A:
        """Turn the model's arguments into what `access` and `run` take.

        Raises:
            InvalidArguments: with a sentence that tells the model what is wrong and what is wanted.
        """
        return cast("A", parse_arguments(self.arguments, arguments, aliases=self.aliases))

    @abstractmethod
    def access(self, arguments: A) -> Access:
        """Return what this call touches. Pure and fast."""

    def subject(self, arguments: A) -> Subject | None:
        """Return what this call is about, so that rules can tell calls of this tool apart. Pure and fast."""
        del arguments
        return None

    @abstractmethod
    async def run(self, arguments: A, context: ToolContext) -> Result:
        """Carry the call out. Never raises for a failure of its own work; leaves nothing behind when cancelled."""


@cache
def _text_beside(module: str) -> str:
    package, _, name = module.rpartition(".")
    return files(package).joinpath(f"{name}.md").read_text(encoding="utf-8").strip()


@cache
def _schema_of(struct: type[msgspec.Struct]) -> Json:
    return schema_of(struct)
