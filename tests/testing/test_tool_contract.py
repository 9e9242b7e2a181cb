"""The suite for tools finds what is wrong with a tool, and nothing wrong with ours."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.to_thread
import pytest
from anyio.lowlevel import checkpoint

from antiphon.engine.events import INDEPENDENT, Access, Result, failure
from antiphon.protocol.messages import Json
from antiphon.testing import check_tool
from antiphon.tools.base import InvalidArguments, Tool, ToolContext, Workspace
from antiphon.tools.edit_file import EditFile
from antiphon.tools.function import tool
from antiphon.tools.list_files import ListFiles
from antiphon.tools.read_file import ReadFile
from antiphon.tools.search_files import SearchFiles
from antiphon.tools.write_file import WriteFile


class Plain:
    """A tool that keeps the contract; tests break it in one place."""

    name = "plain"
    description = "Says a word."
    timeout: float | None = None
    input_schema: Json = {  # noqa: RUF012  (what a tool of one's own may look like)
        "type": "object",
        "properties": {"word": {"type": "string"}},
        "required": ["word"],
        "additionalProperties": False,
    }

    def parse(self, arguments: Json) -> Any:
        if set(arguments) != {"word"} or not isinstance(arguments["word"], str):
            raise InvalidArguments("The one argument is word, a text.")
        return arguments["word"]

    def access(self, arguments: Any) -> Access:
        del arguments
        return INDEPENDENT

    async def run(self, arguments: Any, context: ToolContext) -> Result:
        context.output("said\n")
        await checkpoint()
        return failure("not that word") if arguments == "bad" else Result(arguments)


async def test_a_tool_that_keeps_the_contract_passes() -> None:
    result = await check_tool(Plain(), {"word": "hello"}, failing=[{"word": "bad"}])
    assert result == Result("hello")


@tool(reads=("db",))
async def waiting(word: str, times: int = 1) -> str:
    """Say a word."""
    await anyio.sleep(0.001)
    return word * times


@tool
def blocking(word: str) -> dict[str, str]:
    """Say a word."""
    return {"word": word}


@pytest.mark.parametrize("one", [waiting, blocking])
async def test_python_functions_pass(one: Tool) -> None:
    await check_tool(one, {"word": "a"})


EDIT = {"path": "a.txt", "old_string": "one", "new_string": "two"}


@pytest.mark.parametrize(
    ("make", "arguments", "failing"),
    [
        (ReadFile, {"path": "a.txt"}, [{"path": "none"}, {"path": "."}]),
        (WriteFile, {"path": "new/b.txt", "content": "x"}, [{"path": ".", "content": "x"}]),
        (EditFile, EDIT, [EDIT | {"old_string": ""}, EDIT | {"path": "none"}]),
        (ListFiles, {"recursive": True}, [{"path": "none"}]),
        (ListFiles, {}, [{"path": "a.txt"}]),
        (SearchFiles, {"pattern": "o"}, [{"pattern": "("}, {"pattern": "x", "path": "none"}]),
    ],
)
async def test_our_tools_for_files_pass(
    tmp_path: Path, make: Callable[[Workspace], Tool], arguments: Json, failing: list[Json]
) -> None:
    (tmp_path / "a.txt").write_text("one\n")
    await check_tool(make(Workspace.at(tmp_path)), arguments, failing=failing)


async def fails(
    broken: Tool,
    arguments: Json | None = None,
    *,
    failing: Sequence[Json] = (),
    timeout: float = 5.0,  # noqa: ASYNC109
) -> str:
    with pytest.raises(AssertionError) as error:
        await check_tool(broken, arguments or {"word": "hello"}, failing=failing, timeout=timeout, patience=0.3)
    return str(error.value)


def broken(**parts: Any) -> Tool:
    """Return the plain tool with some parts replaced."""
    return type("Broken", (Plain,), parts)()


def always(value: Any) -> Callable[..., Any]:
    """Return a method that answers this, whatever it is asked."""

    def method(*_arguments: Any) -> Any:
        return value

    return method


def counting(count: list[int], make: Callable[[int], Any]) -> Callable[..., Any]:
    """Return a method that answers something else each time."""

    def method(*_arguments: Any) -> Any:
        count.append(len(count))
        return make(len(count))

    return method


SCHEMA = Plain.input_schema


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"name": "not a name"}, "must have a name of letters"),
        ({"description": " "}, "must have a description"),
        ({"timeout": 0}, "must have a timeout above 0"),
        ({"input_schema": {"type": "array"}}, "must have a schema of type object"),
        ({"input_schema": {**SCHEMA, "anyOf": []}}, "must not have anyOf at the top"),
        ({"input_schema": {**SCHEMA, "properties": {"a b": {}}}}, "must name properties by letters"),
        ({"input_schema": {**SCHEMA, "required": ["x"]}}, "must not require properties it does not have: ['x']"),
        ({"input_schema": {**SCHEMA, "default": {1, 2}}}, "must have a schema that is JSON"),
        (
            {"input_schema": {**SCHEMA, "properties": {"word": {"type": "array", "items": {"type": "text"}}}}},
            "must use types of JSON schema, not 'text'",
        ),
        ({"access": always(None)}, "must tell what it touches as an Access"),
        ({"access": always(Access(reads=cast("Any", ("a",))))}, "by tuples of texts"),
    ],
)
async def test_what_a_tool_says_about_itself_is_looked_at(parts: dict[str, Any], said: str) -> None:
    assert said in await fails(broken(**parts))


async def test_words_that_change_from_time_to_time_are_found() -> None:
    description = property(counting([], "Number {}.".format))
    assert "the same words each time" in await fails(broken(description=description))

    def access(number: int) -> Access:
        return Access(reads=((str(number),),))

    assert "the same access" in await fails(broken(access=counting([], access)))


async def test_an_access_that_takes_long_is_found() -> None:
    def slow(_self: Plain, _arguments: Any) -> Access:
        time.sleep(0.01)
        return INDEPENDENT

    assert "within 5 ms" in await fails(broken(access=slow))


async def test_how_arguments_are_read_is_looked_at() -> None:
    def swallow(_self: Plain, arguments: Json) -> Any:
        return arguments.get("word")

    def rewrite(_self: Plain, arguments: Json) -> Any:
        return arguments.pop("word")

    def speechless(_self: Plain, arguments: Json) -> Any:
        if set(arguments) != {"word"}:
            raise InvalidArguments("")
        return arguments["word"]

    def unhelpful(_self: Plain, arguments: Json) -> Any:
        if set(arguments) != {"word"}:
            raise InvalidArguments("no")
        return arguments["word"]

    def lax(_self: Plain, arguments: Json) -> Any:
        if "word" not in arguments:
            raise InvalidArguments("word is missing")
        return arguments["word"]

    def raising(_self: Plain, arguments: Json) -> Any:
        return arguments["word"]

    assert "must refuse arguments without word" in await fails(broken(parse=swallow))
    assert "by InvalidArguments, not KeyError('word')" in await fails(broken(parse=raising))
    assert "must leave the arguments that were sent" in await fails(broken(parse=rewrite))
    assert "must say why it refuses" in await fails(broken(parse=speechless))
    assert "must say that word is missing" in await fails(broken(parse=unhelpful))
    assert "must refuse an argument that its schema does not have" in await fails(broken(parse=lax))
    assert "must take the arguments it is checked with" in await fails(Plain(), {"words": "x"})


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("text", "must come to a Result"),
        (Result(["x"]), "must answer with text or a tuple of blocks"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the mistake
        (Result(({"type": "document"},)), "must answer with text and image blocks"),
        (Result(({"type": "text"},)), "must answer with text and image blocks"),
        (Result(({"type": "image", "source": {}},), is_error=True), "must fail in text"),
        (Result(({"type": "text", "text": "x", "more": {1}},)), "must answer with JSON"),
    ],
)
async def test_what_a_run_comes_to_is_looked_at(result: Any, said: str) -> None:
    async def run(_self: Plain, _arguments: Any, _context: ToolContext) -> Any:
        return result

    assert said in await fails(broken(run=run))


async def test_a_tool_that_raises_or_succeeds_where_it_should_fail_is_found() -> None:
    async def run(_self: Plain, _arguments: Any, _context: ToolContext) -> Result:
        raise ValueError("oops")

    assert "must not raise but fail in its result; it raised ValueError('oops')" in await fails(broken(run=run))
    assert "must fail with {'word': 'good'}, and came to 'good'" in await fails(Plain(), failing=[{"word": "good"}])


async def test_a_run_that_never_ends_is_found() -> None:
    async def run(_self: Plain, _arguments: Any, _context: ToolContext) -> Result:
        await anyio.sleep_forever()
        return Result("")

    assert "must come to an end" in await fails(broken(run=run), timeout=0.2)


async def test_a_run_that_raises_instead_of_being_stopped_is_found() -> None:
    async def run(_self: Plain, _arguments: Any, _context: ToolContext) -> Result:
        try:
            await anyio.sleep(0.05)
        except BaseException as error:
            raise ValueError("stopped") from error
        return Result("")

    with pytest.raises(ExceptionGroup) as error:
        await check_tool(broken(run=run), {"word": "x"})
    assert "must not raise when it is stopped" in str(error.value.exceptions[0])


async def test_a_process_that_outlives_a_stopped_run_is_found() -> None:
    started: list[subprocess.Popen[bytes]] = []

    async def run(_self: Plain, _arguments: Any, _context: ToolContext) -> Result:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])  # noqa: ASYNC220
        started.append(child)
        await anyio.sleep(0.01)
        child.kill()
        child.wait()
        return Result("")

    try:
        assert "there is still the process" in await fails(broken(run=run))
    finally:
        for child in started:
            child.kill()
            child.wait()


async def test_a_thread_that_goes_on_after_a_stopped_run_is_found() -> None:
    release = threading.Event()

    def wait_aside() -> None:
        release.wait(20)

    async def run(_self: Plain, _arguments: Any, _context: ToolContext) -> Result:
        with anyio.move_on_after(0.02):
            await anyio.to_thread.run_sync(wait_aside, abandon_on_cancel=True)
        return Result("")

    try:
        assert "there is still the thread 'AnyIO worker thread'" in await fails(broken(run=run))
        release.set()
        await check_tool(broken(run=run), {"word": "x"})
    finally:
        release.set()


async def test_a_task_that_goes_on_after_a_run_is_found() -> None:
    async with anyio.create_task_group() as tasks:

        async def run(_self: Plain, _arguments: Any, _context: ToolContext) -> Result:
            tasks.start_soon(anyio.sleep_forever, name="forgotten")
            return Result("")

        assert "there is still the task 'forgotten'" in await fails(broken(run=run))
        tasks.cancel_scope.cancel()
