import signal

import pytest
from anyio.from_thread import start_blocking_portal

from antiphon.cli.exit_codes import ExitCode
from antiphon.cli.interrupts import Interrupts


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def interrupts(clock: Clock) -> Interrupts:
    return Interrupts(clock)


def test_ctrl_c_stops_the_run_and_the_session_goes_on(interrupts: Interrupts) -> None:
    stopped: list[bool] = []
    interrupts.stop = lambda: stopped.append(True)
    interrupts.handle(signal.SIGINT)
    assert stopped == [True]
    assert interrupts.leaving is None


def test_ctrl_c_twice_in_two_seconds_leaves(interrupts: Interrupts, clock: Clock) -> None:
    stopped: list[bool] = []
    interrupts.stop = lambda: stopped.append(True)
    interrupts.handle(signal.SIGINT)
    clock.now += 1.9
    interrupts.handle(signal.SIGINT)
    assert interrupts.leaving is ExitCode.INTERRUPTED
    assert stopped == [True, True]


def test_ctrl_c_twice_in_a_longer_time_does_not_leave(interrupts: Interrupts, clock: Clock) -> None:
    interrupts.stop = lambda: None
    interrupts.handle(signal.SIGINT)
    clock.now += 2.1
    interrupts.handle(signal.SIGINT)
    assert interrupts.leaving is None


def test_who_presses_a_third_time_is_not_kept_waiting(interrupts: Interrupts) -> None:
    interrupts.stop = lambda: None
    interrupts.handle(signal.SIGINT)
    interrupts.handle(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interrupts.handle(signal.SIGINT)


def test_ctrl_c_interrupts_the_reading_of_a_line(interrupts: Interrupts) -> None:
    interrupts.reading = True
    with pytest.raises(KeyboardInterrupt):
        interrupts.handle(signal.SIGINT)
    assert interrupts.leaving is None


def test_between_reading_and_running_a_signal_only_counts(interrupts: Interrupts) -> None:
    interrupts.handle(signal.SIGINT)
    interrupts.handle(signal.SIGINT)
    assert interrupts.leaving is ExitCode.INTERRUPTED


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_stops_the_run_and_leaves(interrupts: Interrupts, number: signal.Signals) -> None:
    stopped: list[bool] = []
    interrupts.stop = lambda: stopped.append(True)
    interrupts.handle(number)
    assert stopped == [True]
    assert interrupts.leaving is ExitCode.TERMINATED


def test_signals_are_given_back(interrupts: Interrupts) -> None:
    before = signal.getsignal(signal.SIGINT)
    with start_blocking_portal() as portal, interrupts.installed(portal):
        assert signal.getsignal(signal.SIGINT) == interrupts.handle
    assert signal.getsignal(signal.SIGINT) == before
