from hand_made import changed

from antiphon.agent.events import CallStreaming, TurnStarted
from antiphon.cli.approving.details import details_of, fits_on_a_line, hides_something, title_of
from antiphon.cli.approving.edits import Edit
from antiphon.cli.approving.tray import Tray, Waiting
from antiphon.engine.events import INDEPENDENT, ToolCall
from antiphon.policy import ApprovalRequest

COMMAND = ToolCall("c", "run_command", {"command": "make test"})
LONG_COMMAND = ToolCall(
    "x", "run_command", {"command": "\n".join(f"echo {n}" for n in range(30)) + " " * 900 + "; rm -rf ~"}
)
WRITE = ToolCall("w", "write_file", {"path": "a.txt", "content": "x"})


def lines_of(call: ToolCall, edit: Edit | None = None, *, whole: bool = False) -> list[str]:
    return ["".join(text for text, _ in line) for line in details_of(call, edit, whole=whole)]


def listing_of(*calls: ToolCall, tray: Tray | None = None) -> list[str]:
    tray = tray or Tray()
    for call in calls:
        tray.add(ApprovalRequest(call, INDEPENDENT), "it changes something").ready = True
    return ["".join(text for text, _ in line) for line in tray.listing(80)]


def test_a_command_is_shown_to_its_end() -> None:
    assert len(lines_of(LONG_COMMAND)) == 31
    assert lines_of(LONG_COMMAND)[-1].endswith("; rm -rf ~")
    assert not hides_something(LONG_COMMAND, None)


def test_a_command_is_shown_to_its_end_among_others_too() -> None:
    listing = listing_of(COMMAND, LONG_COMMAND)
    assert listing[1] == "   1  run_command make test  it changes something"
    assert len(listing[2]) < 80
    assert listing[-2].endswith("; rm -rf ~")
    assert listing[-1] == "      it changes something"


def test_what_was_listed_once_takes_a_line_from_then_on() -> None:
    tray = Tray()
    listing_of(LONG_COMMAND, COMMAND, tray=tray)
    (new,) = waiting(tray, "z")
    new.reason = "it is new"
    assert ["".join(text for text, _ in line)[:26] for line in tray.listing(80)] == [
        "3 calls wait for you:",
        "   1  run_command echo 0 e",
        "   2  run_command make tes",
        "   3  run_command  it is n",
    ]


def test_a_single_short_argument_is_not_shown_twice() -> None:
    assert lines_of(COMMAND) == []
    assert fits_on_a_line(COMMAND)


def test_a_long_line_is_shortened_and_says_so() -> None:
    call = ToolCall("x", "write_file", {"path": "a", "content": "x" * 600})
    assert lines_of(call) == ["  path: a", f"  content: {'x' * 500} ... 100 more characters"]
    assert lines_of(call, whole=True) == ["  path: a", f"  content: {'x' * 600}"]
    assert hides_something(call, None)


def test_long_arguments_are_shortened_and_safe() -> None:
    call = ToolCall("x", "write_file", {"path": "a\x1b[2J", "content": "\n".join(map(str, range(20))), "mode": 3})
    lines = lines_of(call)
    assert lines[0] == "  path: a"
    assert lines[1:4] == ["  content:", "    0", "    1"]
    assert lines[-2:] == ["    ... 8 more lines", "  mode: 3"]
    assert lines_of(call, whole=True)[-2:] == ["    19", "  mode: 3"]


def test_of_an_edit_the_diff_is_shown_instead_of_its_arguments() -> None:
    edit = Edit(("@@ -1,1 +1,1 @@", "-old\x1b]0;title\x07", "+new\u202e"), 1, 1, "In 2 places")
    assert lines_of(WRITE, edit) == ["  In 2 places.", "  @@ -1,1 +1,1 @@", "  -old", "  +new<U+202E>"]
    assert [style for line in details_of(WRITE, edit) for _, style in line] == ["wait", "hunk", "bad", "ok"]
    assert "".join(text for text, _ in title_of(WRITE, edit)) == "write_file a.txt  +1 -1"


def test_of_an_edit_without_a_diff_the_arguments_can_be_seen() -> None:
    edit = Edit((), note="The text to replace is not in the file as it is now")
    assert lines_of(WRITE, edit) == ["  The text to replace is not in the file as it is now."]
    assert lines_of(WRITE, edit, whole=True) == ["  path: a.txt", "  content: x"]
    assert hides_something(WRITE, edit)


def waiting(tray: Tray, *ids: str) -> list[Waiting]:
    calls = [tray.add(ApprovalRequest(ToolCall(id_, "run_command", {}), INDEPENDENT)) for id_ in ids]
    for call in calls:
        call.ready = True
    return calls


def numbers(tray: Tray) -> dict[str, int]:
    return {one.request.call.id: one.number for one in tray.open}


def test_a_number_that_was_seen_never_means_another_call() -> None:
    tray = Tray()
    first, second = waiting(tray, "a", "b")
    assert numbers(tray) == {"a": 1, "b": 2}
    tray.remove(first)
    (third,) = waiting(tray, "c")
    assert numbers(tray) == {"b": 2, "c": 3}
    tray.remove(second)
    tray.remove(third)
    waiting(tray, "d")
    assert numbers(tray) == {"d": 1}


def test_a_call_has_the_number_of_its_row() -> None:
    tray = Tray()
    tray.number_rows(TurnStarted(1, 0.0))
    waiting(tray, "c", "b", "elsewhere")
    for index, id_ in enumerate(("a", "b", "c")):
        tray.number_rows(CallStreaming(index, id_, "run_command", 0.0))
    assert numbers(tray) == {"b": 2, "c": 3, "elsewhere": 4}
    # A row that comes later and has a number that is taken.
    tray.number_rows(changed(3, ToolCall("d", "run_command", {}), "asking", 0.0))
    waiting(tray, "d")
    assert numbers(tray) == {"b": 2, "c": 3, "elsewhere": 4, "d": 5}


def test_a_name_that_drives_the_terminal_is_made_safe_in_the_list() -> None:
    assert listing_of(COMMAND, ToolCall("x", "run\x1b[2J\n_it", {"command": "echo \x1b]52;c;aGk=\x07 \u200b"}))[2:] == [
        "   2  run _it echo <U+200B>  it changes something"
    ]
