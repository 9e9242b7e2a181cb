from pathlib import Path

import pytest

from antiphon.policy.sandbox.snapshots import taken_of
from antiphon.policy.sandbox.undoing import put_back, take_away


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "work" / "a").mkdir(parents=True)
    (tmp_path / "work" / "a" / "file").write_text("mine")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("theirs")
    return tmp_path / "work"


def test_a_file_is_what_it_was(root: Path) -> None:
    file = root / "a" / "file"
    file.chmod(0o640)
    (was,) = taken_of([file]).values()
    file.unlink()
    file.mkdir()
    (file / "x").touch()
    put_back(root, file, was)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("mine", 0o640)


def test_a_link_is_what_it_was_and_what_it_led_to_is_left_alone(root: Path) -> None:
    link = root / "link"
    link.symlink_to("../outside/file")
    (was,) = taken_of([link]).values()
    link.unlink()
    link.write_text("evil")
    put_back(root, link, was)
    assert str(link.readlink()) == "../outside/file"
    assert (root.parent / "outside" / "file").read_text() == "theirs"


def test_nothing_is_written_through_a_link(root: Path) -> None:
    file = root / "a" / "file"
    (was,) = taken_of([file]).values()
    (root / "a").rename(root / "b")
    (root / "a").symlink_to(root.parent / "outside")
    put_back(root, file, was)
    assert file.read_text() == "mine"
    assert not (root / "a").is_symlink()
    assert (root.parent / "outside" / "file").read_text() == "theirs"


def test_nothing_is_taken_through_a_link(root: Path, tmp_path: Path) -> None:
    (root / "way").symlink_to(root.parent / "outside")
    assert not take_away(root, root / "way" / "file", tmp_path / "taken")
    assert (root.parent / "outside" / "file").read_text() == "theirs"


def test_what_is_taken_away_is_kept(root: Path, tmp_path: Path) -> None:
    assert take_away(root, root / "a", tmp_path / "taken")
    assert (tmp_path / "taken" / "a" / "file").read_text() == "mine"
    assert not (root / "a").exists()
    assert not take_away(root, root / "a", tmp_path / "again")


def test_too_much_is_not_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.policy.sandbox.snapshots._MOST_BYTES", 3)
    with pytest.raises(OSError, match="too large"):
        taken_of([root])


def test_what_did_not_change_is_not_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = taken_of([root])

    def read(_path: Path) -> bytes:
        return b"read"

    monkeypatch.setattr("antiphon.policy.sandbox.snapshots._contents", read)
    assert taken_of([root], before) == before
    (root / "a" / "file").write_text("changed")
    assert taken_of([root], before)[root / "a" / "file"].contents == b"read"
