from pathlib import Path

import pytest

from antiphon.errors import SettingsError
from antiphon.policy.sandbox import choosing
from antiphon.policy.sandbox.choosing import Found, available, open_sandbox
from antiphon.policy.workspace import Workspace

pytestmark = pytest.mark.skipif(not Path("/proc/self/ns").exists(), reason="these sandboxes are Linux's")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "work").mkdir()
    return Workspace.at(tmp_path / "work")


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without any sandbox."""

    def no_program(_outside: object) -> Found:
        return Found(trouble="bubblewrap was not found; install it.")

    monkeypatch.setattr(choosing, "_bubblewrap", no_program)
    monkeypatch.setattr("antiphon.policy.sandbox.landlock.unavailable", lambda: "There is no Landlock.")


async def test_off_is_off_and_said(workspace: Workspace) -> None:
    async with open_sandbox("off", workspace) as chosen:
        assert chosen.sandbox is None
        assert "without a sandbox" in chosen.told


@pytest.mark.usefixtures("nothing")
async def test_where_there_is_none_auto_tells_so_and_on_is_an_error(workspace: Workspace) -> None:
    async with open_sandbox("auto", workspace) as chosen:
        assert chosen.sandbox is None
        assert chosen.told == (
            "Commands run without a sandbox: bubblewrap was not found; install it. There is no Landlock."
        )
    with pytest.raises(SettingsError, match="bubblewrap was not found; install it"):
        async with open_sandbox("on", workspace):
            pass


async def test_the_scratch_directory_goes_with_the_session(workspace: Workspace) -> None:
    async with open_sandbox("auto", workspace) as chosen:
        if chosen.sandbox is None:
            pytest.skip(chosen.told)
        scratch = chosen.sandbox.grounds.scratch
        assert scratch.stat().st_mode & 0o777 == 0o700
        assert chosen.told == ""
    assert not scratch.exists()


@pytest.mark.parametrize("directory", ["/nowhere", "/"])
async def test_a_directory_to_write_to_has_to_be_one_and_not_everything(workspace: Workspace, directory: str) -> None:
    if available(workspace)[0] is None:
        pytest.skip("there is no sandbox here")
    with pytest.raises(SettingsError, match="sandbox_write"):
        async with open_sandbox("auto", workspace, write=[directory]):
            pass


def test_a_program_that_comes_with_the_workspace_is_not_started(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = workspace.root / "bin" / "bwrap"
    evil.parent.mkdir()
    evil.write_text("#!/bin/sh\ntouch evil\n")
    evil.chmod(0o755)
    monkeypatch.setenv("PATH", f"{evil.parent}:bin:.:")
    monkeypatch.chdir(workspace.root)
    assert available(workspace)[1].program not in {str(evil), "bin/bwrap", "./bwrap"}
    assert not (workspace.root / "evil").exists()


def test_a_program_that_does_not_work_is_named_with_its_reason(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bin" / "bwrap"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho 'bwrap: no namespaces today' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken.parent}:/usr/bin:/bin")

    def not_installed(_name: str) -> None:
        return None

    monkeypatch.setattr(choosing.importlib.util, "find_spec", not_installed)
    name, found = available(workspace)
    assert name != "bubblewrap"
    if name is None:
        assert "no namespaces today" in found.trouble


async def test_a_workspace_that_is_everything_has_no_sandbox() -> None:
    async with open_sandbox("auto", Workspace(Path("/"))) as chosen:
        assert chosen.sandbox is None
        assert "root directory" in chosen.told
