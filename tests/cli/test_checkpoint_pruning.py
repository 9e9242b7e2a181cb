"""Checkpoints go with the sessions that led back to them."""

import argparse
from pathlib import Path

import anyio
import pytest

from antiphon.checkpoints import Checkpoints
from antiphon.cli.session_commands.checkpoint_pruning import NEWEST, prune_checkpoints
from antiphon.cli.session_commands.place import Place
from antiphon.sessions import Sessions
from antiphon.sessions.places import workspace_directory
from antiphon.sessions.records import Checkpointed, Prompted


def test_checkpoints_that_a_session_names_stay_and_old_ones_that_none_does_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, project = tmp_path / "data", tmp_path / "project"
    project.mkdir()
    monkeypatch.setenv("ANTIPHON_DATA_DIR", str(data))
    checkpoints = Checkpoints(project, workspace_directory(data, project) / "checkpoints")

    async def take(count: int) -> list[str]:
        taken: list[str] = []
        for number in range(count):
            (project / "a.txt").write_text(f"{number}\n")
            taken.append((await checkpoints.take(f"before {number}")).id)
        return taken

    ids = anyio.run(take, NEWEST + 3)
    with Sessions().create(project) as session:
        session.record(Prompted(({"type": "text", "text": "hello"},)))
        session.record(Checkpointed(ids[1], "edit_file"))
    place = Place.of(argparse.Namespace(cd=str(project), all=False, with_secrets=False))
    assert prune_checkpoints(place) >= 0
    assert [checkpoint.id for checkpoint in anyio.run(checkpoints.list)] == [ids[1], *ids[3:]]
    assert prune_checkpoints(place) == 0
