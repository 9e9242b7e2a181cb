"""Confines itself by Landlock and a filter of system calls, gives up its rights, and becomes the command.

A program of its own (`python -I -S launcher.py RULES FILTER COMMAND...`), because what it does cannot be undone, and
cannot safely be done between fork and exec of a process with threads. RULES and FILTER are descriptors it inherits;
FILTER may be -1. Standard library only.
"""

import ctypes
import os
import struct
import sys
from typing import NoReturn

_LANDLOCK_RESTRICT_SELF = 446
_PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_PDEATHSIG = 22, 24, 38, 1
_FILTER_MODE = 2
_CAPABILITY_VERSION = 0x20080522
_LAST_CAPABILITY = 63
_KEPT = (1,)
"""CAP_DAC_OVERRIDE, without which root can write nothing in a workspace of somebody else. Landlock says where."""


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def _main(rules: int, program: int, command: list[str]) -> NoReturn:
    libc = ctypes.CDLL(None, use_errno=True)
    filters = os.read(program, 65536) if program >= 0 else b""
    try:
        _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
        if os.geteuid() == 0:
            _drop_rights(libc)
        _check(libc.syscall(_LANDLOCK_RESTRICT_SELF, rules, 0), "Landlock")
        if filters:
            loaded = _Program(len(filters) // 8, filters)
            _check(libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(loaded), 0, 0), "seccomp")
        for descriptor in (rules, program):
            if descriptor >= 0:
                os.close(descriptor)
        os.execvp(command[0], command)  # noqa: S606  (becoming the command is what this is for)
    except OSError as error:
        sys.stderr.write(f"The command could not be started in the sandbox: {error}\n")
        os._exit(126)


def _drop_rights(libc: ctypes.CDLL) -> None:
    for number in range(_LAST_CAPABILITY + 1):
        if number not in _KEPT:
            # Fails for numbers that this kernel does not have yet.
            libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    kept = sum(1 << number for number in _KEPT)
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    sets = struct.pack("=6I", kept, kept, 0, 0, 0, 0)
    _check(libc.capset(header, sets), "rights")


def _check(answer: int, what: str) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
