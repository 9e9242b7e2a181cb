"""Replacing exact text."""

import stat
import time
from pathlib import Path

import pytest
from calls import fail, names_in, succeed
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from antiphon.engine.events import Access
from antiphon.tools.base import Tool, ToolContext, Workspace
from antiphon.tools.edit_file import EditFile

CODE = """\
def first():
    return 1


def second():
    return 2


def third():
    return 3
"""


@pytest.fixture
def edit(workspace: Workspace) -> EditFile:
    (workspace.root / "code.py").write_text(CODE)
    return EditFile(workspace)


def code(edit: EditFile) -> str:
    return (edit.workspace.root / "code.py").read_bytes().decode()


def test_it_is_a_tool_that_writes_one_file(edit: EditFile) -> None:
    assert isinstance(edit, Tool)
    access = edit.access(edit.parse({"file_path": "code.py", "old_str": "a", "new_str": "b"}))
    assert access == Access(writes=(("file", *edit.workspace.root.parts[1:], "code.py"),))


async def test_one_text_is_replaced_and_the_change_is_shown(edit: EditFile) -> None:
    old = "def second():\n    return 2\n"
    new = "def second():\n    x = 2\n    return x\n"
    assert await succeed(edit, path="code.py", old_string=old, new_string=new) == snapshot(
        """\
Edited code.py:
@@ line 6 @@

 def second():
-    return 2
+    x = 2
+    return x

"""
    )
    assert code(edit) == CODE.replace(old, new)


async def test_a_text_that_is_not_unique_is_refused_with_its_places(edit: EditFile) -> None:
    assert await fail(edit, path="code.py", old_string="    return", new_string="    yield") == snapshot(
        "old_string occurs 3 times in code.py (at lines 2, 6, 10), nothing was changed. "
        "Add lines around it until it is unique, or set replace_all."
    )
    assert code(edit) == CODE


async def test_all_places_can_be_replaced(edit: EditFile) -> None:
    shown = await succeed(edit, path="code.py", old_string="    return", new_string="    yield", replace_all=True)
    assert shown == snapshot(
        """\
Edited code.py in 3 places:
@@ line 2 @@
 def first():
-    return 1
+    yield 1


@@ line 6 @@

 def second():
-    return 2
+    yield 2


@@ line 10 @@

 def third():
-    return 3
+    yield 3\
"""
    )
    assert code(edit) == CODE.replace("    return", "    yield")


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("first", "one", "@@ line 1 @@\n-def first():\n+def one():\n     return 1\n"),
        ("return 3\n", "", "@@ line 10 @@\n\n def third():\n-    return 3\n+    "),
        (
            "1\n\n\ndef second():\n    return 2",
            "2",
            "@@ line 2 @@\n def first():\n-    return 1\n-\n-\n-def second():\n     return 2\n",
        ),
        ("def first():\n", "def first():\n    # one\n", "@@ line 2 @@\n def first():\n+    # one\n     return 1\n"),
        (CODE, "gone\n", None),
    ],
)
async def test_the_change_shown_is_no_longer_than_it_must_be(
    edit: EditFile, old: str, new: str, shown: str | None
) -> None:
    told = await succeed(edit, path="code.py", old_string=old, new_string=new)
    assert code(edit) == CODE.replace(old, new)
    if shown is not None:
        assert told == f"Edited code.py:\n{shown}"


async def test_a_large_change_is_shown_in_part(edit: EditFile) -> None:
    (edit.workspace.root / "many").write_text("x\n\n\n\n" * 100)
    told = await succeed(edit, path="many", old_string="x", new_string="y", replace_all=True)
    assert len(told.splitlines()) <= 83
    assert told.endswith("... 89 more changes")
    told = await succeed(edit, path="many", old_string="y\n\n\n\n" * 100, new_string="z\n" * 200)
    assert told.splitlines()[-1] == "... 521 more lines of this change"


async def test_a_change_in_very_many_places_is_shown_soon(edit: EditFile) -> None:
    (edit.workspace.root / "many").write_text("x\n\n\n\n" * 200_000)
    began = time.process_time()
    told = await succeed(edit, path="many", old_string="x", new_string="y", replace_all=True)
    assert told.endswith("... 199,989 more changes")
    assert time.process_time() - began < 5


async def test_a_text_that_is_not_there_is_answered_with_the_nearest(edit: EditFile) -> None:
    assert await fail(edit, path="code.py", old_string="def second():\n    return two", new_string="x") == snapshot(
        """\
old_string was not found in code.py, nothing was changed. Line 6 is 'return 2', not 'return two'. The nearest text is:
     5	def second():
     6	    return 2\
"""
    )
    assert await fail(edit, path="code.py", old_string="def second():\n  return 2", new_string="x") == snapshot(
        """\
old_string was not found in code.py, nothing was changed. Only the white space differs. The nearest text is:
     5	def second():
     6	    return 2\
"""
    )
    assert await fail(edit, path="code.py", old_string="     5\tdef second():\n", new_string="x") == snapshot(
        "old_string was not found in code.py, nothing was changed. "
        "It is there without the line numbers, which are not part of the file: leave them out."
    )
    assert await fail(edit, path="code.py", old_string="SELECT * FROM users", new_string="x") == snapshot(
        "old_string was not found in code.py, nothing was changed. "
        "Nothing in it resembles that text. Read the file again."
    )
    longer = "def third():\n    return 3\n\n# the end"
    assert "The file ends before that text does." in await fail(edit, path="code.py", old_string=longer, new_string="x")
    assert code(edit) == CODE


async def test_a_text_equal_to_its_replacement_is_refused(edit: EditFile) -> None:
    said = await fail(edit, path="code.py", old_string="first", new_string="first")
    assert said == "old_string and new_string are the same; code.py was not changed."


async def test_an_empty_old_string_creates_a_file_and_nothing_else(edit: EditFile) -> None:
    assert await succeed(edit, path="new/a.py", old_string="", new_string="x\n") == "Created new/a.py (1 line)."
    assert (edit.workspace.root / "new/a.py").read_text() == "x\n"
    (edit.workspace.root / "empty").touch()
    assert await succeed(edit, path="empty", old_string="", new_string="x") == "Created empty (1 line)."
    said = await fail(edit, path="code.py", old_string="", new_string="x")
    assert said.startswith("code.py exists and is not empty")
    assert code(edit) == CODE


@pytest.mark.parametrize(
    ("there", "old", "new", "after"),
    [
        (b"a\r\nb\r\nc\r\n", "a\nb", "x\ny\nz", b"x\r\ny\r\nz\r\nc\r\n"),
        (b"a\r\nb\r\n", "a\r\nb", "x\r\ny", b"x\r\ny\r\n"),
        (b"a\r\nb\r\n", "b\n", "b\nc\n", b"a\r\nb\r\nc\r\n"),
        (b"a\r\nb\r\nc\n", "a\nb", "x\ny", b"x\r\ny\r\nc\n"),
        (b"a\r\nb\nc\n", "b\nc", "x\ny", b"a\r\nx\ny\n"),
        (b"a\nb", "b", "c", b"a\nc"),
        (b"a\nb\n", "b\n", "c", b"a\nc"),
        ("é\n".encode("utf-8-sig"), "é", "ü", "ü\n".encode("utf-8-sig")),
        ("\ufeffé\r\nb".encode("utf-16-le"), "é\nb", "ü\nc", "\ufeffü\r\nc".encode("utf-16-le")),
        (b"caf\xe9 \xff\n", "café", "naïve", b"na\xefve \xff\n"),
        (b"a\x0cb\x1cc\xc2\x85d\n", "b\x1cc", "x", b"a\x0cx\xc2\x85d\n"),
    ],
)
async def test_every_byte_that_was_not_replaced_stays(
    edit: EditFile, there: bytes, old: str, new: str, after: bytes
) -> None:
    path = edit.workspace.root / "a.txt"
    path.write_bytes(there)
    path.chmod(0o711)
    await succeed(edit, path="a.txt", old_string=old, new_string=new)
    assert path.read_bytes() == after
    assert stat.S_IMODE(path.stat().st_mode) == 0o711


texts = st.text(alphabet="ab\n", min_size=1, max_size=12)


@given(text=texts, old=st.text(alphabet="ab\n", min_size=1, max_size=3), new=st.text(alphabet="ab\nx", max_size=5))
async def test_an_edit_does_what_replacing_text_does_whatever_the_line_endings(
    tmp_path_factory: pytest.TempPathFactory, text: str, old: str, new: str
) -> None:
    root = tmp_path_factory.getbasetemp() / "edits"
    root.mkdir(exist_ok=True)
    tool = EditFile(Workspace.at(root))
    for ending in ("\n", "\r\n"):
        (root / "a").write_bytes(text.replace("\n", ending).encode())
        arguments = {"path": "a", "old_string": old, "new_string": new, "replace_all": True}
        result = await tool.run(tool.parse(arguments), ToolContext())
        expected = text.replace(old, new)
        assert (root / "a").read_bytes() == expected.replace("\n", ending if "\n" in text else "\n").encode()
        assert result.is_error == (old not in text or old == new)


async def test_what_the_encoding_cannot_hold_is_refused(edit: EditFile) -> None:
    (edit.workspace.root / "a.txt").write_bytes(b"caf\xe9\n")
    said = await fail(edit, path="a.txt", old_string="caf", new_string="猫")
    assert said == snapshot(
        "a.txt is not UTF-8 and was read as latin-1, which has no '猫'; nothing was changed. "
        "To make it UTF-8, write the whole file with write_file."
    )
    assert "U+D800" in await fail(edit, path="code.py", old_string="first", new_string="\ud800")
    assert "U+D800" in await fail(edit, path="none.py", old_string="", new_string="\ud800")
    assert (edit.workspace.root / "a.txt").read_bytes() == b"caf\xe9\n"


async def test_binary_and_missing_files_are_refused(edit: EditFile) -> None:
    (edit.workspace.root / "a.bin").write_bytes(b"\x7fELF\0")
    assert await fail(edit, path="a.bin", old_string="E", new_string="F") == (
        "a.bin is an ELF program, not text, so it cannot be edited."
    )
    said = await fail(edit, path="cod.py", old_string="a", new_string="b")
    assert said == "cod.py does not exist. Did you mean code.py?"


async def test_a_change_from_outside_in_the_middle_of_an_edit_is_noticed(
    edit: EditFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    from antiphon.tools import edit_file

    changes = edit_file.decode

    def meanwhile(data: bytes) -> object:
        (edit.workspace.root / "code.py").write_text("by somebody else")
        return changes(data)

    monkeypatch.setattr(edit_file, "decode", meanwhile)
    said = await fail(edit, path="code.py", old_string="first", new_string="one")
    assert said == "code.py: It was changed by somebody else meanwhile. Read it again."
    assert code(edit) == "by somebody else"


async def test_a_misquoted_text_in_a_large_file_is_answered_soon(edit: EditFile, tmp_path: Path) -> None:
    lines = [f"value_{number % 97} = compute(value_{number % 89}, {number})" for number in range(60_000)]
    (edit.workspace.root / "large.py").write_text("\n".join(lines))
    quoted = "\n".join(lines[500:560]).replace("compute", "calculate")
    began = time.process_time()
    said = await fail(edit, path="large.py", old_string=quoted, new_string="x")
    assert time.process_time() - began < 3
    assert "was not found" in said
    assert names_in(tmp_path) == ["project"]
