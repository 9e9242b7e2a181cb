"""What is shown of a call that somebody has to decide about, as pieces of text that are safe to print."""

from collections.abc import Sequence

from antiphon.cli.approving.edits import Edit
from antiphon.cli.safe_text import one_line, safe
from antiphon.cli.screen import Piece
from antiphon.cli.view import call_line
from antiphon.engine.events import ToolCall

MOST_DETAIL_LINES = 12
"""How much of one argument is shown."""
MOST_DIFF_LINES = 24
"""How much of a diff is shown."""
LONGEST_DETAIL = 500
"""How much of one line is shown."""
SHORT = 100
"""An argument of so many characters fits beside its call's name."""
_DIFF_STYLES = {"+": "ok", "-": "bad", "@": "hunk"}


def title_of(call: ToolCall, edit: Edit | None) -> list[Piece]:
    """Return a call on one line, and how many lines it changes."""
    pieces: list[Piece] = [(call_line(call), "strong")]
    if edit is not None and (edit.added or edit.removed):
        pieces += [("  ", ""), (f"+{edit.added}", "ok"), (" ", ""), (f"-{edit.removed}", "bad")]
    return pieces


def details_of(call: ToolCall, edit: Edit | None = None, *, whole: bool = False) -> list[list[Piece]]:
    """Return what a call would do, line by line: the diff of an edit, the arguments of others.

    Of a long text the beginning is shown, or everything if it is to be `whole`; of a command always everything, for its
    end decides as much as its beginning.
    """
    if edit is None or (whole and not edit.lines):
        lines: list[list[Piece]] = [[(line, "")] for line in _arguments_of(call, whole=whole)]
        return lines
    note: list[list[Piece]] = [[(f"  {one_line(edit.note)}.", "wait")]] if edit.note else []
    shown = edit.lines if whole else edit.lines[:MOST_DIFF_LINES]
    lines = [[(f"  {_shortened(safe(line), whole=whole)}", _DIFF_STYLES.get(line[:1], ""))] for line in shown]
    return [*note, *lines, *_rest(len(edit.lines) - len(shown), "  ")]


def hides_something(call: ToolCall, edit: Edit | None) -> bool:
    """Tell whether there is more to see of a call than its details show at first."""
    return details_of(call, edit) != details_of(call, edit, whole=True)


def fits_on_a_line(call: ToolCall) -> bool:
    """Tell whether a call's one line shows all its arguments."""
    return not _arguments_of(call, whole=True)


def _arguments_of(call: ToolCall, *, whole: bool) -> list[str]:
    """Return the arguments as lines. A single short argument stands beside the call's name already."""
    values = {key: safe(value if isinstance(value, str) else repr(value)) for key, value in call.input.items()}
    if all(len(text) < SHORT and "\n" not in text for text in values.values()) and len(values) <= 1:
        return []
    lines: list[str] = []
    for key, text in values.items():
        all_of_it = whole or key == "command"
        shown = text.split("\n")
        most = len(shown) if all_of_it else MOST_DETAIL_LINES
        if len(shown) == 1:
            lines.append(f"  {one_line(key)}: {_shortened(text, whole=all_of_it)}")
            continue
        lines.append(f"  {one_line(key)}:")
        lines += [f"    {_shortened(line, whole=all_of_it)}" for line in shown[:most]]
        lines += [text for pieces in _rest(len(shown) - most, "    ") for text, _ in pieces]
    return lines


def _rest(more: int, indent: str) -> Sequence[list[Piece]]:
    return [[(f"{indent}... {more:,} more line{'' if more == 1 else 's'}", "quiet")]] if more > 0 else []


def _shortened(line: str, *, whole: bool) -> str:
    more = len(line) - LONGEST_DETAIL
    return line if whole or more <= 0 else f"{line[:LONGEST_DETAIL]} ... {more:,} more characters"
