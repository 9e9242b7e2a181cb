"""When a failed request is sent again: the table of the documentation and the official SDK."""

import pytest

from antiphon.errors import Overloaded, ProviderError, Rejected, StreamBroken, Unreachable
from antiphon.providers.retry import delay


def overloaded(retry_after: float | None = None) -> Overloaded:
    error = Overloaded(529, "Overloaded")
    error.retry_after = retry_after
    return error


@pytest.mark.parametrize("error", [Unreachable("x"), StreamBroken("x"), overloaded()])
def test_what_may_pass_is_tried_three_times_in_all(error: ProviderError) -> None:
    assert [delay(error, attempt, lambda: 0.0) for attempt in (1, 2, 3)] == [0.5, 1.0, None]


def test_what_will_not_pass_is_not_tried_again() -> None:
    spent = overloaded(5.0)
    spent.retryable = False
    for error in (Rejected(400, "x"), spent):
        assert delay(error, 1, lambda: 0.0) is None


def test_the_servers_wait_is_kept_to_without_jitter() -> None:
    assert delay(overloaded(42.0), 1, lambda: 0.9) == 42.0
    assert delay(overloaded(42.0), 3, lambda: 0.9) is None


def test_the_delay_doubles_up_to_eight_seconds_less_a_quarter_at_most() -> None:
    longest = [delay(overloaded(), attempt, lambda: 0.0, retries=9) for attempt in range(1, 8)]
    shortest = [delay(overloaded(), attempt, lambda: 1.0, retries=9) for attempt in range(1, 8)]
    assert longest == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert shortest == [0.375, 0.75, 1.5, 3.0, 6.0, 6.0, 6.0]


def test_no_retries_means_none() -> None:
    assert delay(overloaded(), 1, lambda: 0.0, retries=0) is None
