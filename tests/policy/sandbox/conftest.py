"""Cells, in each sandbox, as root and as an ordinary user."""

from collections.abc import AsyncIterator, Iterator

import pytest
from cells import KINDS, Cell, Place, cell, place

from antiphon.policy.sandbox import homes
from antiphon.policy.sandbox.choosing import KeeperName


@pytest.fixture(params=KINDS, ids=[f"{name}{' as a user' if user else ''}" for name, user in KINDS])
def kind(request: pytest.FixtureRequest) -> tuple[KeeperName, bool]:
    return request.param


@pytest.fixture
def ground(kind: tuple[KeeperName, bool], monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    if kind[1]:
        # Ours may be in a home directory that this user cannot enter, and then would not be theirs.
        monkeypatch.setattr(homes, "_PYTHON", ())
    with place(as_user=kind[1]) as made:
        yield made


@pytest.fixture
async def jail(kind: tuple[KeeperName, bool], ground: Place) -> AsyncIterator[Cell]:
    async with cell(kind[0], ground) as made:
        yield made
