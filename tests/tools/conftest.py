"""A workspace in an empty directory."""

from pathlib import Path

import pytest

from antiphon.tools.base import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "project"
    root.mkdir()
    return Workspace.at(root, spill=tmp_path / "spill")
