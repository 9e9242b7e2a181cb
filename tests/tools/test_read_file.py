"""Reading files as the model sees them."""

import os
from pathlib import Path

import anyio
import pytest
from calls import call, fail, succeed
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from pictures import PNG, png

from antiphon.engine.events import Access, Result
from antiphon.tools.base import InvalidArguments, Limits, Tool, ToolContext, Workspace
from antiphon.tools.lines import lines_of
from antiphon.tools.read_file import ReadFile


@pytest.fixture
def read(workspace: Workspace) -> ReadFile:
    return ReadFile(workspace)


def test_it_is_a_tool_that_reads_the_real_file_and_may_start_early(read: ReadFile) -> None:
    root = read.workspace.root
    (root / "a").touch()
    (root / "b").symlink_to("a")
    assert isinstance(read, Tool)
    assert read.access(read.parse({"path": "b"})) == Access(reads=(("file", *root.parts[1:], "a"),), early=True)
    assert "line numbers" in read.description or "with their numbers" in read.description
    assert read.input_schema["required"] == ["path"]


async def test_lines_are_numbered(read: ReadFile) -> None:
    (read.workspace.root / "a.txt").write_text("one\n\ttwo\n\nfour")
    assert await succeed(read, path="a.txt") == "     1\tone\n     2\t\ttwo\n     3\t\n     4\tfour"


async def test_a_part_is_told_as_a_part(read: ReadFile) -> None:
    (read.workspace.root / "a.txt").write_text("".join(f"line {n}\n" for n in range(1, 11)))
    assert await succeed(read, path="a.txt", offset=4, limit="2") == snapshot(
        """\
     4	line 4
     5	line 5

(Lines 4 to 5 of 10. More with offset=6.)\
"""
    )
    assert await succeed(read, path="a.txt", start_line=10) == snapshot(
        """\
    10	line 10

(Line 10, to the end of the file.)\
"""
    )


@pytest.mark.parametrize("ending", ["", "\n"])
async def test_a_line_past_the_end_is_said_plainly(read: ReadFile, ending: str) -> None:
    (read.workspace.root / "a.txt").write_text("one\ntwo" + ending)
    assert await fail(read, path="a.txt", offset=3) == "a.txt has 2 lines; line 3 is past its end."


async def test_an_empty_file_is_said_plainly(read: ReadFile) -> None:
    (read.workspace.root / "a.txt").touch()
    assert await succeed(read, path="a.txt") == "(a.txt is empty)"


async def test_a_long_line_is_cut_and_the_next_one_is_not_lost(read: ReadFile) -> None:
    (read.workspace.root / "a.txt").write_text("é" * 3_000_000 + "\nnext\n")
    first, second = (await succeed(read, path="a.txt")).split("\n")
    assert first == "     1\t" + "é" * 2000 + " [line cut after 2,000 characters]"
    assert second == "     2\tnext"


async def test_a_long_file_is_read_in_parts_that_fit_into_a_result(read: ReadFile) -> None:
    text = "".join(f"{'x' * 50} {n}\n" for n in range(1, 2001))
    (read.workspace.root / "a.txt").write_text(text)
    read.limits = Limits(result_chars=10_000)
    seen: list[str] = []
    offset = 1
    while True:
        shown = await succeed(read, path="a.txt", offset=offset)
        assert len(shown) <= 10_000
        lines, _, note = shown.partition("\n\n(")
        seen += [line.split("\t", 1)[1] for line in lines.split("\n")]
        if "More with offset=" not in note:
            break
        offset = int(note.split("offset=")[1].rstrip(".)"))
    assert "".join(f"{line}\n" for line in seen) == text


async def test_no_more_of_a_huge_file_is_read_than_is_asked_for(read: ReadFile) -> None:
    path = read.workspace.root / "huge.log"
    with path.open("wb") as file:
        file.write(b"first\nsecond\n" + b"more\n" * 10_000)
        file.truncate(1 << 40)  # a terabyte of nothing, on paper
    with anyio.fail_after(20):
        shown = await succeed(read, path="huge.log", limit=1)
    assert shown == "     1\tfirst\n\n(Line 1. More with offset=2.)"


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ("naïve\n".encode(), "     1\tnaïve"),
        ("naïve\n".encode("utf-8-sig"), "     1\tnaïve"),
        (b"a\r\nb\r\n", "     1\ta\n     2\tb"),
        ("naïve\nb".encode("utf-16"), "     1\tnaïve\n     2\tb\n\n(The file is encoded in UTF-16-LE.)"),
        ("\ufeffb\r\n".encode("utf-16-be"), "     1\tb\n\n(The file is encoded in UTF-16-BE.)"),
        (
            b"na\xefve\nb\xc3\xa9\n",
            "     1\tnaïve\n     2\tbé\n\n(Not all of this is UTF-8; the lines that are not were read as Latin-1.)",
        ),
    ],
)
async def test_text_is_read_in_the_encoding_it_has(read: ReadFile, data: bytes, shown: str) -> None:
    (read.workspace.root / "a.txt").write_bytes(data)
    assert await succeed(read, path="a.txt") == shown


async def test_nothing_in_a_result_is_refused_by_the_api(read: ReadFile) -> None:
    (read.workspace.root / "a.txt").write_bytes(b"x" * 9000 + b"\0\xed\xa0\x80\n")
    shown = await succeed(read, path="a.txt")
    assert "\0" not in shown
    shown.encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x7fELF\x02\x00", "a.bin is an ELF program of 6 bytes, not text, so it cannot be shown."),
        (b"%PDF-1.7\nabc", "a.bin is a PDF document of 12 bytes, not text, so it cannot be shown."),
        (b"abc\0def", "a.bin is a binary file of 7 bytes, not text, so it cannot be shown."),
        (b"SQLite format 3\0", "a.bin is an SQLite database of 16 bytes, not text, so it cannot be shown."),
    ],
)
async def test_a_binary_file_is_refused_with_its_kind_and_size(read: ReadFile, data: bytes, said: str) -> None:
    (read.workspace.root / "a.bin").write_bytes(data)
    assert await fail(read, path="a.bin") == said


async def test_text_that_begins_like_a_binary_is_text(read: ReadFile) -> None:
    (read.workspace.root / "a.txt").write_text("BM stands for bitmap, MZ for a man.\n")
    assert "bitmap" in await succeed(read, path="a.txt")


async def test_an_image_is_shown_as_an_image(read: ReadFile) -> None:
    (read.workspace.root / "picture").write_bytes(png(3, 2))
    text, image = (await call(read, path="picture")).content
    assert text == {"type": "text", "text": "picture: image/png, 3 x 2 pixels, 80 bytes"}
    assert isinstance(image, dict)
    assert image["source"]["media_type"] == "image/png"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (PNG[:-9], "it is damaged or cut off"),
        (png(9000, 1), "it is 9000 x 1 pixels"),
        (PNG + bytes(6 << 20), "too large to be shown"),
    ],
)
async def test_an_image_the_api_would_refuse_is_not_shown(read: ReadFile, data: bytes, said: str) -> None:
    (read.workspace.root / "a.png").write_bytes(data)
    assert said in await fail(read, path="a.png")


async def test_what_is_not_there_is_answered_with_what_may_have_been_meant(read: ReadFile) -> None:
    (read.workspace.root / "src").mkdir()
    (read.workspace.root / "src/Main.py").touch()
    assert await fail(read, path="src/man.py") == "src/man.py does not exist. Did you mean src/Main.py?"
    assert await fail(read, path="scr/Main.py") == "scr/Main.py does not exist. Did you mean src?"
    assert await fail(read, path="zzz/a/b") == "zzz/a/b does not exist. There is no zzz either."
    assert await fail(read, path="src") == "src is a directory. list_files shows what is in it."
    assert await fail(read, path="src/Main.py/x") == "src/Main.py/x is below something that is not a directory."


async def test_special_files_are_refused(read: ReadFile) -> None:
    os.mkfifo(read.workspace.root / "pipe")
    said = await fail(read, path="pipe")
    assert said == "pipe: It is not a regular file but a device, a socket or a pipe."


async def test_what_may_not_be_read_is_said(read: ReadFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("antiphon.tools.read_file.open_file", forbidden)
    assert await fail(read, path="a") == "a may not be accessed (permission denied)."


async def test_a_link_that_leads_elsewhere_by_now_is_refused(read: ReadFile, tmp_path: Path) -> None:
    root = read.workspace.root
    (root / "a").write_text("a")
    (root / "b").write_text("b")
    (root / "link").symlink_to("a")
    asked = read.parse({"path": "link"})
    (root / "link").unlink()
    (root / "link").symlink_to("b")
    result = await read.run(asked, ToolContext())
    assert result == Result(
        "a: link leads to b now and did not when this was asked for. Nothing was done; ask again.", is_error=True
    )
    (root / "link").unlink()
    (root / "link").symlink_to(tmp_path)
    result = await read.run(asked, ToolContext())
    assert result.is_error
    assert "outside the workspace" in str(result.content)


def test_a_path_outside_is_refused_before_anybody_is_asked(read: ReadFile) -> None:
    with pytest.raises(InvalidArguments, match="outside the workspace"):
        read.parse({"path": "/etc/passwd"})


LINE_FILES = st.lists(st.sampled_from(["", "a", "é", "\r", "x" * 9, "猫" * 4]), max_size=12).map("\n".join)


@given(LINE_FILES, st.integers(0, 14), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_skipping_and_reading_give_the_lines_that_splitting_gives(
    tmp_path_factory: pytest.TempPathFactory, text: str, skipped: int, encoding: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.txt"
    path.write_bytes(text.encode(encoding))
    lines = text.split("\n") if text else []
    if lines and lines[-1] == "":
        lines.pop()
    with path.open("rb") as file, lines_of(file, 8) as reader:
        assert reader.skip(skipped) == min(skipped, len(lines))
        assert [line[:8] for line in reader] == [line.removesuffix("\r")[:8] for line in lines[skipped:]]
    with path.open("rb") as file, lines_of(file, 8) as reader:
        reader.skip(skipped)
        assert reader.count_rest() == max(0, len(lines) - skipped)
