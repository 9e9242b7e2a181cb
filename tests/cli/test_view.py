from typing import Any

import pytest
from hand_made import CALLS, changed, reply, results, started, three_calls, with_every_state

from antiphon.agent.events import (
    AgentEvent,
    CallHeld,
    CallOutput,
    CallStreaming,
    HookRan,
    Retrying,
    RunEnded,
    RunResult,
    TextAdded,
    ThinkingAdded,
    TurnDiscarded,
    TurnStarted,
)
from antiphon.cli.view import Line, Row, RunView, outcome_of, seconds_text, summary_of
from antiphon.engine.events import Result, ToolCall


def lines_of(events: list[AgentEvent], view: RunView | None = None, now: float = 0.0) -> list[Line]:
    view = view or RunView()
    return [line for event in events for line in view.receive(event, now)]


def states(view: RunView, now: float = 0.0) -> list[tuple[int, str, str]]:
    return [(row.number, row.state, row.note) for row in view.rows(now)]


def test_rows_keep_request_order_whatever_finishes_first() -> None:
    view = RunView()
    orders: list[list[str]] = []
    for event in three_calls():
        view.receive(event, 0.0)
        orders.append([row.summary for row in view.rows(0.0) if row.summary])
    assert orders[13] == ["antiphony in music", "reorder buffer", "notes.md"]
    assert orders[11] == orders[12] == orders[13]


def test_a_row_is_there_as_soon_as_its_block_begins() -> None:
    view = RunView()
    lines_of([TurnStarted(1, 0.0), CallStreaming(0, "a", "read_file", 0.1)], view)
    assert view.rows(0.5) == [Row(1, "read_file", "", "streaming", None, "")]


def test_a_call_waits_for_you_only_when_the_hooks_have_been_asked() -> None:
    view = RunView()
    lines_of([TurnStarted(1, 0.0), changed(0, CALLS["a"], "asking", 0.1), CallHeld("a", held=True)], view)
    assert states(view) == [(1, "asking", "waits for a hook")]
    lines_of([CallHeld("a", held=False)], view)
    assert states(view) == [(1, "asking", "waits for you")]


def test_what_a_hook_has_for_the_user_is_a_line() -> None:
    assert lines_of([HookRan("Stop", "check.sh", 0.2, "two\nthings \x1b[2J")]) == [
        Line("note", "Stop hook: two things")
    ]


def test_finished_turns_become_lines_that_stay() -> None:
    lines = lines_of(three_calls())
    assert [(line.kind, line.text or (line.row and line.row.summary)) for line in lines] == [
        ("text", "I will look things up."),
        ("text", "One moment."),
        ("call", "antiphony in music"),
        ("call", "reorder buffer"),
        ("call", "notes.md"),
        ("summary", "3 calls, 1.2 s; one after another 2.1 s"),
        ("text", "Both sources agree."),
    ]


def test_a_waiting_call_says_for_whom_and_why() -> None:
    view = RunView()
    lines_of(with_every_state(), view)
    assert states(view) == [
        (1, "running", ""),
        (2, "waiting", "waits for #1: same file"),
        (3, "waiting", "waits for #1, #2"),
        (4, "failed", "HTTP 404: no such page"),
        (5, "asking", "waits for you"),
        (6, "denied", "The user said no."),
        (7, "cancelled", "Stopped by the user."),
        (8, "streaming", ""),
    ]


def test_who_is_over_is_not_waited_for_any_more() -> None:
    view = RunView()
    lines_of(with_every_state(), view)
    first = ToolCall("e0", "edit_file", {"path": "src/a.py"})
    view.receive(changed(0, first, "done", 20.6, result=Result("ok")), 20.6)
    assert states(view)[2] == (3, "waiting", "waits for #2")


def test_a_call_that_waits_for_nobody_waits_for_the_end_of_the_reply_then_for_a_place() -> None:
    view = RunView()
    lines_of([TurnStarted(1, 0.0), changed(0, CALLS["a"], "waiting", 0.1)], view)
    assert states(view) == [(1, "waiting", "waits for the end of the reply")]
    view.receive(reply([CALLS["a"]], 0.2), 0.2)
    assert states(view) == [(1, "waiting", "waits for a free place")]


def test_time_runs_on_while_a_call_runs_and_stops_when_it_is_done() -> None:
    view = RunView()
    lines_of([TurnStarted(1, 0.0), changed(0, CALLS["a"], "running", 1.0)], view)
    assert [row.seconds for row in view.rows(3.5)] == [2.5]
    view.receive(changed(0, CALLS["a"], "done", 4.0, result=Result("ok")), 4.0)
    assert [row.seconds for row in view.rows(99.0)] == [3.0]


def test_a_running_call_shows_what_it_printed_last() -> None:
    view = RunView()
    lines_of([TurnStarted(1, 0.0), changed(0, CALLS["a"], "running", 1.0), CallOutput("a", "one\ntwo\x1b[2J\n")], view)
    assert states(view) == [(1, "running", "two")]


def test_a_call_renamed_by_the_engine_keeps_its_row() -> None:
    view = RunView()
    lines_of([TurnStarted(1, 0.0), CallStreaming(0, "dup", "read_file", 0.0)], view)
    view.receive(changed(0, ToolCall("dup-2", "read_file", {"path": "x"}), "running", 0.1), 0.1)
    assert [(row.number, row.summary) for row in view.rows(0.1)] == [(1, "x")]


def test_a_dropped_reply_takes_its_rows_along() -> None:
    view = RunView()
    lines = lines_of(
        [
            TurnStarted(1, 0.0),
            TextAdded("half a sen"),
            changed(0, CALLS["a"], "running", 0.1),
            TurnDiscarded("the stream broke off"),
        ],
        view,
    )
    assert view.rows(0.0) == []
    assert lines == [
        Line("text", "half a sen"),
        Line("note", "The reply was dropped, nothing of it counts: the stream broke off"),
    ]


def test_a_request_that_failed_before_it_said_anything_is_not_told_twice() -> None:
    lines = lines_of([started(), TurnStarted(1, 0.0), TurnDiscarded("overloaded"), Retrying(1, 3, 0.5, "overloaded")])
    assert [line.text for line in lines] == ["overloaded; asking again in 0.5 s (attempt 1 of 3 failed)"]


def test_a_retry_counts_down_until_something_happens() -> None:
    view = RunView()
    lines = view.receive(Retrying(1, 5, 4.0, "The API is overloaded."), 100.0)
    assert lines == [Line("note", "The API is overloaded; asking again in 4.0 s (attempt 1 of 5 failed)")]
    assert view.status(101.0) == "asking again in 3 s"
    view.receive(TurnStarted(1, 104.0), 104.0)
    assert view.status(106.0) == "waiting for the model, 2 s"


def test_the_model_is_waited_for_until_it_says_something() -> None:
    view = RunView()
    lines_of([started(), TurnStarted(1, 1.0)], view)
    assert (view.status(3.0), view.running) == ("waiting for the model, 2 s", True)
    view.receive(TextAdded("He"), 3.0)
    assert (view.status(3.0), view.partial) == ("", "He")
    lines_of([reply([], 4.0), RunEnded(RunResult("He", "end_turn", 1))], view)
    assert (view.status(9.0), view.running) == ("", False)


def test_a_model_that_thinks_is_seen_to_do_so() -> None:
    view = RunView()
    lines_of([started(), TurnStarted(1, 1.0), ThinkingAdded("Hm")], view)
    assert view.status(4.0) == "the model thinks, 3 s"


def test_thinking_is_shown_when_asked_for() -> None:
    events: list[AgentEvent] = [TurnStarted(1, 0.0), ThinkingAdded("hmm\nso"), TextAdded("Yes."), reply([], 1.0)]
    assert lines_of(events) == [Line("text", "Yes.")]
    assert lines_of(events, RunView(thinking=True)) == [
        Line("thinking", "hmm"),
        Line("thinking", "so"),
        Line("text", "Yes."),
    ]


def test_calls_of_a_turn_that_was_not_answered_stay_on_the_screen_too() -> None:
    ended = RunEnded(RunResult("", "cancelled", 1, error="Stopped."))
    lines = lines_of([TurnStarted(1, 0.0), changed(0, CALLS["a"], "running", 0.1), ended])
    assert [line.kind for line in lines] == ["call"]


def test_calls_that_did_not_overlap_save_nothing() -> None:
    a, b = CALLS["a"], CALLS["b"]
    events: list[AgentEvent] = [
        TurnStarted(1, 0.0),
        changed(0, a, "running", 0.0),
        changed(0, a, "done", 1.0, result=Result("ok")),
        changed(1, b, "running", 1.0),
        changed(1, b, "done", 2.0, result=Result("ok")),
        results("ab", 2.0),
    ]
    assert lines_of(events)[-1] == Line("summary", "2 calls, 2.0 s")


def test_nothing_that_comes_from_outside_reaches_the_screen_as_it_is() -> None:
    evil = "\x1b]0;x\x07\x1b[2J\u202e\x9b31m"
    call = ToolCall("a", f"tool{evil}", {f"key{evil}": f"value{evil}"})
    view = RunView()
    lines = lines_of(
        [
            TurnStarted(1, 0.0),
            TextAdded(f"{evil}text\n{evil}partial"),
            CallStreaming(0, "a", f"tool{evil}", 0.0),
            changed(0, call, "running", 0.0),
            CallOutput("a", f"out{evil}"),
        ],
        view,
    )
    shown = [*(line.text for line in lines), view.partial, *(str(row) for row in view.rows(0.0))]
    assert not any(set("\x1b\x07\x9b\u202e") & set(text) for text in shown)


@pytest.mark.parametrize(
    ("arguments", "summary"),
    [
        ({"command": "make  test\n"}, "make test"),
        ({"path": "src/a.py", "content": "x" * 10_000}, "src/a.py"),
        ({"path": "src", "pattern": "def main"}, "def main in src"),
        ({"query": "antiphony"}, "antiphony"),
        ({"a": 1, "b": [2]}, "a=1, b=[2]"),
        ({}, ""),
    ],
)
def test_a_call_is_summed_up_by_what_tells_most(arguments: dict[str, Any], summary: str) -> None:
    assert summary_of(arguments) == summary


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (Result("one line\n"), "one line"),
        (Result("one\ntwo\n\nthree"), "3 lines"),
        (Result(""), "no output"),
        (Result("why\nmore", is_error=True), "why"),
        (Result(({"type": "text", "text": "x"}, {"type": "image"}, {"type": "image"})), "1 text, 2 image"),
    ],
)
def test_an_outcome_is_one_short_line(result: Result, outcome: str) -> None:
    assert outcome_of(result) == outcome


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (99.0, "99 s"), (125.0, "2 min 5 s")]
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


def test_a_todo_list_is_how_far_it_is_and_what_is_being_done() -> None:
    todos = [{"text": "read", "status": "done"}, {"text": "write\nit", "status": "in_progress"}, {"text": "test"}]
    assert summary_of({"todos": todos}) == "1 of 3 done: write it"
    assert summary_of({"todos": []}) == "0 of 0 done"
    assert summary_of({"todos": ["odd", 7]}) == "0 of 2 done"
