"""A filter of system calls, for what neither namespaces nor Landlock keep.

Sockets of families that do not belong to a network namespace (virtual machines' hosts, raw hardware), the keys that the
kernel keeps for the user, and the ring through which calls could be made past this filter. Classic BPF, see seccomp(2).
"""

import platform
import socket
import struct
from collections.abc import Iterable

_MACHINES = {
    "x86_64": (
        0xC000003E,
        {"socket": 41, "add_key": 248, "request_key": 249, "keyctl": 250, "io_uring_setup": 425},
    ),
    "aarch64": (
        0xC00000B7,
        {"socket": 198, "add_key": 217, "request_key": 218, "keyctl": 219, "io_uring_setup": 425},
    ),
}
"""By machine: its number in AUDIT_ARCH_*, and the numbers of system calls."""

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_NUMBER, _MACHINE, _FIRST, _SECOND = 0, 4, 16, 24  # where in struct seccomp_data; of arguments the lower half
_LET, _FAIL = 0x7FFF0000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_X32 = 0x40000000
"""Set in the number of a call for the x32 way of calling, where all numbers are different ones."""
_KIND = 0xF
"""The bits of a socket's type that are not flags."""

NETLINK = 16
LOCAL_AND_INTERNET = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, NETLINK)
"""What a network namespace keeps by itself."""

Instruction = tuple[int, int, int, int]


def socket_filter(families: Iterable[int], *, streams_only: bool = False, machine: str | None = None) -> bytes | None:
    """Return a filter that fails what is above, with EPERM; None for machines it does not know.

    Pairs of connected sockets are no sockets in this sense.

    Args:
        families: which sockets can be made.
        streams_only: and of those only streams.
        machine: what it is for; this one unless given.
    """
    known = _MACHINES.get(machine or platform.machine())
    if known is None:
        return None
    number, calls = known
    fail = (_RETURN, 0, 0, _FAIL | _EPERM)
    let = (_RETURN, 0, 0, _LET)
    program: list[Instruction] = [
        # Programs for another machine (32 bits) call by other numbers, so none of theirs is let through.
        (_LOAD, 0, 0, _MACHINE),
        (_IF_EQUAL, 1, 0, number),
        (_RETURN, 0, 0, _FAIL | _ENOSYS),
        (_LOAD, 0, 0, _NUMBER),
        (_IF_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _FAIL | _ENOSYS),
        # Programs take a kernel without rings for one that is old.
        (_IF_EQUAL, 0, 1, calls["io_uring_setup"]),
        (_RETURN, 0, 0, _FAIL | _ENOSYS),
    ]
    for name in ("add_key", "request_key", "keyctl"):
        program += [(_IF_EQUAL, 0, 1, calls[name]), fail]
    program += [(_IF_EQUAL, 1, 0, calls["socket"]), let]
    if streams_only:
        program += [(_LOAD, 0, 0, _SECOND), (_AND, 0, 0, _KIND), (_IF_EQUAL, 1, 0, socket.SOCK_STREAM), fail]
    program.append((_LOAD, 0, 0, _FIRST))
    for family in families:
        program += [(_IF_EQUAL, 0, 1, family), let]
    program.append(fail)
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
