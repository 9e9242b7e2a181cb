"""Values come out in the order in which their slots were opened, whatever the order they come in."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.engine.reorder import ReorderBuffer


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.permutations(list("abcdef")))
def test_any_order_of_completion_retires_in_request_order(order: list[str]) -> None:
    buffer: ReorderBuffer[str] = ReorderBuffer()
    for key in "abcdef":
        buffer.open(key)
    for done, key in enumerate(order, start=1):
        assert not buffer.is_complete
        assert buffer.complete(key, key.upper())
        # What retires is always a beginning: up to the first slot that is still empty.
        finished = set(order[:done])
        beginning = [key for key in "abcdef" if set("abcdef"[: "abcdef".index(key) + 1]) <= finished]
        assert list(buffer.retire()) == [(key, key.upper()) for key in beginning]
        assert buffer.open_slots() == [key for key in "abcdef" if key not in finished]
    assert buffer.is_complete


def test_a_value_once_in_stays() -> None:
    buffer: ReorderBuffer[str] = ReorderBuffer()
    buffer.open("a")
    assert buffer.complete("a", "first")
    assert not buffer.complete("a", "second")
    assert buffer.get("a") == "first"
    assert buffer.is_complete


def test_a_value_without_a_slot_is_refused() -> None:
    buffer: ReorderBuffer[str] = ReorderBuffer()
    buffer.open("a")
    assert not buffer.complete("b", "lost")
    assert list(buffer.retire()) == []
    assert buffer.open_slots() == ["a"]


def test_a_second_slot_of_one_key_is_refused_and_the_first_keeps_its_value() -> None:
    buffer: ReorderBuffer[str] = ReorderBuffer()
    buffer.open("a")
    buffer.complete("a", "first")
    with pytest.raises(ValueError, match="'a' is open already"):
        buffer.open("a")
    assert list(buffer.retire()) == [("a", "first")]


def test_a_revoked_value_is_replaced_whether_it_was_in_or_not() -> None:
    buffer: ReorderBuffer[str] = ReorderBuffer()
    for key in "ab":
        buffer.open(key)
    buffer.complete("a", "wrong")
    buffer.revoke("a", "right")
    buffer.revoke("b", "right")
    assert buffer.is_complete
    assert list(buffer.retire()) == [("a", "right"), ("b", "right")]
    assert not buffer.complete("b", "late")


def test_a_buffer_without_slots_is_complete() -> None:
    buffer: ReorderBuffer[str] = ReorderBuffer()
    assert buffer.is_complete
    assert list(buffer.retire()) == []
    assert buffer.open_slots() == []


def test_false_values_are_values() -> None:
    buffer: ReorderBuffer[int] = ReorderBuffer()
    buffer.open("a")
    assert buffer.complete("a", 0)
    assert not buffer.complete("a", 1)
    assert list(buffer.retire()) == [("a", 0)]
