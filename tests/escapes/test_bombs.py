"""Files, directories, output and JSON that are far larger than they look: a run goes on, in bounded memory and time."""

import json
import os
import resource
import struct
import subprocess
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import anyio
import pytest

from antiphon import Agent, Permissions, Workspace, tool
from antiphon.emulator import Emulator, ToolUse, reply
from antiphon.engine.events import Result
from antiphon.protocol.decoding import decode_object
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.sessions import Sessions
from antiphon.sessions.export import to_html, to_json, to_markdown
from antiphon.tools.base import Tool, ToolContext
from antiphon.tools.edit_file import EditFile
from antiphon.tools.list_files import ListFiles
from antiphon.tools.read_file import ReadFile
from antiphon.tools.run_command import RunCommand
from antiphon.tools.search_files import SearchFiles

SECONDS = 60
MEGABYTES = 300
"""How much more memory than before may be used. Without bounds it would be gigabytes."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path, spill=tmp_path.parent / f"{tmp_path.name}-spill")


async def outcome(tool: Tool, **arguments: Any) -> Result:
    """Run a tool, within bounds of memory and time."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with anyio.fail_after(SECONDS):
        result = await tool.run(tool.parse(arguments), ToolContext("call_1"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES * 1024
    return result


@pytest.mark.parametrize("size", [10 << 30, 1 << 40])
async def test_a_file_of_holes_is_read_in_parts_not_edited_and_passed_over_by_a_search(
    workspace: Workspace, size: int
) -> None:
    with (workspace.root / "huge.log").open("wb") as file:
        file.write(b"first\nsecond\n" + b"more\n" * 10_000)
        file.truncate(size)
    read = await outcome(ReadFile(workspace), path="huge.log", limit=1)
    assert "1\tfirst" in str(read.content)
    edited = await outcome(EditFile(workspace), path="huge.log", old_text="first", new_text="1st")
    assert edited.is_error
    assert f"huge.log has {size:,} bytes, too many to edit" in str(edited.content)
    assert str((await outcome(SearchFiles(workspace), pattern="first")).content) == "(no matches)"
    assert (workspace.root / "huge.log").stat().st_size == size


async def test_a_line_without_an_end_is_cut(workspace: Workspace) -> None:
    (workspace.root / "one.json").write_bytes(b'{"a": "' + b"x" * 50_000_000)
    result = await outcome(ReadFile(workspace), path="one.json")
    assert len(str(result.content)) < 100_000


async def test_a_directory_of_many_names_is_told_in_part(workspace: Workspace) -> None:
    directory = os.open(workspace.root, os.O_RDONLY)
    try:
        for number in range(20_000):
            os.close(os.open(f"name{number:05}", os.O_CREAT | os.O_WRONLY, dir_fd=directory))
    finally:
        os.close(directory)
    for recursive in (False, True):
        text = str((await outcome(ListFiles(workspace), path=".", recursive=recursive)).content)
        assert len(text) < 100_000
        assert "of 20,000" in text


@pytest.fixture
def abyss(workspace: Workspace) -> Generator[Path]:
    """Directories in each other, more than a path can name; who clears up behind tests could not remove them."""
    top = workspace.root / "abyss"
    top.mkdir()
    place = os.open(top, os.O_RDONLY)
    for _ in range(2500):
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(os.open("needle.txt", os.O_CREAT | os.O_WRONLY, dir_fd=place))
    os.close(place)
    yield top
    subprocess.run(["rm", "-rf", top], check=True)


async def test_directories_nested_deeper_than_a_path_can_say_end_a_search_and_not_the_run(
    workspace: Workspace, abyss: Path
) -> None:
    (workspace.root / "near.txt").write_text("needle\n")
    listed = await outcome(ListFiles(workspace), path=".", recursive=True)
    assert "near.txt" in str(listed.content)
    found = await outcome(SearchFiles(workspace), pattern="needle")
    assert "near.txt" in str(found.content)


async def test_an_image_of_billions_of_pixels_is_refused_by_what_its_head_says(workspace: Workspace) -> None:
    side = 65_000

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress(bytes(4_000_000), 9)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0))
    (workspace.root / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )
    result = await outcome(ReadFile(workspace), path="bomb.png")
    assert result.is_error
    assert "65000 x 65000 pixels" in str(result.content)


async def test_a_command_that_prints_without_end_is_cut_and_its_output_not_kept_in_memory(workspace: Workspace) -> None:
    shell = RunCommand(workspace)
    result = await outcome(shell, command="head -c 100000000 /dev/zero | tr '\\0' x; echo; echo the end")
    text = str(result.content)
    assert len(text) < 100_000
    assert "the end" in text


def nested(depth: int) -> str:
    """Return arguments that are nested so deeply, as JSON."""
    return f'{{"value": {"[" * depth}{"]" * depth}}}'


@pytest.mark.parametrize("depth", [10_000, 1_000_000])
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")])
def test_json_nested_beyond_measure_is_refused_and_breaks_nothing(depth: int, opened: str, closed: str) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        decode_object(f'{{"value": {opened * depth}1{closed * depth}}}')


@pytest.mark.parametrize("depth", [100, 450, 900])
async def test_arguments_nested_beyond_measure_are_a_result_and_the_conversation_goes_on(
    emulator: Emulator, nothing_refused: None, tmp_path: Path, depth: int
) -> None:
    @tool
    def keep(value: Any) -> str:
        """Keep a value."""
        return "kept"

    emulator.play([reply("", ToolUse("keep", input_json=nested(depth)), ToolUse("keep", {"value": 1})), "Done."])
    sessions = Sessions(tmp_path / "sessions")
    provider = AnthropicProvider(api_key="any", base_url=emulator.url)
    with sessions.create(tmp_path) as session:
        agent = Agent(
            "claude-opus-5", provider=provider, tools=[keep], session=session, permissions=Permissions("bypass")
        )
        async with agent:
            with anyio.fail_after(SECONDS):
                result = await agent.run("go")
    assert (result.text, result.error) == ("Done.", None)
    answers = [block for block in emulator.requests[-1]["messages"][2]["content"] if block["type"] == "tool_result"]
    # How deep is too deep is a matter of the stack; the other call is none of that.
    assert len(answers) == 2
    assert not answers[1].get("is_error")
    summary, entries = sessions.list()[0], sessions.entries(sessions.list()[0].id)
    assert json.loads(to_json(summary, entries, records=True))["messages"]
    assert "Done." in to_markdown(summary, entries)
    assert "Done." in to_html(summary, entries)
