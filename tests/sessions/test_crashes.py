"""An agent that is killed at any moment loses nothing, does nothing twice, and can be gone on with.

All points, all faults, and as many random kills as you like: `python -m antiphon.testing.crashes`.
"""

import careless
import pytest

from antiphon.testing import crashes
from antiphon.testing.crashes import Trouble, fail_at, fault, kill_at, mending_fault, undisturbed
from antiphon.testing.system_calls import why_not

pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=f"system calls cannot be watched: {why_not()}"),
    # The server that copies processes, and the connection to it, live as long as this process.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

STRIDE = 9


def test_an_agent_that_nothing_happens_to_does_all_of_it() -> None:
    assert undisturbed().outcome is not None
    assert undisturbed().calls > 100


@pytest.mark.parametrize("part", range(4))
def test_a_kill_at_a_call_that_changes_a_file(part: int) -> None:
    points = range(part * STRIDE // 4, undisturbed().calls, STRIDE)
    assert crashes.points_failure(points[part::4]) is None


@pytest.mark.parametrize("part", range(4))
def test_a_call_that_changes_a_file_fails(part: int) -> None:
    points = range(part, 4 * undisturbed().calls, 61)
    assert crashes.faults_failure(points[part::4]) is None


@pytest.mark.parametrize("part", range(4))
def test_a_kill_at_a_random_moment(part: int) -> None:
    assert crashes.kills_failure(range(part * 100, part * 100 + 8)) is None


def test_a_kill_while_a_damaged_session_is_mended() -> None:
    assert crashes.mendings_failure(range(0, 60, 2)) is None
    assert mending_fault(1000) == ("", True)


def test_the_loops_find_an_agent_that_acts_before_it_writes() -> None:
    found = [fault(kill_at(point), worker=careless.works_before_it_writes)[0] for point in range(20, 100, 8)]
    assert [text for text in found if "happened, and no" in text]


def test_the_loops_find_an_heir_that_does_something_again() -> None:
    found, _ = fault(kill_at(undisturbed().calls - 10), heir=careless.goes_on_by_doing_it_again)
    assert found == "these happened twice: ['command-1']"


def test_the_loops_find_a_conversation_that_lacks_results() -> None:
    found = [fault(kill_at(point), heir=careless.forgets_what_was_asked_for)[0] for point in range(40, 120, 8)]
    assert [text for text in found if text.startswith("the conversation is not valid")]


def test_the_loops_find_a_program_that_is_left_behind() -> None:
    found, _ = fault(kill_at(50), worker=careless.leaves_a_program_behind)
    assert found == "left behind: sleep 60"


def test_a_full_disk_that_gets_room_again_costs_nothing() -> None:
    """One record is kept in memory, and written with the next."""
    found, left = fault(fail_at(4 * 60))
    assert found == ""
    assert left.reached
    assert left.outcome is not None
    assert left.outcome.problem == ""


def test_a_disk_that_stays_full_is_told() -> None:
    found, left = fault(Trouble(at=60, error=fail_at(0).error, lasts=True))
    assert found == ""
    assert left.outcome is not None
    assert "No space left on device" in left.outcome.error + left.outcome.problem
