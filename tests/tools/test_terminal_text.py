import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.tools.terminal_text import PlainText, plain

CASES = {
    "plain text": ("one\ntwo\tthree\n", "one\ntwo\tthree\n"),
    "colours": ("\x1b[1;31mred\x1b[0m", "red"),
    "colours in eight bits": ("\x9b31mred\x9b0m", "red"),
    "a title": ("\x1b]0;my title\x07text", "text"),
    "a link": ("\x1b]8;;https://example.com\x1b\\name\x1b]8;;\x1b\\", "name"),
    "a device string": ("\x1bP1$r0m\x1b\\text", "text"),
    "a short sequence": ("\x1b(Btext\x1b7\x1bM", "text"),
    "a string that never ends": ("\x1b]0;first\nsecond\n", "0;first\nsecond\n"),
    "a lone escape at the end": ("text\x1b", "text"),
    "Windows line ends": ("one\r\ntwo\r\n", "one\ntwo\n"),
    "doubled carriage returns": ("one\r\r\ntwo", "one\ntwo"),
    "a progress bar": (" 10%\r 50%\r100%\ndone\n", "100%\ndone\n"),
    "a progress bar with its last draw finished": ("10%\r100%\r\ndone", "100%\ndone"),
    "a progress bar that erases": ("10%\x1b[2K\r100%\x1b[K\n", "100%\n"),
    "a spinner": ("|\b/\b-\b\\\bdone\n", "done\n"),
    "overstruck bold": ("N\bNA\bA\n", "NA\n"),
    "too many backspaces": ("a\b\b\bb\n", "b\n"),
    "bells and other controls": ("a\x07b\x00c\x7fd\x85e\x0cf", "abcdef"),
}


@pytest.mark.parametrize(("written", "seen"), CASES.values(), ids=CASES.keys())
def test_a_terminal_reader_is_left_with(written: str, seen: str) -> None:
    assert plain(written) == seen


@pytest.mark.parametrize(("written", "seen"), CASES.values(), ids=CASES.keys())
def test_the_same_whatever_the_pieces(written: str, seen: str) -> None:
    data = written.encode()
    for size in (1, 2, 3, 7):
        text = PlainText()
        got = "".join(text.feed(data[at : at + size]) for at in range(0, len(data), size))
        assert got + text.close() == seen


@given(st.lists(st.binary(max_size=20)))
def test_any_bytes_in_any_pieces_give_what_they_give_at_once(pieces: list[bytes]) -> None:
    text = PlainText()
    got = "".join([*map(text.feed, pieces), text.close()])
    assert got == plain(b"".join(pieces).decode("utf-8", "replace"))
    assert not set(got) & {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))}


def test_the_unfinished_line_can_be_seen_before_its_end() -> None:
    text = PlainText()
    assert text.feed(b"done\nwaiting\xe2\x80") == "done\n"
    assert text.unfinished == "waiting"
    assert text.feed(b"\xa6\x1b[3") == ""
    assert text.unfinished == "waiting…"
    assert text.feed(b"1m.\n") == "waiting….\n"


def test_bytes_that_are_no_text_are_marked() -> None:
    text = PlainText()
    assert text.feed(b"caf\xe9\n") + text.close() == "caf\N{REPLACEMENT CHARACTER}\n"


def test_a_progress_bar_without_an_end_takes_no_memory_and_leaves_its_last_drawing() -> None:
    text = PlainText()
    for percent in range(100_000):
        assert text.feed(f"\r\x1b[32m{percent:6} of 100000".encode()) == ""
        assert len(text._line) < 10_000
    assert text.close() == " 99999 of 100000"


def test_a_line_without_an_end_is_passed_on() -> None:
    text = PlainText()
    passed = sum(len(text.feed(b"x" * 1000)) for _ in range(1000))
    assert passed > 980_000
    assert passed + len(text.close()) == 1_000_000


@pytest.mark.parametrize("piece", ["\x1b]", "\x1b[", "\x1b[31", "\x1bP", "\r", "\b", "x\b", "x\r", "\x9b", "\n", "x"])
def test_no_output_takes_more_than_linear_time(piece: str) -> None:
    began = time.process_time()
    data = (piece * (1_000_000 // len(piece))).encode()
    text = PlainText()
    for at in range(0, len(data), 65536):
        text.feed(data[at : at + 65536])
    text.close()
    assert time.process_time() - began < 3
