import pytest
from hand_made import with_every_state
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from antiphon.cli.layout import ASCII, UNICODE, line_pieces, row_pieces, window, wrapped
from antiphon.cli.safe_text import columns, one_line
from antiphon.cli.view import Line, Row, RunView


def drawn(width: int, *, ascii_only: bool = False) -> list[str]:
    view = RunView()
    for event in with_every_state():
        view.receive(event, 21.35)
    marks = ASCII if ascii_only else UNICODE
    return ["".join(text for text, _ in row_pieces(row, width, marks)) for row in view.rows(21.35)]


def test_every_state_has_its_mark_its_word_and_its_reason() -> None:
    assert drawn(100) == snapshot(
        [
            "  ● #1 running    1.2 s edit_file    src/a.py",
            "  ○ #2 waiting          edit_file    src/a.py  waits for #1: same file",
            "  ○ #3 waiting          run_command  make test  waits for #1, #2",
            "  ✗ #4 failed           web_fetch    https://example.org  HTTP 404: no such page",
            "  ? #5 asking           write_file   b.txt  waits for you",
            "  ⊘ #6 denied           edit_file    src/a.py  The user said no.",
            "  ■ #7 cancelled        mcp__tickets__list project=antiphon, open=True  Stopped by the user.",
            "  · #8 streaming        list_files   ",
        ]
    )


def test_a_narrow_terminal_gets_one_line_per_call_too() -> None:
    assert drawn(48) == snapshot(
        [
            "  ● #1 running    1.2 s edit_file src/a.py",
            "  ○ #2 waiting   edit_file waits for #1: same f…",
            "  ○ #3 waiting   run_command …  waits for #1, #2",
            "  ✗ #4 failed    web_fetch https://…  HTTP 404:…",
            "  ? #5 asking    write_file b.txt  waits for you",
            "  ⊘ #6 denied    edit_file src/a.py  The user s…",
            "  ■ #7 cancelled mcp__tickets__list pro…  Stopp…",
            "  · #8 streaming list_files ",
        ]
    )


def test_marks_have_a_plain_form() -> None:
    assert drawn(80, ascii_only=True)[:2] == snapshot(
        [
            "  * #1 running    1.2 s edit_file    src/a.py",
            "  o #2 waiting          edit_file    src/a.py  waits for #1: same file",
        ]
    )
    assert all(line.isascii() or "…" in line for line in drawn(80, ascii_only=True))


TEXTS = st.text(st.sampled_from("abc 日本é🙂\u0301"), max_size=90).map(one_line)


@given(
    st.builds(
        Row,
        st.integers(1, 300),
        TEXTS,
        TEXTS,
        st.sampled_from(list(UNICODE.states)),
        st.one_of(st.none(), st.floats(0, 90_000)),
        TEXTS,
    ),
    st.integers(10, 200),
)
def test_a_row_never_needs_a_second_line(row: Row, width: int) -> None:
    assert sum(columns(text) for text, _ in row_pieces(row, width, UNICODE)) <= width


def row(number: int, state: str) -> Row:
    return Row(number, "read_file", "", state, None, "")  # pyright: ignore[reportArgumentType]  (a word per parameter)


@pytest.mark.parametrize(
    ("states", "height", "above", "numbers", "below"),
    [
        ("done running", 2, "", [1, 2], ""),
        ("done done done running waiting", 4, "3 calls above, 3 of them over", [4, 5], ""),
        (
            "done running waiting waiting waiting",
            4,
            "1 calls above, 1 of them over",
            [2, 3],
            "2 calls below, 0 of them over",
        ),
        ("done done done done done", 3, "4 calls above, 4 of them over", [5], ""),
    ],
)
def test_rows_that_do_not_fit_are_counted(states: str, height: int, above: str, numbers: list[int], below: str) -> None:
    rows = [row(number, state) for number, state in enumerate(states.split(), 1)]
    shown = window(rows, height)
    assert (shown[0], [r.number for r in shown[1]], shown[2]) == (above, numbers, below)


def test_text_stays_whole_and_notes_stand_apart() -> None:
    assert line_pieces(Line("text", "x" * 300), 80, UNICODE) == [("x" * 300, "")]
    assert line_pieces(Line("summary", "3 calls"), 80, UNICODE) == [("  3 calls", "quiet")]


@given(st.text(st.sampled_from("ab  日🙂"), max_size=120), st.integers(2, 30))
def test_wrapped_lines_fit_and_lose_no_word(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(columns(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@given(st.lists(st.text(st.sampled_from("ab日"), min_size=1, max_size=5), max_size=20), st.integers(10, 30))
def test_words_that_fit_are_not_broken(words: list[str], width: int) -> None:
    assert [word for line in wrapped(" ".join(words), width) for word in line.split()] == words
