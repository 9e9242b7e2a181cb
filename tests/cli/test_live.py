import io
from dataclasses import dataclass

import pytest
from hand_made import CALLS, changed, reply, results, started, three_calls, with_every_state
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from mini_terminal import MiniTerminal

from antiphon.agent.events import (
    AgentEvent,
    CallChanged,
    CallOutput,
    CallStreaming,
    Retrying,
    TextAdded,
    ThinkingAdded,
    TurnDiscarded,
    TurnStarted,
)
from antiphon.cli.layout import UNICODE
from antiphon.cli.live import LiveScreen
from antiphon.cli.plain import PlainScreen
from antiphon.cli.terminal import Terminal
from antiphon.cli.view import RunView
from antiphon.engine.events import CallState, Result

ALL = frozenset({"text", "thinking", "call", "summary", "note"})
QUIET = frozenset({"call", "summary", "note"})


@dataclass(frozen=True, slots=True)
class FixedTerminal(Terminal):
    """A terminal whose size the test decides."""

    @property
    def size(self) -> tuple[int, int]:
        assert isinstance(self.stream, MiniTerminal)
        return self.stream.width, self.stream.height


class Played:
    """A live screen on a small terminal, and its clock."""

    def __init__(
        self, width: int = 80, height: int = 24, *, kinds: frozenset[str] = ALL, colours: bool = False
    ) -> None:
        self.now = 0.0
        self.terminal = MiniTerminal(width, height)
        terminal = FixedTerminal(self.terminal, redraws=True, colours=colours, marks=UNICODE)
        self.screen = LiveScreen(terminal, RunView(), kinds=kinds, clock=lambda: self.now)

    def play(self, events: list[AgentEvent], now: float = 0.0) -> list[str]:
        self.now = now
        for event in events:
            self.screen.receive(event)
        return self.terminal.shown()

    def tick(self, now: float) -> list[str]:
        self.now = now
        self.screen.tick()
        return self.terminal.shown()


def test_calls_stand_below_the_text_in_request_order_while_they_run() -> None:
    played = Played()
    assert played.play(three_calls()[:12], now=10.8) == snapshot(
        [
            "I will look things up.",
            "One moment.",
            "  ⠋ #1 running    0.6 s web_search   antiphony in music",
            "  ✓ #2 done       0.4 s web_search   reorder buffer  result of b",
            "  ⠋ #3 running    0.4 s read_file    notes.md",
        ]
    )


def test_a_finished_run_leaves_plain_lines_and_the_cursor() -> None:
    played = Played()
    assert played.play(three_calls(), now=12.0) == snapshot(
        [
            "I will look things up.",
            "One moment.",
            "  ✓ #1 done       1.2 s web_search   antiphony in music  result of a",
            "  ✓ #2 done       0.4 s web_search   reorder buffer  result of b",
            "  ✓ #3 done       0.5 s read_file    notes.md  result of c",
            "  3 calls, 1.2 s; one after another 2.1 s",
            "Both sources agree.",
        ]
    )
    assert played.terminal.cursor_shown


def test_colours_change_no_character() -> None:
    assert Played(colours=True).play(three_calls(), now=12.0) == Played().play(three_calls(), now=12.0)


def test_the_cursor_is_hidden_while_the_region_changes() -> None:
    played = Played()
    played.play(three_calls()[:8], now=10.8)
    assert not played.terminal.cursor_shown
    played.screen.close()
    assert played.terminal.cursor_shown
    assert played.terminal.shown() == ["I will look things up.", "One moment."]


def test_time_runs_on_in_place() -> None:
    played = Played()
    before = played.play(three_calls()[:12], now=10.8)
    after = played.tick(11.3)
    assert [line.split()[3:4] for line in before] != [line.split()[3:4] for line in after]
    assert len(after) == len(before)


def test_the_line_the_model_writes_is_seen_before_it_ends() -> None:
    played = Played()
    played.play([started(), TurnStarted(1, 0.0), TextAdded("First.\nSecond, as yet unfin")])
    assert played.tick(0.1) == ["First.", "Second, as yet unfin"]
    assert played.play([TextAdded("ished.\n")], 0.2) == ["First.", "Second, as yet unfinished."]


def test_prose_is_wrapped_at_words_and_code_is_left_alone() -> None:
    played = Played(width=20)
    text = "a few words that do not fit\n```\n    code that is longer than a line\n```\n"
    shown = played.play([TurnStarted(1, 0.0), TextAdded(text), reply([], 1.0)])
    assert shown == ["a few words that do", "not fit", "```", "    code that is lon", "ger than a line", "```"]


def test_a_retry_counts_down_below() -> None:
    played = Played()
    played.play([started(), TurnStarted(1, 0.0), Retrying(1, 2, 4.0, "Overloaded")], now=10.0)
    assert played.tick(11.0) == snapshot(
        ["  Overloaded; asking again in 4.0 s (attempt 1 of 2 failed)", "  asking again in 3 s"]
    )


def test_nothing_but_what_was_chosen_is_shown() -> None:
    assert [line[:12] for line in Played(kinds=QUIET).play(three_calls(), now=12.0)] == [
        "  ✓ #1 done ",
        "  ✓ #2 done ",
        "  ✓ #3 done ",
        "  3 calls, 1",
    ]


def test_while_somebody_is_asked_the_screen_stands_still_and_then_catches_up() -> None:
    played = Played()
    played.play(three_calls()[:8], now=10.8)
    played.screen.pause()
    assert played.terminal.shown() == ["I will look things up.", "One moment."]
    assert played.play(three_calls()[8:14], now=11.4) == ["I will look things up.", "One moment."]
    played.screen.resume()
    assert [line[:12] for line in played.terminal.shown()] == [
        "I will look ",
        "One moment.",
        "  ✓ #1 done ",
        "  ✓ #2 done ",
        "  ✓ #3 done ",
    ]


def many_calls(count: int) -> list[AgentEvent]:
    events: list[AgentEvent] = [started(), TurnStarted(1, 0.0)]
    events += [changed(n, CALLS["c"], "running", 0.1) for n in range(count)]
    return events


def test_more_calls_than_lines_never_scroll_the_region_away() -> None:
    played = Played(height=12)
    shown = played.play(many_calls(100), now=1.0)
    assert len(shown) <= 11
    assert shown[-1] == "  92 calls below, 0 of them over"
    done: list[AgentEvent] = [changed(n, CALLS["c"], "done", 1.0, result=Result("ok")) for n in range(50)]
    shown = played.play(done, now=1.0)
    assert shown[0] == "  50 calls above, 50 of them over"
    assert shown[1].startswith("  ⠋ #51 running")


def test_a_terminal_made_narrower_leaves_no_rests() -> None:
    played = Played(width=80)
    played.play(with_every_state(), now=21.0)
    # The terminal wraps what stands there; the next drawing must erase all of it.
    whole = [line for line in played.terminal.shown() if line]
    rows = sum(-(-len(line) // 40) for line in whole)
    played.terminal.lines = [list(line[at : at + 40]) for line in whole for at in range(0, len(line), 40)]
    played.terminal.lines.append([])
    played.terminal.width, played.terminal.row = 40, rows
    shown = played.tick(21.1)
    assert len(shown) == len(whole)


@pytest.mark.parametrize("width", [20, 40, 60, 200])
def test_no_drawn_line_is_wider_than_the_terminal(width: int) -> None:
    played = Played(width=width, height=50)
    played.play(with_every_state(), now=21.0)
    assert played.terminal.highest_row <= 8


CALL_IDS = st.sampled_from(sorted(CALLS))
TEXTS = st.text(st.sampled_from("ab \n日\x1b[31m\u202e`"), max_size=60)
STATES: list[CallState] = ["asking", "waiting", "running", "done", "failed", "denied", "cancelled"]
AT = st.floats(0, 100)


def _streaming(id_: str, at: float) -> CallStreaming:
    return CallStreaming("abc".index(id_), id_, CALLS[id_].name, at)


def _changed(id_: str, state: CallState, at: float) -> CallChanged:
    return changed("abc".index(id_), CALLS[id_], state, at, waits_for=("a",), result=Result("x"))


def _reply(at: float) -> AgentEvent:
    return reply([], at)


def _results(at: float) -> AgentEvent:
    return results("abc", at)


EVENTS: st.SearchStrategy[AgentEvent] = st.one_of(
    st.builds(TextAdded, TEXTS),
    st.builds(ThinkingAdded, TEXTS),
    st.builds(_streaming, CALL_IDS, AT),
    st.builds(_changed, CALL_IDS, st.sampled_from(STATES), AT),
    st.builds(CallOutput, CALL_IDS, TEXTS),
    st.builds(TurnStarted, st.just(1), AT),
    st.builds(_reply, AT),
    st.builds(_results, AT),
    st.builds(Retrying, st.just(1), st.just(3), st.floats(0, 10), st.just("overloaded")),
    st.builds(TurnDiscarded, TEXTS),
)


@given(st.lists(st.one_of(EVENTS, st.sampled_from(["tick", "pause", "resume"])), max_size=40), st.integers(12, 90))
def test_whatever_happens_what_is_certain_stays_and_nothing_else(steps: list[AgentEvent | str], width: int) -> None:
    live, plain_ = Played(width, 20), MiniTerminal(width)
    certain = LiveScreen(FixedTerminal(plain_, redraws=True, marks=UNICODE), RunView(), kinds=ALL, clock=lambda: 0.0)
    certain.pause()
    for step in steps:
        if isinstance(step, str):
            getattr(live.screen, step)()
        else:
            live.screen.receive(step)
            certain.receive(step)
    live.screen.close()
    # Written in one go, without a region that comes and goes, it must look the same.
    certain.close()
    assert live.terminal.shown() == plain_.shown()
    assert live.terminal.cursor_shown


def plain(kinds: frozenset[str]) -> tuple[PlainScreen, io.StringIO]:
    stream = io.StringIO()
    return PlainScreen(Terminal(stream), RunView(), kinds=kinds, clock=lambda: 12.0), stream


def test_a_plain_screen_adds_lines_without_escapes() -> None:
    screen, stream = plain(ALL)
    for event in three_calls():
        screen.receive(event)
    assert stream.getvalue().splitlines() == snapshot(
        [
            "I will look things up.",
            "One moment.",
            "  ● #1 running    1.8 s web_search   antiphony in music",
            "  ● #2 running    1.7 s web_search   reorder buffer",
            "  ● #3 running    1.6 s read_file    notes.md",
            "  ✓ #2 done       0.4 s web_search   reorder buffer  result of b",
            "  ✓ #3 done       0.5 s read_file    notes.md  result of c",
            "  ✓ #1 done       1.2 s web_search   antiphony in music  result of a",
            "  3 calls, 1.2 s; one after another 2.1 s",
            "Both sources agree.",
        ]
    )


def test_a_plain_screen_holds_lines_back_while_somebody_is_asked() -> None:
    screen, stream = plain(QUIET)
    screen.pause()
    for event in three_calls():
        screen.receive(event)
    assert stream.getvalue() == ""
    screen.close()
    assert stream.getvalue().count("\n") == 7


class Stream(io.StringIO):
    def __init__(self, encoding: str, *, tty: bool) -> None:
        super().__init__()
        self._encoding, self._tty = encoding, tty

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]  (StringIO has none)
        return self._encoding

    def isatty(self) -> bool:
        return self._tty


@pytest.mark.parametrize(
    ("environment", "tty", "redraws", "colours", "unicode"),
    [
        ({"TERM": "xterm-256color"}, True, True, True, True),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, True, True, False, True),
        ({"TERM": "dumb"}, True, False, False, False),
        ({}, True, False, False, False),
        ({"TERM": "xterm"}, False, False, False, True),
    ],
)
def test_what_a_terminal_can_is_found_out(
    environment: dict[str, str], *, tty: bool, redraws: bool, colours: bool, unicode: bool
) -> None:
    terminal = Terminal.of(Stream("UTF-8", tty=tty), environment)
    assert (terminal.redraws, terminal.colours, terminal.marks is UNICODE) == (redraws, colours, unicode)


def test_an_old_encoding_gets_plain_marks() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    assert Terminal.of(stream, {"TERM": "xterm"}).marks is not UNICODE


def test_a_tab_in_the_line_that_is_written_leaves_no_rests() -> None:
    played = Played(width=16)
    played.play([started(), TurnStarted(1, 0.0), TextAdded("a\tb\tc")])
    assert played.tick(0.1) == ["a       b", "c"]


def test_output_is_shown_with_the_next_tick() -> None:
    played = Played()
    played.play([started(), TurnStarted(1, 0.0), changed(0, CALLS["a"], "running", 0.0)])
    assert "progress" not in played.play([CallOutput("a", "progress 50%\n")])[-1]
    assert "progress 50%" in played.tick(0.1)[-1]
