import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from calls import call
from fake_rg import FakeRg

from antiphon.policy.ignoring import open_ignored
from antiphon.tools.base import InvalidArguments, Tool, Workspace
from antiphon.tools.edit_file import EditFile
from antiphon.tools.list_files import ListFiles
from antiphon.tools.read_file import ReadFile
from antiphon.tools.search_files import SearchFiles
from antiphon.tools.write_file import WriteFile

CANARY = "canary-5f1d"
FILES = {
    ".antiphonignore": "# ours\n.env\n/private/\n*.key\n",
    ".env": f"TOKEN={CANARY}",
    "private/plan.txt": f"{CANARY} plan",
    "private/deep/more.txt": f"{CANARY} more",
    "src/a.py": "TOKEN = read()",
    "src/server.key": f"{CANARY} key",
    "src/.env": f"TOKEN={CANARY}",
}


@pytest.fixture(params=["plain", "repository"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    if request.param == "repository":
        subprocess.run(["git", "init", "-q", tmp_path], check=True)
        subprocess.run(["git", "add", "--all"], cwd=tmp_path, check=True)
    return Workspace(tmp_path, ignored=open_ignored(tmp_path, [".antiphonignore"]))


READING: list[tuple[type[Any], Mapping[str, Any]]] = [(ReadFile, {}), (ListFiles, {}), (SearchFiles, {"pattern": "."})]
WRITING: list[tuple[type[Any], Mapping[str, Any]]] = [
    (WriteFile, {"content": "x"}),
    (EditFile, {"old_string": CANARY, "new_string": "x"}),
    (EditFile, {"old_string": "", "new_string": "x"}),
]


@pytest.mark.parametrize(("tool", "more"), READING + WRITING)
@pytest.mark.parametrize(
    ("path", "line"),
    [
        *((".env", 2), ("./src/../.env", 2), ("src/.env", 2), ("private/plan.txt", 3), ("private/deep", 3)),
        *(("src/server.key", 4), ("new.key", 4), ("private/new/file", 3), (".env/not/there", 2)),
    ],
)
async def test_no_tool_sees_or_changes_what_is_hidden(
    project: Workspace, tool: type[Any], more: Mapping[str, Any], path: str, line: int
) -> None:
    with pytest.raises(InvalidArguments) as refusal:
        tool(project).parse({"path": path, **more})
    assert str(refusal.value) == (
        f"{path} is hidden by .antiphonignore, line {line}: you can neither see nor change it."
    )
    with pytest.raises(InvalidArguments, match="is hidden by"):
        tool(project).parse({"path": str(project.root / path), **more})


async def told(tool: Tool, **arguments: Any) -> str:
    return str((await call(tool, **arguments)).content)


async def test_listings_pass_over_what_is_hidden(project: Workspace) -> None:
    tool = ListFiles(project)
    shown = [name for name in (await told(tool)).splitlines() if name != ".git/"]
    assert shown == [".antiphonignore", "src/"]
    assert (await told(tool, path="src")).splitlines() == ["src/a.py"]
    assert (await told(tool, recursive=True)).splitlines() == [".antiphonignore", "src/a.py"]
    assert await told(tool, glob="*.key") == "(no files below . match *.key)"


async def test_searches_do_not_look_into_what_is_hidden_nor_count_it(project: Workspace) -> None:
    tool = SearchFiles(project)
    assert await told(tool, pattern=CANARY) == "(no matches)"
    assert await told(tool, pattern="TOKEN", output_mode="count") == "src/a.py: 1"
    assert await told(tool, pattern=".", output_mode="files_with_matches") == ".antiphonignore\nsrc/a.py"
    assert "There is no file to search" in await told(tool, pattern=".", glob="*.key")


async def test_a_repository_in_a_hidden_directory_is_not_looked_into(project: Workspace) -> None:
    inner = project.root / "private" / "inner"
    await anyio.run_process(["git", "init", "-q", str(inner)])
    (inner / "x.txt").write_text(CANARY)
    assert await told(SearchFiles(project), pattern=CANARY) == "(no matches)"


async def test_a_wrong_name_is_not_answered_with_a_hidden_one(project: Workspace) -> None:
    assert await told(ReadFile(project), path="src/server.kei") == "src/server.kei does not exist."
    assert "Did you mean src/a.py?" in await told(ReadFile(project), path="src/b.py")


async def test_links_to_what_is_hidden_do_not_show_it(project: Workspace) -> None:
    (project.root / "file").symlink_to(".env")
    (project.root / "directory").symlink_to("private")
    (project.root / "twice").symlink_to("directory/plan.txt")
    for path in ("file", "directory", "directory/plan.txt", "twice"):
        with pytest.raises(InvalidArguments, match="is hidden by"):
            ReadFile(project).parse({"path": path})
    assert await told(SearchFiles(project), pattern=CANARY) == "(no matches)"


async def test_what_is_seen_through_a_hidden_link_is_hidden(project: Workspace) -> None:
    (project.root / "src" / "plain.txt").write_text("x")
    (project.root / "src" / "a.key").symlink_to("plain.txt")
    (project.root / "b").symlink_to("src")
    (project.root / "c").symlink_to("b/a.key")
    for path in ("src/a.key", "b/a.key", "c"):
        with pytest.raises(InvalidArguments, match="is hidden by"):
            ReadFile(project).parse({"path": path})
    assert "x" in await told(ReadFile(project), path="src/plain.txt")  # by its own name it is not hidden


async def test_a_link_that_leads_to_a_hidden_file_by_the_time_of_the_work_does_not_show_it(project: Workspace) -> None:
    link = project.root / "link"
    link.symlink_to("src/a.py")
    tool = ReadFile(project)
    located = tool.parse({"path": "link"})
    link.unlink()
    link.symlink_to(".env")
    result = tool._worked(located)
    assert result.is_error
    assert "is hidden by" in str(result.content)


async def test_a_file_that_is_hidden_by_the_time_of_the_work_is_not_shown(project: Workspace) -> None:
    tool = ReadFile(project)
    located = tool.parse({"path": "src/a.py"})
    with (project.root / ".antiphonignore").open("a") as file:
        file.write("a.py\n")
    assert "is hidden by .antiphonignore, line 5" in str(tool._worked(located).content)


async def test_an_ignore_file_that_cannot_be_used_hides_what_is_beside_it_and_says_so(project: Workspace) -> None:
    (project.root / ".antiphonignore").write_text("[oops\n")
    with pytest.raises(InvalidArguments) as refusal:
        ReadFile(project).parse({"path": "src/a.py"})
    assert "which cannot be used: line 1 is no pattern: '[oops'" in str(refusal.value)
    assert "a.py" not in await told(ListFiles(project), recursive=True)


async def test_without_an_ignore_file_everything_is_seen(project: Workspace) -> None:
    (project.root / ".antiphonignore").unlink()
    assert CANARY in await told(ReadFile(project), path=".env")


async def test_results_and_added_directories_have_nothing_to_do_with_the_ignore_file(tmp_path: Path) -> None:
    root, added, spill = tmp_path / "root", tmp_path / "added", tmp_path / "spill"
    for directory in (root, added, spill):
        directory.mkdir()
        (directory / "x.key").write_text("text")
    (root / ".antiphonignore").write_text("*.key")
    workspace = Workspace(root, (added,), spill, open_ignored(root, [".antiphonignore"], [added]))
    for path, hidden in ((root, True), (added, False), (spill, False)):
        if hidden:
            with pytest.raises(InvalidArguments):
                ReadFile(workspace).parse({"path": str(path / "x.key")})
        else:
            assert "text" in await told(ReadFile(workspace), path=str(path / "x.key"))


async def test_ripgrep_gets_only_what_may_be_seen(project: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    rg = FakeRg(project.root.parent / f"{project.root.name}-programs")
    monkeypatch.setenv("PATH", f"{rg.directory}{os.pathsep}{os.environ['PATH']}")
    assert await told(SearchFiles(project), pattern=CANARY) == "(no matches)"
    (run,) = rg.runs()
    assert str(run["arguments"]).endswith("'--', '.antiphonignore', 'src/a.py']")
