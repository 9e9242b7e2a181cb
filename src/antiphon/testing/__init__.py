"""For tests, ours and everybody's.

The strict emulator as a fixture, playbooks, contracts of tools and providers, virtual time.

pytest loads the fixtures by an entry point in every run, so nothing is imported here before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from antiphon.testing.emulator import Emulator as Emulator
    from antiphon.testing.emulator import refusals as refusals
    from antiphon.testing.minting import mint as mint

_HOMES = {
    "Emulator": "antiphon.testing.emulator",
    "mint": "antiphon.testing.minting",
    "refusals": "antiphon.testing.emulator",
}

__all__ = ["Emulator", "mint", "refusals"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
