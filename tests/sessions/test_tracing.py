import pytest
from inline_snapshot import snapshot

from antiphon.engine.events import (
    INDEPENDENT,
    Cancelled,
    Denied,
    Discarded,
    Finished,
    MessageEnded,
    Requested,
    Result,
    Resumed,
    ToolCall,
    failure,
    reading,
    writing,
)
from antiphon.protocol.messages import Json
from antiphon.sessions.records import (
    Begun,
    Checkpointed,
    Compacted,
    Configured,
    Entry,
    Forked,
    Mended,
    Named,
    Record,
    Replaced,
    Replied,
    RunEnded,
    Truncated,
    TurnBegan,
)
from antiphon.sessions.tokens import Tokens
from antiphon.sessions.tracing.replaying import trace
from antiphon.sessions.tracing.totals import totals
from antiphon.sessions.tracing.values import Call, Request, Trace
from traced_sessions import MODEL, OK, Story, file, killed, long_session, requested, seconds, shop


def of(story: Story, *, now: float | None = None) -> Trace:
    return trace(story.entries, price=penny, now=None if now is None else story.entries[0].at + now)


def penny(reply: Json, model: str) -> float | None:
    return 0.01 if model == MODEL and reply else None


def one(story: Story) -> Request:
    (run,) = of(story).runs
    (request,) = run.requests
    return request


def told(call: Call) -> list[tuple[str, float, float, tuple[int, ...]]]:
    return [(p.kind, round(p.begin, 3), round(p.end, 3), p.calls) for p in call.phases]


def test_every_call_tells_what_it_did_when() -> None:
    (run,) = of(shop()).runs
    assert {call.name: told(call) for call in run.requests[0].calls} == snapshot(
        {
            "read_file": [("running", 1.0, 1.8, ())],
            "search_files": [("running", 1.4, 3.0, ())],
            "edit_file": [("calls", 2.0, 3.0, (2,)), ("running", 3.0, 3.5, ())],
            "run_command": [("approval", 2.4, 4.5, ()), ("running", 4.5, 6.5, ())],
        }
    )
    assert [call.state for call in run.requests[0].calls] == ["done", "done", "done", "failed"]


def test_a_request_tells_when_it_went_out_and_when_its_results_did() -> None:
    (run,) = of(shop()).runs
    first, second = run.requests
    assert seconds([first.sent, first.replied or 0, first.answered or 0, first.followed or 0]) == [0.1, 2.8, 6.5, 6.6]
    assert (second.turn, second.attempt, second.calls, second.answered) == (2, 1, (), None)
    assert (run.stop_reason, run.prompt) == ("end_turn", "Raise the price and run the tests")


def test_time_saved_is_what_overlapped_and_what_ran_before_the_reply_was_complete() -> None:
    (run,) = of(shop()).runs
    first = run.requests[0]
    assert seconds([call.took for call in first.calls]) == [0.8, 1.6, 0.5, 2.0]
    # Behind the reply something ran from 2.8 to 3.5 and from 4.5 to 6.5.
    assert seconds([first.calls_took, first.saved]) == [4.9, 2.2]


def test_totals_hold_time_tokens_and_cost() -> None:
    figures = totals(of(shop()).runs)
    assert seconds([figures.wall, figures.streaming, figures.waited_for_person]) == [8.0, 4.1, 2.1]
    assert (figures.requests, figures.turns, figures.calls) == (2, 2, 4)
    assert figures.tokens == Tokens(700, 260, 7600)
    assert figures.tokens.cache_share == pytest.approx(7600 / 8300)
    assert (figures.cost, figures.unpriced) == (pytest.approx(0.02), 0)


def test_a_call_that_writes_waits_for_the_reply() -> None:
    story = Story().ask(0, "go").tell(0, TurnBegan(1, 8))
    story.tell(1, requested("a", "mail", INDEPENDENT)).reply(3, "a").tell(4, Finished("a", OK)).answer(4, "a")
    assert told(one(story).calls[0]) == [("reply", 1, 3, ()), ("running", 3, 4, ())]


def test_a_call_beyond_the_limit_waits_for_a_free_place() -> None:
    story = Story().ask(0, "go").tell(0, TurnBegan(1, 1))
    story.tell(1, requested("a", "read_file"), requested("b", "read_file"))
    story.tell(2, Finished("a", OK)).reply(3, "a", "b").tell(4, Finished("b", OK)).answer(4, "a", "b")
    assert told(one(story).calls[1]) == [("place", 1, 2, ()), ("running", 2, 4, ())]


def test_a_call_names_all_earlier_calls_it_waited_for_once() -> None:
    story = Story().ask(0, "go").tell(0, TurnBegan(1, 8))
    story.tell(1, requested("a", "read_file", reading(file("x"))), requested("b", "read_file", reading(file("x"))))
    story.tell(2, requested("c", "edit_file", writing(file("x")))).reply(3, "a", "b", "c")
    story.tell(4, Finished("b", OK)).tell(5, Finished("a", OK)).tell(6, Finished("c", OK)).answer(6, "a", "b", "c")
    assert told(one(story).calls[2]) == [("calls", 2, 5, (1, 2)), ("running", 5, 6, ())]


def test_what_never_ran_has_no_time_of_its_own() -> None:
    story = Story().ask(0, "go").tell(0, TurnBegan(1, 8))
    story.tell(1, Requested(ToolCall("a", "no_such_tool", {}), answer=failure("unknown tool")))
    story.tell(1, Requested(ToolCall("b", "run_command", {}), answer=failure("denied by a rule"), denied=True))
    story.tell(1, requested("c", "run_command", INDEPENDENT, ask=True)).reply(2, "a", "b", "c")
    story.tell(3, Denied("c", failure("the user said no"))).answer(3, "a", "b", "c")
    calls = one(story).calls
    assert [(call.state, told(call)) for call in calls] == [
        ("failed", []),
        ("denied", []),
        ("denied", [("approval", 1, 3, ())]),
    ]
    assert calls[2].result == failure("the user said no")


def test_a_stopped_reply_keeps_what_was_done() -> None:
    story = Story().ask(0, "go").tell(0, TurnBegan(1, 8))
    story.tell(1, requested("a", "read_file"), requested("b", "read_file")).tell(2, Finished("a", OK), Cancelled())
    story.tell(2, Replied(({"type": "text", "text": "I will"},), interrupted=True)).answer(2, "a", "b")
    request = one(story.tell(2, RunEnded("cancelled")))
    assert request.outcome == "interrupted"
    assert [call.state for call in request.calls] == ["done", "cancelled"]
    assert request.cost is None


def test_the_last_call_of_a_cut_reply_is_not_done_after_all() -> None:
    story = Story().ask(0, "go").tell(0, TurnBegan(1, 8)).tell(1, requested("a", "read_file"))
    story.tell(2, Finished("a", OK))
    story.tell(3, Replied((), {"stop_reason": "max_tokens"}, cut=True), MessageEnded(cut=True)).answer(3, "a")
    (call,) = one(story).calls
    assert (call.state, told(call)) == ("failed", [("running", 1, 2, ())])


def test_a_request_that_is_made_again_is_another_attempt_at_the_same_turn() -> None:
    story = Story().ask(0, "go").tell(0, TurnBegan(1, 8)).tell(1, requested("a", "read_file"))
    story.tell(2, Discarded("the stream broke")).tell(3, TurnBegan(2, 8)).reply(4).tell(5, TurnBegan(3, 8)).reply(6)
    (run,) = of(story).runs
    assert [(request.turn, request.attempt, request.outcome) for request in run.requests] == [
        (1, 1, "discarded"),
        (1, 2, "replied"),
        (2, 1, "replied"),
    ]
    assert run.requests[0].reason == "the stream broke"
    assert [call.state for call in run.requests[0].calls] == ["cancelled"]
    figures = totals([run])
    assert (figures.requests, figures.turns, figures.calls) == (3, 2, 0)


def test_a_killed_session_says_what_was_left_open() -> None:
    trace_ = of(killed())
    (run,) = trace_.runs
    assert [call.state for call in run.requests[0].calls] == ["done", "unknown", "not run", "unknown"]
    assert [call.ended for call in run.requests[0].calls[1:]] == [None, None, None]
    assert (run.stop_reason, run.ended, trace_.live) == ("", 4, False)


def test_a_session_at_work_goes_on_until_now() -> None:
    trace_ = of(killed(), now=9)
    calls = trace_.runs[0].requests[0].calls
    assert [call.state for call in calls] == ["done", "running", "waiting", "running"]
    assert told(calls[1]) == [("reply", 1, 2, ()), ("running", 2, 9, ())]
    assert told(calls[2]) == [("calls", 1, 9, (2,))]
    assert trace_.live


def test_after_a_crash_reads_run_again_and_the_rest_is_unknown() -> None:
    story = killed().tell(5000, Resumed()).tell(5001, Finished("d", OK)).answer(5001, "a", "b", "c", "d")
    request = one(story)
    assert [call.state for call in request.calls] == ["done", "unknown", "not run", "done"]
    assert told(request.calls[3]) == [("running", 1, 4, ()), ("running", 4, 5, ())]
    (mark,) = request.marks
    assert (mark.kind, mark.seconds, mark.at) == ("resumed", 4996, 4)
    # Nobody waited for it while no process was there.
    assert request.ended == 5


def test_a_run_without_an_end_is_over_when_the_next_one_begins() -> None:
    story = killed().ask(9000, "and now?").tell(9000, TurnBegan(2, 8)).reply(9001).tell(9001, RunEnded("end_turn"))
    first, second = of(story).runs
    assert (first.ended, first.stop_reason) == (4, "")
    assert (second.number, second.ended - second.began) == (2, 1)
    assert [call.state for call in first.requests[0].calls] == ["done", "unknown", "not run", "unknown"]


def test_what_else_happened_is_marked_where_it_happened() -> None:
    story = Story().ask(0, "go").tell(0, TurnBegan(1, 8)).tell(1, requested("a", "edit_file", writing(file("x"))))
    story.reply(2, "a").tell(2, Checkpointed("c0", "edit_file x")).tell(3, Finished("a", OK)).answer(3, "a")
    story.tell(4, Compacted((), "asked", 90_000, {"model": MODEL, "usage": {"input_tokens": 5, "output_tokens": 7}}))
    story.tell(4, Configured({"model": "claude-haiku-4-5"}), TurnBegan(2, 8)).reply(5)
    story.tell(6, Replaced(0, {}, "images were left out"), RunEnded("end_turn"), Truncated(0, "went back"))
    trace_ = of(story.tell(7, Mended(("a page was damaged",))))
    (run,) = trace_.runs
    assert [(mark.kind, mark.text) for mark in run.all_marks] == [
        ("checkpoint", "edit_file x"),
        ("compaction", "asked"),
        ("model", "claude-haiku-4-5"),
        ("replaced", "images were left out"),
    ]
    assert [(mark.kind, mark.text) for mark in trace_.marks] == [
        ("truncated", "went back"),
        ("mended", "a page was damaged"),
    ]
    assert [request.model for request in run.requests] == [MODEL, "claude-haiku-4-5"]
    figures = totals([run])
    assert figures.tokens == Tokens(5, 7)
    assert (figures.cost, figures.unpriced) == (pytest.approx(0.02), 1)


def test_what_a_fork_took_over_is_told_apart() -> None:
    story = shop().tell(3, Forked()).ask(20, "again").tell(20, TurnBegan(3, 8)).reply(21)
    trace_ = of(story)
    assert [(run.inherited, len(run.requests)) for run in trace_.runs] == [(True, 2), (False, 1)]
    assert [run.number for run in trace_.own_runs] == [2]


def test_an_import_has_replies_without_times() -> None:
    said = Replied(({"type": "text", "text": "yes"},))
    story = Story().ask(-900, "go").tell(-900, said, said).ask(-60, "on").tell(-60, said)
    assert [(run.prompt, run.untimed, run.requests) for run in of(story).runs] == [("go", 2, ()), ("on", 1, ())]
    assert of(story).at == story.entries[0].at - 900


def test_a_clock_that_was_set_back_makes_no_negative_times() -> None:
    story = Story().ask(100, "go").tell(101, TurnBegan(1, 8)).reply(51).tell(52, RunEnded("end_turn"))
    (run,) = of(story).runs
    assert seconds([run.requests[0].seconds, run.ended - run.began]) == [0, 2]


@pytest.mark.parametrize(
    "record",
    [
        Finished("nobody", OK),
        MessageEnded(),
        Replied(()),
        TurnBegan(1, 0),
        RunEnded("end_turn"),
        Resumed(),
        Compacted((), reply={"usage": "much"}),
    ],
    ids=lambda record: type(record).__name__,
)
def test_records_that_stand_alone_do_no_harm(record: Record) -> None:
    assert of(Story((1.0, record))).session
    assert trace([Entry(1, 5.0, record)]).session == ""


def test_records_that_do_not_fit_are_told_and_passed_over() -> None:
    story = Story((1.0, MessageEnded())).ask(1, "go").tell(1, TurnBegan(1, 8))
    story.tell(2, requested("a", "read_file"), requested("a", "read_file")).reply(3, "a").tell(4, Finished("a", OK))
    trace_ = of(story.answer(4, "a"))
    assert trace_.problems[0] == "Record 3 belongs to no request."
    assert trace_.problems[1].startswith("Record 7 does not fit: ")
    assert [call.state for call in trace_.runs[0].requests[0].calls] == ["done"]


def test_every_part_of_a_session_can_be_traced() -> None:
    whole = [*killed().tell(50, Resumed()).entries, *(entry for entry in shop().entries[2:])]
    for count in range(len(whole) + 1):
        for cut in (whole[:count], whole[count:]):
            for now in (None, 2e9):
                for run in trace(cut, now=now).runs:
                    figures = totals([run])
                    assert 0 <= figures.saved <= figures.calls_took
                    assert all(p.seconds >= 0 for r in run.requests for c in r.calls for p in c.phases)


def test_a_session_without_anything_has_no_runs() -> None:
    assert (trace([]).runs, trace([Entry(1, 5.0, Begun("s", "/w"))]).title) == ((), "(nothing was said yet)")


def test_a_long_session_is_traced_whole() -> None:
    (run,) = of(long_session(1000)).runs
    assert (len(run.requests), totals([run]).calls) == (1000, 3000)


def test_a_result_can_be_looked_at() -> None:
    (run,) = of(shop()).runs
    assert run.requests[0].calls[3].result == Result("1 failed\nassert 2 == 1", is_error=True)


def test_what_happens_to_a_dead_session_later_takes_none_of_its_time() -> None:
    trace_ = of(killed().tell(9000, Named("the shop"), Mended(("a page was lost",))))
    (run,) = trace_.runs
    assert (run.ended, run.requests[0].ended, run.requests[0].marks) == (4, 4, ())
    assert [mark.kind for mark in trace_.marks] == ["mended"]
    assert trace_.title == "the shop"


def test_a_reply_that_a_dead_process_left_is_asked_for_again_without_the_time_between() -> None:
    story = Story().ask(0, "go").tell(0, TurnBegan(1, 8)).tell(1, requested("a", "read_file"))
    story.tell(7201, TurnBegan(2, 8)).reply(7203).tell(7203, RunEnded("end_turn"))
    (run,) = of(story).runs
    assert [(r.attempt, r.outcome, r.sent, r.ended) for r in run.requests] == [
        (1, "discarded", 0, 1),
        (2, "replied", 1, 3),
    ]
    assert [(mark.kind, mark.seconds) for mark in run.requests[0].marks] == [("resumed", 7200)]


def test_a_run_can_go_on_without_a_prompt() -> None:
    story = shop().tell(60, TurnBegan(3, 8)).reply(61).tell(61, RunEnded("end_turn"))
    assert [(run.prompt, run.ended - run.began) for run in of(story).runs][1] == ("", 1)
