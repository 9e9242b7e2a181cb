"""The turn, as the conversation it has with its driver: what happens, and what must follow."""

from antiphon.engine.events import (
    EXCLUSIVE,
    INDEPENDENT,
    Access,
    Allowed,
    Ask,
    Cancelled,
    Denied,
    Discarded,
    Finished,
    MessageEnded,
    Reply,
    Requested,
    Result,
    Start,
    Stop,
    ToolCall,
    failure,
    reading,
    writing,
)
from antiphon.engine.turn import CUT, NOT_STARTED, STOPPED, Turn

A, B, C = (ToolCall(name, "tool", {}) for name in "abc")
MAIN_PY = ("file", "src", "main.py")
OK = Result("ok")


def test_results_retire_in_request_order_whatever_finishes_first() -> None:
    turn = Turn()
    assert turn.receive(Requested(A, reading(MAIN_PY))) == [Start("a")]
    assert turn.receive(Requested(B, reading(MAIN_PY))) == [Start("b")]
    assert turn.receive(Requested(C, reading(MAIN_PY))) == [Start("c")]
    assert turn.receive(Finished("b", Result("2"))) == []
    assert turn.receive(MessageEnded()) == []
    assert turn.receive(Finished("c", Result("3"))) == []
    assert turn.receive(Finished("a", Result("1"))) == [Reply(((A, Result("1")), (B, Result("2")), (C, Result("3"))))]
    assert turn.is_over


def test_a_call_that_writes_waits_for_the_end_of_the_message() -> None:
    turn = Turn()
    assert turn.receive(Requested(A, writing(MAIN_PY))) == []
    assert turn.receive(Requested(B, INDEPENDENT)) == []
    assert turn.receive(MessageEnded()) == [Start("a"), Start("b")]


def test_a_second_edit_of_a_file_waits_for_the_first() -> None:
    turn = Turn()
    turn.receive(Requested(A, writing(MAIN_PY)))
    turn.receive(Requested(B, writing(MAIN_PY)))
    assert turn.receive(MessageEnded()) == [Start("a")]
    assert turn.waits_for("b") == ("a",)
    assert turn.receive(Finished("a", OK)) == [Start("b")]


def test_a_read_after_an_edit_sees_the_edit_and_others_do_not_wait() -> None:
    turn = Turn()
    turn.receive(Requested(A, writing(MAIN_PY)))
    assert turn.receive(Requested(B, reading(("file", "src")))) == []
    assert turn.receive(Requested(C, reading(("file", "docs")))) == [Start("c")]
    assert turn.receive(MessageEnded()) == [Start("a")]
    assert turn.receive(Finished("a", OK)) == [Start("b")]


def test_an_exclusive_call_waits_for_all_before_it_and_holds_all_after_it() -> None:
    turn = Turn()
    assert turn.receive(Requested(A, reading(MAIN_PY))) == [Start("a")]
    turn.receive(Requested(B, EXCLUSIVE))
    turn.receive(Requested(C, reading(("file", "docs"))))
    assert turn.receive(MessageEnded()) == []
    assert turn.receive(Finished("a", OK)) == [Start("b")]
    assert turn.receive(Finished("b", OK)) == [Start("c")]


def test_a_call_that_waits_for_approval_keeps_its_place_in_line() -> None:
    turn = Turn()
    assert turn.receive(Requested(A, writing(MAIN_PY), ask=True)) == [Ask("a")]
    assert turn.receive(Requested(B, reading(MAIN_PY))) == []
    assert turn.receive(Requested(C, reading(("file", "docs")))) == [Start("c")]
    assert turn.receive(MessageEnded()) == []
    assert turn.receive(Allowed("a")) == [Start("a")]
    assert turn.receive(Finished("a", OK)) == [Start("b")]


def test_a_denied_call_is_answered_and_frees_those_behind_it() -> None:
    turn = Turn()
    no = failure("denied")
    turn.receive(Requested(A, writing(MAIN_PY), ask=True))
    turn.receive(Requested(B, reading(MAIN_PY)))
    turn.receive(MessageEnded())
    assert turn.receive(Denied("a", no)) == [Start("b")]
    assert turn.receive(Finished("b", OK)) == [Reply(((A, no), (B, OK)))]


def test_a_failed_call_cancels_nobody() -> None:
    turn = Turn()
    turn.receive(Requested(A, reading(MAIN_PY)))
    turn.receive(Requested(B, reading(MAIN_PY)))
    turn.receive(MessageEnded())
    assert turn.receive(Finished("a", failure("no such file"))) == []
    assert turn.states == {"a": "failed", "b": "running"}


def test_a_call_that_can_never_run_completes_its_slot_at_once() -> None:
    turn = Turn()
    unknown = failure("there is no tool of this name")
    assert turn.receive(Requested(A, answer=unknown)) == []
    assert turn.receive(MessageEnded()) == [Reply(((A, unknown),))]


def test_a_message_without_calls_has_an_empty_reply() -> None:
    assert Turn().receive(MessageEnded()) == [Reply(())]


def test_no_more_calls_run_at_once_than_the_limit() -> None:
    turn = Turn(limit=1)
    assert turn.receive(Requested(A, Access(early=True))) == [Start("a")]
    assert turn.receive(Requested(B, Access(early=True))) == []
    assert turn.receive(Requested(C, Access(early=True))) == []
    assert turn.receive(Finished("a", OK)) == [Start("b")]
    assert turn.receive(Finished("b", OK)) == [Start("c")]


def test_the_last_call_of_a_cut_reply_does_not_run() -> None:
    turn = Turn()
    turn.receive(Requested(A, writing(MAIN_PY)))
    turn.receive(Requested(B, writing(("file", "other"))))
    assert turn.receive(MessageEnded(cut=True)) == [Start("a")]
    assert turn.receive(Finished("a", OK)) == [Reply(((A, OK), (B, CUT)))]


def test_a_read_that_ran_before_its_reply_was_cut_is_not_believed() -> None:
    turn = Turn()
    turn.receive(Requested(A, reading(MAIN_PY)))
    turn.receive(Finished("a", OK))
    assert turn.receive(MessageEnded(cut=True)) == [Reply(((A, CUT),))]


def test_a_running_read_is_stopped_when_its_reply_was_cut() -> None:
    turn = Turn()
    turn.receive(Requested(A, reading(MAIN_PY)))
    assert turn.receive(MessageEnded(cut=True)) == [Stop("a"), Reply(((A, CUT),))]
    assert turn.receive(Finished("a", OK)) == []


def test_cancel_keeps_what_is_finished_and_answers_the_rest_at_once() -> None:
    turn = Turn(limit=2)
    turn.receive(Requested(A, Access(early=True)))
    turn.receive(Requested(B, Access(early=True)))
    turn.receive(Requested(C, Access(early=True)))
    turn.receive(MessageEnded())
    turn.receive(Finished("a", OK))
    assert turn.receive(Cancelled()) == [
        Stop("b"),
        Stop("c"),
        Reply(((A, OK), (B, STOPPED), (C, STOPPED))),
    ]


def test_cancel_withdraws_questions_and_says_that_nothing_was_done() -> None:
    turn = Turn()
    turn.receive(Requested(A, writing(MAIN_PY), ask=True))
    turn.receive(Requested(B, writing(MAIN_PY)))
    turn.receive(MessageEnded())
    assert turn.receive(Cancelled()) == [Stop("a"), Reply(((A, NOT_STARTED), (B, NOT_STARTED)))]


def test_a_discarded_message_leaves_nothing_behind() -> None:
    turn = Turn()
    turn.receive(Requested(A, reading(MAIN_PY)))
    turn.receive(Requested(B, writing(MAIN_PY)))
    assert turn.receive(Discarded("the stream broke")) == [Stop("a")]
    assert turn.is_over
    assert turn.receive(Finished("a", OK)) == []
    assert turn.receive(MessageEnded()) == []


def test_late_and_foreign_answers_are_refused() -> None:
    turn = Turn()
    turn.receive(Requested(A, reading(MAIN_PY)))
    assert turn.receive(Finished("x", OK)) == []
    assert turn.receive(Allowed("a")) == []
    assert turn.receive(Denied("a", failure("no"))) == []
    turn.receive(Finished("a", Result("first")))
    turn.receive(Finished("a", Result("second")))
    assert turn.receive(MessageEnded()) == [Reply(((A, Result("first")),))]
