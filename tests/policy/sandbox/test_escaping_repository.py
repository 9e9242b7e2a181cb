"""Commands that try to leave something behind that runs later: hooks, configuration of git, editors, agents, shells."""

import os
import subprocess
from pathlib import Path

import pytest
from cells import Cell, Place, cell

from antiphon.policy.sandbox.choosing import KeeperName
from antiphon.policy.workspace import Workspace

pytestmark = pytest.mark.skipif(not Path("/proc/self/ns").exists(), reason="these sandboxes are Linux's")

GIT = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


def git(place: Place, *arguments: str, cwd: Path | None = None) -> None:
    config = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "safe.directory=*"]
    subprocess.run(place.as_owner(["git", *config, *arguments]), cwd=cwd or place.root, env=GIT, check=True)


def tree(top: Path) -> dict[str, tuple[str, int]]:
    """Return what is in a directory: contents or targets, and modes."""
    found: dict[str, tuple[str, int]] = {}
    for path in sorted(top.rglob("*")):
        text = str(path.readlink()) if path.is_symlink() else path.read_text("latin-1") if path.is_file() else ""
        found[str(path.relative_to(top))] = (text, path.lstat().st_mode)
    return found


@pytest.fixture
def repository(ground: Place) -> Place:
    git(ground, "init", "-q")
    ground.give(ground.root / "file", "one")
    git(ground, "add", "file")
    git(ground, "commit", "-qm", "one")
    return ground


@pytest.fixture
async def clone(kind: tuple[KeeperName, bool], repository: Place):  # noqa: ANN201  (an asynchronous iterator of a cell)
    async with cell(kind[0], repository) as made:
        yield made


WAYS = {
    "writing a hook": "echo evil > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit",
    "changing a hook": "echo evil >> .git/hooks/pre-commit.sample; mv .git/hooks/*.sample .git/hooks/pre-commit",
    "replacing the hooks": "rm -rf .git/hooks; mkdir .git/hooks; echo evil > .git/hooks/pre-commit",
    "linking the hooks": "mkdir evil; echo evil > evil/pre-commit; rm -rf .git/hooks; ln -s ../evil .git/hooks",
    "setting a program": "git config core.fsmonitor evil; echo '[core] fsmonitor = evil' >> .git/config",
    "replacing the configuration": "echo '[core]\n fsmonitor = evil' > new; mv new .git/config",
    "moving the repository": "mv .git other; cp -r other .git; echo '[core]\n fsmonitor = evil' >> .git/config",
    "linking the repository": "mv .git other; echo '[core]\n fsmonitor = evil' >> other/config; ln -s other .git",
    "a configuration elsewhere": "mkdir evil; cp -r .git/* evil; echo '[core]\n pager = evil' >> evil/config; "
    "echo ../evil > .git/commondir",
    "a configuration of the worktree": "echo '[core]\n fsmonitor = evil' > .git/config.worktree",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_git_runs_later_what_it_ran_before(clone: Cell, way: str) -> None:
    git_directory = clone.place.root / ".git"

    def what_runs() -> dict[str, tuple[str, int]]:
        parts = ("hooks", "config", "commondir", "config.worktree")
        return {name: seen for name, seen in tree(git_directory).items() if name.split("/")[0] in parts}

    before = what_runs()
    await clone(way)
    assert not git_directory.is_symlink()
    assert what_runs() == before
    await clone.free(way)
    assert git_directory.is_symlink() or what_runs() != before


async def test_work_with_git_goes_on(clone: Cell) -> None:
    clone.place.env |= dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "EMAIL"), "x")
    said = await clone(
        "echo two > new && git add new && git commit -qm two && git checkout -qb other && git stash -q; "
        "git log --oneline"
    )
    assert "two" in said
    assert clone.notes == ""


PROTECTED = {
    ".vscode/tasks.json": "mkdir -p .vscode && echo evil > .vscode/tasks.json",
    ".envrc": "echo evil > .envrc",
    "CLAUDE.md": "echo obey > CLAUDE.md",
    ".antiphonignore": "touch .antiphonignore",
    ".mcp.json": "echo '{}' > .mcp.json",
    ".husky/pre-commit": "mkdir .husky; ln -s /bin/sh .husky/pre-commit",
}


@pytest.mark.parametrize("name", PROTECTED)
async def test_a_protected_file_that_is_new_is_taken_away_and_told(jail: Cell, name: str) -> None:
    assert await jail(f"{PROTECTED[name]}; echo kept > kept") == ""
    assert [path.name for path in jail.place.root.iterdir()] == ["kept"]
    assert name.split("/", maxsplit=1)[0] in jail.notes
    assert "edit_file" in jail.notes


@pytest.mark.parametrize("name", PROTECTED)
async def test_a_protected_file_that_is_there_stays_what_it_is(
    kind: tuple[KeeperName, bool], ground: Place, name: str
) -> None:
    file = ground.give(ground.root / name, "mine")
    file.chmod(0o640)
    before = tree(ground.root)
    async with cell(kind[0], ground) as jail:
        for way in ("echo evil > {0}", "rm -rf {1}", "mv {1} other", "rm -rf {1}; ln -s /tmp {1}", "chmod 777 {0}"):
            await jail(way.format(name, name.split("/", maxsplit=1)[0]))
            assert {name: seen for name, seen in tree(ground.root).items() if name in before} == before
            await jail("rm -rf other")


async def test_a_new_repository_stays_and_what_would_run_in_it_does_not(jail: Cell) -> None:
    await jail("git init -q && echo x > a && git add a")
    assert jail.notes == ""
    assert (jail.place.root / ".git" / "index").exists()


async def test_a_new_repository_keeps_no_hook_and_no_configured_program(jail: Cell) -> None:
    await jail("git init -q; echo evil > .git/hooks/pre-commit; git config core.fsmonitor evil")
    assert ".git/hooks" in jail.notes
    assert ".git/config" in jail.notes
    assert not (jail.place.root / ".git" / "hooks").exists()
    assert not (jail.place.root / ".git" / "config").exists()


async def test_one_can_commit_in_a_worktree_whose_repository_is_elsewhere(
    kind: tuple[KeeperName, bool], repository: Place
) -> None:
    git(repository, "worktree", "add", "-q", str(repository.outside / "tree"))
    main = repository.root / ".git"
    before = (main / "config").read_text()
    async with cell(kind[0], repository, Workspace.at(repository.outside / "tree")) as jail:
        said = await jail(
            "echo two > new && git add new && git -c user.name=x -c user.email=x@example.com commit -qm two; "
            "git log --oneline"
        )
        assert "two" in said
        await jail(f"echo evil >> {main}/config; echo evil > {main}/hooks/pre-commit; echo evil > {main}/../file")
        await jail("echo 'gitdir: /elsewhere' > .git")
    assert (main / "config").read_text() == before
    assert not (main / "hooks" / "pre-commit").exists()
    assert (repository.root / "file").read_text() == "one"
    assert (repository.outside / "tree" / ".git").read_text().strip() == f"gitdir: {main}/worktrees/tree"


async def test_a_file_that_names_a_repository_which_does_not_know_it_opens_nothing(
    kind: tuple[KeeperName, bool], repository: Place
) -> None:
    victim = repository.root
    repository.give(repository.outside / "tree" / ".git", f"gitdir: {victim}/.git")
    async with cell(kind[0], repository, Workspace.at(repository.outside / "tree")) as jail:
        await jail(f"echo evil > {victim}/.git/description; git init -q; touch {victim}/.git/evil")
    assert "evil" not in (victim / ".git" / "description").read_text()
    assert not (victim / ".git" / "evil").exists()


async def test_what_appeared_while_another_command_goes_on_is_kept_all_the_same(jail: Cell) -> None:
    async with jail.sandbox.confine(["sleep", "1"], jail.cwd, {}, lasting=True):
        await jail("git init -q; mkdir evil; echo evil > evil/pre-commit")
        before = tree(jail.place.root / ".git" / "hooks")
        assert before
        for way in ("echo evil > .git/hooks/pre-commit", "rm -rf .git/hooks; ln -s ../evil .git/hooks"):
            await jail(way)
            assert tree(jail.place.root / ".git" / "hooks") == before
            assert ".git/hooks" in jail.notes
