import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from antiphon.cli.approving.answers import (
    Allow,
    Always,
    Answer,
    Deny,
    Details,
    Help,
    ShowAll,
    StopTurn,
    Unclear,
    parse_answer,
)

FOUR = (1, 2, 3, 5)
UNCLEAR = Unclear("")


def kind(answer: Answer) -> Answer:
    return UNCLEAR if isinstance(answer, Unclear) else answer


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("y", Allow(FOUR)),
        (" YES ", Allow(FOUR)),
        ("1 3 y", Allow((1, 3))),
        ("3, 1 yes", Allow((1, 3))),
        ("3y", Allow((3,))),
        ("y 1 3", Allow((1, 3))),
        ("1-3 y", Allow((1, 2, 3))),
        ("1-9 y", Allow(FOUR)),
        ("1-2,5 y", Allow((1, 2, 5))),
        ("n", Deny(FOUR)),
        ("n because of this", Deny(FOUR, "because of this")),
        ("no, use a.txt", Deny(FOUR, "use a.txt")),
        ("2 n because of 3", Deny((2,), "because of 3")),
        ("2 n", Deny((2,))),
        ("n 2", Deny((2,))),
        ("3 a", Always(3)),
        ("a 3", Always(3)),
        ("3 a run_command(npm test:*)", Always(3, "run_command(npm test:*)")),
        ("d 2", Details(2)),
        ("2 d", Details(2)),
        ("2", Details(2)),
        ("s", StopTurn()),
        ("stop", StopTurn()),
        ("?", Help()),
        ("help", Help()),
        ("", ShowAll()),
        ("   ", ShowAll()),
    ],
)
def test_an_answer_is_about_the_calls_it_names_or_all_that_are_shown(line: str, answer: Answer) -> None:
    assert parse_answer(line, FOUR, FOUR) == answer


@pytest.mark.parametrize(
    "line",
    [
        "4 y",  # it is not there
        "1 4 y",
        "6-9 y",
        "y but not 3",
        "y, 1 n",
        "1 y 2 n",
        "1 3",
        "1- y",
        "-1 y",
        "1,2, y",
        "1234567 y",
        "3 maybe",
        "maybe",
        "yy",
        "a",
        "1 2 a",
        "n 2 tests fail",  # a call, or a part of the reason?
        "3 s",
        "\u0661 y",  # a digit, but not one of ours
        "y\u200b",
    ],
)
def test_what_is_not_understood_to_its_end_is_no_answer(line: str) -> None:
    assert kind(parse_answer(line, FOUR, FOUR)) == UNCLEAR


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("y", Allow((3,))),
        ("n 2 tests fail", Deny((3,), "2 tests fail")),
        ("a", Always(3)),
        ("a run_command(make:*)", Always(3, "run_command(make:*)")),
        ("d", Details(3)),
        ("1 y", Allow((1,))),
    ],
)
def test_a_bare_answer_is_about_the_one_call_that_is_looked_at(line: str, answer: Answer) -> None:
    assert parse_answer(line, FOUR, (3,)) == answer


LINES = st.one_of(
    st.text(max_size=20),
    st.text("0123456789 -,yna", max_size=12),
    st.lists(st.sampled_from([*"1234567", "y", "n", "a", "d", "s", "1-3", "2-9", ",", "no", "yes"]), max_size=5).map(
        " ".join
    ),
)


@given(LINES, st.sets(st.integers(1, 9), min_size=1), st.data())
@example("1-99 y", {1, 2}, None)
def test_nothing_typed_allows_a_call_that_was_neither_shown_nor_meant(
    line: str, shown: set[int], data: st.DataObject | None
) -> None:
    named = tuple(sorted(shown))
    meant = named if data is None else data.draw(st.sampled_from([named, *((number,) for number in named)]))
    answer = parse_answer(line, named, meant)
    allowed = answer.numbers if isinstance(answer, Allow) else (answer.number,) if isinstance(answer, Always) else ()
    assert set(allowed) <= shown
    if allowed and not re.search(r"\d", line):
        assert set(allowed) <= set(meant)
    if isinstance(answer, Allow) and re.search(r"\d", line):
        ranges = [(int(first), int(last or first)) for first, last in re.findall(r"(\d+)(?:-(\d+))?", line)]
        assert all(any(low <= number <= high for low, high in ranges) for number in answer.numbers)
    if isinstance(answer, Allow):
        assert re.search(r"y", line, re.IGNORECASE)
    if isinstance(answer, Always):
        assert re.search(r"a", line, re.IGNORECASE)
