"""Python functions as tools."""

import asyncio
import functools
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import anyio
import anyio.from_thread
import pytest
from calls import call, fail, succeed
from inline_snapshot import snapshot
from msgspec import Meta, Struct
from pictures import PNG

from antiphon.engine.events import EXCLUSIVE, INDEPENDENT, READS_NOTHING_LOCAL, Access, Result
from antiphon.tools.base import InvalidArguments, Tool, ToolContext
from antiphon.tools.function import FunctionTool, tool
from antiphon.tools.images import Image


@tool
async def population(city: str, year: Annotated[int, "Of the census."] = 2026) -> int:
    """How many people live in a city.

    Counts those who were there.

    Args:
        city: Its English name,
            without the country.
        year: not read, the annotation says it.

    Returns:
        their number.

    Raises:
        KeyError: nobody knows.
    """
    return len(city) * year


def test_a_function_becomes_a_tool_with_what_its_signature_and_docstring_say() -> None:
    assert isinstance(population, Tool)
    assert population.name == "population"
    assert population.description == snapshot(
        """\
How many people live in a city.

Counts those who were there.

Returns:
    their number.\
"""
    )
    assert population.input_schema == snapshot(
        {
            "type": "object",
            "properties": {
                "city": {"description": "Its English name, without the country.", "type": "string"},
                "year": {"description": "Of the census.", "type": "integer", "default": 2026},
            },
            "required": ["city"],
            "additionalProperties": False,
        }
    )


async def test_a_tool_can_still_be_called_as_the_function_it_was() -> None:
    assert await population("Rome", year=2) == 8


def test_without_a_word_about_access_calls_conflict_with_nobody_and_wait_for_the_end_of_the_message() -> None:
    assert population.access(population.parse({"city": "Rome"})) is not None
    assert population.access(population.parse({"city": "Rome"})) == INDEPENDENT


class Point(TypedDict):
    x: int


@dataclass
class Box:
    size: int = 1


class Shape(Struct):
    corners: list[Point]


def test_annotations_of_many_kinds_are_described_and_read() -> None:
    @tool
    def draw(
        kind: Literal["line", "dot"],
        shape: Shape,
        box: Box | None = None,
        weights: dict[str, float] = {"a": 1.0},  # noqa: B006  (a mutable default is copied for every call)
        tags: Annotated[list[str], Meta(max_length=2)] = [],  # noqa: B006
    ) -> list[object]:
        weights["b"] = 2.0
        return [kind, shape, box, weights, tags]

    schema = draw.input_schema
    assert schema["required"] == ["kind", "shape"]
    assert schema["properties"]["kind"] == {"enum": ["dot", "line"]}
    assert schema["properties"]["box"]["properties"] == {"size": {"type": "integer", "default": 1}}
    assert schema["properties"]["tags"] == {
        "type": "array",
        "items": {"type": "string"},
        "maxItems": 2,
        "default": [],
    }
    assert "$ref" not in json.dumps(schema)


async def test_a_mutable_default_is_new_in_every_call() -> None:
    @tool
    async def collect(into: list[str] = ["first"]) -> list[str]:  # noqa: B006
        into.append("more")
        return into

    assert await succeed(collect) == '["first","more"]'
    assert await succeed(collect) == '["first","more"]'


@pytest.mark.parametrize("annotation", [dict, list, Any, dict[str, Any], list[Any], Box])
async def test_a_function_that_changes_its_arguments_does_not_change_the_history(annotation: Any) -> None:
    async def change(value: Any) -> None:
        if not isinstance(value, Box):
            value[0 if annotation in {list, list[Any]} else "inner"].append("changed")

    change.__annotations__["value"] = annotation
    sent: dict[str, Any] = {"value": [["kept"]] if annotation in {list, list[Any]} else {"inner": ["kept"], "size": 1}}
    before = json.dumps(sent)
    await call(tool(change), **sent)
    assert json.dumps(sent) == before


def test_a_parameter_for_the_context_is_not_shown_to_the_model() -> None:
    async def quiet(name: str, context: ToolContext | None = None) -> None: ...

    assert list(greet.input_schema["properties"]) == ["name"]
    assert list(tool(quiet).input_schema["properties"]) == ["name"]


@tool
async def greet(name: str, context: ToolContext) -> str:
    """Greet."""
    context.output(f"greeting {name}\n")
    return f"{context.call_id}: hello {name}"


async def test_the_context_is_handed_in() -> None:
    told: list[str] = []
    result = await greet.run(greet.parse({"name": "Ada"}), ToolContext("call_7", told.append))
    assert (result, told) == (Result("call_7: hello Ada"), ["greeting Ada\n"])


@tool(name="sum-up", description="Adds.", timeout=3)
def add(a: int, b: int) -> int:
    return a + b


async def test_a_synchronous_function_runs_in_a_thread() -> None:
    @tool
    def where() -> str:
        return threading.current_thread().name

    assert threading.current_thread().name not in await succeed(where)
    assert await succeed(add, a=1, b="2") == "3"
    assert (add.name, add.description, add.timeout) == ("sum-up", "Adds.", 3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (None, ""),
        (3, "3"),
        (True, "true"),
        (1.5, "1.5"),
        ({"b": 1, "a": [None]}, '{"b":1,"a":[null]}'),
        ([1, "é"], '[1,"é"]'),
        ((1, 2), "[1,2]"),
        (Box(2), '{"size":2}'),
        (Shape([{"x": 1}]), '{"corners":[{"x":1}]}'),
        ({"odd": "\udc80"}, '{"odd": "\\udc80"}'),
        ({(1, 2): 3}, '{"(1, 2)":3}'),
        (ValueError("as a value"), '"as a value"'),
        (b"bytes that are text", "bytes that are text"),
    ],
)
async def test_what_a_function_returns_becomes_text(value: object, text: str) -> None:
    @tool
    async def give() -> object:
        return value

    assert await succeed(give) == text


async def test_a_result_is_passed_on_as_it_is() -> None:
    @tool
    async def give() -> Result:
        return Result("no", is_error=True)

    assert await call(give) == Result("no", is_error=True)


@pytest.mark.parametrize("value", [PNG, Image(PNG)])
async def test_an_image_becomes_an_image_block(value: object) -> None:
    @tool
    async def paint() -> object:
        return value

    (block,) = (await call(paint)).content
    assert isinstance(block, dict)
    assert block["source"]["media_type"] == "image/png"


async def test_a_list_with_an_image_keeps_its_order() -> None:
    @tool
    async def paint() -> list[object]:
        return ["before", Image(PNG), {"after": 1}]

    blocks = (await call(paint)).content
    assert [block["type"] for block in blocks if isinstance(block, dict)] == ["text", "image", "text"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"\xff\x00", "The tool returned 2 bytes that are neither text nor an image."),
        (Image(PNG[:-20]), "The tool returned an image that cannot be shown: it is damaged or cut off."),
    ],
)
async def test_what_cannot_be_shown_is_a_failure(value: object, text: str) -> None:
    @tool
    async def give() -> object:
        return value

    assert await fail(give) == text


async def test_a_value_that_contains_itself_is_a_failure() -> None:
    @tool
    async def give() -> object:
        value: list[object] = []
        value.append(value)
        return value

    assert "cannot be shown" in await fail(give)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no such city"), "ValueError: no such city"),
        (StopIteration("end"), "StopIteration: end"),
        (KeyError("x"), "KeyError: 'x'"),
        (RuntimeError(), "RuntimeError"),
        (SystemExit(2), "SystemExit: 2"),
        (ExceptionGroup("several", [OSError("a"), ValueError("b")]), "OSError: a; ValueError: b"),
    ],
)
async def test_what_a_function_raises_is_a_failure_in_one_line(error: BaseException, text: str) -> None:
    @tool
    def blocking() -> None:
        raise error

    @tool
    async def waiting() -> None:
        raise error

    assert await fail(blocking) == text
    if not isinstance(error, StopIteration):  # which Python itself turns into another inside a coroutine
        assert await fail(waiting) == text


async def test_a_cancelled_thing_the_function_waited_for_is_a_failure_and_does_not_end_the_task() -> None:
    @tool
    async def wait_in_vain() -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    assert await fail(wait_in_vain) == "CancelledError"


async def test_a_cancelled_call_is_cancelled() -> None:
    started = anyio.Event()
    ended: list[str] = []

    @tool
    async def wait() -> None:
        started.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("cleaned up")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(functools.partial(call, wait))
        await started.wait()
        tasks.cancel_scope.cancel()
    assert ended == ["cleaned up"]


async def test_a_cancelled_call_does_not_wait_for_its_thread_and_the_thread_can_notice() -> None:
    inside = threading.Event()
    told = threading.Event()
    noticed = threading.Event()

    @tool
    def work() -> None:
        inside.set()
        told.wait(30)
        try:
            anyio.from_thread.check_cancelled()
        finally:
            noticed.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(functools.partial(call, work))
        await anyio.to_thread.run_sync(inside.wait, 30)
        tasks.cancel_scope.cancel()
    assert not noticed.is_set()
    told.set()
    assert noticed.wait(30)


async def test_blocking_functions_run_side_by_side() -> None:
    both = threading.Barrier(2, timeout=30)

    @tool
    def meet() -> str:
        both.wait()
        return "met"

    results: list[Result] = []

    async def one() -> None:
        results.append(await call(meet))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one)
        tasks.start_soon(one)
    assert results == [Result("met"), Result("met")]


async def test_a_plain_function_may_hand_out_something_to_wait_for() -> None:
    @tool
    def later(name: str) -> Awaitable[str]:
        async def answer() -> str:
            return name

        return answer()

    assert await succeed(later, name="x") == "x"


async def test_methods_partials_and_callable_objects_can_be_tools() -> None:
    class Adder:
        def __init__(self, base: int) -> None:
            self.base = base

        async def add(self, number: int) -> int:
            """Add a number."""
            return self.base + number

        async def __call__(self, number: int) -> int:
            """Add a number, too."""
            return self.base + number

    async def plus(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    method = tool(Adder(1).add)
    instance = tool(name="adder")(Adder(2))
    partial = tool(name="plus_three")(functools.partial(plus, 3))
    assert [await succeed(one, number=1) for one in (method, instance)] == ["2", "3"]
    assert await succeed(partial, b=1) == "4"
    assert [one.description for one in (method, instance, partial)] == [
        "Add a number.",
        "Add a number, too.",
        "Add two numbers.",
    ]


# What a call touches.


def access_of(made: FunctionTool[..., Any], **arguments: Any) -> Access:
    return made.access(made.parse(arguments))


async def touch(path: str, mode: str = "r") -> None:
    """Touch a file."""


def file(path: str) -> tuple[str, ...]:
    return ("file", path)


def file_and_mode(path: str, mode: str) -> list[tuple[str, ...]]:
    return [("file", path), ("mode", mode)]


def something_else(other: str) -> tuple[str, ...]:
    return ("file", other)


@pytest.mark.parametrize(
    ("made", "access"),
    [
        (tool(reads=("db", "users"))(touch), Access(reads=(("db", "users"),), early=True)),
        (tool(reads=[("db",), ("net", "a")])(touch), Access(reads=(("db",), ("net", "a")), early=True)),
        (tool(writes=file)(touch), Access(writes=(("file", "a.txt"),))),
        (
            tool(reads=file_and_mode, writes=("log",))(touch),
            Access(reads=(("file", "a.txt"), ("mode", "r")), writes=(("log",),)),
        ),
        (tool(reads=("db",), early=False)(touch), Access(reads=(("db",),))),
        (tool(early=True)(touch), READS_NOTHING_LOCAL),
        (tool(exclusive=True)(touch), EXCLUSIVE),
        (tool(reads=())(touch), Access(early=True)),
    ],
)
def test_what_was_declared_is_the_access_of_a_call(made: FunctionTool[..., Any], access: Access) -> None:
    assert access_of(made, path="a.txt") == access


def test_a_declaration_that_fails_means_that_the_call_may_touch_anything() -> None:
    def known_only(path: str) -> tuple[str, ...]:
        return {"a": ("file",)}[path]

    made = tool(reads=known_only)(touch)
    assert access_of(made, path="a") == Access(reads=(("file",),), early=True)
    assert access_of(made, path="b") == EXCLUSIVE


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ({"early": True, "writes": ("a",)}, "cannot start early"),
        ({"early": True, "exclusive": True}, "cannot start early"),
        ({"reads": something_else}, "reads asks for other, which is no argument"),
        ({"reads": "file"}, "a resource is a tuple of texts"),
        ({"writes": [("file", 3)]}, "a resource is a tuple of texts"),
        ({"writes": ["file", ("a",)]}, "a resource is a tuple of texts"),
        ({"name": "not a name"}, "no name for a tool"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused_at_once(declaration: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        tool(**declaration)(touch)


def many(*values: int) -> None: ...
def named(**values: int) -> None: ...
def by_place(value: int, /) -> None: ...
def steps() -> Iterator[int]:
    yield 1


async def parts() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (many, "has no name a model could use"),
        (named, "has no name a model could use"),
        (by_place, "has no name a model could use"),
        (steps, "a generator cannot be a tool"),
        (parts, "a generator cannot be a tool"),
    ],
)
def test_functions_that_cannot_be_described_are_refused_at_once(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        tool(function)


def test_a_type_that_json_does_not_have_is_refused_with_the_name_of_the_tool() -> None:
    class Handle:
        pass

    def use(handle: Handle) -> None: ...

    with pytest.raises(TypeError, match="tool use: "):
        tool(use)


def test_an_annotation_that_is_not_known_is_named() -> None:
    def unknown(value: str) -> None: ...

    unknown.__annotations__["value"] = "Nowhere"
    with pytest.raises(TypeError, match="the annotation Nowhere is not known"):
        tool(unknown)


def test_unusable_arguments_are_refused_by_their_names() -> None:
    with pytest.raises(InvalidArguments, match="Unknown: `town`"):
        population.parse({"town": "Rome"})
