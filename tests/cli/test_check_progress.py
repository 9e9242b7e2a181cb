import io
from pathlib import Path

from damaged import TEXT_FIRST, written
from programs import OnTerminal, surroundings

from antiphon.cli.checking.progress import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_is_soon_over_shows_no_progress() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress(stream, 100, shown=True, width=80, clock=clock) as progress:
        for number in range(100):
            clock.now += 0.009
            progress.at(number, "a.json")
    assert stream.getvalue() == ""


def test_what_takes_longer_shows_how_far_it_is_and_wipes_it_away() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress(stream, 4, shown=True, width=60, clock=clock) as progress:
        for number in range(4):
            progress.at(number, f"dir/file-{number}\x1b[31m.json")
            clock.now += 0.6
    assert stream.getvalue() == (
        "\r[############            ] 2/4 files  dir/file-2.json\x1b[K"
        "\r[##################      ] 3/4 files  dir/file-3.json\x1b[K"
        "\r\x1b[K"
    )


def test_a_bar_is_never_wider_than_the_terminal_and_not_drawn_for_every_file() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress(stream, 1000, shown=True, width=50, clock=clock)
    clock.now = 2.0
    for number in range(1000):
        progress.at(number, "a/very/long/name/that/does/not/fit.json")
        clock.now += 0.01
    drawn = stream.getvalue().split("\r")[1:]
    assert 90 <= len(drawn) <= 110
    assert all(len(line.removesuffix("\x1b[K")) < 50 for line in drawn)


def test_nothing_is_drawn_where_nobody_looks_or_for_one_file() -> None:
    for total, shown in ((100, False), (1, True)):
        stream, clock = io.StringIO(), Clock()
        with Progress(stream, total, shown=shown, width=80, clock=clock) as progress:
            clock.now = 5.0
            progress.at(0, "a.json")
        assert stream.getvalue() == ""


def test_on_a_terminal_the_report_is_whole_whatever_the_progress_did(tmp_path: Path) -> None:
    for number in range(30):
        written(tmp_path / f"{number:02}.json", TEXT_FIRST)
    with OnTerminal("check", ".", environment=surroundings(tmp_path), cwd=tmp_path) as program:
        program.sees("Found 30 problems")
        assert program.ends() == 1
        assert program.text.count("TU002") == 30
