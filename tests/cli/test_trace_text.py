"""A session in time, as lines for a terminal."""

from collections.abc import Iterator

import pytest
from inline_snapshot import snapshot

from antiphon.cli.safe_text import columns
from antiphon.cli.tracing.choosing import Shown, choose
from antiphon.cli.tracing.text import lines
from antiphon.cli.tracing.wording import span_text
from antiphon.engine.events import Discarded, Finished, Resumed, writing
from antiphon.errors import SettingsError
from antiphon.sessions.records import Compacted, Forked, RunEnded, TurnBegan
from antiphon.sessions.tracing.replaying import trace
from antiphon.sessions.tracing.values import Trace
from traced_sessions import OK, Story, in_utc, long_session, requested, shop


@pytest.fixture(autouse=True)
def _greenwich() -> Iterator[None]:
    with in_utc():
        yield


def of(story: Story) -> Trace:
    return trace(story.entries, price=lambda _reply, _model: 0.002)


def drawn(story: Story, width: int, *, ascii_only: bool = False, shown: list[Shown] | None = None) -> list[str]:
    trace_ = of(story)
    found = lines(trace_, choose(trace_) if shown is None else shown, width, ascii_only=ascii_only)
    return ["".join(text for text, _ in line).rstrip() for line in found]


def test_a_session_is_shown_call_by_call() -> None:
    assert drawn(shop(), 100) == snapshot(
        [
            "Raise the price and run the tests",
            "session 5e551011 in /proj/shop, began 2026-11-23 12:00",
            "",
            "Run 1 of 1  end_turn  Raise the price and run the tests",
            "  8.0 s, 2 turns, 4 calls, one after another 4.9 s, 2.2 s saved, 2.1 s waiting for approval",
            "  claude-sonnet-5-5, 8,300 tokens in (92% from the cache), 260 out, $0.0040",
            "",
            "  Turn 1  4,000 tokens in (90% from the cache), 220 out, $0.0020, context 4,220 of 1,000,000 (0.4%)",
            "                                       0 s                   6.4 s",
            "     reply                             ━━━━━━━━━━━                  2.7 s  tool_use",
            "   1 read_file    shop.py                  ███                      0.8 s  done",
            "   2 search_files price in src              ███████                 1.6 s  done",
            "   3 edit_file    shop.py                      ░░░░██               0.5 s  done       #2 1.0 s",
            "   4 run_command  pytest -q                      ▒▒▒▒▒▒▒▒▒████████  2.0 s  failed     approval 2.1 s",
            "     results complete at 6.4 s, sent at 6.5 s",
            "     at 2.9 s the files were kept: before edit_file",
            "",
            "  Turn 2  4,300 tokens in (93% from the cache), 40 out, $0.0020, context 4,340 of 1,000,000 (0.4%)",
            "                                       0 s                                  1.4 s",
            "     reply                             ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  1.4 s  end_turn",
            "",
            "  ━ the reply comes in   ░ waits   ▒ waits for approval   █ runs",
        ]
    )


def test_a_wide_terminal_names_the_calls_that_others_waited_for() -> None:
    (line,) = [line for line in drawn(shop(), 140) if line.startswith("   3 ")]
    assert line.endswith(" 0.5 s  done       waited for 2 search_files 1.0 s")


def test_a_usual_terminal_has_room_for_the_bars_and_why_calls_waited() -> None:
    assert drawn(shop(), 80)[12:18] == snapshot(
        [
            "     reply        ━━━━━━━━━━━━                  2.7 s  tool_use",
            "   1 read_file        ███                       0.8 s  done",
            "   2 search_files       ███████                 1.6 s  done",
            "   3 edit_file            ░░░░░██               0.5 s  done       #2 1.0 s",
            "   4 run_command            ▒▒▒▒▒▒▒▒▒█████████  2.0 s  failed     approval 2.1 s",
            "     results complete at 6.4 s, sent at 6.5 s",
        ]
    )


def test_a_narrow_terminal_without_unicode_gets_bars_too() -> None:
    assert drawn(shop(), 48, ascii_only=True) == snapshot(
        [
            "Raise the price and run the tests",
            "session 5e551011 in /proj/shop, began 2026-11-23",
            "12:00",
            "",
            "Run 1 of 1  end_turn  Raise the price and run t~",
            "  8.0 s, 2 turns, 4 calls, one after another 4.9",
            "  s, 2.2 s saved, 2.1 s waiting for approval",
            "  claude-sonnet-5-5, 8,300 tokens in (92% from",
            "  the cache), 260 out, $0.0040",
            "",
            "  Turn 1",
            "     4,000 tokens in (90% from the cache), 220",
            "     out, $0.0020, context 4,220 of 1,000,000",
            "     (0.4%)",
            "                  0 s   6.4 s",
            "     reply        =====        2.7 s  tool_use",
            "   1 read_file      #          0.8 s  done",
            "   2 search_files   ###        1.6 s  done",
            "   3 edit_file       --#       0.5 s  done",
            "   4 run_command      ????###  2.0 s  failed",
            "     results complete at 6.4 s, sent at 6.5 s",
            "     at 2.9 s the files were kept: before",
            "     edit_file",
            "",
            "  Turn 2",
            "     4,300 tokens in (93% from the cache), 40",
            "     out, $0.0020, context 4,340 of 1,000,000",
            "     (0.4%)",
            "                  0 s   1.4 s",
            "     reply        ===========  1.4 s  end_turn",
            "",
            "  = the reply comes in   - waits   ? waits for",
            "  approval   # runs",
        ]
    )


def test_nothing_is_wider_than_the_terminal() -> None:
    story = shop().tell(9, Compacted((), "asked " * 30, 9)).ask(10, "\u4ef7\u683c" * 90).tell(10, TurnBegan(3, 8))
    story.tell(11, requested("x", "\u5de5\u5177" * 30, path="/a" * 200)).tell(12, Discarded("it broke " * 40))
    for width in range(24, 200, 7):
        for ascii_only in (False, True):
            found = drawn(story, width, ascii_only=ascii_only, shown=choose(of(story), every=True))
            assert max(map(columns, found)) <= width
            assert not ascii_only or all(line.isascii() for line in found)


def test_what_a_model_or_a_file_says_cannot_command_the_terminal() -> None:
    story = Story(workspace="/w\x1b]0;title\x07/\u202etxt").ask(0, "\x1b[2Jhello\r\nthere").tell(0, TurnBegan(1, 8))
    story.tell(1, requested("a", "bad\x1b[31mtool\n", path="x\x9b5m\u200b")).tell(2, Discarded("\x1b[8mhidden"))
    story.tell(3, RunEnded("\x1bc", "\x07\x08"))
    text = "\n".join(drawn(story, 150))
    assert not set(text) & {"\x1b", "\x07", "\x08", "\r", "\x9b", "\u202e", "\u200b"}
    assert "hello there" in text
    assert "badtool" in text


def test_what_was_done_twice_or_not_at_all_is_said() -> None:
    story = Story().ask(0, "go").tell(0, TurnBegan(1, 8)).tell(0.5, Discarded("The API is overloaded."))
    story.tell(1, TurnBegan(2, 8)).tell(1.2, requested("a", "read_file"), requested("b", "write_file", writing(("x",))))
    story.tell(1.2, requested("c", "write_file", writing(("x",)))).reply(2, "a", "b", "c", input_tokens=9)
    story.tell(7200, Resumed()).tell(7201, Finished("a", OK)).answer(7201, "a", "b", "c")
    story.tell(7202, Compacted((), "the context was nearly full", 9), RunEnded("end_turn")).tell(7203, Forked())
    assert drawn(story, 100) == snapshot(
        [
            "go",
            "session 5e551011 in /proj/shop, began 2026-11-23 12:00",
            "forked here; what follows is of this session",
            "",
            "Run 1 of 1  end_turn  go",
            "  4.0 s, 1 turn (1 more discarded), 3 calls, one after another 1.0 s, 0.0 s saved",
            "  claude-sonnet-5-5, 9 tokens in (0% from the cache), 0 out, $0.0020",
            "  Taken over from the session that this one was forked from.",
            "",
            "  Turn 1",
            "                                     0 s                                    0.5 s",
            "     reply                           ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  0.5 s  discarded",
            "     The API is overloaded.",
            "",
            "  Turn 1, attempt 2  9 tokens in (0% from the cache), 0 out, $0.0020, context 9 of 1,000,000 (0.0%)",
            "                                     0 s                        2.0 s",
            "     reply                           ━━━━━━━━━━━━━━━━                  1.0 s  tool_use",
            "   1 read_file                          █████████████████████████████  1.0 s  done again",
            "   2 write_file                         ░░░░░░░░░░░░░█                 0.0 s  unknown    reply 0.8 s",
            "   3 write_file                         ░░░░░░░░░░░░░                         not run    #2 0.8 s",
            "     results complete at 2.0 s, not sent in this run",
            "     at 1.0 s the process died here; another one went on 2 hours later",
            "",
            "  the conversation was summed up (the context was nearly full)",
            "",
            "  ━ the reply comes in   ░ waits   ▒ waits for approval   █ runs",
        ]
    )


def test_quick_calls_are_told_in_milliseconds() -> None:
    assert [span_text(seconds) for seconds in (0, 0.0004, 0.012, 0.0996, 3, 75)] == [
        "0.0 s", "0 ms", "12 ms", "0.1 s", "3.0 s", "75 s",
    ]  # fmt: skip


def test_of_a_long_run_the_latest_turns_are_shown_and_how_to_see_the_others() -> None:
    trace_ = of(long_session(100))
    found = drawn(long_session(100), 100, shown=choose(trace_, latest=20))
    assert "  80 earlier requests: --run 1 shows all, --turn N shows one" in found
    assert [line.split()[1] for line in found if line.startswith("  Turn ")] == [str(n) for n in range(81, 101)]


def runs(found: list[Shown]) -> list[tuple[int, list[int]]]:
    return [(shown.run.number, [request.turn for request in shown.requests]) for shown in found]


def two_runs() -> Trace:
    return of(shop().ask(60, "again").tell(60, TurnBegan(3, 8)).reply(61).tell(61, RunEnded("end_turn")))


def test_the_last_run_is_shown_unless_another_is_asked_for() -> None:
    trace_ = two_runs()
    assert runs(choose(trace_)) == [(2, [1])]
    assert runs(choose(trace_, run=1)) == [(1, [1, 2])]
    assert runs(choose(trace_, run=1, turn=2)) == [(1, [2])]
    assert runs(choose(trace_, every=True)) == [(1, [1, 2]), (2, [1])]
    assert runs(choose(trace_, every=True, turn=2)) == [(1, [2])]
    assert runs(choose(trace([]))) == []


def test_of_one_turn_all_attempts_are_shown() -> None:
    story = Story().ask(0, "go").tell(0, TurnBegan(1, 8), Discarded("no"), TurnBegan(2, 8)).reply(1)
    assert runs(choose(of(story), turn=1)) == [(1, [1, 1])]


@pytest.mark.parametrize(
    ("run", "turn", "why"),
    [
        (3, None, "there is no run 3; there are runs 1 to 2."),
        (None, 2, "there is no turn 2 in run 2; there is turn 1."),
        (1, 9, "there is no turn 9 in run 1; there are turns 1 to 2."),
    ],
)
def test_what_is_not_there_is_said(run: int | None, turn: int | None, why: str) -> None:
    with pytest.raises(SettingsError) as caught:
        choose(two_runs(), run=run, turn=turn)
    assert str(caught.value) == why


def test_a_session_in_which_nothing_was_done_has_a_picture_too() -> None:
    assert drawn(Story(), 80)[0] == "(nothing was said yet)"
    with pytest.raises(SettingsError, match=r"^there is no run 1; there are no runs\.$"):
        choose(of(Story()), run=1)
