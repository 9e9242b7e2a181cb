"""Proxies and their clients."""

from collections.abc import AsyncIterator

import httpx2
import pytest


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """Open a plain HTTP client that says who it is."""
    headers = {"x-api-key": "key-of-the-test", "anthropic-version": "2023-06-01"}
    async with httpx2.AsyncClient(headers=headers, timeout=10) as opened:
        yield opened
