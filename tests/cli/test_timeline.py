from dataclasses import replace

import pytest
from hand_made import CALLS, changed, reply, results, started, three_calls
from inline_snapshot import snapshot

from antiphon.agent.events import AgentEvent, CallStreaming, TurnDiscarded, TurnStarted
from antiphon.cli.safe_text import columns
from antiphon.cli.timeline import Timeline, picture, timelines
from antiphon.engine.events import Result, ToolCall, failure

OK = Result("ok")


def drawn(timeline: Timeline, width: int, *, ascii_only: bool = False) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in picture(timeline, width, ascii_only=ascii_only)]


def test_the_three_orders_are_told_apart() -> None:
    (turn,) = timelines(three_calls())
    assert [span.id for span in turn.spans] == ["a", "b", "c"]
    assert turn.finished == ("b", "c", "a")
    assert turn.sent == ("a", "b", "c")
    assert turn.numbers(turn.finished) == "2 3 1"


def test_wall_time_stands_beside_the_sum_and_the_ideal() -> None:
    (turn,) = timelines(three_calls())
    assert (turn.wall, turn.one_after_another, turn.ideal) == pytest.approx((1.2, 2.1, 1.2))


def test_the_picture_shows_who_ran_when() -> None:
    (turn,) = timelines(three_calls())
    assert drawn(turn, 100) == snapshot(
        [
            "  asked 1 2 3   finished 2 3 1   sent 1 2 3",
            "                0 s                                            1.3 s          asked  finished  sent",
            "  1 web_search  ····████████████████████████████████████████████████  1.2 s       1         3     1",
            "  2 web_search      ····████████████████                              0.4 s       2         1     2",
            "  3 read_file           ····████████████████████                      0.5 s       3         2     3",
            "  took 1.20 s   one after another 2.10 s   ideal 1.20 s",
        ]
    )


def test_a_narrow_picture_keeps_the_bars() -> None:
    (turn,) = timelines(three_calls())
    assert drawn(turn, 60) == snapshot(
        [
            "  asked 1 2 3   finished 2 3 1   sent 1 2 3",
            "                0 s                           1.3 s",
            "  1 web_search  ···████████████████████████████████  1.2 s",
            "  2 web_search     ··███████████                     0.4 s",
            "  3 read_file        ···██████████████               0.5 s",
            "  took 1.20 s   one after another 2.10 s   ideal 1.20 s",
        ]
    )
    assert max(columns(line) for line in drawn(turn, 30)) <= 30


def test_a_plain_picture_needs_ascii_only() -> None:
    (turn,) = timelines(three_calls())
    assert drawn(turn, 80, ascii_only=True) == snapshot(
        [
            "  asked 1 2 3   finished 2 3 1   sent 1 2 3",
            "                0 s                        1.3 s          asked  finished  sent",
            "  1 web_search  ..##############################  1.2 s       1         3     1",
            "  2 web_search    ...##########                   0.4 s       2         1     2",
            "  3 read_file        ..#############              0.5 s       3         2     3",
            "  took 1.20 s   one after another 2.10 s   ideal 1.20 s",
        ]
    )
    assert all(line.isascii() for line in drawn(turn, 80, ascii_only=True))


def test_an_order_other_than_asked_is_seen_in_the_picture() -> None:
    (turn,) = timelines(three_calls())
    orders = picture(replace(turn, sent=("b", "c", "a")), 100)[0]
    assert orders[-1] == ("2 3 1", "bad")


def two_edits() -> list[AgentEvent]:
    """Two edits of one file, then a read that may start early; the edits wait for the end of the reply."""
    first, second = (ToolCall(id_, "edit_file", {"path": "a.py"}) for id_ in "xy")
    read = CALLS["c"]
    return [
        started(),
        TurnStarted(1, 0.0),
        changed(0, first, "waiting", 0.1),
        changed(1, second, "waiting", 0.2, waits_for=("x",)),
        changed(2, read, "running", 0.3),
        reply([first, second, read], 0.5),
        changed(0, first, "running", 0.5),
        changed(2, read, "done", 0.8, result=OK),
        changed(0, first, "done", 1.0, result=OK),
        changed(1, second, "running", 1.1),
        changed(1, second, "failed", 1.6, result=failure("no")),
        results("xyc", 1.7),
    ]


def test_the_ideal_honours_what_a_call_had_to_wait_for() -> None:
    (turn,) = timelines(two_edits())
    assert turn.wall == pytest.approx(1.6)
    assert turn.ideal == pytest.approx(0.5 + 0.5 + 0.5 - 0.1)


def test_waiting_and_failing_are_seen_in_the_picture() -> None:
    (turn,) = timelines(two_edits())
    assert drawn(turn, 80) == snapshot(
        [
            "  asked 1 2 3   finished 3 1 2   sent 1 2 3",
            "               0 s                         1.6 s          asked  finished  sent",
            "  1 edit_file  ░░░░░░░░███████████                0.5 s       1         2     1",
            "  2 edit_file    ░░░░░░░░░░░░░░░░░░░██████████    0.5 s       2         3     2",
            "  3 read_file      ██████████                     0.5 s       3         1     3",
            "  took 1.60 s   one after another 1.50 s   ideal 1.40 s",
        ]
    )
    assert [style for text, style in picture(turn, 80)[3] if "█" in text] == ["bad"]


def test_a_call_that_never_ran_has_no_bar() -> None:
    events: list[AgentEvent] = [
        TurnStarted(1, 0.0),
        CallStreaming(0, "a", "web_search", 0.0),
        changed(0, CALLS["a"], "denied", 0.5, result=failure("no")),
        results("a", 1.0),
    ]
    (turn,) = timelines(events)
    assert (turn.spans[0].started, turn.one_after_another) == (None, 0.0)
    assert "█" not in "".join(drawn(turn, 80))


def test_turns_without_calls_and_dropped_replies_have_no_timeline() -> None:
    events: list[AgentEvent] = [
        TurnStarted(1, 0.0),
        changed(0, CALLS["a"], "running", 0.1),
        TurnDiscarded("broke off"),
        TurnStarted(1, 1.0),
        reply([], 1.5, text="Hello.", stop_reason="end_turn"),
    ]
    assert timelines(events) == []


def test_the_quickest_call_is_still_seen() -> None:
    events: list[AgentEvent] = [
        TurnStarted(1, 0.0),
        changed(0, CALLS["a"], "running", 0.0),
        changed(1, CALLS["b"], "running", 0.0),
        changed(1, CALLS["b"], "done", 0.0, result=OK),
        changed(0, CALLS["a"], "done", 100.0, result=OK),
        results("ab", 100.0),
    ]
    (turn,) = timelines(events)
    assert [line.count("█") for line in drawn(turn, 80)[2:4]] == snapshot([32, 1])
