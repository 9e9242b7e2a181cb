"""Links that are made while files are listed and searched."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from calls import call
from fake_rg import FakeRg

from antiphon.tools.base import Workspace
from antiphon.tools.list_files import ListFiles
from antiphon.tools.moving import _TICK_NS, may_have_moved
from antiphon.tools.search_files import SearchFiles

SECRET = "canary-77e1"
SWAP = """
os.rename("sub", "away"); os.symlink("../home", "sub"); os.remove("sub"); os.rename("away", "sub")
"""
FOLLOWING = f"""
for kind, data in [
    ("begin", {{}}),
    ("match", {{"lines": {{"text": "TOKEN {SECRET}\\n"}}, "line_number": 1, "submatches": [{{"start": 0, "end": 5}}]}}),
    ("end", {{"binary_offset": None}}),
]:
    print(json.dumps({{"type": kind, "data": {{"path": {{"text": "sub/a.txt"}}, **data}}}}))
sys.exit(0)
"""


def rest(directory: Path) -> None:
    """Return when all that is there is older than what begins now."""
    newest = max(path.lstat().st_ctime_ns for path in (directory, *directory.rglob("*")))
    while time.time_ns() <= newest + 2 * _TICK_NS:
        time.sleep(0.001)


@pytest.fixture
def project(tmp_path: Path) -> Workspace:
    """A workspace beside a home directory, in which the file of the same name holds a secret."""
    for name, text in {
        "home/a.txt": f"TOKEN {SECRET}",
        "work/sub/a.txt": "TOKEN plain",
        "work/b.txt": "TOKEN b",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return Workspace(tmp_path / "work")


async def searched(project: Workspace, pattern: str = "TOKEN") -> str:
    return str((await call(SearchFiles(project), pattern=pattern)).content)


async def test_a_directory_that_is_a_link_for_a_moment_leads_the_search_nowhere(
    project: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This ripgrep tells what it would find behind the link; when nothing moves it is believed.
    for name, swap, wanted in (("still", "", f"TOKEN {SECRET}"), ("swapping", SWAP, "TOKEN plain")):
        rg = FakeRg(tmp_path / name, swap + FOLLOWING)
        with monkeypatch.context() as patch:
            patch.setenv("PATH", f"{rg.directory}{os.pathsep}{os.environ['PATH']}")
            rest(tmp_path)
            assert await searched(project) == f"sub/a.txt\n1:{wanted}"


async def test_a_pattern_that_only_ripgrep_understands_is_refused_then(
    project: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rg = FakeRg(tmp_path / "programs", SWAP + FOLLOWING)
    monkeypatch.setenv("PATH", f"{rg.directory}{os.pathsep}{os.environ['PATH']}")
    assert await searched(project, r"\p{L}+(?x)[") == "Directories changed while they were searched. Search again."


@pytest.fixture
def repository(project: Workspace) -> Workspace:
    """A repository whose index still names files in a directory that has become a link."""
    for argv in (["git", "init", "-q"], ["git", "add", "-A"], ["rm", "-r", "sub"], ["ln", "-s", "../home", "sub"]):
        subprocess.run(argv, cwd=project.root, check=True)
    return project


async def test_what_git_names_behind_a_link_is_neither_listed_nor_searched(repository: Workspace) -> None:
    assert str((await call(ListFiles(repository), recursive=True)).content).splitlines() == ["b.txt", "sub@"]
    assert await searched(repository) == "b.txt\n1:TOKEN b"
    assert await searched(repository, SECRET) == "(no matches)"


def test_a_path_moves_when_a_directory_above_it_changes(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "c").mkdir()
    paths = [str(tmp_path / name) for name in ("a/b/x", "a/y", "c/z")]
    rest(tmp_path)
    since = time.time_ns()
    assert may_have_moved(str(tmp_path), paths, since) == []
    (tmp_path / "a" / "b" / "new").touch()
    os.utime(tmp_path / "a" / "b", ns=(0, 0))  # nobody can set the other time back
    assert may_have_moved(str(tmp_path), paths, since) == paths[:1]
    (tmp_path / "c").rename(tmp_path / "d")
    assert may_have_moved(str(tmp_path), paths, since) == paths


def test_a_path_over_a_link_or_to_nowhere_has_moved(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    rest(tmp_path)
    paths = [str(tmp_path / name) for name in ("real/x", "link/x", "missing/x")]
    assert may_have_moved(str(tmp_path), paths, time.time_ns()) == paths[1:]
