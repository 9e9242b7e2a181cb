"""Clients of the emulator."""

from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest
from emulator_requests import Client

from antiphon.emulator import Emulator


@pytest.fixture
def client() -> Iterator[Client]:
    """Open plain HTTP clients that say who they are; they are closed after the test."""
    with ExitStack() as stack:

        def open_client(emulator: Emulator) -> httpx2.Client:
            headers = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
            return stack.enter_context(httpx2.Client(base_url=emulator.url, headers=headers, timeout=10))

        yield open_client
