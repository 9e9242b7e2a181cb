import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.cli.approving.edits import Edit, changed_since, edit_of
from antiphon.engine.events import INDEPENDENT, ToolCall
from antiphon.policy import ApprovalRequest
from antiphon.policy.subjects import CommandSubject, FileSubject
from antiphon.policy.workspace import Workspace


class Files:
    """A file of a workspace, and calls that edit it."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace.at(root)
        self.path = self.workspace.root / "a.txt"

    def request(self, name: str, **arguments: object) -> ApprovalRequest:
        call = ToolCall("c", name, {"path": "a.txt", **arguments})
        return ApprovalRequest(call, INDEPENDENT, FileSubject(self.path, writes=True))

    def write(self, content: str) -> Edit:
        edit = edit_of(self.request("write_file", content=content), self.workspace)
        assert edit is not None
        return edit

    def edit(self, old: str, new: str, **arguments: object) -> Edit:
        request = self.request("edit_file", old_string=old, new_string=new, **arguments)
        edit = edit_of(request, self.workspace)
        assert edit is not None
        return edit


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def shown(edit: Edit) -> tuple[list[str], int, int, str]:
    return list(edit.lines), edit.added, edit.removed, edit.note


def test_an_edit_shows_the_lines_that_change_and_those_around(files: Files) -> None:
    files.path.write_text("".join(f"{n}\n" for n in range(1, 21)))
    assert shown(files.edit("10\n11\n", "ten\n")) == (
        ["@@ -7,8 +7,7 @@", " 7", " 8", " 9", "-10", "-11", "+ten", " 12", " 13", " 14"],
        1,
        2,
        "",
    )


def test_changes_far_from_each_other_are_shown_apart(files: Files) -> None:
    files.path.write_text("x\n" + "-\n" * 20 + "x\n")
    lines, added, removed, note = shown(files.edit("x", "y", replace_all=True))
    assert [line for line in lines if line[0] != " "] == [
        "@@ -1,4 +1,4 @@",
        "-x",
        "+y",
        "@@ -19,4 +19,4 @@",
        "-x",
        "+y",
    ]
    assert (added, removed, note) == (2, 2, "In 2 places")


def test_a_new_file_is_all_added(files: Files) -> None:
    assert shown(files.write("one\ntwo")) == (["@@ -1,0 +1,2 @@", "+one", "+two"], 2, 0, "A new file")
    assert shown(files.edit("", "one\n")) == (["@@ -1,0 +1,1 @@", "+one"], 1, 0, "A new file")


def test_line_endings_are_forgiven_as_the_tools_forgive_them(files: Files) -> None:
    files.path.write_bytes(b"one\r\ntwo\r\n")
    assert shown(files.edit("one\ntwo", "one\n2"))[1:] == (1, 1, "")
    assert shown(files.write("one\ntwo\n")) == ([], 0, 0, "No line would change")


@pytest.mark.parametrize(
    ("old", "note"),
    [
        ("four", "The text to replace is not in the file as it is now"),
        ("o", "The text to replace is there 2 times, so this call would fail"),
        ("", "The file is not empty, so this call would fail"),
    ],
)
def test_a_call_that_would_fail_says_so(files: Files, old: str, note: str) -> None:
    files.path.write_text("one\ntwo\n")
    assert shown(files.edit(old, "new")) == ([], 0, 0, note)


def test_the_names_that_other_agents_have_for_arguments_are_understood(files: Files) -> None:
    files.path.write_text("one\n")
    request = files.request("edit_file", old_str="one", new_str="two")
    edit = edit_of(request, files.workspace)
    assert edit is not None
    assert list(edit.lines) == ["@@ -1,1 +1,1 @@", "-one", "+two"]


def test_of_what_is_no_text_or_too_large_nothing_is_shown_but_that(files: Files) -> None:
    files.path.write_bytes(b"\x7fELF\x00\x00")
    assert files.write("text").note == "The file is an ELF program now"
    with files.path.open("wb") as file:
        file.truncate(1 << 33)
    assert files.write("text").note == "The file has 8,589,934,592 bytes, too many to show what would change"


def test_links_and_devices_are_not_looked_at(files: Files, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    files.path.symlink_to(tmp_path / "secret")
    assert edit_of(files.request("write_file", content="x"), files.workspace) is None
    files.path.unlink()
    os.mkfifo(files.path)
    assert edit_of(files.request("write_file", content="x"), files.workspace) is None


def test_other_calls_edit_nothing(files: Files) -> None:
    call = ToolCall("c", "run_command", {"command": "ls"})
    subject = CommandSubject("ls", None, files.workspace.root)
    assert edit_of(ApprovalRequest(call, INDEPENDENT, subject), files.workspace) is None
    assert edit_of(files.request("write_file"), files.workspace) is None  # arguments are missing


def test_a_file_that_has_changed_since_is_noticed(files: Files) -> None:
    request = files.request("write_file", content="new\n")
    new = files.write("new\n")
    assert not changed_since(new, request, files.workspace)
    files.path.write_text("old\n")
    assert changed_since(new, request, files.workspace)
    now = files.write("new\n")
    assert not changed_since(now, request, files.workspace)
    files.path.unlink()
    files.path.symlink_to("elsewhere")
    assert changed_since(now, request, files.workspace)


def test_two_long_files_without_anything_in_common_are_shown_at_once(files: Files) -> None:
    files.path.write_text("".join(f"{n % 3}\n" for n in range(3_000)))
    edit = files.write("".join(f"{n % 2}!\n" for n in range(3_000)))
    assert (edit.added, edit.removed) == (3_000, 3_000)


LINES = st.lists(st.sampled_from(["a", "b", "c", "", "d\x0ce"]), max_size=12)


@given(LINES, LINES)
def test_the_diff_makes_the_new_text_of_the_old_one(
    tmp_path_factory: pytest.TempPathFactory, old: list[str], new: list[str]
) -> None:
    files = Files(tmp_path_factory.mktemp("workspace"))
    files.path.write_text("".join(f"{line}\n" for line in old))
    edit = files.write("".join(f"{line}\n" for line in new))
    made: list[str] = []
    at = 0
    for line in edit.lines:
        if line.startswith("@@"):
            start = int(line.split("-")[1].split(",")[0]) - 1
            made += old[at:start]
            at = start
            continue
        if line[0] in " -":
            assert old[at] == line[1:]
            at += 1
        if line[0] in " +":
            made.append(line[1:])
    assert [*made, *old[at:]] == new
    assert edit.added == sum(line[0] == "+" for line in edit.lines)
    assert edit.removed == sum(line[0] == "-" for line in edit.lines)
