"""Searching in files; with our own grep, with a ripgrep that we made, and with the real one where it is."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from calls import call, fail, succeed
from fake_rg import FakeRg
from inline_snapshot import snapshot

from antiphon.engine.events import Access
from antiphon.tools import search_files
from antiphon.tools.base import InvalidArguments, Limits, Tool, Workspace
from antiphon.tools.search_files import SearchFiles

REAL_RG = shutil.which("rg")


@pytest.fixture(autouse=True)
def no_ripgrep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have no ripgrep on the path, so that results do not depend on the machine."""
    programs = tmp_path / "programs"
    programs.mkdir()
    git = shutil.which("git")
    if git is not None:
        (programs / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(programs))


@pytest.fixture
def search(workspace: Workspace) -> SearchFiles:
    root = workspace.root
    (root / "src").mkdir()
    (root / "src/a.py").write_text("import os\n\ndef first():\n    return os\n\n\ndef second():\n    pass\n")
    (root / "src/b.txt").write_bytes("First line\r\nnaïve déf\r\n".encode())
    (root / "wide.txt").write_bytes("def wide\n".encode("utf-16"))
    (root / "latin.txt").write_bytes(b"caf\xe9 def\n")
    (root / "binary").write_bytes(b"def\0def\n")
    (root / "link.py").symlink_to("src/a.py")
    (root / "outside").symlink_to("/etc/passwd")
    return SearchFiles(workspace)


def test_it_is_a_tool_that_reads_the_directory(search: SearchFiles) -> None:
    assert isinstance(search, Tool)
    access = search.access(search.parse({"regex": "x", "path": "src"}))
    assert access == Access(reads=(("file", *search.workspace.root.parts[1:], "src"),), early=True)


async def test_matching_lines_are_shown_by_file_and_binary_files_and_links_are_not_searched(
    search: SearchFiles,
) -> None:
    assert await succeed(search, pattern="def") == snapshot(
        """\
latin.txt
1:caf� def

src/a.py
3:def first():
7:def second():

wide.txt
1:def wide\
"""
    )


async def test_lines_around_a_match_are_shown_when_asked_for(search: SearchFiles) -> None:
    assert await succeed(search, pattern=r"def \w+", path="src", context=1) == snapshot(
        """\
src/a.py
2-
3:def first():
4-    return os
--
6-
7:def second():
8-    pass\
"""
    )
    shown = await succeed(search, pattern=r"def \w+", path="src", context=9)
    assert [line.split(":")[0].split("-")[0] for line in shown.splitlines()[1:]] == [str(n) for n in range(1, 9)]


async def test_files_are_chosen_by_glob_or_named(search: SearchFiles) -> None:
    assert await succeed(search, pattern="(?i)first", glob="*.txt") == "src/b.txt\n1:First line"
    assert await succeed(search, pattern="first", ignore_case=True, include="src/*.txt") == "src/b.txt\n1:First line"
    assert await succeed(search, pattern="First", path="src/b.txt") == "src/b.txt\n1:First line"
    assert await succeed(search, pattern="line$", path="src/b.txt") == "src/b.txt\n1:First line"
    assert await succeed(search, pattern="nowhere") == "(no matches)"
    assert await fail(search, pattern="x", glob="*.rs") == "There is no file to search: none below . matches *.rs."


async def test_a_match_may_span_lines_when_asked_for(search: SearchFiles) -> None:
    assert await succeed(search, pattern=r"first\(\):\s+return", path="src") == "(no matches)"
    assert (
        await succeed(search, pattern=r"first\(\):\n +return", path="src")
        == "src/a.py\n3:def first():\n4:    return os"
    )
    assert await succeed(search, pattern=r"first\(\):\s+return", path="src", multiline=True) == snapshot(
        """\
src/a.py
3:def first():
4:    return os\
"""
    )


async def test_files_can_be_named_or_counted_only(search: SearchFiles) -> None:
    assert await succeed(search, pattern="def", output_mode="files_with_matches") == "latin.txt\nsrc/a.py\nwide.txt"
    assert await succeed(search, pattern="def", output_mode="count") == "latin.txt: 1\nsrc/a.py: 2\nwide.txt: 1"
    assert await succeed(search, pattern="def", output_mode="count", limit=1) == (
        "latin.txt: 1\n\n(1 file of 3 shown; narrow the search by path or glob)"
    )
    assert await succeed(search, pattern="def", output_mode="files_with_matches", limit=1) == (
        "latin.txt\n\n(1 file shown; narrow the search by path or glob)"
    )


async def test_many_matches_are_cut_in_order_and_said_so(workspace: Workspace) -> None:
    for number in range(300):
        (workspace.root / f"{number:03}.txt").write_text("hit\n" * 3)
    shown = await succeed(SearchFiles(workspace), pattern="hit", limit=4)
    assert shown == (
        "000.txt\n1:hit\n2:hit\n3:hit\n\n001.txt\n1:hit\n\n"
        "(only the first 4 matches shown; narrow the search by pattern, path or glob)"
    )
    shown = await succeed(SearchFiles(workspace, Limits(result_chars=1000)), pattern="hit", limit=900)
    assert len(shown) <= 1000
    assert shown.endswith("(not all matches shown; narrow the search by pattern, path or glob)")
    shown = await succeed(SearchFiles(workspace), pattern="hit", limit=900)
    assert shown.count("hit") == 900
    assert "narrow" not in shown


async def test_of_a_long_line_the_match_is_shown(workspace: Workspace) -> None:
    (workspace.root / "min.js").write_text("é" * 5000 + "needle" + "x" * 5000 + "\nneedle\n")
    shown = await succeed(SearchFiles(workspace), pattern="needle")
    assert shown == f"min.js\n1:...{'é' * 100}needle{'x' * 294}...\n2:needle"


async def test_a_match_in_a_line_of_megabytes_is_counted_and_not_shown(workspace: Workspace) -> None:
    (workspace.root / "huge.js").write_text("x" * 3_000_000 + "needle\nneedle\n")
    assert await succeed(SearchFiles(workspace), pattern="needle") == "huge.js\n2:needle\n(1 line too long to show)"


async def test_a_pattern_that_cannot_be_used_is_told_why(search: SearchFiles) -> None:
    assert await fail(search, pattern="(foo") == (
        "The pattern cannot be used: missing ), unterminated subpattern at position 0."
    )
    for empty in ("", None):
        with pytest.raises(InvalidArguments):
            search.parse({"pattern": empty})


async def test_a_pattern_that_takes_for_ever_is_stopped(search: SearchFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_files, "SECONDS", 1.0)
    (search.workspace.root / "trap.txt").write_text("a" * 5000 + "\n")
    (search.workspace.root / "aaa.txt").write_text("nothing\n")
    before = _children()
    with anyio.fail_after(20):
        said = await fail(search, pattern="(a+)+$b")
    assert said == "The search was stopped after 1 seconds. Nothing was found by then."
    assert _children() == before


async def test_a_cancelled_search_leaves_no_process(search: SearchFiles, tmp_path: Path) -> None:
    (search.workspace.root / "trap.txt").write_text("a" * 5000 + "\n")
    before = _children()
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: call(search, pattern="(a+)+$b"))
            while _children() == before:  # noqa: ASYNC110  (another process tells no event)
                await anyio.sleep(0.005)
            tasks.cancel_scope.cancel()
    assert _children() == before


def _children() -> set[str]:
    """Return our child processes; there may be some of other tests, which `multiprocessing` keeps for the next use."""
    tasks = Path("/proc/self/task")
    return {child for task in tasks.iterdir() for child in (task / "children").read_text().split()}


CASES: list[dict[str, Any]] = [
    {"pattern": "def"},
    {"pattern": "def", "context": 2},
    {"pattern": r"^\s*return\b", "path": "src/a.py"},
    {"pattern": "DEF", "ignore_case": True, "glob": "*.py"},
    {"pattern": r"first\(\):\s+return", "multiline": True},
    {"pattern": r"\w+\n\n+\w+", "multiline": True, "context": 1},
    {"pattern": "d.f", "output_mode": "count"},
    {"pattern": "d.f", "output_mode": "files_with_matches"},
    {"pattern": "e", "limit": 3},
    {"pattern": r"\s+\w", "limit": 2, "multiline": True, "context": 1},
    {"pattern": "line$", "multiline": True},
    {"pattern": ".", "multiline": True, "output_mode": "count"},
    {"pattern": "e|s", "multiline": True, "output_mode": "count"},
    {"pattern": "d\\n", "output_mode": "count"},
    {"pattern": "line$"},
    {"pattern": "é"},
    {"pattern": "nowhere"},
    {"pattern": "x*", "glob": "*.txt"},
]


def _with_fake(tmp_path: Path) -> str:
    return str(FakeRg(tmp_path / "fake").directory)


def _with_real(_tmp_path: Path) -> str:
    return str(Path(REAL_RG or "").parent)


@pytest.mark.parametrize("where", [_with_fake, *([_with_real] if REAL_RG else [])])
async def test_with_ripgrep_the_results_are_the_same(
    search: SearchFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: Callable[[Path], str]
) -> None:
    ours = [await call(search, **case) for case in CASES]
    monkeypatch.setenv("PATH", where(tmp_path) + os.pathsep + os.environ["PATH"])
    assert [await call(search, **case) for case in CASES] == ours


async def test_ripgrep_is_asked_for_files_by_name_and_without_its_configuration(
    search: SearchFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeRg(tmp_path / "fake")
    monkeypatch.setenv("PATH", str(fake.directory) + os.pathsep + os.environ["PATH"])
    monkeypatch.setenv("RIPGREP_CONFIG_PATH", "/somewhere")
    await call(search, pattern="-e", glob="*.py", limit=7)
    (run,) = fake.runs()
    assert run["config"] is None
    assert run["arguments"] == snapshot(
        [
            "--json",
            "--no-config",
            "--no-messages",
            "--no-mmap",
            "--crlf",
            "--engine=auto",
            "--case-sensitive",
            "--max-count=8",
            "--context=0",
            "--regexp=-e",
            "--",
            "src/a.py",
        ]
    )


async def test_a_ripgrep_that_fails_or_tells_nonsense_is_an_answer_too(
    search: SearchFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = os.environ["PATH"]
    failing = FakeRg(tmp_path / "failing", "sys.stderr.write('rg: error: out of luck\\n'); sys.exit(2)")
    monkeypatch.setenv("PATH", f"{failing.directory}{os.pathsep}{path}")
    assert await fail(search, pattern="x") == "The pattern cannot be used: out of luck."
    nonsense = FakeRg(tmp_path / "nonsense", "print('nonsense\\n[]\\n{}'); sys.exit(0)")
    monkeypatch.setenv("PATH", f"{nonsense.directory}{os.pathsep}{path}")
    assert await succeed(search, pattern="x") == "(no matches)"
    (nonsense.directory / "rg").write_text("no program")
    assert "cannot be started" in await fail(search, pattern="x")


@pytest.mark.parametrize("ending", ["sys.exit(101)", "os.kill(os.getpid(), 9)"])
async def test_when_ripgrep_crashes_our_grep_looks_again(
    search: SearchFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    ours = await call(search, pattern="def")
    half = '{"type":"begin","data":{"path":{"text":"src/a.py"}}}'
    fake = FakeRg(tmp_path / "fake", f"print('{half}', flush=True); {ending}")
    monkeypatch.setenv("PATH", str(fake.directory) + os.pathsep + os.environ["PATH"])
    assert await call(search, pattern="def") == ours


async def test_a_search_of_many_files_stops_when_enough_is_found(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(500):
        (workspace.root / f"{number:03}.txt").write_text("hit\n" * 10)
    fake = FakeRg(tmp_path / "fake")
    monkeypatch.setenv("PATH", str(fake.directory) + os.pathsep + os.environ["PATH"])
    tool = SearchFiles(workspace)
    assert (await succeed(tool, pattern="hit", limit=25)).count("hit") == 25
    assert len(fake.runs()) == 1
    # The fake takes the files backwards, and still those that come first are shown.
    shown = await succeed(tool, pattern="hit", limit=1000)
    assert [line for line in shown.splitlines() if line.endswith(".txt")] == [f"{n:03}.txt" for n in range(100)]


async def test_our_grep_is_quick_enough(workspace: Workspace) -> None:
    for number in range(50):
        (workspace.root / f"{number}.txt").write_text("some words on a line\n" * 2000)
    began = time.monotonic()
    await succeed(SearchFiles(workspace), pattern="w[aeiou]rdz?s on b|line$", limit=10)
    assert time.monotonic() - began < 10
