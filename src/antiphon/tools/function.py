"""A Python function as a tool.

::

    @tool
    async def population(city: str, year: int = 2026) -> int:
        "How many people live in a city, by its English name."
        ...

The description comes from the docstring, the schema from the annotations. All looking at the function happens once,
when it is decorated; a call costs a few microseconds.
"""

import asyncio
import copy
import inspect
import re
from collections.abc import Awaitable, Callable
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

import msgspec
from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from antiphon.engine.events import Access, Result, failure
from antiphon.protocol.messages import Json
from antiphon.tools.base import ToolContext
from antiphon.tools.declaring import Declaration, Touches, declared_access
from antiphon.tools.returning import returned, told
from antiphon.tools.schema import parse_arguments
from antiphon.tools.signature import Signature

P = ParamSpec("P")
T = TypeVar("T")

MAX_THREADS = 64
"""Synchronous tools running at once. They have threads of their own, so that they never hold up files and commands."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_threads: RunVar[CapacityLimiter] = RunVar("antiphon_function_threads")


class FunctionTool(Generic[P, T]):
    """A tool that calls a Python function. Made by `tool`; calling it calls the function.

    Attributes:
        name: the name the model calls it by.
        description: what the model reads about it.
        input_schema: JSON schema of the arguments.
        timeout: seconds a call may run, or None for the agent's limit.
        function: the function.
    """

    def __init__(
        self,
        function: Callable[P, T],
        signature: Signature,
        access: Callable[[msgspec.Struct], Access],
        name: str,
        timeout: float | None,
    ) -> None:
        """Take the parts; `tool` finds them."""
        self.name = name
        self.description = signature.description
        self.input_schema = signature.schema
        self.timeout = timeout
        self.function = function
        self._struct = signature.struct
        self._context = signature.context
        self._copies = signature.copies
        self._access = access
        self._is_async = _is_async(function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function itself."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<tool {self.name}>"

    def parse(self, arguments: Json) -> msgspec.Struct:
        """Turn the model's arguments into the function's."""
        return parse_arguments(self._struct, copy.deepcopy(arguments) if self._copies else arguments)

    def access(self, arguments: msgspec.Struct) -> Access:
        """Return what this call touches, as declared."""
        return self._access(arguments)

    async def run(self, arguments: msgspec.Struct, context: ToolContext) -> Result:
        """Call the function with these arguments. What it raises is a failure that the model reads.

        A synchronous function runs in a worker thread. When the call is cancelled the thread is not waited for;
        a function that takes long can notice by `anyio.from_thread.check_cancelled()`.
        """
        given = msgspec.structs.asdict(arguments)
        if self._context is not None:
            given[self._context] = context
        try:
            if self._is_async:
                value = await cast("Awaitable[Any]", self.function(**given))  # pyright: ignore[reportCallIssue]
            else:
                value = await to_thread.run_sync(self._called, given, abandon_on_cancel=True, limiter=_own_threads())
                if inspect.isawaitable(value):  # a plain function that hands out a coroutine
                    value = await value
        except (Exception, SystemExit) as error:  # noqa: BLE001  (whatever a user's function raises, the model reads)
            return failure(told(error))
        except asyncio.CancelledError as error:
            if _cancelled():
                raise
            # Out of something that the function awaited. Passed on, it would end the task that waits for a result.
            return failure(told(error))
        return returned(value)

    def _called(self, given: dict[str, Any]) -> Any:
        try:
            return self.function(**given)  # pyright: ignore[reportCallIssue]  # the schema is the signature
        except (Exception, SystemExit) as error:  # noqa: BLE001  (no future can hold a StopIteration)
            return failure(told(error))


@overload
def tool(function: Callable[P, T], /) -> FunctionTool[P, T]: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    reads: Touches | None = None,
    writes: Touches | None = None,
    exclusive: bool = False,
    early: bool | None = None,
    timeout: float | None = None,
) -> Callable[[Callable[P, T]], FunctionTool[P, T]]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    reads: Touches | None = None,
    writes: Touches | None = None,
    exclusive: bool = False,
    early: bool | None = None,
    timeout: float | None = None,
) -> Any:
    """Make a Python function a tool.

    Without a word about access, calls conflict with nobody and start when the message has ended. A function that
    declares what it reads, and writes nothing, may start while the reply still streams.

    Args:
        function: the function, synchronous or `async`. Its parameters need names and annotations; one annotated
            `ToolContext` gets the call's context and is not shown to the model.
        name: the tool's name, if not the function's.
        description: what the model reads, if not the docstring.
        reads: resources the result depends on, such as `("db", "users")`; or a function of some of the arguments,
            by their names, that returns them: `lambda path: ("file", path)`.
        writes: resources the call may change, likewise.
        exclusive: the call may touch anything and runs alone, in its turn.
        early: whether a call may start before its message has ended, and so may run for a reply that is thrown away.
            By default so if it declares reads and no writes.
        timeout: seconds a call may run, if not the agent's limit.

    Raises:
        TypeError: the function's parameters cannot be described to a model, or the declarations contradict each other.
    """

    def decorate(function: Callable[..., Any]) -> FunctionTool[..., Any]:
        called = name or getattr(function, "__name__", type(function).__name__)
        if _NAME.fullmatch(called) is None:
            raise TypeError(f"{called!r} is no name for a tool: letters, digits, _ and -, at most 64; give name=")
        signature = Signature(function, called, description)
        declaration = Declaration(tool=called, reads=reads, writes=writes, exclusive=exclusive, early=early)
        access = declared_access(declaration, signature.struct.__struct_fields__)
        return FunctionTool(function, signature, access, called, timeout)

    return decorate if function is None else decorate(function)


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def _cancelled() -> bool:
    """Tell whether somebody asked this task to stop."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _own_threads() -> CapacityLimiter:
    limiter = _threads.get(None)
    if limiter is None:
        limiter = CapacityLimiter(MAX_THREADS)
        _threads.set(limiter)
    return limiter
