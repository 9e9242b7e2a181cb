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
    from antiphon.testing.playbook import play as play
    from antiphon.testing.provider_contract import check_provider as check_provider
    from antiphon.testing.schedules import explore as explore
    from antiphon.testing.tool_contract import check_tool as check_tool
    from antiphon.testing.virtual_time import on_virtual_time as on_virtual_time

_HOMES = {
    "Emulator": "antiphon.testing.emulator",
    "check_provider": "antiphon.testing.provider_contract",
    "check_tool": "antiphon.testing.tool_contract",
    "explore": "antiphon.testing.schedules",
    "mint": "antiphon.testing.minting",
    "on_virtual_time": "antiphon.testing.virtual_time",
    "play": "antiphon.testing.playbook",
    "refusals": "antiphon.testing.emulator",
}

__all__ = ["Emulator", "check_provider", "check_tool", "explore", "mint", "on_virtual_time", "play", "refusals"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
