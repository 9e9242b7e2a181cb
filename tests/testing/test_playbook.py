"""A playbook passes when exactly its commands come, in order, and shows where it went otherwise."""

import pytest
from inline_snapshot import snapshot

from antiphon.engine.events import (
    Allowed,
    Ask,
    Cancelled,
    MessageEnded,
    Result,
    Start,
    Stop,
    failure,
    reading,
    writing,
)
from antiphon.testing.playbook import denied, failed, finished, play, replied, requested

MAIN_PY = ("file", "src", "main.py")


# fmt: off
def test_a_playbook_that_is_followed_returns_its_turn() -> None:
    turn = play(
        requested("a", writing(MAIN_PY)),
        requested("b", writing(MAIN_PY)),
        requested("c", reading(("web",)), ask=True),    Ask("c"),
        requested("d", answer="there is no such tool"),
        MessageEnded(),                                 Start("a"),
        Allowed("c"),                                   Start("c"),
        finished("a"),                                  Start("b"),
        failed("b", "no such text"),
        finished("c", Result("page")),
        replied(
            ("a", "ok"), ("b", failure("no such text")), ("c", "page"), ("d", failure("there is no such tool")),
        ),
    )
    assert turn.is_over


def test_a_limit_is_part_of_a_playbook() -> None:
    play(
        requested("a", reading(MAIN_PY)),   Start("a"),
        requested("b", reading(MAIN_PY)),
        MessageEnded(),
        failed("a"),                        Start("b"),
        finished("b"),                      replied(a=failure("failed"), b="ok"),
        limit=1,
    )


def test_a_command_that_is_missing_is_shown() -> None:
    with pytest.raises(AssertionError) as caught:
        play(
            requested("a", writing(MAIN_PY)),   Start("a"),
            MessageEnded(),
        )
    assert str(caught.value) == snapshot("""\
the turn does not follow the playbook

     requested('a', writes file/src/main.py)
 ──▶     Start('a')
     ╰── nothing more came of it
     MessageEnded()\
""")


def test_a_command_that_nobody_expected_is_shown() -> None:
    with pytest.raises(AssertionError) as caught:
        play(
            requested("a", reading(MAIN_PY), ask=True),     Ask("a"),
            denied("a"),
            Cancelled(),                                    Stop("a"),
        )
    assert str(caught.value) == snapshot("""\
the turn does not follow the playbook

     requested('a', reads file/src/main.py, early, ask)
         Ask('a')
     denied('a', error 'denied')
     Cancelled()
 ──▶     Stop('a')
     ╰── instead came replied(a: error 'denied')\
""")


def test_another_order_of_results_is_shown() -> None:
    with pytest.raises(AssertionError) as caught:
        play(
            requested("a", reading()),  Start("a"),
            requested("b", reading()),  Start("b"),
            finished("b", "2"),
            finished("a", "1" * 100),
            MessageEnded(),             replied(b="2", a="1" * 100),
        )
    assert str(caught.value) == snapshot("""\
the turn does not follow the playbook

     requested('a', early)
         Start('a')
     requested('b', early)
         Start('b')
     finished('b', '2')
     finished('a', '111111111111111111111111111111…')
     MessageEnded()
 ──▶     replied(b: '2', a: '111111111111111111111111111111…')
     ╰── instead came replied(a: '111111111111111111111111111111…', b: '2')\
""")


def test_a_command_after_the_last_step_is_shown() -> None:
    with pytest.raises(AssertionError) as caught:
        play(requested("a", reading(())))
    assert str(caught.value) == snapshot("""\
the turn does not follow the playbook

     requested('a', reads everything, early)
 ──▶ (the end)
     ╰── before this came Start('a')\
""")


def test_an_event_that_is_refused_is_shown() -> None:
    with pytest.raises(ValueError, match="open already") as caught:
        play(requested("a"), requested("a"))
    assert caught.value.__notes__ == snapshot(["""\
the turn does not follow the playbook

     requested('a')
 ──▶ requested('a')
     ╰── this was refused\
"""])
