"""A workspace, and nothing of the developer's own git."""

from pathlib import Path

import pytest

from antiphon.checkpoints import Checkpoints


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory, in which the user's git configuration is looked for."""
    path = tmp_path / "home"
    path.mkdir()
    monkeypatch.setenv("HOME", str(path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return path


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """An empty workspace."""
    path = tmp_path / "work"
    path.mkdir()
    return path


@pytest.fixture
def checkpoints(work: Path, tmp_path: Path) -> Checkpoints:
    """The checkpoints of the workspace."""
    return Checkpoints(work, tmp_path / "kept")
