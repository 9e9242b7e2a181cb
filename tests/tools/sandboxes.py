"""The sandboxes that this system has, for tests that hold in each of them and in none."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest

from antiphon.policy.sandbox.choosing import KeeperName, available, open_sandbox
from antiphon.policy.sandbox.confining import Confinement
from antiphon.tools.base import Workspace


@asynccontextmanager
async def sandbox_of(
    name: KeeperName | Literal["none"], workspace: Workspace, **settings: Any
) -> AsyncGenerator[Confinement | None]:
    """Give the sandbox of a name, or None for `none`; where this system does not have it the test is skipped."""
    if name == "none":
        yield None
        return
    found, trouble = available(workspace, name)
    if found is None:
        pytest.skip(f"{name} does not work here: {trouble.trouble}")
    async with open_sandbox("on", workspace, only=name, **settings) as chosen:
        yield chosen.sandbox
