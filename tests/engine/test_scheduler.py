"""A call starts as soon as nothing holds it: no conflict, no question, a message that ended, a free place."""

from itertools import permutations

import pytest

from antiphon.engine.events import EXCLUSIVE, INDEPENDENT, READS_NOTHING_LOCAL, Access, reading, writing
from antiphon.engine.scheduler import Scheduler

A_PY = ("file", "a.py")
B_PY = ("file", "b.py")


def line(limit: int, *accesses: Access, asking: str = "") -> Scheduler:
    """Return a scheduler with calls a, b, c ... of a message that has not ended."""
    scheduler = Scheduler(limit)
    for key, access in zip("abcdefgh", accesses, strict=False):
        scheduler.add(key, access, asking=key in asking)
    return scheduler


def test_reads_start_at_once_and_everything_else_when_the_message_has_ended() -> None:
    scheduler = line(9, reading(A_PY), writing(B_PY), INDEPENDENT, READS_NOTHING_LOCAL, Access(reads=(A_PY,)))
    assert scheduler.start() == ["a", "d"]
    assert scheduler.start() == []
    scheduler.message_ended()
    assert scheduler.start() == ["b", "c", "e"]


def test_a_call_that_is_added_after_the_end_starts_at_once() -> None:
    scheduler = line(9)
    scheduler.message_ended()
    scheduler.add("a", writing(A_PY), asking=False)
    assert scheduler.start() == ["a"]


@pytest.mark.parametrize("order", list(permutations(["end", "allow", "free", "place"])))
def test_a_call_starts_with_the_last_of_what_held_it(order: tuple[str, ...]) -> None:
    scheduler = line(2, reading(A_PY), reading(B_PY), writing(A_PY), asking="c")
    assert scheduler.start() == ["a", "b"]
    happens = {
        "end": scheduler.message_ended,
        "allow": lambda: scheduler.allow("c"),
        "free": lambda: scheduler.remove("a"),
        "place": lambda: scheduler.remove("b"),
    }
    # a, which c conflicts with, makes a place free as well, so b need not be over.
    needed = {"end", "allow", "free"}
    for number, name in enumerate(order, start=1):
        happens[name]()
        done = set(order[:number])
        started = scheduler.start()
        assert started == (["c"] if needed <= done and not needed <= done - {name} else [])


def test_free_places_go_to_the_earliest_call_that_is_ready_not_to_the_first_that_became_so() -> None:
    scheduler = line(1, READS_NOTHING_LOCAL, READS_NOTHING_LOCAL, READS_NOTHING_LOCAL, asking="b")
    assert scheduler.start() == ["a"]
    scheduler.allow("b")
    scheduler.remove("a")
    assert scheduler.start() == ["b"]
    scheduler.remove("b")
    assert scheduler.start() == ["c"]


def test_a_call_whose_question_is_open_holds_those_that_conflict_and_nobody_else() -> None:
    scheduler = line(9, writing(A_PY), reading(A_PY), reading(B_PY), asking="a")
    assert scheduler.start() == ["c"]
    scheduler.message_ended()
    assert scheduler.start() == []
    assert scheduler.blockers("b") == ("a",)
    scheduler.remove("a")  # denied
    assert scheduler.start() == ["b"]


def test_blockers_are_told_in_request_order_and_shrink() -> None:
    scheduler = line(9, reading(A_PY), reading(B_PY), EXCLUSIVE)
    assert scheduler.blockers("c") == ("a", "b")
    scheduler.start()
    scheduler.remove("a")
    assert scheduler.blockers("c") == ("b",)
    scheduler.remove("b")
    assert scheduler.blockers("c") == ()
    assert scheduler.blockers("nobody") == ()


def test_a_waiting_call_can_be_taken_out_and_is_never_started() -> None:
    scheduler = line(1, READS_NOTHING_LOCAL, READS_NOTHING_LOCAL, READS_NOTHING_LOCAL)
    assert scheduler.start() == ["a"]
    scheduler.remove("b")
    scheduler.remove("a")
    assert scheduler.start() == ["c"]
    scheduler.remove("c")
    assert scheduler.start() == []


def test_a_chain_of_conflicts_runs_one_by_one_in_request_order() -> None:
    scheduler = line(9, *(writing(A_PY) for _ in range(8)))
    scheduler.message_ended()
    ran: list[str] = []
    while started := scheduler.start():
        assert len(started) == 1
        ran += started
        scheduler.remove(started[0])
    assert ran == list("abcdefgh")


def test_a_place_is_free_as_soon_as_a_call_is_over_and_only_then() -> None:
    scheduler = line(2, *(READS_NOTHING_LOCAL for _ in range(5)))
    assert scheduler.start() == ["a", "b"]
    assert scheduler.start() == []
    scheduler.remove("b")
    assert scheduler.start() == ["c"]
    scheduler.remove("a")
    scheduler.remove("c")
    assert scheduler.start() == ["d", "e"]
