"""Writing whole files."""

import os
import stat

import anyio
import pytest
from calls import call, fail, names_in, succeed

from antiphon.engine.events import Access, Result
from antiphon.tools.base import InvalidArguments, Tool, ToolContext, Workspace
from antiphon.tools.write_file import WriteFile


@pytest.fixture
def write(workspace: Workspace) -> WriteFile:
    return WriteFile(workspace)


def test_it_is_a_tool_that_writes_one_file_and_waits_for_the_end_of_the_message(write: WriteFile) -> None:
    assert isinstance(write, Tool)
    access = write.access(write.parse({"path": "a/../b", "content": ""}))
    assert access == Access(writes=(("file", *write.workspace.root.parts[1:], "b"),))


async def test_a_new_file_is_created_with_its_directories(write: WriteFile) -> None:
    assert await succeed(write, path="a/b/c.txt", content="one\ntwo\n") == "Created a/b/c.txt (2 lines)."
    assert (write.workspace.root / "a/b/c.txt").read_bytes() == b"one\ntwo\n"


async def test_an_existing_file_is_overwritten_and_keeps_its_mode(write: WriteFile) -> None:
    path = write.workspace.root / "run.sh"
    path.write_text("a\nb\nc\n")
    path.chmod(0o750)
    assert await succeed(write, path="run.sh", content="x") == "Overwrote run.sh (1 line; it had 3 lines)."
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("x", 0o750)


async def test_an_empty_file_may_be_written(write: WriteFile) -> None:
    assert await succeed(write, path="empty", content="") == "Created empty (0 lines)."


@pytest.mark.parametrize(
    ("there", "content", "line_endings", "written"),
    [
        (None, "a\nb\n", "keep", b"a\nb\n"),
        (None, "a\r\nb\n", "keep", b"a\r\nb\n"),
        (None, "a\nb\n", "crlf", b"a\r\nb\r\n"),
        (None, "a\r\nb\r\n", "lf", b"a\nb\n"),
        (b"x\r\ny\r\n", "a\nb\n", "keep", b"a\r\nb\r\n"),
        (b"x\r\ny\r\n", "a\r\nb\n", "keep", b"a\r\nb\r\n"),
        (b"x\r\ny\r\n", "a\nb\n", "lf", b"a\nb\n"),
        (b"x\r\ny\n", "a\nb\n", "keep", b"a\nb\n"),
        (b"x\n", "a\r\n", "keep", b"a\r\n"),
    ],
)
async def test_line_endings_are_kept_or_as_asked_for(
    write: WriteFile, there: bytes | None, content: str, line_endings: str, written: bytes
) -> None:
    path = write.workspace.root / "a.txt"
    if there is not None:
        path.write_bytes(there)
    await succeed(write, path="a.txt", content=content, line_endings=line_endings)
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    ("there", "written"),
    [
        ("é\n".encode("utf-8-sig"), "naïve\n".encode("utf-8-sig")),
        ("\ufeffé\n".encode("utf-16-le"), "\ufeffnaïve\n".encode("utf-16-le")),
        (b"\xe9\n", "naïve\n".encode("latin-1")),
        (b"\xe9 \x00", "naïve\n".encode("latin-1")),
    ],
)
async def test_the_encoding_is_kept(write: WriteFile, there: bytes, written: bytes) -> None:
    path = write.workspace.root / "a.txt"
    path.write_bytes(there)
    await succeed(write, path="a.txt", content="naïve\n")
    assert path.read_bytes() == written


async def test_what_the_old_encoding_cannot_hold_makes_the_file_utf_8(write: WriteFile) -> None:
    path = write.workspace.root / "a.txt"
    path.write_bytes(b"\xe9\n")
    await succeed(write, path="a.txt", content="猫\n")
    assert path.read_bytes() == "猫\n".encode()


async def test_what_is_no_text_is_refused_and_nothing_changes(write: WriteFile) -> None:
    said = await fail(write, path="a.txt", content="fine\nbad \ud800")
    assert said == "a.txt was not written: line 2 of the new text holds U+D800, half of a surrogate pair."
    assert names_in(write.workspace.root) == []


async def test_what_cannot_be_written_is_said(write: WriteFile) -> None:
    (write.workspace.root / "dir").mkdir()
    (write.workspace.root / "file").touch()
    os.mkfifo(write.workspace.root / "pipe")
    assert await fail(write, path="dir", content="x") == "dir is a directory. list_files shows what is in it."
    assert await fail(write, path="file/x", content="x") == "file/x is below something that is not a directory."
    assert "not a regular file" in await fail(write, path="pipe", content="x")
    assert "has a name that is too long" in await fail(write, path="n" * 300, content="x")


def test_spilled_results_and_what_is_outside_cannot_be_written(write: WriteFile) -> None:
    for path in (str(write.workspace.spill), "../x"):
        with pytest.raises(InvalidArguments, match="outside the workspace"):
            write.parse({"path": path, "content": ""})


async def test_a_link_stays_a_link_and_its_target_is_written(write: WriteFile) -> None:
    (write.workspace.root / "real").write_text("old")
    (write.workspace.root / "link").symlink_to("real")
    assert await succeed(write, path="link", content="new") == "Overwrote real (1 line; it had 1 line)."
    assert (write.workspace.root / "link").is_symlink()
    assert (write.workspace.root / "real").read_text() == "new"


async def test_a_cancelled_write_has_either_happened_or_never_will(write: WriteFile) -> None:
    root = write.workspace.root
    for steps in range(6):
        path = root / f"{steps}.txt"
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lambda: call(write, path=path.name, content="whole"))  # noqa: B023
                for _ in range(steps):
                    await anyio.lowlevel.checkpoint()
                scope.cancel()
        there = path.exists()
        assert not there or path.read_text() == "whole"
        assert [name for name in names_in(root) if name.endswith(".tmp")] == []
        await anyio.to_thread.run_sync(lambda: None)
        assert path.exists() == there


async def test_many_writes_of_different_files_run_side_by_side(write: WriteFile) -> None:
    results: dict[int, Result] = {}

    async def one(number: int) -> None:
        arguments = write.parse({"path": f"d/{number}", "content": str(number)})
        results[number] = await write.run(arguments, ToolContext())

    async with anyio.create_task_group() as tasks:
        for number in range(40):
            tasks.start_soon(one, number)
    assert [results[number].content for number in range(40)] == [f"Created d/{n} (1 line)." for n in range(40)]
