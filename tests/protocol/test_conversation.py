"""Messages, blocks and turns, whatever JSON they are made of."""

from typing import Any

from conversations import JUNK_REQUESTS
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_talk import assistant, call, request, result, system, text, user

from antiphon.protocol.conversation import Conversation, Turn, group_turns
from antiphon.protocol.dialects import dialect
from antiphon.protocol.messages import blocks_of, text_of, tool_results, tool_uses

ANTHROPIC = dialect("anthropic")


def test_string_content_is_one_text_block_and_an_empty_string_is_none() -> None:
    assert blocks_of(user("hi")) == [text("hi")]
    assert blocks_of(user("")) == []


def test_what_is_no_block_is_left_out() -> None:
    assert blocks_of({"role": "user", "content": ["x", None, text("hi"), 7]}) == [text("hi")]
    assert blocks_of({"role": "user", "content": 7}) == []
    assert blocks_of({}) == []


def test_calls_results_and_text_are_found_in_the_order_they_stand() -> None:
    message = assistant(text("a"), call("1"), text("b"), call("2"))
    assert [block["id"] for block in tool_uses(message)] == ["1", "2"]
    assert text_of(message) == "ab"
    assert [block["tool_use_id"] for block in tool_results(user(result("2"), result("1")))] == ["2", "1"]
    assert text_of({"role": "user", "content": [{"type": "text"}, {"type": "text", "text": None}, text("c")]}) == "c"


def test_neighbours_of_one_role_are_one_turn_with_places_as_sent() -> None:
    messages = [user("go"), user(text("x"), text("y")), assistant("ok"), user("z")]
    assert list(group_turns(messages, 0, merge=True)) == [
        Turn("user", (0, 1), ((0, 0, text("go")), (1, 0, text("x")), (1, 1, text("y")))),
        Turn("assistant", (2,), ((2, 0, text("ok")),)),
        Turn("user", (3,), ((3, 0, text("z")),)),
    ]
    assert [turn.messages for turn in group_turns(messages, 0, merge=False)] == [(0,), (1,), (2,), (3,)]


def test_messages_without_a_readable_role_are_turns_of_their_own() -> None:
    messages: list[Any] = [user("go"), None, {"role": 7}, {"content": "x"}, system("s"), system("t")]
    turns = list(group_turns(messages, 0, merge=True))
    assert [(turn.role, turn.messages) for turn in turns] == [
        ("user", (0,)),
        ("", (1,)),
        ("", (2,)),
        ("", (3,)),
        ("system", (4, 5)),
    ]


def test_turns_begin_with_the_one_before_the_start() -> None:
    messages = [user("a"), assistant("b"), user("c"), user("d"), assistant("e"), assistant("f")]
    assert [turn.messages for turn in group_turns(messages, 5, merge=True)] == [(2, 3), (4, 5)]
    assert [turn.messages for turn in group_turns(messages, 3, merge=True)] == [(1,), (2, 3), (4, 5)]
    assert [turn.messages for turn in group_turns(messages, 5, merge=False)] == [(4,), (5,)]
    assert [turn.messages for turn in group_turns(messages, 99, merge=False)] == [(4,), (5,)]
    assert list(group_turns([], 3, merge=True)) == []


@settings(deadline=None)
@given(junk=JUNK_REQUESTS, start=st.integers(-2, 9), merges=st.booleans())
def test_any_json_is_a_conversation(junk: Any, start: int, merges: bool) -> None:  # noqa: FBT001  drawn, not called
    upstream = ANTHROPIC if merges else dialect("bedrock")
    conversation = Conversation(junk, upstream, start)
    covered = [index for turn in conversation.turns for index in turn.messages]
    assert covered == list(range(len(conversation.messages)))[len(conversation.messages) - len(covered) :]
    assert [index for index, _ in conversation.new_messages()] == list(range(max(start, 0), len(conversation.messages)))


def test_what_several_rules_ask_is_worked_out_once() -> None:
    asked: list[Conversation] = []
    conversation = Conversation(request(user("go")), ANTHROPIC)

    def count(of: Conversation) -> int:
        asked.append(of)
        return len(of.messages)

    assert [conversation.work_out(count), conversation.work_out(count)] == [1, 1]
    assert len(asked) == 1
