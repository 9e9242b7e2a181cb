"""The emulator, for tests: how it is started, and what it says about the client that was tested."""

from collections.abc import Iterable

from antiphon.emulator import Emulator, Record, created_emulators

__all__ = ["Emulator", "created_emulators", "refusals"]


def refusals(emulators: Iterable[Emulator]) -> str:
    """Say which requests were refused for what they held; empty if none was.

    Errors that a script asked for do not count, nor does the refusal of server-held threads, which clients expect.
    """
    return "\n".join(
        f"request {number} to {record.path} was refused with {_verdict(record)}"
        for emulator in emulators
        for number, record in enumerate(emulator.records, 1)
        if record in emulator.refused
    )


def _verdict(record: Record) -> str:
    rules = f" ({', '.join(record.rules)})" if record.rules else ""
    return f"{record.status}{rules}: {record.text}"
