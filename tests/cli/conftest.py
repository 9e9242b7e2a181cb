"""No test of the command line may end with a request that the API would have refused."""

import pytest


@pytest.fixture(autouse=True)
def _every_request_is_one_the_api_takes(nothing_refused: None) -> None:
    """Look into the log of every emulator of the test."""
