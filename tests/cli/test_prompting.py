import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from antiphon.cli.prompting import CONTINUATION, PROMPT, History, history_file, read_prompt


def typed(*lines: str) -> tuple[Callable[[str], str], list[str]]:
    """Return a keyboard with these lines, and the prompts that it was shown."""
    left = list(lines)
    shown: list[str] = []

    def read_line(prompt: str) -> str:
        shown.append(prompt)
        if not left:
            raise EOFError
        return left.pop(0)

    return read_line, shown


@pytest.mark.parametrize(
    ("lines", "prompt"),
    [
        (["  hello  "], "hello"),
        ([""], ""),
        (["first \\", "second\\", "third"], "first \nsecond\nthird"),
        (['"""one', "", '  two"""'], "one\n\n  two"),
        (['"""', "def f():", "    pass", '"""'], "def f():\n    pass"),
        (['"""in one line"""'], "in one line"),
    ],
)
def test_prompts_are_one_line_or_many(lines: list[str], prompt: str) -> None:
    assert read_prompt(typed(*lines)[0]) == prompt


def test_further_lines_have_a_prompt_of_their_own() -> None:
    read_line, shown = typed("a\\", "b")
    read_prompt(read_line)
    assert shown == [PROMPT, CONTINUATION]


def test_the_end_of_input_is_told() -> None:
    with pytest.raises(EOFError):
        read_prompt(typed()[0])


def test_the_history_is_where_the_desktop_standard_wants_state() -> None:
    assert history_file({"HOME": "/h"}) == Path("/h/.local/state/antiphon/history")
    assert history_file({"HOME": "/h", "XDG_STATE_HOME": "/s"}) == Path("/s/antiphon/history")


def test_only_its_owner_can_read_the_history(tmp_path: Path) -> None:
    path = tmp_path / "state" / "history"
    History(path).save()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_history_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    History(tmp_path / "file" / "history").save()
