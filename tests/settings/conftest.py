"""What every test of settings may use."""

from pathlib import Path

import pytest
from some_project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A home with a project in it."""
    return Project(tmp_path)
