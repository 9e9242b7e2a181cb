"""Paths: one file has one resource, and nothing outside the workspace has any."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.tools import paths
from antiphon.tools.base import InvalidArguments, Workspace
from antiphon.tools.paths import ignores_case, printable, resolve, resource, shown


def test_names_of_one_file_lead_to_one_path(workspace: Workspace) -> None:
    root = workspace.root
    (root / "src").mkdir()
    (root / "src" / "a.py").touch()
    (root / "link.py").symlink_to("src/a.py")
    (root / "lib").symlink_to("src")
    names = ["src/a.py", "./src/../src//a.py", str(root / "src/a.py"), "link.py", "lib/a.py", "lib/../src/a.py"]
    assert {resolve(workspace, name) for name in names} == {root / "src/a.py"}
    assert resource(root / "src/a.py") == ("file", *root.parts[1:], "src", "a.py")


def test_what_does_not_exist_can_be_resolved(workspace: Workspace) -> None:
    assert resolve(workspace, "new/dir/file.txt", writing=True) == workspace.root / "new/dir/file.txt"


def test_the_root_itself_can_be_resolved(workspace: Workspace) -> None:
    assert resolve(workspace, ".") == workspace.root
    assert resolve(Workspace.at("/"), "etc") == Path("/etc").resolve()


def test_added_directories_may_be_used_and_spilled_results_only_read(tmp_path: Path) -> None:
    for name in ("root", "added", "spill"):
        (tmp_path / name).mkdir()
    workspace = Workspace.at(tmp_path / "root", [tmp_path / "added"], tmp_path / "spill")
    assert resolve(workspace, "../added/x", writing=True) == tmp_path / "added/x"
    assert resolve(workspace, str(tmp_path / "spill/x")) == tmp_path / "spill/x"
    with pytest.raises(
        InvalidArguments, match=r"spill/x is outside .* Only paths under .*root or .*added can be written"
    ):
        resolve(workspace, str(tmp_path / "spill/x"), writing=True)


@pytest.mark.parametrize("path", ["..", "../x", "/etc/passwd", "a/../../x", "out/x", "file-out"])
def test_what_leads_outside_is_refused_and_the_allowed_places_are_named(workspace: Workspace, path: str) -> None:
    (workspace.root / "out").symlink_to("/etc")
    (workspace.root / "file-out").symlink_to("/etc/passwd")
    with pytest.raises(InvalidArguments) as error:
        resolve(workspace, path)
    assert "is outside the workspace" in str(error.value)
    assert str(workspace.root) in str(error.value)


def test_a_directory_beside_the_root_with_a_longer_name_is_outside(workspace: Workspace) -> None:
    with pytest.raises(InvalidArguments, match="outside"):
        resolve(workspace, f"../{workspace.root.name}-private/x")


def test_a_link_that_leads_outside_is_told_with_where_it_leads(workspace: Workspace) -> None:
    (workspace.root / "out").symlink_to("/etc")
    with pytest.raises(InvalidArguments, match=r"out/passwd \(which leads to /etc/passwd\) is outside"):
        resolve(workspace, "out/passwd")


def test_a_tilde_is_a_name_like_any_other(workspace: Workspace) -> None:
    assert resolve(workspace, "~/x") == workspace.root / "~/x"
    with pytest.raises(InvalidArguments, match="`~` is not expanded here"):
        resolve(workspace, "~/../../x")


@pytest.mark.parametrize(
    ("path", "message"),
    [("", "is empty"), ("  ", "is empty"), ("a\0b", "NUL character"), ("a\ud800", "no file name can")],
)
def test_what_is_no_path_is_refused(workspace: Workspace, path: str, message: str) -> None:
    with pytest.raises(InvalidArguments, match=message):
        resolve(workspace, path)


def test_links_in_a_circle_are_an_error_of_the_file_and_not_of_us(workspace: Workspace) -> None:
    (workspace.root / "a").symlink_to("b")
    (workspace.root / "b").symlink_to("a")
    resolve(workspace, "a/c")


segments = st.lists(st.sampled_from(["..", ".", "", "a", "b", "in", "out", "é", " "]), max_size=8)


@given(start=st.sampled_from(["", "/"]), parts=segments)
def test_a_resolved_path_is_always_inside(
    tmp_path_factory: pytest.TempPathFactory, start: str, parts: list[str]
) -> None:
    base = tmp_path_factory.getbasetemp() / "always-inside"
    if not base.exists():
        (base / "root/a/b").mkdir(parents=True)
        (base / "root/in").symlink_to("a")
        (base / "root/out").symlink_to("..")
    workspace = Workspace.at(base / "root")
    path = start + "/".join(parts)
    try:
        found = resolve(workspace, path)
    except InvalidArguments:
        return
    assert found == workspace.root or workspace.root in found.parents
    assert str(found) == os.path.realpath(found)


def test_where_case_is_ignored_so_it_is_in_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    def always(_directory: str) -> bool:
        return True

    monkeypatch.setattr(paths, "ignores_case", always)
    assert resource(Path("/Users/Ada/Caf\u00e9.txt")) == resource(Path("/users/ada/CAFE\u0301.TXT"))


def test_whether_case_is_ignored_is_asked_of_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("Case").mkdir()
    assert not ignores_case("Case")
    Path("Other").mkdir()
    Path("oTHER").symlink_to("Other")  # what a file system that ignores case does for every name
    assert ignores_case("Other")


def test_names_are_shown_relative_to_the_root_and_without_tricks(workspace: Workspace) -> None:
    assert shown(workspace, workspace.root / "src/a.py") == "src/a.py"
    assert shown(workspace, workspace.root) == "."
    assert shown(workspace, Path("/etc/passwd")) == "/etc/passwd"
    assert printable("caf\u00e9 \u732b.txt") == "caf\u00e9 \u732b.txt"
    assert printable(os.fsdecode(b"caf\xe9")) == "caf\\xe9"
    assert printable("a\nb\x1b[31m\u202e\u2028") == "a\\x0ab\\x1b[31m\\u202e\\u2028"
