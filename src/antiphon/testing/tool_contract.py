"""The contract of a tool, as a suite that anybody can run against their own.

It reads what the tool says about itself, hands it good and bad arguments, runs it and stops it at many moments, and
looks at what is left. It does not know whether the tool does its work well.
"""

import copy
import re
import time
from collections.abc import Callable, Iterable
from typing import Any, cast

import anyio
from anyio.lowlevel import checkpoint

from antiphon.engine.events import Access, Result
from antiphon.protocol.encoding import encode
from antiphon.protocol.messages import Json
from antiphon.testing.leftovers import Leftovers
from antiphon.tools.base import InvalidArguments, Limits, Tool, ToolContext
from antiphon.tools.bounding import finish

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_MISFITS: tuple[Any, ...] = (None, True, -1, 1e300, "", "\0\ud800", [], {}, [[]], {"": {}})
_STEPS = (0, 1, 2, 3, 4, 6, 9, 14, 25, 60, 150)
"""After how many steps of the loop a run is stopped."""
_ACCESS_SECONDS = 0.005


async def check_tool(
    tool: Tool,
    arguments: Json,
    *,
    failing: Iterable[Json] = (),
    timeout: float = 60.0,  # noqa: ASYNC109  (of each run, so that a test need not think of it)
    patience: float = 5.0,
) -> Result:
    """Check that a tool keeps its contract; return what it came to. Runs the tool more than a dozen times.

    Args:
        tool: the tool.
        arguments: some that it can do its work with.
        failing: further arguments, with each of which the tool must fail in a result (not by raising).
        timeout: seconds that a run may take.
        patience: seconds until nothing of a stopped run may be left: no task, no child process, no busy thread.

    Raises:
        AssertionError: it does not; the message says what was wanted.
    """
    suite = _Suite(tool, arguments, timeout, patience)
    suite.describes_itself()
    suite.parses()
    suite.refuses_what_does_not_fit()
    suite.tells_its_access()
    result = await suite.runs(arguments)
    for one in failing:
        failed = await suite.runs(one)
        _require(failed.is_error, f"must fail with {one}, and came to {failed.content!r}")
    for steps in _STEPS:
        await suite.can_be_stopped(steps)
    return result


def _require(condition: bool, wanted: str) -> None:  # noqa: FBT001  (reads as assert does)
    if not condition:
        raise AssertionError(f"a tool {wanted}")


def _is(value: object, kind: type) -> bool:
    """Tell whether a value is what its type says: a user's tool may not have been checked for that."""
    return isinstance(value, kind)


class _Suite:
    """The checks, each for itself."""

    def __init__(self, tool: Tool, arguments: Json, timeout: float, patience: float) -> None:
        self.tool = tool
        self.arguments = arguments
        self.timeout = timeout
        self.patience = patience
        self.leftovers = Leftovers()

    def describes_itself(self) -> None:
        tool = self.tool
        _require(_is(tool, Tool), "must have all that antiphon.tools.base.Tool has")
        _require(_NAME.fullmatch(tool.name) is not None, f"must have a name of letters, digits, _ and -: {tool.name!r}")
        _require(bool(tool.description.strip()), "must have a description")
        _require(tool.timeout is None or tool.timeout > 0, "must have a timeout above 0, or None")
        check_schema(tool.input_schema)
        _require(
            encode([tool.description, tool.input_schema]) == encode([tool.description, tool.input_schema]),
            "must describe itself in the same words each time",
        )

    def parses(self) -> None:
        sent = copy.deepcopy(self.arguments)
        try:
            self.tool.parse(sent)
        except InvalidArguments as error:
            raise AssertionError(f"a tool must take the arguments it is checked with: {error}") from error
        _require(sent == self.arguments, "must leave the arguments that were sent as they are")

    def refuses_what_does_not_fit(self) -> None:
        properties = cast("Json", self.tool.input_schema.get("properties", {}))
        required = cast("list[str]", self.tool.input_schema.get("required", []))
        for name in required:
            without = {key: value for key, value in self.arguments.items() if key != name}
            said = self._refusal(without)
            _require(said is not None, f"must refuse arguments without {name}, which its schema requires")
            _require(said is None or name in said, f"must say that {name} is missing, and said {said!r}")
        for name in properties:
            for misfit in _MISFITS:
                self._refusal({**self.arguments, name: misfit})
        said = self._refusal({**self.arguments, "no_such_argument": 1})
        _require(
            said is not None or self.tool.input_schema.get("additionalProperties") is not False,
            "must refuse an argument that its schema does not have",
        )

    def _refusal(self, arguments: Json) -> str | None:
        """Return why these arguments are refused, or None when they are taken."""
        try:
            self.tool.parse(copy.deepcopy(arguments))
        except InvalidArguments as error:
            _require(bool(str(error).strip()), f"must say why it refuses {arguments}")
            return str(error)
        except Exception as error:
            raise AssertionError(f"a tool must refuse {arguments} by InvalidArguments, not {error!r}") from error
        return None

    def tells_its_access(self) -> None:
        parsed = self.tool.parse(copy.deepcopy(self.arguments))
        first = self.tool.access(parsed)
        _require(_is(first, Access), f"must tell what it touches as an Access, not {first!r}")
        for resource in (*first.reads, *first.writes):
            whole = _is(resource, tuple) and all(_is(part, str) for part in resource)
            _require(whole, f"must name what it touches by tuples of texts, not {resource!r}")
        spent: list[float] = []
        for _ in range(20):
            began = time.perf_counter()
            again = self.tool.access(parsed)
            spent.append(time.perf_counter() - began)
            _require(again == first, "must tell the same access for the same arguments")
        _require(min(spent) <= _ACCESS_SECONDS, f"must tell its access within {_ACCESS_SECONDS * 1000:g} ms")

    async def runs(self, arguments: Json) -> Result:
        parsed = self.tool.parse(copy.deepcopy(arguments))
        told: list[str] = []
        results: list[Result] = []
        with anyio.move_on_after(self.timeout):
            try:
                results.append(await self.tool.run(parsed, ToolContext("call_1", told.append)))
            except Exception as error:
                raise AssertionError(f"a tool must not raise but fail in its result; it raised {error!r}") from error
        _require(bool(results), f"must come to an end; with {arguments} it did not within {self.timeout:g} seconds")
        _require(all(_is(text, str) for text in told), "must tell live output as text")
        check_result(results[0])
        await self._require_nothing_left("run")
        return results[0]

    async def can_be_stopped(self, steps: int) -> None:
        parsed = self.tool.parse(copy.deepcopy(self.arguments))

        async def run() -> None:
            try:
                await self.tool.run(parsed, ToolContext("call_1"))
            except Exception as error:
                raise AssertionError(f"a tool must not raise when it is stopped; it raised {error!r}") from error

        ended = False
        with anyio.move_on_after(self.timeout, shield=True):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(run, name=f"stopped after {steps} steps")
                for _ in range(steps):
                    await checkpoint()
                tasks.cancel_scope.cancel()
            ended = True
        _require(ended, f"must end when it is stopped; it did not within {self.timeout:g} seconds")
        await self._require_nothing_left(f"run that was stopped after {steps} steps")

    async def _require_nothing_left(self, what: str) -> None:
        left = await self.leftovers.after(self.patience)
        _require(not left, f"must leave nothing behind; {self.patience:g} seconds after a {what} there is still {left}")


def check_schema(schema: Json) -> None:
    """Check that the API takes a schema of arguments, and that a model can read it.

    Raises:
        AssertionError: it does not; the message says what was wanted.
    """
    _require(schema.get("type") == "object", "must have a schema of type object")
    for key in ("oneOf", "anyOf", "allOf", "enum", "not", "$ref"):
        _require(key not in schema, f"must not have {key} at the top of its schema")
    properties = schema.get("properties", {})
    _require(isinstance(properties, dict), "must have an object of properties")
    for name in cast("dict[str, object]", properties):
        _require(_PROPERTY.fullmatch(name) is not None, f"must name properties by letters, digits, _ . -: {name!r}")
    unknown = set(cast("list[str]", schema.get("required", []))) - set(cast("dict[str, object]", properties))
    _require(not unknown, f"must not require properties it does not have: {sorted(unknown)}")
    try:
        encode(schema)
    except (TypeError, ValueError) as error:
        raise AssertionError(f"a tool must have a schema that is JSON: {error}") from error
    for node in _nodes(schema):
        kind = node.get("type", "string")
        _require(kind in _TYPES, f"must use types of JSON schema, not {kind!r}")


_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


def _nodes(schema: Json) -> Iterable[Json]:
    """Yield every schema in a schema."""
    yield schema
    for child in cast("dict[str, Json]", schema.get("properties", {})).values():
        yield from _nodes(child)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _nodes(schema[key])
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for child in cast("list[Json]", schema.get(key, [])):
            yield from _nodes(child)


def check_result(result: Result) -> None:
    """Check that a result can go into the conversation.

    Raises:
        AssertionError: it cannot; the message says what was wanted.
    """
    _require(_is(result, Result), f"must come to a Result, not {result!r}")
    content = result.content
    if not isinstance(content, str):
        _require(_is(content, tuple), f"must answer with text or a tuple of blocks, not {content!r}")
        for block in content:
            good = _BLOCKS.get(block.get("type", ""))
            _require(good is not None and good(block), f"must answer with text and image blocks, not {block!r:.200}")
            _require(not result.is_error or block["type"] == "text", "must fail in text, not with an image")
    try:
        encode(content)
    except (TypeError, ValueError) as error:
        raise AssertionError(f"a tool must answer with JSON: {error}") from error
    limits = Limits()
    finished = finish(result, limits).content
    texts = [finished] if isinstance(finished, str) else [block.get("text", "") for block in finished]
    _require(sum(map(len, texts)) <= limits.result_chars, "must come to a result that can be bounded")


_BLOCKS: dict[str, Callable[[Json], bool]] = {
    "text": lambda block: isinstance(block.get("text"), str),
    "image": lambda block: isinstance(block.get("source"), dict),
}
