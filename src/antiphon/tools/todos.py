"""A todo list that the model keeps. It is nowhere but in the conversation: in the last call that changed it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from antiphon.engine.events import READS_NOTHING_LOCAL, Access, Result
from antiphon.protocol.messages import Json, blocks_of, is_array, is_object, tool_results, tool_uses
from antiphon.tools.base import Arguments, BaseTool, InvalidArguments, ToolContext

Status = Literal["pending", "in_progress", "done"]

KEPT = "[The todo list:]"
"""Begins a text in which the list goes on where the call that made it is no longer part of the conversation."""

_MARKS: Mapping[Status, str] = {"pending": "- [ ] ", "in_progress": "- [>] ", "done": "- [x] "}
_SYNONYMS = {"completed": "done", "complete": "done", "todo": "pending", "open": "pending", "active": "in_progress"}
"""What other agents call them."""


class Todo(Struct, frozen=True, kw_only=True):
    """One thing to do."""

    text: Annotated[str, Meta(min_length=1)]
    status: Status = "pending"


class UpdateTodosArguments(Arguments, frozen=True):
    """The list."""

    todos: Annotated[tuple[Todo, ...], Meta(description="The whole list, in order; it replaces the one before.")]


class UpdateTodos(BaseTool[UpdateTodosArguments]):
    """Shows the list back, which puts it where the model and its user read it."""

    name = "update_todos"
    arguments = UpdateTodosArguments

    def parse(self, arguments: Json) -> UpdateTodosArguments:
        """Read the list, also in the words of comparable agents.

        Raises:
            InvalidArguments: it is none.
        """
        todos: Any = arguments.get("todos")
        if is_array(todos):
            arguments = {**arguments, "todos": [_in_our_words(todo) for todo in todos]}
        return super().parse(arguments)

    def access(self, arguments: UpdateTodosArguments) -> Access:  # noqa: ARG002  (whatever is to be done)
        """Touches nothing; two lists in one reply need no order, for the later call is the one that counts."""
        return READS_NOTHING_LOCAL

    async def run(self, arguments: UpdateTodosArguments, context: ToolContext) -> Result:  # noqa: ARG002
        """Return the list as it is now."""
        todos = arguments.todos
        if not todos:
            return Result("The list is empty.")
        done = sum(todo.status == "done" for todo in todos)
        return Result(f"{done} of {len(todos)} done.\n{rendered(todos)}")


def rendered(todos: Iterable[Todo]) -> str:
    """Return the list as text, a line each."""
    return "\n".join(_MARKS[todo.status] + " ".join(todo.text.split()) for todo in todos)


def todos_in(messages: Sequence[Json]) -> tuple[Todo, ...]:
    """Return the todo list as it stands at the end of a conversation: what the last call that was carried out says."""
    failed: set[Any] = set()
    for message in reversed(messages):
        failed |= {block.get("tool_use_id") for block in tool_results(message) if block.get("is_error")}
        for call in reversed(list(tool_uses(message))):
            if call.get("name") == UpdateTodos.name and call.get("id") not in failed and is_object(call.get("input")):
                try:
                    return UpdateTodos().parse(call["input"]).todos
                except InvalidArguments:
                    continue
        for block in reversed(blocks_of(message)):
            text: Any = block.get("text")
            if isinstance(text, str) and text.lstrip("\n").startswith(KEPT) and message.get("role") == "user":
                return _read(text)
    return ()


def _read(text: str) -> tuple[Todo, ...]:
    return tuple(
        Todo(text=line.removeprefix(mark), status=status)
        for line in text.splitlines()
        for status, mark in _MARKS.items()
        if line.startswith(mark) and line != mark
    )


def _in_our_words(todo: Any) -> Any:
    if isinstance(todo, str):
        return {"text": todo}
    if not is_object(todo):
        return todo
    status: Any = todo.get("status", "pending")
    return {
        "text": todo.get("text", todo.get("content")),
        "status": _SYNONYMS.get(status, status) if isinstance(status, str) else status,
    }
