from pathlib import Path

import pytest

from antiphon.policy.sandbox.grounds import Grounds
from antiphon.policy.sandbox.homes import shown_of
from antiphon.policy.workspace import Workspace


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def grounds(tmp_path: Path, home: Path, write: tuple[Path, ...] = (), show: tuple[Path, ...] = ()) -> Grounds:
    (tmp_path / "work").mkdir(exist_ok=True)
    workspace = Workspace.at(tmp_path / "work")
    environment = {"HOME": str(home), "PATH": "/usr/bin"}
    scratch = tmp_path / "temporary" / "x"
    return Grounds(workspace=workspace, scratch=scratch, environment=environment, write=write, show=show)


def test_temporary_files_of_others_are_not_seen_wherever_they_are(tmp_path: Path, home: Path) -> None:
    assert tmp_path / "temporary" in grounds(tmp_path, home).profile([]).emptied


def test_a_directory_in_another_one_is_not_named_again(tmp_path: Path, home: Path) -> None:
    inner = tmp_path / "work" / "inner"
    inner.mkdir(parents=True)
    made = grounds(tmp_path, home, write=(inner,), show=(inner / "x",))
    assert made.directories == (tmp_path / "work",)
    assert inner / "x" not in made.profile([]).shown


def test_directories_on_the_way_to_what_is_protected_are_pinned(tmp_path: Path, home: Path) -> None:
    made = grounds(tmp_path, home)
    config = tmp_path / "work" / ".git" / "modules" / "x" / "config"
    assert made.profile([config]).pinned == tuple(config.parents)[:3]


def test_a_link_is_not_covered_but_what_it_leads_to_in_the_workspace_is(tmp_path: Path, home: Path) -> None:
    made = grounds(tmp_path, home)
    (tmp_path / "work" / "real").mkdir()
    (tmp_path / "work" / "inside").symlink_to("real")
    (tmp_path / "work" / "outside").symlink_to(home)
    found = made.profile([tmp_path / "work" / "inside", tmp_path / "work" / "outside"]).read_only
    assert found == (tmp_path / "work" / "real",)


@pytest.mark.parametrize(
    ("on_path", "seen"),
    [
        ("tools/go/bin", ["tools/go"]),
        ("bin", ["bin"]),
        (".secretive/bin", [".secretive/bin"]),
        (".local/bin", [".local/bin"]),
        ("scripts", ["scripts"]),
        (".", []),
        ("../..", []),
    ],
)
def test_of_programs_what_is_beside_them_is_seen_unless_passwords_may_be(
    home: Path, on_path: str, seen: list[str]
) -> None:
    (home / on_path).mkdir(parents=True, exist_ok=True)
    search = str((home / on_path).resolve())
    inside = [path for path in shown_of(home, {"PATH": search}, ()) if path.is_relative_to(home)]
    assert list(dict.fromkeys(inside)) == [home / name for name in seen]
