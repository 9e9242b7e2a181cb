from pathlib import Path

import anyio
import pytest

from antiphon.tools.base import Limits, ToolContext, Workspace
from antiphon.tools.processes import output as command_output
from antiphon.tools.processes.output import CommandOutput, HeadAndTail, LiveOutput, OutputFile


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path, spill=tmp_path / "spill")


def test_a_short_text_stays_whole() -> None:
    kept = HeadAndTail(10)
    for piece in ("abc", "", "defghi", "j"):
        kept.add(piece)
    assert (kept.text("lost"), kept.whole) == ("abcdefghij", True)


def test_of_a_long_text_head_and_tail_stay_cut_at_line_ends() -> None:
    kept = HeadAndTail(40)
    for number in range(1000):
        kept.add(f"line {number}\n")
    assert kept.text("the whole is lost") == (
        "line 0\nline 1\nline 2\n\n"
        "[... 8,890 characters in all, the middle is left out; the whole is lost ...]\n\n"
        "line 998\nline 999\n"
    )


def test_one_long_line_is_cut_where_it_must_be() -> None:
    kept = HeadAndTail(4)
    kept.add("abcdefgh")
    assert kept.text("lost") == "ab\n\n[... 8 characters in all, the middle is left out; lost ...]\n\ngh"


def told_by(pieces: list[tuple[str, str]]) -> list[str]:
    told: list[str] = []
    live = LiveOutput(told.append)
    for lines, unfinished in pieces:
        live.add(lines)
        live.flush(unfinished)
    return told


def test_lines_are_told_once_and_nothing_twice() -> None:
    assert told_by([("a\n", ""), ("", ""), ("b\nc\n", "")]) == ["a\n", "b\nc\n"]


def test_an_unfinished_line_is_told_as_far_as_it_goes() -> None:
    assert told_by([("", "."), ("", "..."), ("....\n", "."), (".\nend\n", "")]) == [".", "..", ".\n.", "\nend\n"]


def test_a_line_drawn_anew_is_told_when_it_is_finished() -> None:
    assert told_by([("", "10%"), ("", "50%"), ("", "90%"), ("done\n", "")]) == ["10%", "\ndone\n"]


def test_of_a_flood_the_last_is_told() -> None:
    told = told_by([("x" * 100_000 + "end\n", "")])
    assert [len(piece) for piece in told] == [8192]
    assert told[0].endswith("end\n")


async def test_the_result_is_short_and_the_file_holds_everything(workspace: Workspace) -> None:
    told: list[str] = []
    output = CommandOutput(ToolContext("call_1", told.append), Limits(result_chars=2000), workspace)
    whole = "".join(f"{number}\n" for number in range(5000))
    for at in range(0, len(whole), 100):
        output.feed(whole[at : at + 100].encode())
    result = output.close()
    assert len(result) < 2000
    assert result.startswith("0\n1\n")
    assert result.endswith("4998\n4999\n")
    path = workspace.spill / "call_1.txt" if workspace.spill else Path()
    assert f"{len(whole):,} characters in all" in result
    assert f"the whole is in {path}" in result
    assert path.read_text() == whole
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_short_output_makes_no_file(workspace: Workspace) -> None:
    output = CommandOutput(ToolContext("call_1"), Limits(), workspace)
    output.feed(b"hello\n")
    assert output.close() == "hello\n"
    assert workspace.spill is not None
    assert not workspace.spill.exists()


async def test_live_output_comes_in_few_pieces(workspace: Workspace) -> None:
    told: list[str] = []
    output = CommandOutput(ToolContext("call_1", told.append), Limits(), workspace)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(output.tell)
        for _ in range(1000):
            output.feed(b"dot\n")
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    output.close()
    assert "".join(told) == "dot\n" * 1000
    assert len(told) < 100


def test_a_file_is_filled_up_to_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_output, "MOST_KEPT", 10)
    file = OutputFile(tmp_path, "abc", "name", most=10)
    for piece in ("defg", "hijkl", "mno"):
        file.add(piece)
    file.close()
    assert file.path is not None
    assert file.path.read_text() == "abcdefghij"
    assert file.where == f"the first 10 characters are in {file.path}, read it with offset and limit or search it"


def test_without_a_place_for_files_it_is_said_so() -> None:
    file = OutputFile(None, "abc", "name")
    file.add("more")
    assert (file.path, file.where) == (None, "the whole was not kept")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_is_full_is_told_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Path:
        return Path("/dev/full")

    monkeypatch.setattr(command_output, "keep", full)
    file = OutputFile(tmp_path, "", "name")
    for piece in ("x", "y"):
        file.add(piece)
    file.close()
    assert file.where == "the whole could not be kept: No space left on device"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    file = OutputFile(tmp_path / "file" / "spill", "abc", "name")
    assert file.where.startswith("the whole could not be kept: ")
