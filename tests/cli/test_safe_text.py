import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.cli.safe_text import columns, cut, one_line, safe

SHOWS_NOTHING = {"Cc", "Cs", "Zl", "Zp"}
NASTY = st.text(
    st.one_of(
        st.sampled_from("\x1b\x9b\x9d\x90\x9c\x07\r\n\t\x00\x7f\u202e\u200b\u200d\ufe0f\ufeff\ud800[]P;?0123m\\aZ🙂é"),
        st.characters(),
    )
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text\n\twith tab", "plain text\n\twith tab"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPq#0;2;0;0;0\x1b\\sixel", "sixel"),
        ("\x1b(0lines", "lines"),
        ("\x1bcreset", "reset"),
        ("\x1b]52;c;never ends\nnext line", "␛]52;c;never ends\nnext line"),
        ("half \x1b", "half ␛"),
        ("over\rwritten", "over␍written"),
        ("line\r\nline", "line\nline"),
        ("back\x08space \x7f", "back␈space ␡"),
        ("\u202egnp.exe", "<U+202E>gnp.exe"),
        ("zero\u200bwidth\ufeff", "zero<U+200B>width<U+FEFF>"),
        ("tag\U000e0041", "tag<U+E0041>"),
        ("\ud83d alone", "� alone"),
        ("a\u200db", "a<U+200D>b"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("❤\ufe0f\ufe01\ufe02", "❤\ufe0f<U+FE01><U+FE02>"),
        ("next\x85line", "next<U+0085>line"),
    ],
)
def test_what_a_terminal_would_obey_is_dropped_or_shown(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(NASTY)
def test_nothing_a_terminal_obeys_is_left(text: str) -> None:
    for character in safe(text):
        assert character in "\n\t" or unicodedata.category(character) not in SHOWS_NOTHING
        assert not unicodedata.bidirectional(character).startswith(("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI"))


@given(NASTY, NASTY)
def test_a_text_that_comes_in_two_pieces_is_as_safe_as_in_one(first: str, second: str) -> None:
    assert not set("\x1b\x9b\x9d\u202e") & set(safe(first) + safe(second))


@given(NASTY)
def test_safe_text_stays_as_it_is(text: str) -> None:
    assert safe(safe(text)) == safe(text)


def test_a_sequence_that_never_ends_hides_nothing_and_costs_no_time() -> None:
    assert safe("\x9d" * 200_000).count("<U+009D>") == 200_000
    assert safe("\x1b]" * 100_000) == "␛]" * 100_000


@given(NASTY, st.integers(1, 40))
def test_a_cut_line_fits(text: str, width: int) -> None:
    line = one_line(text, width)
    assert columns(line) <= width
    assert "\n" not in line


@pytest.mark.parametrize(
    ("line", "width", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcd…"),
        ("日本語です", 10, "日本語です"),
        ("日本語です", 9, "日本語で…"),
        ("日本語です", 8, "日本語…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_wide_characters_count_twice_when_a_line_is_cut(line: str, width: int, shown: str) -> None:
    assert cut(line, width) == shown


def test_white_space_becomes_one_space_on_one_line() -> None:
    assert one_line("  first\n\n  second\tthird ") == "first second third"
