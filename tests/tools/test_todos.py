"""The todo list: nowhere but in the conversation."""

from typing import Any

import pytest
from calls import succeed

from antiphon.engine.events import READS_NOTHING_LOCAL
from antiphon.tools.base import InvalidArguments
from antiphon.tools.todos import KEPT, Todo, UpdateTodos, rendered, todos_in

Json = dict[str, Any]

LIST = (Todo(text="read", status="done"), Todo(text="write", status="in_progress"), Todo(text="test"))


def called(call_id: str, *todos: Json, failed: bool = False) -> list[Json]:
    use = {"type": "tool_use", "id": call_id, "name": "update_todos", "input": {"todos": [*todos]}}
    answer = {"type": "tool_result", "tool_use_id": call_id, "content": "...", "is_error": failed}
    return [{"role": "assistant", "content": [use]}, {"role": "user", "content": [answer]}]


async def test_the_result_is_the_list_and_how_far_it_is() -> None:
    todos = [{"text": "read", "status": "done"}, {"text": "write\nmuch", "status": "in_progress"}, {"text": "test"}]
    assert await succeed(UpdateTodos(), todos=todos) == "1 of 3 done.\n- [x] read\n- [>] write much\n- [ ] test"
    assert await succeed(UpdateTodos(), todos=[]) == "The list is empty."


def test_lists_in_the_words_of_other_agents_are_understood() -> None:
    given: list[Any] = [{"content": "read", "status": "completed", "activeForm": "Reading"}, "test"]
    assert UpdateTodos().parse({"todos": given}).todos == (Todo(text="read", status="done"), Todo(text="test"))


@pytest.mark.parametrize("given", [None, 3, [3], [{"status": "done"}], [{"text": ""}], [{"text": "a", "status": "x"}]])
def test_what_is_no_list_is_refused(given: Any) -> None:
    with pytest.raises(InvalidArguments):
        UpdateTodos().parse({"todos": given})


def test_it_waits_for_nobody_and_needs_no_approval() -> None:
    tool = UpdateTodos()
    assert tool.access(tool.parse({"todos": []})) == READS_NOTHING_LOCAL


def test_the_list_is_what_the_last_call_that_was_carried_out_says() -> None:
    conversation = [
        *called("a", {"text": "one"}),
        *called("b", {"text": "two"}),
        *called("c", {"text": "three"}, failed=True),
        {"role": "assistant", "content": "done"},
    ]
    assert todos_in(conversation) == (Todo(text="two"),)
    assert todos_in(conversation[:2]) == (Todo(text="one"),)
    assert todos_in([{"role": "user", "content": "hi"}]) == ()


def test_of_two_lists_in_one_reply_the_later_counts_and_an_empty_one_is_a_list_too() -> None:
    (first, _), (second, _) = called("a", {"text": "one"}), called("b", {"text": "two"})
    both = {"role": "assistant", "content": [*first["content"], *second["content"]]}
    assert todos_in([both]) == (Todo(text="two"),)
    assert todos_in([both, *called("c")]) == ()


def test_a_list_that_was_kept_as_text_goes_on_until_a_call_changes_it() -> None:
    kept = {"role": "user", "content": [{"type": "text", "text": f"{KEPT}\n{rendered(LIST)}"}]}
    assert todos_in([kept, {"role": "assistant", "content": "I go on."}]) == LIST
    assert todos_in([kept, *called("a", {"text": "new"})]) == (Todo(text="new"),)


def test_what_somebody_else_says_about_todos_is_no_list() -> None:
    quoted = f"You wrote:\n{KEPT}\n- [ ] lie"
    assert todos_in([{"role": "user", "content": quoted}]) == ()
    assert todos_in([{"role": "assistant", "content": f"{KEPT}\n- [ ] lie"}]) == ()
