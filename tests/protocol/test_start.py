"""Checking what was added to a conversation that was clean, without looking at all of it again."""

from collections.abc import Iterator, Sequence
from typing import Any, SupportsIndex, overload

import pytest
from conversations import damaged_conversations
from hypothesis import given, settings
from wire_talk import assistant, call, request, result, system, text, user

from antiphon.protocol.checking import check
from antiphon.protocol.context import Dialect
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.dialects import DIALECTS, in_strict_order
from antiphon.protocol.messages import Json

ANTHROPIC = DIALECTS["anthropic"]
_ALL = [*DIALECTS.values(), in_strict_order(ANTHROPIC)]
every_dialect = pytest.mark.parametrize("dialect", _ALL, ids=lambda d: d.name + "-ordered" * d.strict_order)


@every_dialect
@settings(deadline=None)
@given(given_request=damaged_conversations())
def test_where_nothing_is_wrong_before_the_start_the_rest_is_judged_as_in_the_whole(
    given_request: Json, dialect: Dialect
) -> None:
    whole = check(given_request, dialect)
    for start in range(len(given_request["messages"]) + 1):
        if all(violation.message is None or violation.message >= start for violation in whole):
            assert check(given_request, dialect, start=start) == whole


@every_dialect
@settings(deadline=None)
@given(given_request=damaged_conversations())
def test_all_that_can_be_wrong_with_a_clean_conversation_that_grew_is_seen_from_where_it_grew(
    given_request: Json, dialect: Dialect
) -> None:
    messages: list[Any] = given_request["messages"]
    whole = check(given_request, dialect)
    for start in range(1, len(messages) + 1):
        if check({**given_request, "messages": messages[:start]}, dialect) == []:
            assert check(given_request, dialect, start=start) == whole


class _Watched(list[Any]):
    """A list that notes which of its items were looked at."""

    seen: set[int]

    def __init__(self, items: Sequence[Any]) -> None:
        super().__init__(items)
        self.seen = set()

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Any: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[Any]: ...
    def __getitem__(self, index: SupportsIndex | slice, /) -> Any:
        if isinstance(index, slice):
            self.seen.update(range(*index.indices(len(self))))
        else:
            self.seen.add(range(len(self))[index])
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[Any]:
        self.seen.update(range(len(self)))
        return super().__iter__()


@every_dialect
def test_a_later_part_is_checked_without_a_look_at_what_stands_far_before_it(dialect: Dialect) -> None:
    messages = [user("go")]
    for number in range(50):
        messages += [assistant(call(f"toolu_{number}")), user(result(f"toolu_{number}"))]
    watched = _Watched(messages)
    whole = request(thinking={"type": "adaptive"}, model="claude-opus-5")
    assert check({**whole, "messages": watched}, dialect, start=99) == []
    assert min(watched.seen) >= 96


@pytest.mark.parametrize("start", [0, 1, 2, 3, 4, 5])
def test_a_result_repeated_later_is_an_orphan_from_wherever_it_is_looked_at(start: int) -> None:
    given_request = request(
        user("go"), assistant(call("a")), user(result("a")), assistant("done?"), user(result("a"), text("yes"))
    )
    rules = [violation.rule for violation in check(given_request, ANTHROPIC, start=start)]
    assert rules == (["TU004"] if start <= 4 else [])


def test_a_user_message_behind_a_system_message_is_what_is_wrong() -> None:
    # The system message was the last one and fine, until the user went on.
    given_request = request(user("go"), system("be terse"), user("and?"), model="claude-opus-5")
    found = check(given_request, ANTHROPIC, start=2)
    assert [(violation.rule, violation.message) for violation in found] == [("MS008", 2)]


def test_a_start_beyond_the_end_finds_nothing_and_does_not_fail() -> None:
    given_request = request(user("go"), assistant(call("a")))
    assert check(given_request, ANTHROPIC, start=99) == []
    assert check(given_request, ANTHROPIC, start=-3) == check(given_request, ANTHROPIC)


def test_the_turn_before_the_start_is_context() -> None:
    messages = [user("go"), assistant(call("a")), user(result("a")), user("and?"), assistant("ok")]
    conversation = Conversation(request(*messages), ANTHROPIC, start=3)
    assert [turn.messages for turn in conversation.turns] == [(1,), (2, 3), (4,)]
    conversation = Conversation(request(*messages), DIALECTS["bedrock"], start=3)
    assert [turn.messages for turn in conversation.turns] == [(2,), (3,), (4,)]
