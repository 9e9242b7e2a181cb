"""Fixtures for pytest; loaded by its entry point, so nothing heavy is imported here.

- `emulator`: a started emulator; give it a script with `emulator.play(...)`.
- `start_emulator(script, **options)`: starts one with a script and options of its own.
- `nothing_refused`: fails the test if any emulator refused a request for what it held. For a whole module:
  `pytestmark = pytest.mark.usefixtures("nothing_refused")`.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from antiphon.emulator import Emulator


@pytest.fixture
def start_emulator() -> "Iterator[Callable[..., Emulator]]":
    """Start emulators, each in a thread of its own; they stop after the test.

    Called with a script and the options of `antiphon.emulator.Emulator`.
    """
    emulators = import_module("antiphon.testing.emulator")
    with ExitStack() as stack:

        def start(script: Any = None, **options: Any) -> "Emulator":
            return stack.enter_context(emulators.Emulator(script, **options))

        yield start


@pytest.fixture
def emulator(start_emulator: "Callable[..., Emulator]") -> "Emulator":
    """Start an emulator without a script. A test gives it one with `emulator.play(...)`."""
    return start_emulator()


@pytest.fixture
def nothing_refused() -> Iterator[None]:
    """Fail the test if an emulator that was made during it refused a request for what it held."""
    emulators = import_module("antiphon.testing.emulator")
    with emulators.created_emulators() as created:
        yield
    told = emulators.refusals(created)
    if told:
        pytest.fail(told, pytrace=False)
